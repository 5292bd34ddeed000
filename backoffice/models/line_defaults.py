"""What a line gets that it does not say itself: its account and its tax."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.database import folded
from backoffice.models.account import Account
from backoffice.models.account_mapping import AccountMapping
from backoffice.models.item import Item
from backoffice.models.record import Record
from backoffice.models.settings import CompanySettings
from backoffice.models.side import Side
from backoffice.models.tax_mapping import TaxMapping
from backoffice.models.tax_rate import TaxRate

Coded = TypeVar("Coded", bound=Record)


class LineDefaults:
    """One company's accounts, items and tax by their codes, each read once; and what stands in for what is missing."""

    def __init__(self, session: Session, company_id: int) -> None:
        self._session, self._company_id = session, company_id
        self._known: dict[tuple[str, str], Any] = {}

    @cached_property
    def _settings(self) -> CompanySettings | None:
        return self._session.scalar(select(CompanySettings).filter_by(company_id=self._company_id))

    def _default(self, setting: str) -> str | None:
        found: str | None = getattr(self._settings, setting, None)
        return found

    @cached_property
    def _accounts_of_items(self) -> dict[tuple[Side, int | str], str]:
        found = self._session.scalars(select(AccountMapping).filter_by(company_id=self._company_id))
        return {(each.side, each.item_id or folded(each.item_group)): each.account_code for each in found}

    @cached_property
    def tax_mappings(self) -> dict[tuple[Side, str], TaxMapping]:
        """Our tax codes, by side and code."""
        found = self._session.scalars(select(TaxMapping).filter_by(company_id=self._company_id))
        return {(each.side, each.code): each for each in found}

    def item(self, code: str | None) -> Item | None:
        return self._coded(Item, code)

    def account(self, code: str | None) -> Account | None:
        return self._coded(Account, code)

    def tax_rate(self, code: str | None) -> TaxRate | None:
        """A rate of the accounting system's by its code there."""
        return self._coded(TaxRate, code)

    def _coded(self, model: type[Coded], code: str | None) -> Coded | None:
        """A record by its code; an active one before an archived one."""
        if not code:
            return None
        key = (model.kind, code)
        if key not in self._known:
            table: Any = model
            query = select(model).where(table.company_id == self._company_id, table.code == code)
            with self._session.no_autoflush:
                self._known[key] = self._session.scalar(query.order_by(table.archived, table.id).limit(1))
        found: Coded | None = self._known[key]
        return found

    def account_code(self, side: Side, line: Any) -> str | None:
        """A line's account: its own; else its stock's, by its item, the item's group, the item itself, the default."""
        if line.account_code:
            return str(line.account_code)
        sales, item = side is Side.SALES, self.item(line.item_code)
        if stock := self.stock_account(side, line):
            return stock
        default = self._default("revenue_account" if sales else "expense_account")
        if item is None:
            return default
        mapped = self._accounts_of_items.get((side, item.id)) or self._accounts_of_items.get((side, folded(item.group)))
        return mapped or (item.sales_account if sales else item.purchase_account) or default

    def stock_account(self, side: Side, line: Any) -> str | None:
        """The one account that a line posts to which buys into stock that the accounting system keeps."""
        item = self.item(line.item_code) if side is Side.PURCHASES else None
        return item.inventory_account if item is not None and item.tracked else None

    def tax_code(self, side: Side, line: Any) -> str | None:
        """A line's tax code, ours or the accounting system's: its own; else its item's, the default, its account's."""
        if line.tax_code:
            return str(line.tax_code)
        sales, item = side is Side.SALES, self.item(line.item_code)
        if item is not None and (of_item := item.sales_tax if sales else item.purchase_tax):
            return of_item
        account = self.account(self.account_code(side, line))
        default = self._default("sales_tax" if sales else "purchase_tax")
        return default or (account.tax if account else None)

    def tax_type(self, side: Side, line: Any) -> str | None:
        """The accounting system's code of a line's tax; None where nothing says which."""
        code = self.tax_code(side, line)
        mapping = self.tax_mappings.get((side, code or ""))
        if mapping is not None:
            return mapping.tax_rate.code if mapping.tax_rate else None
        return code if self.tax_rate(code) else None

    def rate(self, side: Side, line: Any) -> Decimal:
        """Per cent of tax on a line by our own count; none where its code is not known."""
        code = self.tax_code(side, line)
        mapping = self.tax_mappings.get((side, code or ""))
        if mapping is not None:
            return mapping.rate
        found = self.tax_rate(code)
        return found.rate if found else Decimal(0)
