"""Tax rates: the provider's, one way in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.ext.hybrid import hybrid_method
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.database import Exact
from backoffice.models.account import Account
from backoffice.models.record import Record
from backoffice.models.side import Side


class TaxRate(Record):
    """A rate of the provider, in per cent, with the code that document lines carry."""

    __tablename__ = "tax_rate"
    __table_args__ = (Index("ix_tax_rate_company_code", "company_id", "code"),)
    kind = "tax_rate"
    label = "tax rate"

    #: The provider's code, such as OUTPUT2. Codes differ by country.
    code: Mapped[str] = mapped_column(String(50), info={"label": "Code"})
    name: Mapped[str] = mapped_column(String(255), info={"label": "Name"})
    rate: Mapped[Decimal] = mapped_column(Exact(4), default=Decimal(0), info={"label": "Rate %"})
    for_sales: Mapped[bool] = mapped_column(default=False, info={"label": "For sales"})
    for_purchases: Mapped[bool] = mapped_column(default=False, info={"label": "For purchases"})
    #: The classes of account whose lines may bear it, such as `ASSET, EXPENSE`; empty where nothing is known of them.
    account_classes: Mapped[str | None] = mapped_column(String(80), info={"label": "For accounts of class"})

    @hybrid_method
    def fits(self, side: Side) -> Any:
        """Whether it is for a side; as a condition, too."""
        return self.for_sales if side is Side.SALES else self.for_purchases

    def suits(self, account: Account) -> bool:
        """Whether a line on an account may bear it, as far as is known of the two."""
        known = self.account_classes and account.account_class
        return not known or account.account_class in (self.account_classes or "").split(", ")

    def __str__(self) -> str:
        return f"{self.name} ({self.rate.normalize():f} %)"
