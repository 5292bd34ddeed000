"""The choices of a company, tab by tab: what each does, and what it is called in the history."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import SelectField, TextAreaField, TimeField
from wtforms.validators import InputRequired, Length, Optional

from backoffice.admin.account_choices import accounts, chosen, taxes
from backoffice.admin.forms import EMAIL, NO_NUL, options, stripped
from backoffice.admin.setting_fields import (
    INTERVAL_WORDS,
    WEEKDAY_WORDS,
    code,
    day,
    days,
    emptied,
    numbered,
    text,
    tick,
)
from backoffice.admin.words import STRICTNESS_WORDS, WINNER_WORDS
from backoffice.models import Approvers, CompanySettings, Inventory, SentAs, Side, Strictness, Winner

#: What stands where no default is chosen.
OWN = "Each line names its own"
APPROVER_WORDS = {
    Approvers.OPERATORS: "Operators and administrators",
    Approvers.ADMINISTRATORS: "Administrators alone",
}
SENT_AS_WORDS = {
    SentAs.DRAFT: "Draft",
    SentAs.AWAITING_APPROVAL: "Awaiting approval",
    SentAs.AUTHORISED: "Authorised",
}
INVENTORY_WORDS = {Inventory.NONE: "Do not sync inventory", Inventory.SYNC: "Sync inventory"}


def _as(what: str) -> SelectField:
    return SelectField(
        f"{what} arrive as",
        choices=options(SENT_AS_WORDS),
        coerce=SentAs,
        description="The state that they have there once they were approved here.",
    )


class Tab(FlaskForm):
    """The settings of one tab. `groups` puts them in order: title and names."""

    groups: tuple[tuple[str, tuple[str, ...]], ...]
    title: str

    def prepare(self, settings: CompanySettings) -> None:
        """Fill in the lists to choose from."""


class GeneralTab(Tab):
    """Who approves, from when on, and who wins."""

    title = "General"
    groups = (
        ("Approval", ("approvers", "approve_own")),
        ("Both sides changed", ("conflict_winner",)),
        ("From which day on", ("send_from", "bring_in_from")),
        (
            "Credit notes and payments",
            ("send_credit_notes", "credit_notes_as", "bring_in_credit_notes", "send_payments", "bring_in_payments"),
        ),
        ("Likely duplicates", ("ask_duplicates",)),
        ("How long things are kept", ("keep_history", "keep_jobs")),
    )

    approvers = SelectField(
        "Who approves documents",
        choices=options(APPROVER_WORDS),
        coerce=Approvers,
        description="Approving a document is what sends it.",
    )
    approve_own = tick("People may approve what they wrote themselves", "Without it, a second person has to.")
    conflict_winner = SelectField(
        "When both sides changed the same record",
        choices=options(WINNER_WORDS),
        coerce=Winner,
        description="The other value is kept in the record’s history, and the sync job says so. Documents and payments "
        "that were sent always ask a person.",
    )
    send_from = day("Send documents dated from", "Earlier ones stay here. Empty: all are sent.")
    bring_in_from = day(
        "Bring in documents dated from", "Earlier ones are left there, unless they are known here. Empty: all come in."
    )
    send_credit_notes = tick("Send credit notes", "Those of both sides, with what they pay off, once approved.")
    credit_notes_as = _as("Credit notes")
    bring_in_credit_notes = tick("Bring in credit notes", "Those that were made there.")
    send_payments = tick("Send payments", "Those recorded here, of bills and of invoices.")
    bring_in_payments = tick("Bring in payments", "Those recorded there, with prepayments and overpayments.")
    ask_duplicates = SelectField(
        "Ask before a contact is made that may be here already",
        choices=options(STRICTNESS_WORDS),
        coerce=Strictness,
        description="The page Duplicates lists as strictly. What comes in from the other side is never held up.",
    )
    keep_history = days("Keep history for … days", "What was changed, by whom, and letters that were sent.")
    keep_jobs = days("Keep sync jobs for … days", "With their requests and readings. What is still needed stays.")


class ItemsTab(Tab):
    """Stock."""

    title = "Items"
    groups = (("Inventory", ("inventory",)),)

    inventory = SelectField(
        "Inventory",
        choices=options(INVENTORY_WORDS),
        coerce=Inventory,
        description="Sync: tracked items bring their quantity on hand with them; it is only shown here.",
    )


class CustomersTab(Tab):
    """Whether customers travel."""

    title = "Customers"
    groups = (("Customers", ("customers", "create_customers")),)

    customers = tick(
        "Synchronise customers",
        "New ones are matched by e-mail, then by name; where several fit, a person chooses. "
        "Suppliers travel in any case.",
    )
    create_customers = tick(
        "Create new customers there by itself",
        "Without it, a customer that matches nobody is held until a person resumes it.",
    )


class InvoicesTab(Tab):
    """Sales invoices."""

    title = "Invoices"
    groups = (
        ("Sales invoices", ("send_invoices", "invoices_as", "bring_in_invoices")),
        ("Lines that name none", ("revenue_account", "sales_tax")),
    )

    send_invoices = tick("Send sales invoices", "As accounts receivable, once they are approved.")
    invoices_as = _as("Invoices")
    bring_in_invoices = tick("Bring in sales invoices", "Those that were made there.")
    revenue_account = code(
        "Revenue account", "For lines whose item, and whose item’s group, has no account of its own."
    )
    sales_tax = code("Tax on sales", "For lines without a tax code.")

    def prepare(self, settings: CompanySettings) -> None:
        self.revenue_account.choices = chosen(accounts(Side.SALES), settings.revenue_account, OWN)
        self.sales_tax.choices = chosen(taxes(Side.SALES), settings.sales_tax, OWN)


class SuppliersTab(Tab):
    """Orders, bills and expenses."""

    title = "Suppliers"
    groups = (
        ("Purchase orders", ("send_orders", "orders_as", "bring_in_orders")),
        ("Bills and expenses", ("send_bills", "bills_as", "bring_in_bills")),
        ("Lines that name none", ("expense_account", "purchase_tax")),
    )

    send_orders = tick("Send purchase orders", "Once they are approved.")
    orders_as = _as("Purchase orders")
    bring_in_orders = tick("Bring in purchase orders", "Those that were made there.")
    send_bills = tick("Send bills and expenses", "As accounts payable, once they are approved.")
    bills_as = _as("Bills")
    bring_in_bills = tick("Bring in bills", "Those that were made there.")
    expense_account = code(
        "Expense account", "For lines whose item, and whose item’s group, has no account of its own."
    )
    purchase_tax = code("Tax on purchases", "For lines without a tax code.")

    def prepare(self, settings: CompanySettings) -> None:
        self.expense_account.choices = chosen(accounts(Side.PURCHASES), settings.expense_account, OWN)
        self.purchase_tax.choices = chosen(taxes(Side.PURCHASES), settings.purchase_tax, OWN)


class CompanyTab(Tab):
    """What stands on printed documents."""

    title = "Company"
    groups = (("On printed documents", ("address", "email", "phone", "tax_number")),)

    address = TextAreaField(
        "Address",
        [Optional(), Length(max=2000), NO_NUL],
        filters=[stripped, emptied],
        description="As it stands at the head of documents, line by line.",
    )
    email = text("E-mail", 255, "Where parties answer to.", EMAIL)
    phone = text("Phone", 50, "Printed beside the address.")
    tax_number = text("Tax number", 50, "Such as a GST, VAT or ABN number; tax invoices need it.")


class ScheduleTab(Tab):
    """When the company is brought up to date by itself."""

    title = "Schedule"
    groups = (
        ("Every night", ("nightly", "nightly_at")),
        ("By day", ("update_every",)),
        ("Every week", ("reconcile_on",)),
    )

    nightly = tick(
        "Bring everything up to date every night",
        "Without it, the company is updated only by the Update buttons and when records are saved.",
    )
    nightly_at = TimeField(
        "At",
        [InputRequired("Choose a time, such as 02:00.")],
        description="By the company’s own clock, or up to an hour later: companies do not all start at once.",
    )
    update_every = numbered(
        "Bring changes in", INTERVAL_WORDS, "By night alone", "One call for each list that has no news."
    )
    reconcile_on = numbered(
        "Reconcile on",
        WEEKDAY_WORDS,
        "No day, only when somebody asks",
        "Two hours after that day’s nightly time. Both sides are compared whole; nothing is overwritten.",
    )


TABS: dict[str, type[Tab]] = {
    "general": GeneralTab,
    "items": ItemsTab,
    "customers": CustomersTab,
    "invoices": InvoicesTab,
    "suppliers": SuppliersTab,
    "company": CompanyTab,
    "schedule": ScheduleTab,
}


def setting_labels() -> dict[str, str]:
    """By column, what each setting is called."""
    fields = {name: getattr(tab, name) for tab in TABS.values() for _, names in tab.groups for name in names}
    return {name: str(field.args[0] if field.args else name) for name, field in fields.items()}


#: Kept by a key, read in words, by column.
SETTING_WORDS: dict[str, dict[str, str]] = {
    "conflict_winner": {key.value: word for key, word in WINNER_WORDS.items()},
    "approvers": {key.value: word for key, word in APPROVER_WORDS.items()},
    "inventory": {key.value: word for key, word in INVENTORY_WORDS.items()},
    "ask_duplicates": {key.value: word for key, word in STRICTNESS_WORDS.items()},
    "update_every": INTERVAL_WORDS,
    "reconcile_on": WEEKDAY_WORDS,
    **{
        column: {key.value: word for key, word in SENT_AS_WORDS.items()}
        for column in ("orders_as", "bills_as", "invoices_as", "credit_notes_as")
    },
}
