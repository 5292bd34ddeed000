"""Service-to-account mappings: which account a line posts to that names none."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.database import Base, RowId, choice
from backoffice.models.book import Booked
from backoffice.models.company import CompanyOwned
from backoffice.models.item import Item
from backoffice.models.side import Side


class AccountMapping(CompanyOwned, Booked, Base):
    """An item, or a group of items, and the account that it posts to on one side."""

    __tablename__ = "account_mapping"
    __table_args__ = (
        CheckConstraint("(item_id IS NULL) <> (item_group IS NULL)", name="item_or_group"),
        Index(
            "uq_account_mapping_item",
            "company_id",
            "side",
            "item_id",
            unique=True,
            sqlite_where=text("item_id IS NOT NULL"),
            postgresql_where=text("item_id IS NOT NULL"),
        ),
        Index(
            "uq_account_mapping_group",
            "company_id",
            "side",
            "item_group",
            unique=True,
            sqlite_where=text("item_group IS NOT NULL AND book_id IS NULL"),
            postgresql_where=text("item_group IS NOT NULL AND book_id IS NULL"),
        ),
    )
    kind = "account_mapping"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    side: Mapped[Side] = mapped_column(choice(Side, "side"), info={"label": "Side"})
    item_id: Mapped[int | None] = mapped_column(ForeignKey("item.id", ondelete="CASCADE"), info={"label": "Item"})
    item_group: Mapped[str | None] = mapped_column(String(60), info={"label": "Group of items"})
    account_code: Mapped[str] = mapped_column(String(10), info={"label": "Account"})

    item: Mapped[Item | None] = relationship()

    def __str__(self) -> str:
        return f"{self.item or self.item_group}: {self.account_code}"
