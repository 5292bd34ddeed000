"""Service-to-account mappings: which account a line posts to that names none."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from backoffice.database import Base, RowId, choice, folded
from backoffice.models.company import CompanyOwned
from backoffice.models.item import Item
from backoffice.models.settings import CompanySettings
from backoffice.models.tax_mapping import Side


class AccountMapping(CompanyOwned, Base):
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
            sqlite_where=text("item_group IS NOT NULL"),
            postgresql_where=text("item_group IS NOT NULL"),
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


class AccountChooser:
    """Finds the account of a line that names none: by its item, the item's group, the item itself, the default."""

    def __init__(self, session: Session, settings: CompanySettings) -> None:
        self._session, self._settings = session, settings
        query = select(AccountMapping).where(AccountMapping.company_id == settings.company_id)
        found = session.scalars(query).all()
        self._by_item = {(each.side, each.item_id): each.account_code for each in found if each.item_id}
        self._by_group = {(each.side, folded(each.item_group)): each.account_code for each in found if each.item_group}

    def account(self, side: Side, item: Item | None) -> str | None:
        """The account's code; None where nothing says which."""
        sales = side is Side.SALES
        default = self._settings.revenue_account if sales else self._settings.expense_account
        if item is None:
            return default
        return (
            self._by_item.get((side, item.id))
            or self._by_group.get((side, folded(item.group)))
            or (item.sales_account if sales else item.purchase_account)
            or default
        )
