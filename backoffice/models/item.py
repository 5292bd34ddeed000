"""Items: what is bought and sold."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.database import Exact
from backoffice.models.record import Record


class Item(Record):
    """A thing or service with a code. Prices have four decimals and are in the company's base currency."""

    __tablename__ = "item"
    __table_args__ = (Index("ix_item_company_code", "company_id", "code"),)
    kind = "item"
    label = "item"
    local_columns = frozenset({"group"})

    code: Mapped[str] = mapped_column(String(30), info={"label": "Code"})
    name: Mapped[str] = mapped_column(String(255), default="", info={"label": "Name"})
    description: Mapped[str | None] = mapped_column(Text, info={"label": "Sales description"})
    purchase_description: Mapped[str | None] = mapped_column(Text, info={"label": "Purchase description"})
    is_sold: Mapped[bool] = mapped_column(default=True, info={"label": "Sold"})
    is_purchased: Mapped[bool] = mapped_column(default=True, info={"label": "Purchased"})
    sales_price: Mapped[Decimal | None] = mapped_column(Exact(4), info={"label": "Sales price"})
    sales_account: Mapped[str | None] = mapped_column(String(10), info={"label": "Sales account"})
    sales_tax: Mapped[str | None] = mapped_column(String(50), info={"label": "Sales tax"})
    purchase_price: Mapped[Decimal | None] = mapped_column(Exact(4), info={"label": "Purchase price"})
    purchase_account: Mapped[str | None] = mapped_column(String(10), info={"label": "Purchase account"})
    purchase_tax: Mapped[str | None] = mapped_column(String(50), info={"label": "Purchase tax"})
    tracked: Mapped[bool] = mapped_column(default=False, info={"label": "Stock is tracked"})
    #: Where what is bought of a tracked item has to be posted.
    inventory_account: Mapped[str | None] = mapped_column(String(10), info={"label": "Account of its stock"})
    on_hand: Mapped[Decimal | None] = mapped_column(Exact(4), info={"label": "Quantity on hand"})
    #: What the stock has cost, all of it, in the company's base currency.
    stock_value: Mapped[Decimal | None] = mapped_column(Exact(4), info={"label": "Value of stock"})
    #: Ours alone: what shares an account.
    group: Mapped[str | None] = mapped_column(String(60), info={"label": "Group"})

    def __str__(self) -> str:
        return f"{self.code} {self.name}".strip()
