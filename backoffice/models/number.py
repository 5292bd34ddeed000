"""Numbers: what documents and payments are called that were given no number, and which numbers are taken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, String, and_, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.database import Base, RowId, folded, is_postgresql
from backoffice.models.document import Document, NumberKey
from backoffice.models.record import Record
from backoffice.models.side import Side

#: So many numbers are asked for at once.
LOT = 500


class Counter(Base):
    """The last number that a company gave to one kind of record."""

    __tablename__ = "counter"

    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    last: Mapped[int] = mapped_column(RowId, default=0)


@dataclass(frozen=True)
class Holder:
    """A document that has a number, as far as that goes."""

    id: int
    name: str
    contact_id: int
    #: Whether it was voided, and keeps its number on the other side all the same.
    ended: bool = False


def named(model: type[Record], company_id: int, names: Collection[str]) -> ColumnElement[bool]:
    """Which records of a kind have one of these numbers, as numbers are compared."""
    keys = {folded(name)[:255] for name in names}
    return and_(model.company_id == company_id, model.name_key.in_(sorted(keys)))


def holders(
    session: Session,
    model: type[Document],
    company_id: int,
    names: Collection[str],
    kept_as: Collection[str] = (),
) -> dict[NumberKey, list[Holder]]:
    """Who has these numbers: the documents of a kind that are live, or `kept_as` one of these states on the other side.

    They come by what two of the same number share.
    """
    found: dict[NumberKey, list[Holder]] = defaultdict(list)
    side = model.side if "side" in model.table().c else literal(model.side.value)
    wanted = sorted(set(names))
    for start in range(0, len(wanted), LOT):
        query = select(model.id, model.name, model.contact_id, model.voided, side).where(
            named(model, company_id, wanted[start : start + LOT]),
            or_(~model.voided, model.their_status.in_(sorted(kept_as))),
        )
        for id_, name, contact_id, ended, its_side in session.execute(query.order_by(model.id)):
            if not (ended and model.numbered_by_party(Side(its_side))):
                found[model.number_key(its_side, name, contact_id)].append(Holder(id_, name, contact_id, ended))
    return found


def next_number(session: Session, model: type[Record], prefix: str, company_id: int) -> str:
    """The next number that no record of the kind ever had: `PO-0001`. The counter is locked until the transaction ends.

    What was voided keeps its number: people may give it again, we do not.
    """
    table, dialect = Counter.table(), postgresql if is_postgresql(session) else sqlite
    key = {"company_id": company_id, "kind": model.kind}
    mine = (table.c.company_id == company_id) & (table.c.kind == model.kind)
    record: Any = model
    with session.no_autoflush:
        session.execute(dialect.insert(table).values(**key, last=0).on_conflict_do_nothing())
        while True:
            last = session.scalar(update(table).where(mine).values(last=table.c.last + 1).returning(table.c.last))
            number = f"{prefix}{last:04d}"
            if session.scalar(select(record.id).where(named(model, company_id, [number])).limit(1)) is None:
                return number
