"""What the lines of a document may name: items, accounts, tax codes and tracking options of the company, by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from sqlalchemy import func, or_, select

from backoffice.admin.company_base import here
from backoffice.admin.figures import typed_figure
from backoffice.admin.words import value
from backoffice.extensions import db
from backoffice.models import (
    Account,
    Contact,
    Item,
    LineDefaults,
    Side,
    TaxMapping,
    TaxRate,
    TrackingCategory,
    TrackingOption,
)

MOST_FOUND = 20


@dataclass(frozen=True)
class Tax:
    """A tax code to choose, with its rate in per cent."""

    code: str
    label: str
    rate: Decimal


class Choices:
    """The choices on one side, each list read once."""

    def __init__(self, side: Side) -> None:
        self.side = side

    @cached_property
    def defaults(self) -> LineDefaults:
        """What stands in for what a line does not say."""
        return LineDefaults(db.session(), here().id)

    def rate(self, values: Mapping[str, Any]) -> Decimal:
        """Per cent of tax on a line with these values, as totals are computed with."""
        named = {column: values.get(column) for column in ("item_code", "account_code", "tax_code")}
        if any("\x00" in (text or "") for text in named.values()):
            return self.usual_rate  # nothing is called so, and the database cannot be asked for it
        return self.defaults.rate(self.side, SimpleNamespace(**named))

    @cached_property
    def usual_rate(self) -> Decimal:
        """The same for a line that names nothing."""
        return self.rate({})

    @cached_property
    def usual_account(self) -> str:
        """The account of a line that names nothing."""
        return self.defaults.account_code(self.side, SimpleNamespace(item_code=None, account_code=None)) or ""

    @cached_property
    def accounts(self) -> list[Account]:
        """The accounts that a line may be posted to."""
        query = select(Account).where(
            Account.company_id == here().id,
            Account.archived.is_(False),
            Account.takes_lines,
        )
        return list(db.session.scalars(query.order_by(Account.code, Account.id)))

    @cached_property
    def our_taxes(self) -> list[Tax]:
        """Our own codes of this side."""
        query = select(TaxMapping).where(TaxMapping.company_id == here().id, TaxMapping.side == self.side)
        rows = db.session.scalars(query.order_by(TaxMapping.code))
        return [Tax(row.code, f"{row.code} {row.name} ({value(row.rate)} %)", row.rate) for row in rows]

    @cached_property
    def their_taxes(self) -> list[Tax]:
        """The accounting system's rates that are for this side."""
        fits = TaxRate.fits(self.side)
        query = select(TaxRate).where(TaxRate.company_id == here().id, TaxRate.archived.is_(False), fits)
        mine = {tax.code for tax in self.our_taxes}
        rows = db.session.scalars(query.order_by(TaxRate.name_key, TaxRate.id))
        return [Tax(row.code, str(row), row.rate) for row in rows if row.code not in mine]

    @cached_property
    def tax_codes(self) -> frozenset[str]:
        return frozenset(tax.code for tax in (*self.our_taxes, *self.their_taxes))

    @cached_property
    def tracking(self) -> list[tuple[TrackingCategory, list[TrackingOption]]]:
        """The categories with their options."""
        query = select(TrackingCategory).where(
            TrackingCategory.company_id == here().id, TrackingCategory.archived.is_(False)
        )
        rows = db.session.scalars(query.order_by(TrackingCategory.name_key)).all()
        return [(row, [option for option in row.options if not option.archived]) for row in rows]

    @cached_property
    def options(self) -> dict[int, TrackingOption]:
        return {option.id: option for _, found in self.tracking for option in found}

    @cached_property
    def account_codes(self) -> frozenset[str]:
        return frozenset(account.code for account in self.accounts if account.code)

    def items(self, codes: Iterable[str]) -> dict[str, Item]:
        """Active items by their code in lower case."""
        lower = {code.lower() for code in codes}
        query = select(Item).where(
            Item.company_id == here().id, func.lower(Item.code).in_(lower), Item.archived.is_(False)
        )
        return {item.code.lower(): item for item in db.session.scalars(query.order_by(Item.id.desc()))}

    def filling(self, item: Item) -> dict[str, str]:
        """What picking an item writes into a line."""
        sales = self.side is Side.SALES
        text = item.description if sales else item.purchase_description
        price = item.sales_price if sales else item.purchase_price
        tax = (item.sales_tax if sales else item.purchase_tax) or ""
        line = SimpleNamespace(item_code=item.code, account_code=None)
        account = self.defaults.account_code(self.side, line) or ""
        return {
            "description": text or item.name,
            "unit_price": typed_figure(price),
            "account_code": account if account in self.account_codes else "",
            "tax_code": tax if tax in self.tax_codes else "",
        }

    def found_items(self, text: str) -> list[dict[str, Any]]:
        """Items whose code or name holds a text, with what each writes into a line."""
        traded = Item.is_sold if self.side is Side.SALES else Item.is_purchased
        said = or_(Item.code.icontains(text, autoescape=True), Item.name.icontains(text, autoescape=True))
        query = select(Item).where(Item.company_id == here().id, Item.archived.is_(False), said)
        query = query.order_by(Item.code != text, traded.desc(), Item.code, Item.id).limit(MOST_FOUND)
        rows = db.session.scalars(query)
        return [{"value": row.code, "label": row.name, "fills": self.filling(row)} for row in rows]

    def found_parties(self, text: str) -> list[dict[str, Any]]:
        """Contacts by a piece of their name, those of this side first."""
        sales = self.side is Side.SALES
        role = or_(
            *((Contact.customer_here, Contact.is_customer) if sales else (Contact.supplier_here, Contact.is_supplier))
        )
        query = select(Contact).where(
            Contact.company_id == here().id, Contact.archived.is_(False), Contact.name.icontains(text, autoescape=True)
        )
        rows = db.session.scalars(query.order_by(role.desc(), Contact.name_key, Contact.id).limit(MOST_FOUND))
        return [{"value": row.name, "label": row.email or ""} for row in rows]
