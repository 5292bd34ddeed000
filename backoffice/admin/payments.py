"""Payments: recorded on the page of their document, listed here."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from wtforms import SelectField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs

from backoffice.admin import alerts, links, words
from backoffice.admin.audience import for_writers
from backoffice.admin.company_base import here, not_found, number
from backoffice.admin.document_filters import CauseFilter, DayFilter, FilterWords
from backoffice.admin.document_form import DayField, FigureField, text_field
from backoffice.admin.document_words import money, today
from backoffice.admin.forms import RecordForm
from backoffice.admin.part_view import PartView
from backoffice.admin.record_view import RecordView
from backoffice.extensions import db
from backoffice.models import (
    KINDS,
    Account,
    Document,
    Payment,
    Status,
    dues,
    rules,
)


def paying_accounts() -> list[Account]:
    """The accounts that money is paid from or into."""
    query = rules.paying_accounts(here().id)
    return list(db.session.scalars(query.order_by(Account.name_key, Account.id)))


class PaymentForm(RecordForm):
    """Money for one document."""

    date = DayField("Date", "Choose a date.")
    amount = FigureField("Amount", 2, "Type an amount.", Decimal(10) ** 12)
    account_id = SelectField("Account", coerce=str)
    name = text_field("Reference", 255, description="Empty: the next number of ours, such as PAY-0001.")
    currency_rate = FigureField("Currency rate", 10, description="Empty: the day’s rate.")

    def populate_obj(self, obj: Any) -> None:
        for name, value in self.data.items():
            wanted = number(value) if name == "account_id" else value
            wanted = wanted or "" if name == "name" else wanted
            if getattr(obj, name) != wanted:
                setattr(obj, name, wanted)


class PaymentsView(FilterWords, RecordView):
    """Money paid and received."""

    record = Payment
    title, noun, group, path = "Payments", "payment", "Money", "payments"
    about = "Payments of bills, by customers, and refunds. Record one on the page of its bill, invoice or credit note."
    kinds = ("payment", "prepayment", "overpayment")
    columns = ("name", "document", "party", "date", "amount", "account", "their_status")
    groups = (("Payment", ("document", "party", "date", "amount", "account", "name", "currency_rate", "reconciled")),)
    column_default_sort = [("date", True), ("id", True)]
    switches = {"archived": (("no", "Active"), ("yes", "Voided"), ("all", "All"))}
    archivable, archived_word = False, "Voided"
    action_disallowed_list = ("delete", "archive", "restore")
    form = PaymentForm
    form_template, details_template = "documents/payment_form.html", "documents/part.html"
    #: The lists that are reached from this one.
    beside = (
        ("prepayments", "Prepayments"),
        ("overpayments", "Overpayments"),
        ("allocations", "Allocations of credit"),
    )
    page_of = PartView.page_of

    def make_filters(self) -> list[Any]:
        days = [DayFilter(Payment.date, until) for until in (False, True)]
        return [*super().make_filters(), *days, CauseFilter(Payment)]

    def search_placeholder(self) -> str:
        return "reference"

    def get_column_name(self, field: str) -> str:
        if field == "document":
            return "Pays"
        return "Account" if field == "account" else super().get_column_name(field)

    def cell(self, record: Any, column: str) -> Any:
        if column == "party":
            return alerts.marked(words.value(record.document.contact if record.document else None), record)
        if column == "amount":
            return money(record.amount, record.document.currency if record.document else None)
        if column == "name":
            return str(record)
        return words.their_status(record.their_status) if column == "their_status" else super().cell(record, column)

    def export_columns(self) -> list[str]:
        return ["name", "document", "date", "amount", "account", "their_status", "archived"]

    # Recording one.

    def target(self) -> Document:
        """The document that the address names, or a page that says there is none."""
        for kind in dues.PAID_BY:
            key = number(request.values.get(kind))
            if key is not None:
                found = links.record_at(kind, key)
                return found if isinstance(found, Document) else not_found(KINDS[kind].label)
        return not_found("document to be paid")

    def why_not(self, document: Document) -> str:
        """Why no payment can be recorded on a document; empty if one can."""
        if document.status is not Status.APPROVED:
            return f"{document} is not approved; it is paid after that."
        if dues.due(db.session(), document).left <= 0:
            return f"Nothing is due on {document}."
        if not paying_accounts():
            return "No account here takes payments. Bring the accounts in first, on the page Accounts."
        return ""

    @expose("/new/", methods=("GET", "POST"))
    @for_writers
    def create_view(self) -> ResponseReturnValue:
        if not any(request.values.get(kind) for kind in dues.PAID_BY):
            return self.render("documents/payment_start.html")
        document = self.target()
        if request.method == "POST":  # of two who pay at once, the second sees what the first left
            db.session.refresh(document, with_for_update=True)
        why = self.why_not(document)
        if why:
            flash(why, "warning")
            return redirect(links.page_of(document), code=303)
        form, due = self.furnished(self.create_form(), document), dues.due(db.session(), document)
        if request.method == "GET":
            form.date.data, form.amount.data = today(), due.left
        elif self.validate_form(form) and self._fits(form, due.left, document) and self._recorded(form, document):
            return redirect(links.page_of(document), code=303)
        return self.render("documents/payment_form.html", form=form, record=None, link=None, document=document, due=due)

    def furnished(self, form: Any, document: Any) -> Any:
        """The form with the accounts there are; one in another currency than the document's says so."""
        rows = paying_accounts()
        form.account_id.choices = [SelectChoice(str(row.id), self._account_word(row)) for row in rows]
        if not getattr(document, "currency", None):
            del form.currency_rate
        return form

    def _account_word(self, account: Account) -> str:
        return f"{account} ({account.currency})" if account.currency else str(account)

    def _fits(self, form: Any, left: Decimal, document: Document) -> bool:
        why = rules.why_not_due(document, form.amount.data, left, money(left, document.currency))
        if why:
            form.amount.errors = [why]
        rate = form.currency_rate if "currency_rate" in form else None
        if rate is not None and (wrong := rules.why_no_rate(rate.data)):
            rate.errors = [wrong]
        return not form.errors and alerts.looked_at(document)

    def _recorded(self, form: Any, document: Document) -> bool:
        payment = Payment(company_id=here().id)
        form.populate_obj(payment)
        setattr(payment, f"{document.kind}_id", document.id)
        db.session.add(payment)
        problem = self.write(payment)
        if problem:
            flash(problem, "danger")
            return False
        flash(f"{payment} of {money(payment.amount, document.currency)} was recorded.", "success")
        return True

    # Changing and voiding one.

    def why_frozen(self, record: Any) -> str:
        """Why a payment cannot be changed; empty if it can."""
        return rules.why_payment_frozen(db.session(), record, links.provider_name())

    def frozen(self, record: Any) -> bool:
        return super().frozen(record) or bool(self.why_frozen(record))

    def why_not_void(self, record: Any) -> str:
        """Why a payment cannot be voided here; empty if it can."""
        there = links.provider_name()
        if record.archived:
            return f"{record} is voided already."
        if record.batch_id:
            return f"{record} is part of a batch that was paid in {there}; it is voided there, with its batch."
        return "" if isinstance(record.document, Document) else f"{record} came from {there} and is voided there."

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> ResponseReturnValue:
        record: Any = self.one()
        why = self.why_frozen(record)
        if why or not self.may_write:
            flash(why or "Viewers change nothing.", "warning")
            return redirect(self.open_url(record), code=303)
        if request.method == "POST":  # of two who pay at once, the second sees what the first left
            db.session.refresh(record.document, with_for_update=True)
        form = self.furnished(self.edit_form(obj=record), record.document)
        due = dues.due(db.session(), record.document, but=record)
        if (
            request.method == "POST"
            and self.validate_form(form)
            and self._fits(form, due.left, record.document)
            and self.update_model(form, record)
        ):
            flash(f"{record} was saved.", "success")
            return redirect(self.open_url(record), code=303)
        return self.render(
            "documents/payment_form.html",
            form=form, record=record, link=links.link_of(record), document=record.document, due=due,
        )  # fmt: skip

    def change_archived(self, record: Any, archived: bool) -> str | None:
        problem = self.why_not_void(record) if archived else "What is voided stays so; record it anew."
        return problem or super().change_archived(record, archived)

    @expose("/void/", methods=("POST",))
    def void_view(self) -> ResponseReturnValue:
        """Take a payment back."""
        record: Any = self.one()
        name, onward = str(record), links.page_of(record.document) if isinstance(record.document, Document) else None
        problem = self.change_archived(record, True)
        flash(problem or f"{name} was voided.", "danger" if problem else "success")
        return redirect(onward or self.open_url(record), code=303)
