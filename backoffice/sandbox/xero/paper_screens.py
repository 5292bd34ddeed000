"""The pages of documents as data: which lists there are, what stands in them, what can be done with one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backoffice.sandbox.xero.balance import has_money, open_amount
from backoffice.sandbox.xero.days import day_in
from backoffice.sandbox.xero.office import PAYABLE
from backoffice.sandbox.xero.shelf import Json, Selection

LABELS = {
    "submit": "Submit for approval",
    "approve": "Approve",
    "bill": "Mark as billed",
    "void": "Void",
    "delete": "Delete",
}
DONE = {
    "submit": "Submitted.",
    "approve": "Approved.",
    "bill": "Marked as billed.",
    "void": "Voided.",
    "delete": "Deleted.",
}
ORDER_STEPS: Mapping[str, tuple[str, ...]] = {
    "DRAFT": ("submit", "approve", "delete"),
    "SUBMITTED": ("approve", "delete"),
    "AUTHORISED": ("bill", "delete"),
    "BILLED": ("delete",),
}
LEDGER_STEPS: Mapping[str, tuple[str, ...]] = {
    "DRAFT": ("submit", "approve", "delete"),
    "SUBMITTED": ("approve", "delete"),
    "AUTHORISED": ("void",),
}
MONEY_STEPS: Mapping[str, tuple[str, ...]] = {"AUTHORISED": ("delete",)}
LIVE = ("DRAFT", "SUBMITTED", "AUTHORISED", "BILLED")


@dataclass(frozen=True)
class PaperScreen:
    """The list and the page of one kind of document; `type` narrows invoices down to bills or sales."""

    slug: str
    kind: str
    title: str
    singular: str
    columns: tuple[tuple[str, str], ...]
    steps: Mapping[str, tuple[str, ...]]
    type: str = ""

    def selection(self) -> Selection:
        """Its rows, the ones that changed last at the top."""
        selection = Selection(order="updated DESC, id DESC")
        if self.type:
            selection.add("json_extract(body, '$.Type') = ?", self.type)
        return selection

    def has(self, body: Json) -> bool:
        return not self.type or body["Type"] == self.type


CONTACT = ("Contact.Name", "Contact")
DATE = ("DateString", "Date")
TOTAL = ("Total", "Total")
LEFT = ("RemainingCredit", "Left")
BILLS = PaperScreen(
    "bills",
    "invoices",
    "Bills",
    "bill",
    (("InvoiceNumber", "Number"), CONTACT, DATE, ("DueDateString", "Due"), TOTAL, ("AmountDue", "To pay")),
    LEDGER_STEPS,
    "ACCPAY",
)
SALES = PaperScreen(
    "invoices",
    "invoices",
    "Sales invoices",
    "sales invoice",
    (("InvoiceNumber", "Number"), CONTACT, DATE, ("DueDateString", "Due"), TOTAL, ("AmountDue", "Due amount")),
    LEDGER_STEPS,
    "ACCREC",
)
ORDERS = PaperScreen(
    "purchase-orders",
    "purchaseorders",
    "Purchase orders",
    "purchase order",
    (("PurchaseOrderNumber", "Number"), CONTACT, DATE, ("DeliveryDateString", "Delivery"), TOTAL),
    ORDER_STEPS,
)
CREDITS = PaperScreen(
    "credit-notes",
    "creditnotes",
    "Credit notes",
    "credit note",
    (("CreditNoteNumber", "Number"), CONTACT, ("Type", "Type"), DATE, TOTAL, LEFT),
    LEDGER_STEPS,
)
PAYMENTS = PaperScreen(
    "payments",
    "payments",
    "Payments",
    "payment",
    (
        ("Date", "Date"),
        ("Invoice.InvoiceNumber", "Of"),
        ("Invoice.Contact.Name", "Contact"),
        ("PaymentType", "Type"),
        ("Reference", "Reference"),
        ("Amount", "Amount"),
    ),
    MONEY_STEPS,
)
BATCHES = PaperScreen(
    "batch-payments",
    "batchpayments",
    "Batch payments",
    "batch payment",
    (("Date", "Date"), ("Type", "Type"), ("Reference", "Reference"), ("TotalAmount", "Amount")),
    MONEY_STEPS,
)
OVERPAYMENTS = PaperScreen(
    "overpayments",
    "overpayments",
    "Overpayments",
    "overpayment",
    (DATE, CONTACT, ("Type", "Type"), TOTAL, LEFT),
    {},
)
PREPAYMENTS = PaperScreen(
    "prepayments", "prepayments", "Prepayments", "prepayment", (DATE, CONTACT, ("Type", "Type"), TOTAL, LEFT), {}
)
PAPER_SCREENS = {
    screen.slug: screen for screen in (ORDERS, BILLS, SALES, CREDITS, PAYMENTS, BATCHES, OVERPAYMENTS, PREPAYMENTS)
}


def day_text(body: Json, path: str) -> str:
    """A date for people to read, whichever way the body has it."""
    return day_in(body, path.removesuffix("String"))


def can_edit_lines(screen: PaperScreen, body: Json) -> bool:
    return bool(screen.steps) and "LineItems" in body and body["Status"] in LIVE and not has_money(body)


def can_edit_dates(screen: PaperScreen, body: Json) -> bool:
    """A person may still move the due date of what is paid."""
    return can_edit_lines(screen, body) or (screen.kind == "invoices" and body["Status"] in ("AUTHORISED", "PAID"))


def left_to_pay(screen: PaperScreen, body: Json) -> str:
    """What can be paid or paid back; empty if nothing."""
    if screen.kind not in PAYABLE or body["Status"] != "AUTHORISED":
        return ""
    return str(open_amount(body))


def steps_of(screen: PaperScreen, body: Json) -> list[tuple[str, str]]:
    steps = screen.steps.get(body["Status"], ())
    return [(step, LABELS[step]) for step in steps if step != "void" or not has_money(body)]


def changes_of(form: Mapping[str, str], body: Json) -> Json:
    """What a filled form says: the dates and texts of the head, and the lines by their position."""
    changes: Json = {key: form[key].strip() for key in ("Date", "DueDate", "DeliveryDate", "Reference") if key in form}
    lines = [
        {"LineItemID": line["LineItemID"], **_line(form, f"lines.{at}.")}
        for at, line in enumerate(body.get("LineItems", []))
    ]
    if any(len(line) > 1 for line in lines):
        changes["LineItems"] = lines
    return changes


def _line(form: Mapping[str, str], prefix: str) -> Json:
    keys = ("Description", "Quantity", "UnitAmount", "AccountCode")
    return {key: form[prefix + key].strip() for key in keys if prefix + key in form}
