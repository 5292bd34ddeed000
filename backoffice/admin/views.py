"""The screens as data: which columns each list, form and filter has."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from backoffice.admin.advances import OverpaymentsView, PrepaymentsView
from backoffice.admin.attachments import AttachmentsView
from backoffice.admin.contacts import CustomersView, SuppliersView
from backoffice.admin.filters import TextFilter, WordFilter, YesNoFilter
from backoffice.admin.links import connection_here
from backoffice.admin.paper_screens import (
    AllocationsView,
    BillsView,
    CreditNotesView,
    ExpensesView,
    InvoicesView,
    PurchaseOrdersView,
)
from backoffice.admin.payments import PaymentsView
from backoffice.admin.record_view import RecordView
from backoffice.admin.references import CompanyLoader
from backoffice.admin.words import ACCOUNT_WORDS, account_word, amount
from backoffice.models import Account, Item, TaxRate, TrackingCategory, TrackingOption


def money(price: Decimal) -> str:
    """A price in the company's base currency."""
    connection = connection_here()
    currency = connection.base_currency if connection else ""
    return f"{amount(price)} {currency}".strip()


class ItemsView(RecordView):
    """What is bought and sold."""

    record = Item
    title, noun, group, path = "Items", "item", "Lists", "items"
    about = "Items are the things and services you buy and sell, with their prices and accounts."
    kinds = ("item",)
    columns = (
        "code", "name", "description", "group", "sales_price", "purchase_price", "sales_account", "purchase_account",
    )  # fmt: skip
    searched = ("code", "name", "description", "group")
    groups = (
        ("Details", ("code", "name", "group", "is_sold", "is_purchased")),
        ("Sales", ("description", "sales_price", "sales_account", "sales_tax")),
        ("Purchases", ("purchase_description", "purchase_price", "purchase_account", "purchase_tax")),
    )
    shown_only = ("tracked", "inventory_account", "on_hand", "stock_value")
    column_default_sort = "code"
    column_editable_list = ("description", "group")
    form_args = {
        "group": {"description": "Ours alone: the items of a group may share an account on the page Account mappings."}
    }

    def cell(self, record: Any, column: str) -> Any:
        price = getattr(record, column) if column.endswith("_price") else None
        return super().cell(record, column) if price is None else money(price)

    def make_filters(self) -> list[Any]:
        flags = [YesNoFilter(getattr(Item, c), Item.column_label(c)) for c in ("is_sold", "is_purchased", "tracked")]
        return [*super().make_filters(), TextFilter(Item.group, "Group"), *flags]


class AccountsView(RecordView):
    """The chart of accounts."""

    record = Account
    title, noun, group, path = "Accounts", "account", "Lists", "accounts"
    about = "Accounts are the ledger accounts that bills and invoices are posted to."
    kinds = ("account",)
    columns = ("code", "name", "account_type", "account_class", "tax")
    searched = ("code", "name", "account_type")
    groups = (
        ("Details", ("code", "name", "account_type", "account_class", "tax", "description")),
        ("Use", ("takes_payments", "system_account", "bank_account", "currency")),
    )
    column_default_sort = "code"
    column_editable_list = ("description",)

    def cell(self, record: Any, column: str) -> Any:
        spoken = column in ("account_type", "account_class")
        return account_word(getattr(record, column)) if spoken else super().cell(record, column)

    def make_filters(self) -> list[Any]:
        classes = [(word, account_word(word)) for word in ("ASSET", "EQUITY", "EXPENSE", "LIABILITY", "REVENUE")]
        return [
            *super().make_filters(),
            WordFilter(Account.account_class, "Class", classes),
            WordFilter(Account.account_type, "Type", list(ACCOUNT_WORDS.items())),
            YesNoFilter(Account.takes_payments, "Takes payments"),
        ]


class TrackingView(RecordView):
    """Tracking categories; each page lists its options."""

    record = TrackingCategory
    title, noun, group, path = "Tracking", "tracking category", "Lists", "tracking"
    about = "Tracking categories, such as Region, tag what is bought and sold; each has its options."
    kinds = ("tracking", "tracking_option")
    columns = ("name", "options")
    groups = (("Details", ("name",)),)
    parts = "options"

    def cell(self, record: Any, column: str) -> Any:
        if column != "options":
            return super().cell(record, column)
        active = [option.name for option in record.options if not option.archived]
        more = f" and {len(active) - 8} more" if len(active) > 8 else ""
        return ", ".join(active[:8]) + more or "–"


class TrackingOptionsView(RecordView):
    """Options of tracking categories; reached from their category."""

    record = TrackingOption
    title, noun, group, path = "Tracking options", "tracking option", "Lists", "tracking_options"
    about = "Tracking options are the values of a tracking category."
    kinds = ("tracking", "tracking_option")
    columns = ("name", "category")
    groups = (("Details", ("category", "name")),)
    in_menu = False
    form_ajax_refs = {"category": CompanyLoader("category", TrackingCategory, ("name",))}


class TaxRatesView(RecordView):
    """The provider's tax rates."""

    record = TaxRate
    title, noun, group, path = "Tax rates", "tax rate", "Lists", "tax_rates"
    about = "Tax rates are made in the accounting system and come in from there."
    kinds = ("tax_rate",)
    columns = ("name", "code", "rate", "for_sales", "for_purchases")
    searched = ("name", "code")
    groups = (("Details", ("code", "name", "rate", "for_sales", "for_purchases", "account_classes")),)
    creatable = False

    def make_filters(self) -> list[Any]:
        flags = [YesNoFilter(getattr(TaxRate, c), TaxRate.column_label(c)) for c in ("for_sales", "for_purchases")]
        return [*super().make_filters(), *flags]


#: In the order of the menu.
RECORD_VIEWS: tuple[type[RecordView], ...] = (
    SuppliersView,
    PurchaseOrdersView,
    BillsView,
    ExpensesView,
    CustomersView,
    InvoicesView,
    PaymentsView,
    CreditNotesView,
    AllocationsView,
    PrepaymentsView,
    OverpaymentsView,
    AttachmentsView,
    ItemsView,
    AccountsView,
    TrackingView,
    TrackingOptionsView,
    TaxRatesView,
)
#: Where a record of a kind is shown.
VIEW_OF_KIND = {view.record.kind: view.path for view in reversed(RECORD_VIEWS)}
#: The same; an expense, which is a bill, has a screen of its own.
SCREENS = {**VIEW_OF_KIND, "expense": ExpensesView.path}
