"""What contacts are compared by: a few keys of each one, kept beside it, so that like ones are found by an index."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from sqlalchemy import ForeignKey, Index, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.database import Base, RowId

#: Words at the end of a name that say what a company is, not which one.
LEGAL_FORMS = frozenset({
    "ab", "ag", "aps", "as", "asa", "bhd", "bv", "co", "company", "corp", "corporation", "cv", "eg", "ev", "eurl",
    "gbr", "gesmbh", "gmbh", "haftungsbeschrankt", "hf", "inc", "incorporated", "kb", "kft", "kg", "kgaa", "kk",
    "lda", "limited", "llc", "llp", "lp", "ltd", "ltda", "mbh", "nl", "nv", "ohg", "oy", "oyj", "plc", "proprietary",
    "pt", "pte", "pty", "pvt", "sa", "sarl", "sas", "sasu", "sdn", "se", "sl", "slu", "sp", "spa", "sprl", "srl",
    "sro", "ug", "ulc", "unlimited", "zoo",
})  # fmt: skip
JOINTS = frozenset({"and", "y", "et", "und"})
SILENT = re.compile(r"[.'’`´]")
#: How much two names have in common that are alike, and from how many letters on that means anything.
ALIKE, LONG_ENOUGH = 0.85, 6
#: Letters at either end of a name by which alike ones are looked for: one slip leaves one of the two whole.
END = 5
#: What is shared by more contacts than this tells nobody apart.
TELLING = 50
#: Characters of a number that mean anything.
LEAST_NUMBER = 5


class Likeness(Base):
    """The keys of one contact. An archived one has none, so that it is like nobody."""

    __tablename__ = "likeness"
    __table_args__ = tuple(
        Index(f"ix_likeness_{name}", "company_id", name)
        for name in ("spelling", "email", "tax_number", "bank_account", "head", "tail")
    )

    contact_id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"))
    #: The revision of the contact that they were made of.
    revision: Mapped[int]
    #: The name without case, accents, punctuation, spaces and legal forms.
    spelling: Mapped[str | None] = mapped_column(String(255))
    email: Mapped[str | None] = mapped_column(String(255))
    tax_number: Mapped[str | None] = mapped_column(String(50))
    bank_account: Mapped[str | None] = mapped_column(String(255))
    head: Mapped[str | None] = mapped_column(String(255))
    tail: Mapped[str | None] = mapped_column(String(255))


#: What makes two contacts equal, and by what alike ones are looked for.
EQUAL = ("email", "tax_number", "bank_account", "spelling")
ENDS = ("head", "tail")
Keys = dict[str, str | None]


@dataclass(frozen=True)
class Twin:
    """A contact that may be the one in question, and by what; nothing if only their names are alike."""

    contact_id: int
    equal: tuple[str, ...] = ()


def keys_of(contact: Mapping[str, Any]) -> Keys:
    """The keys of a contact's columns; those that say nothing are None."""
    spelling = spelt(contact.get("name") or "")
    letters = "".join(c for c in spelling if not c.isdecimal())
    digits = "".join(c for c in spelling if c.isdecimal())
    long = len(letters) >= LONG_ENOUGH
    return {
        "spelling": spelling or None,
        "email": (contact.get("email") or "").strip().casefold()[:255] or None,
        "tax_number": _bare(contact.get("tax_number"), 50),
        "bank_account": _bare(contact.get("bank_account"), 255),
        # Names that differ in their figures, such as those of branches, are not alike.
        "head": f"{letters[:END]}{digits}"[:255] if long else None,
        "tail": f"{letters[-END:]}{digits}"[:255] if long else None,
    }


def spelt(name: str) -> str:
    """A name as it is compared however it is spelled: `Müller & Söhne GmbH` is `mullerandsohne`."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name).casefold() if not unicodedata.combining(c))
    plain = SILENT.sub("", unicodedata.normalize("NFKD", plain)).replace("&", " and ").replace("+", " and ")
    words = "".join(c if c.isalnum() else " " for c in plain).split()
    kept = list(words)
    while len(kept) > 1 and kept[-1] in LEGAL_FORMS | JOINTS:
        kept.pop()
    return "".join(kept)[:255]


def _bare(number: Any, length: int) -> str | None:
    """A number without what people put between its characters; None where too little is left."""
    bare = "".join(c for c in str(number or "").casefold() if c.isalnum())[:length]
    return bare if len(bare) >= LEAST_NUMBER else None


def twins(session: Session, company_id: int, wanted: Sequence[Keys]) -> list[list[Twin]]:
    """For each set of keys, the contacts of a company that are like it: the equal ones first."""
    found: dict[int, Keys] = {}
    holders = {column: _holders(session, company_id, column, wanted, found) for column in (*EQUAL, *ENDS)}
    return [_twins(keys, holders, found) for keys in wanted]


def _holders(
    session: Session, company_id: int, column: str, wanted: Sequence[Keys], found: dict[int, Keys]
) -> dict[str, list[int]]:
    """By key, the contacts that have it in a column; `found` takes their keys."""
    from backoffice.models.contact import Contact  # which is compared when it is written, and comes before

    table, holders = Likeness.table(), defaultdict(list)
    keys = sorted({key for one in wanted if (key := one[column])})
    columns = [table.c[name] for name in (*EQUAL, *ENDS)]
    for start in range(0, len(keys), 500):
        query = (
            select(table.c.contact_id, *columns)
            .join(Contact, (Contact.id == table.c.contact_id) & Contact.book_id.is_(None))
            .where(table.c.company_id == company_id, table.c[column].in_(keys[start : start + 500]))
        )
        for contact_id, *values in session.execute(query.order_by(table.c.contact_id)):
            found[contact_id] = dict(zip((*EQUAL, *ENDS), values, strict=True))
            holders[str(found[contact_id][column])].append(contact_id)
    return {key: ids for key, ids in holders.items() if len(ids) <= TELLING}


def _twins(keys: Keys, holders: Mapping[str, Mapping[str, list[int]]], found: Mapping[int, Keys]) -> list[Twin]:
    equal: dict[int, list[str]] = defaultdict(list)
    for column in EQUAL:
        for contact_id in holders[column].get(keys[column] or "", ()):
            equal[contact_id].append(column)
    near = {i for column in ENDS for i in holders[column].get(keys[column] or "", ())} - equal.keys()
    alike = [i for i in sorted(near) if _alike(keys["spelling"] or "", found[i]["spelling"] or "")]
    return [*(Twin(i, tuple(by)) for i, by in equal.items()), *(Twin(i) for i in alike)]


def _alike(one: str, other: str) -> bool:
    if min(len(one), len(other)) * 2 < (len(one) + len(other)) * ALIKE:
        return False
    match = SequenceMatcher(None, one, other, autojunk=False)
    return match.quick_ratio() >= ALIKE and match.ratio() >= ALIKE


def pairs(contacts: Iterable[tuple[int, Sequence[Twin]]]) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Who may be whom, each pair once: the smaller number, the larger one, and in what they are equal."""
    seen: set[tuple[int, int]] = set()
    for contact_id, like in contacts:
        for twin in like:
            first, second = sorted((contact_id, twin.contact_id))
            if first != second and (first, second) not in seen:
                seen.add((first, second))
                yield first, second, twin.equal
