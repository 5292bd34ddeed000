"""The screens as data: which columns each list, form and filter has."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from flask import flash, request
from flask_admin.actions import action
from markupsafe import Markup
from sqlalchemy import or_, select
from sqlalchemy.orm import Query

from backoffice.admin.advances import OverpaymentsView, PrepaymentsView
from backoffice.admin.attachments import AttachmentsView
from backoffice.admin.company_base import here
from backoffice.admin.filters import TextFilter, WordFilter, YesNoFilter
from backoffice.admin.forms import EMAIL
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
from backoffice.admin.words import amount, counted
from backoffice.database import folded
from backoffice.extensions import db
from backoffice.models import Account, Contact, Item, TaxRate, TrackingCategory, TrackingOption

PARTY = (
    ("Details", ("name", "number", "account_number", "tax_number", "company_number", "currency")),
    ("Shown here as", ("supplier_here", "customer_here")),
    ("Person", ("first_name", "last_name", "email", "phone", "mobile")),
    ("Address", ("street", "city", "region", "postal_code", "country")),
    ("Payment", ("bank_account",)),
)


def money(price: Decimal) -> str:
    """A price in the company's base currency."""
    connection = connection_here()
    currency = connection.base_currency if connection else ""
    return f"{amount(price)} {currency}".strip()


class ContactView(RecordView):
    """Suppliers and customers are two screens of one table."""

    record = Contact
    group = "Purchasing"
    kinds = ("contact",)
    columns = ("name", "email", "phone", "city", "country")
    searched = ("name", "email", "number")
    groups = PARTY
    column_editable_list = ("email", "phone")
    form_args = {
        "email": {"validators": [EMAIL]},
        "currency": {"description": "Three letters, such as NZD."},
        "number": {"description": "Ours, and unique: it is what this contact is found by in the accounting system."},
    }
    #: The mark it gets when it is made here, and the provider's own mark.
    here_column: ClassVar[str]
    there_column: ClassVar[str]

    def make_filters(self) -> list[Any]:
        texts = [TextFilter(getattr(Contact, c), Contact.column_label(c)) for c in ("email", "city", "country")]
        return [*super().make_filters(), *texts]

    def scope(self, query: Query[Any]) -> Query[Any]:
        if request.args.get("show") == "all":
            return query
        return query.filter(or_(getattr(Contact, self.here_column), getattr(Contact, self.there_column)))

    def create_form(self, obj: Any = None) -> Any:
        form = super().create_form(obj)
        if request.method == "GET":
            form[self.here_column].data = True
        return form

    def prepare(self, record: Any) -> None:
        if not (record.supplier_here or record.customer_here):
            setattr(record, self.here_column, True)

    @action("as_supplier", "Show as supplier")
    def action_as_supplier(self, ids: list[int]) -> None:
        self._show_as("supplier_here", "supplier", ids)

    @action("as_customer", "Show as customer")
    def action_as_customer(self, ids: list[int]) -> None:
        self._show_as("customer_here", "customer", ids)

    def _show_as(self, column: str, noun: str, ids: list[int]) -> None:
        found = [record for record in self.selected(ids) if not getattr(record, column)]
        for record in found:
            setattr(record, column, True)
        db.session.commit()
        flash(f"{counted(len(found), 'contact')} shown as {noun} from now on.", "success")

    def validate_form(self, form: Any) -> bool:
        fine = bool(super().validate_form(form))
        if fine and "name" in form and form.name.data != getattr(form._obj, "name", None):
            other = self.namesake(form.name.data, getattr(form._obj, "id", None))
            if other is not None:
                said = Markup('<a href="{}">{}</a> has this name already; two active contacts cannot share one.')
                form.name.errors = [said.format(self.open_url(other), other.name)]
            return other is None
        return fine

    def namesake(self, name: str, but: int | None) -> Contact | None:
        """Another active contact of the company that has this name."""
        query = select(Contact).where(
            Contact.company_id == here().id,
            Contact.name_key == folded(name)[:255],
            Contact.archived.is_(False),
            Contact.id != (but or 0),
        )
        return db.session.scalar(query.limit(1))

    def cannot_restore(self, record: Any) -> str | None:
        other = self.namesake(record.name, record.id)
        return f"Another active contact is called {other.name}. Change one of the two names first." if other else None


class SuppliersView(ContactView):
    """Who the company buys from."""

    title, noun, path = "Suppliers", "supplier", "suppliers"
    about = "Suppliers are the people and companies you buy from."
    here_column, there_column = "supplier_here", "is_supplier"
    switches = {"show": (("", "Suppliers"), ("all", "All contacts")), **RecordView.switches}


class CustomersView(ContactView):
    """Who the company sells to."""

    title, noun, path = "Customers", "customer", "customers"
    group = "Sales"
    about = "Customers are the people and companies you sell to."
    here_column, there_column = "customer_here", "is_customer"
    switches = {"show": (("", "Customers"), ("all", "All contacts")), **RecordView.switches}


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
    shown_only = ("tracked", "on_hand", "stock_value")
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

    def make_filters(self) -> list[Any]:
        classes = [(word, word.capitalize()) for word in ("ASSET", "EQUITY", "EXPENSE", "LIABILITY", "REVENUE")]
        return [
            *super().make_filters(),
            WordFilter(Account.account_class, "Class", classes),
            TextFilter(Account.account_type, "Type"),
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
    groups = (("Details", ("code", "name", "rate", "for_sales", "for_purchases")),)
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
