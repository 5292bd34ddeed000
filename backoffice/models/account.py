"""The chart of accounts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Index, String, Text, and_, func, or_
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.models.record import Record

#: The type of what money lies on.
BANK = "BANK"
#: Ledgers that the accounting system writes by itself: no line names them.
OWN_LEDGERS = ("DEBTORS", "CREDITORS", "GST")


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

    @hybrid_property
    def takes_lines(self) -> bool:
        """Whether lines may be posted to it; whether it is in use is another question."""
        own = self.account_type == BANK or self.system_account in OWN_LEDGERS
        return self.code is not None and not own

    @takes_lines.inplace.expression
    @classmethod
    def _takes_lines(cls) -> ColumnElement[bool]:
        ledger: Any = func.coalesce(cls.system_account, "")
        return and_(cls.code.is_not(None), cls.account_type != BANK, ledger.not_in(OWN_LEDGERS))

    @hybrid_property
    def pays(self) -> bool:
        """Whether money is paid from or into it."""
        return self.account_type == BANK or self.takes_payments

    @pays.inplace.expression
    @classmethod
    def _pays(cls) -> ColumnElement[bool]:
        return or_(cls.account_type == BANK, cls.takes_payments)

    def __str__(self) -> str:
        return f"{self.code or ''} {self.name}".strip()
