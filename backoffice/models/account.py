"""The chart of accounts."""

from __future__ import annotations

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.models.record import Record


class Account(Record):
    """A ledger account. Some bank accounts have no code."""

    __tablename__ = "account"
    __table_args__ = (Index("ix_account_company_code", "company_id", "code"),)
    kind = "account"
    label = "account"

    code: Mapped[str | None] = mapped_column(String(10), info={"label": "Code"})
    name: Mapped[str] = mapped_column(String(255), info={"label": "Name"})
    #: The provider's own word, such as REVENUE or BANK.
    account_type: Mapped[str] = mapped_column(String(40), default="", info={"label": "Type"})
    account_class: Mapped[str] = mapped_column(String(40), default="", info={"label": "Class"})
    tax: Mapped[str | None] = mapped_column(String(50), info={"label": "Default tax"})
    description: Mapped[str | None] = mapped_column(Text, info={"label": "Description"})
    takes_payments: Mapped[bool] = mapped_column(default=False, info={"label": "Takes payments"})
    system_account: Mapped[str | None] = mapped_column(String(60), info={"label": "System account"})
    bank_account: Mapped[str | None] = mapped_column(String(60), info={"label": "Bank account"})
    currency: Mapped[str | None] = mapped_column(String(3), info={"label": "Currency"})

    def __str__(self) -> str:
        return f"{self.code or ''} {self.name}".strip()
