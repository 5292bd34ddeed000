"""Credit notes of both sides, and their allocations to the documents that they pay off."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.database import Exact, choice
from backoffice.models.bill import Bill
from backoffice.models.document import Document
from backoffice.models.invoice import Invoice
from backoffice.models.line import Line
from backoffice.models.record import Record
from backoffice.models.side import Side


class CreditNoteLine(Line):
    """A line of a credit note."""

    __tablename__ = "credit_note_line"
    document_table = "credit_note"

    document: Mapped[CreditNote] = relationship(back_populates="lines")


class CreditNote(Document):
    """What a supplier takes off a bill, or the company off an invoice. What is due of it is its remaining credit."""

    __tablename__ = "credit_note"
    kind = "credit_note"
    label = "credit note"
    line = CreditNoteLine
    prefix = "CN-"

    side: Mapped[Side] = mapped_column(choice(Side, "side"), default=Side.SALES, info={"label": "Side"})

    lines: Mapped[list[CreditNoteLine]] = relationship(
        back_populates="document", order_by="CreditNoteLine.position", cascade="all, delete-orphan"
    )
    allocations: Mapped[list[Allocation]] = relationship(back_populates="credit_note", order_by="Allocation.id")

    @classmethod
    def numbered_by_party(cls, side: Side) -> bool:
        return side is Side.PURCHASES


class Allocation(Record):
    """A part of a credit note that pays off a bill or an invoice. Archived: it was taken back."""

    __tablename__ = "allocation"
    __table_args__ = (
        CheckConstraint("(bill_id IS NULL) <> (invoice_id IS NULL)", name="one_document"),
        Index("ix_allocation_company_name", "company_id", "name_key"),
    )
    kind = "allocation"
    label = "allocation"
    local_columns = frozenset({"name"})

    #: What it says on lists; nothing of it is sent.
    name: Mapped[str] = mapped_column(String(255), default="", info={"label": "Allocation"})
    archived: Mapped[bool] = mapped_column(default=False, info={"label": "Taken back"})
    credit_note_id: Mapped[int] = mapped_column(
        ForeignKey("credit_note.id", ondelete="CASCADE"), index=True, info={"label": "Credit note"}
    )
    bill_id: Mapped[int | None] = mapped_column(ForeignKey("bill.id"), index=True, info={"label": "Bill"})
    invoice_id: Mapped[int | None] = mapped_column(ForeignKey("invoice.id"), index=True, info={"label": "Invoice"})
    date: Mapped[dt.date] = mapped_column(Date, info={"label": "Date"})
    #: In the credit note's currency.
    amount: Mapped[Decimal] = mapped_column(Exact(2), info={"label": "Amount"})

    credit_note: Mapped[CreditNote] = relationship(back_populates="allocations")
    bill: Mapped[Bill | None] = relationship()
    invoice: Mapped[Invoice | None] = relationship()

    @property
    def document(self) -> Document | None:
        """What it pays off."""
        return self.bill or self.invoice

    def __str__(self) -> str:
        return f"{self.amount} of {self.credit_note} to {self.document}"
