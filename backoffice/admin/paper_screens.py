"""The screens of orders, bills, expenses and invoices as data."""

from __future__ import annotations

from typing import Any

from flask import request
from sqlalchemy.orm import Query

from backoffice.admin.billing import BillBilling, OrderBilling
from backoffice.admin.credit_notes import AllocationsView, CreditNotesView
from backoffice.admin.document_form import DueForm, OrderForm
from backoffice.admin.documents import DocumentView
from backoffice.admin.filters import YesNoFilter
from backoffice.models import Bill, Invoice, PurchaseOrder

MONEY = ("Money", ("treatment", "currency", "currency_rate"))


class PurchaseOrdersView(OrderBilling):
    """What is asked of suppliers."""

    record = PurchaseOrder
    title, noun, group, path = "Purchase orders", "purchase order", "Purchasing", "purchase_orders"
    about = "Purchase orders ask suppliers for goods and services. Bills are made from them."
    kinds = ("purchase_order",)
    form = OrderForm
    columns = ("name", "contact", "date", "delivery_date", "total", "status", "their_status")
    settled = False
    groups = (
        ("Order", ("contact", "name", "reference", "date", "delivery_date")),
        MONEY,
        ("Delivery", ("delivery_address", "attention_to", "telephone", "delivery_instructions")),
    )
    form_help = {"name": "Empty: the next number of ours, such as PO-0001."}

    def make_filters(self) -> list[Any]:
        return [*super().make_filters(), YesNoFilter(PurchaseOrder.billed, "Billed")]


class BillsView(BillBilling):
    """What suppliers ask for."""

    record = Bill
    title, noun, group, path = "Bills", "bill", "Purchasing", "bills"
    about = "Bills are what suppliers ask you to pay. Make one from an approved purchase order, or write it here."
    kinds = ("bill", "payment")
    form = DueForm
    groups = (("Bill", ("contact", "name", "reference", "date", "due_date")), MONEY)
    switches = {"show": (("", "Bills"), ("all", "With expenses")), **DocumentView.switches}
    form_help = {
        "name": "The supplier’s own number. Empty: one of ours, once it is approved.",
        "due_date": "Needed before it is sent.",
    }
    #: Which of the two screens of the table this is.
    expense = False

    def scope(self, query: Query[Any]) -> Query[Any]:
        if "show" in self.switches and request.args.get("show") == "all":
            return query
        return query.filter(Bill.expense.is_(self.expense))

    def build_new_instance(self) -> Any:
        made = super().build_new_instance()
        made.expense = self.expense
        return made


class ExpensesView(BillsView):
    """Bills of employees and shops, without an order."""

    title, noun, path = "Expenses", "expense", "expenses"
    about = "Expenses are what employees and shops are paid back, without an order. They go out as bills."
    party = "Paid to"
    switches = DocumentView.switches
    groups = (("Expense", ("contact", "name", "reference", "date", "due_date")), MONEY)
    form_help = {
        "name": "The number on the receipt. Empty: one of ours, once it is approved.",
        "due_date": "Needed before it is sent.",
    }
    expense = True


class InvoicesView(DocumentView):
    """What customers are asked to pay."""

    record = Invoice
    title, noun, group, path = "Invoices", "invoice", "Sales", "invoices"
    about = "Invoices ask customers to pay for what they bought."
    kinds = ("invoice", "payment")
    party = "Customer"
    form = DueForm
    groups = (("Invoice", ("contact", "name", "reference", "date", "due_date")), MONEY)
    form_help = {
        "name": "Empty: the next number of ours, such as INV-0001.",
        "due_date": "Needed before it is sent.",
    }


__all__ = ["AllocationsView", "BillsView", "CreditNotesView", "ExpensesView", "InvoicesView", "PurchaseOrdersView"]
