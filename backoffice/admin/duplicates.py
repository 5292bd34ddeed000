"""Likely duplicates: pairs of contacts side by side, and what a person says of them; and asking before one is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import select

from backoffice.admin import links
from backoffice.admin.company_base import Page, here, not_found, number, page_number
from backoffice.extensions import db
from backoffice.models import Contact, Duplicate, Strictness
from backoffice.models.duplicate import say_different, strictness_of
from backoffice.models.likeness import keys_of, twins
from backoffice.sync import duplicates

PER_PAGE = 25
#: What stands side by side.
COMPARED = (
    "name", "number", "account_number", "email", "phone", "tax_number", "company_number", "bank_account", "street",
    "city", "country",
)  # fmt: skip
#: What two are equal in, as a sentence says it.
EQUAL_WORDS = {
    "spelling": "the same name, spelled another way",
    "email": "the same e-mail",
    "tax_number": "the same tax number",
    "bank_account": "the same bank account",
}
ALIKE_WORDS = "names that are alike"


@dataclass(frozen=True)
class Likely:
    """A contact that a new one may be, and why."""

    contact: Contact
    why: str


@dataclass(frozen=True)
class Pair:
    """Two contacts side by side."""

    duplicate: Duplicate
    contacts: tuple[Contact, Contact]

    @property
    def why(self) -> str:
        return why(self.duplicate.equal_in.split())

    @property
    def rows(self) -> list[tuple[str, list[Any], bool]]:
        """Each column that either holds: what it is called, both values, whether each says something else."""
        values = [(c, [getattr(one, c) for one in self.contacts]) for c in COMPARED]
        return [(Contact.column_label(c), both, all(both) and both[0] != both[1]) for c, both in values if any(both)]


def why(equal_in: Sequence[str]) -> str:
    """What two contacts have in common, in words."""
    return " and ".join(EQUAL_WORDS[column] for column in equal_in) or ALIKE_WORDS


def likely_ones(values: Mapping[str, Any]) -> list[Likely]:
    """The contacts here that one with these values may be, as strictly as the company wants."""
    strictness = strictness_of(db.session(), here().id)
    if strictness is Strictness.OFF:
        return []
    [found] = twins(db.session(), here().id, [keys_of(values)])
    found = [twin for twin in found if twin.equal or strictness is Strictness.ALIKE]
    query = select(Contact).where(Contact.id.in_([twin.contact_id for twin in found]), Contact.archived.is_(False))
    contacts = {contact.id: contact for contact in db.session.scalars(query)}
    return [Likely(contacts[twin.contact_id], why(twin.equal)) for twin in found if twin.contact_id in contacts][:10]


class DuplicatesView(Page):
    """Contacts that may be one and the same."""

    def __init__(self) -> None:
        super().__init__("Duplicates", "Lists", endpoint="duplicates", url="duplicates")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        strictness = strictness_of(db.session(), here().id)
        page = page_number()
        query = duplicates.pairs(here().id, strictness).order_by(Duplicate.id.desc())
        rows = db.session.execute(query.offset(page * PER_PAGE).limit(PER_PAGE + 1)).all()
        pairs = [Pair(duplicate, (first, second)) for duplicate, first, second in rows[:PER_PAGE]]
        both = [contact.id for pair in pairs for contact in pair.contacts]
        return self.render(
            "duplicates/index.html",
            pairs=pairs,
            known=links.links_of(Contact.kind, both),
            count=duplicates.likely(db.session(), here().id).get(Contact.kind, 0),
            more=len(rows) > PER_PAGE,
            page=page,
            off=strictness is Strictness.OFF,
        )

    @expose("/different/", methods=("POST",))
    def different(self) -> ResponseReturnValue:
        """Put down that two are two."""
        named = [number(request.form.get(name)) for name in ("first", "second")]
        mine = select(Contact.id).where(Contact.company_id == here().id, Contact.id.in_(named))
        pair = db.session.scalars(mine).all() if all(named) else ()
        if len(pair) != 2:
            not_found("pair")
        say_different(db.session(), here().id, pair[0], pair[1], current_user.id)
        db.session.commit()
        flash("They are two, and are not asked about again.", "success")
        return redirect(url_for("duplicates.index"), code=303)
