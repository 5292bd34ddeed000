"""Payments: of bills, by customers, and refunds of credit notes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Date, ForeignKey, Index, String, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.database import Exact
from backoffice.models.account import Account
from backoffice.models.advance import Overpayment, Prepayment
from backoffice.models.bill import Bill
from backoffice.models.credit_note import CreditNote
from backoffice.models.document import Document
from backoffice.models.invoice import Invoice
from backoffice.models.record import Record

if TYPE_CHECKING:
    from backoffice.models.settings import CompanySettings


class Payment(Record):
    """Money for one document. Nothing of it changes once it is sent; it is voided (archived) and recorded anew."""

    __tablename__ = "payment"
    __table_args__ = (
        Index("ix_payment_company_name", "company_id", "name_key"),
        Index("ix_payment_company_date", "company_id", "date"),
    )
    kind = "payment"
    label = "payment"
    prefix = "PAY-"
    local_columns = frozenset({"batch_id", "reconciled", "their_status"})
    #: The columns that name what is paid; one of them is filled.
    targets = ("bill_id", "invoice_id", "credit_note_id", "prepayment_id", "overpayment_id")

    name: Mapped[str] = mapped_column(String(255), default="", info={"label": "Reference"})
    archived: Mapped[bool] = mapped_column(default=False, info={"label": "Voided"})
    bill_id: Mapped[int | None] = mapped_column(ForeignKey("bill.id"), index=True, info={"label": "Bill"})
    invoice_id: Mapped[int | None] = mapped_column(ForeignKey("invoice.id"), index=True, info={"label": "Invoice"})
    credit_note_id: Mapped[int | None] = mapped_column(
        ForeignKey("credit_note.id"), index=True, info={"label": "Credit note"}
    )
    prepayment_id: Mapped[int | None] = mapped_column(ForeignKey("prepayment.id"), info={"label": "Prepayment"})
    overpayment_id: Mapped[int | None] = mapped_column(ForeignKey("overpayment.id"), info={"label": "Overpayment"})
    #: The bank account, or another that takes payments.
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), info={"label": "Account"})
    date: Mapped[dt.date] = mapped_column(Date, info={"label": "Date"})
    #: In the document's currency.
    amount: Mapped[Decimal] = mapped_column(Exact(2), info={"label": "Amount"})
    currency_rate: Mapped[Decimal | None] = mapped_column(Exact(10), info={"label": "Currency rate"})
    #: The batch it was paid in there; such a payment is taken back there only.
    batch_id: Mapped[str | None] = mapped_column(String(64), info={"label": "Batch there"})
    reconciled: Mapped[bool] = mapped_column(default=False, info={"label": "Reconciled there"})
    their_status: Mapped[str | None] = mapped_column(String(40), info={"label": "Status there"})

    bill: Mapped[Bill | None] = relationship()
    invoice: Mapped[Invoice | None] = relationship()
    credit_note: Mapped[CreditNote | None] = relationship()
    prepayment: Mapped[Prepayment | None] = relationship()
    overpayment: Mapped[Overpayment | None] = relationship()
    account: Mapped[Account | None] = relationship()

    @classmethod
    def outgoing(cls, settings: CompanySettings) -> ColumnElement[bool]:
        """From the day on that the settings say."""
        return cls.date >= settings.send_from if settings.send_from else true()

    @property
    def document(self) -> Document | Prepayment | Overpayment | None:
        """What is paid."""
        return self.bill or self.invoice or self.credit_note or self.prepayment or self.overpayment

    def __str__(self) -> str:
        return self.name or f"Payment of {self.amount:,}"
