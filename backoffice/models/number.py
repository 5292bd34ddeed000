"""Numbers: what documents and payments are called that were given no number."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.database import Base, RowId, folded
from backoffice.models.record import Record


class Counter(Base):
    """The last number that a company gave to one kind of record."""

    __tablename__ = "counter"

    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    last: Mapped[int] = mapped_column(RowId, default=0)


def next_number(session: Session, model: type[Record], prefix: str, company_id: int) -> str:
    """The next number that no record of the kind has: `PO-0001`. The counter is locked until the transaction ends."""
    with session.no_autoflush:
        counter = session.get(Counter, (company_id, model.kind), with_for_update=True)
        if counter is None:
            counter = Counter(company_id=company_id, kind=model.kind, last=0)
            session.add(counter)
        while True:
            counter.last += 1
            number = f"{prefix}{counter.last:04d}"
            table: Any = model
            taken = select(table.id).where(table.company_id == company_id, table.name_key == folded(number))
            if session.scalar(taken.limit(1)) is None:
                return number
