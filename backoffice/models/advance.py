"""Advances: prepayments and overpayments, which only come in; what remains of them lessens what is due."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Date, ForeignKey, String
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from backoffice.database import Exact, choice
from backoffice.models.record import Record
from backoffice.models.side import Side

if TYPE_CHECKING:
    from backoffice.models.contact import Contact


class Advance(Record):
    """Money paid before or beyond a document, in its own currency."""

    __abstract__ = True

    name: Mapped[str] = mapped_column(String(255), default="", info={"label": "Reference"})
    side: Mapped[Side] = mapped_column(choice(Side, "side"), default=Side.SALES, info={"label": "Side"})
    date: Mapped[dt.date] = mapped_column(Date, info={"label": "Date"})
    currency: Mapped[str | None] = mapped_column(String(3), info={"label": "Currency"})
    total: Mapped[Decimal] = mapped_column(Exact(2), default=Decimal(0), info={"label": "Total"})
    remaining: Mapped[Decimal] = mapped_column(Exact(2), default=Decimal(0), info={"label": "Remaining"})
    their_status: Mapped[str | None] = mapped_column(String(40), info={"label": "Status there"})

    @declared_attr
    def contact_id(self) -> Mapped[int]:
        return mapped_column(ForeignKey("contact.id"), index=True, info={"label": "Party"})

    @declared_attr
    def contact(self) -> Mapped[Contact]:
        return relationship("Contact", foreign_keys=[cast(Any, self.contact_id)])

    def __str__(self) -> str:
        return self.name or f"{self.label} of {self.total}"


class Prepayment(Advance):
    """Paid before there was a document."""

    __tablename__ = "prepayment"
    kind = "prepayment"
    label = "prepayment"


class Overpayment(Advance):
    """Paid beyond what was due."""

    __tablename__ = "overpayment"
    kind = "overpayment"
    label = "overpayment"
