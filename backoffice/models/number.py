"""Numbers: what documents and payments are called that were given no number."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, String, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.database import Base, RowId, folded, is_postgresql
from backoffice.models.record import Record


class Counter(Base):
    """The last number that a company gave to one kind of record."""

    __tablename__ = "counter"

    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    last: Mapped[int] = mapped_column(RowId, default=0)


def next_number(session: Session, model: type[Record], prefix: str, company_id: int) -> str:
    """The next number that no record of the kind has: `PO-0001`. The counter is locked until the transaction ends."""
    table, dialect = Counter.table(), postgresql if is_postgresql(session) else sqlite
    key = {"company_id": company_id, "kind": model.kind}
    mine = (table.c.company_id == company_id) & (table.c.kind == model.kind)
    record: Any = model
    with session.no_autoflush:
        session.execute(dialect.insert(table).values(**key, last=0).on_conflict_do_nothing())
        while True:
            last = session.scalar(update(table).where(mine).values(last=table.c.last + 1).returning(table.c.last))
            number = f"{prefix}{last:04d}"
            taken = select(record.id).where(record.company_id == company_id, record.name_key == folded(number))
            if session.scalar(taken.limit(1)) is None:
                return number
