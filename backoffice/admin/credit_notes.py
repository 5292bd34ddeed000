"""Credit notes: of both sides, the bills and invoices that each pays off, and what remains of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select

from backoffice.admin import links, words
from backoffice.admin.company_base import here, number
from backoffice.admin.document_form import DocumentForm
from backoffice.admin.document_words import money, today
from backoffice.admin.documents import DocumentView
from backoffice.admin.figures import FigureError, figure
from backoffice.admin.filters import WordFilter
from backoffice.admin.part_view import PartView
from backoffice.extensions import db
from backoffice.models import Allocation, Bill, CreditNote, Invoice, Side, Status, dues
from backoffice.wording import counted

LARGEST = Decimal(10) ** 12


class CreditNotesView(DocumentView):
    """What is taken off bills and invoices."""

    record = CreditNote
    title, noun, group, path = "Credit notes", "credit note", "Money", "credit_notes"
    about = "Credit notes take something off bills or invoices: what was sent back, or was too much."
    party = "Party"
    kinds = ("credit_note", "allocation")
    form = DocumentForm
    columns = ("name", "contact", "date", "side", "total", "amount_due", "status", "their_status")
    groups = (
        ("Credit note", ("contact", "name", "reference", "date")),
        ("Money", ("treatment", "currency", "currency_rate")),
    )

    def make_filters(self) -> list[Any]:
        sides = [(side.value, word) for side, word in words.SIDE_WORDS.items()]
        return [*super().make_filters(), WordFilter(CreditNote.side, "Side", sides)]

    def side(self, record: Any) -> Side:
        if record is not None:
            return Side(record.side)
        asked = request.args.get("side", "")
        return Side(asked) if asked in set(Side) else Side.SALES

    def party_of(self, record: Any) -> str:
        return "Customer" if self.side(record) is Side.SALES else "Supplier"

    def build_new_instance(self) -> Any:
        made = super().build_new_instance()
        made.side = self.side(None)
        return made

    def _lock_chosen(self, record: Any) -> None:
        """Of two who pay the same document off at once, the second sees what the first left."""
        typed = (key.removeprefix("amount-") for key, text in request.form.items() if text.strip())
        model: Any = Invoice if record.side is Side.SALES else Bill
        query = select(model).where(model.company_id == here().id, model.id.in_([number(key) or 0 for key in typed]))
        db.session.scalars(query.order_by(model.id).with_for_update().execution_options(populate_existing=True)).all()

    def open_documents(self, record: Any) -> list[tuple[Any, dues.Due]]:
        """What it can pay off."""
        model: Any = Invoice if record.side is Side.SALES else Bill
        return dues.open_documents(db.session(), record, model)

    def why_not_allocate(self, record: Any) -> str:
        """Why nothing of it can be allocated; empty if it can."""
        if record.status is not Status.APPROVED:
            return f"{record} is not approved; it is allocated after that."
        return "" if dues.due(db.session(), record).left > 0 else f"Nothing of {record} remains."

    @expose("/allocate/", methods=("GET", "POST"))
    def allocate_view(self) -> ResponseReturnValue:
        """Pay off bills or invoices of the same party with it."""
        record: Any = self.one()
        if request.method == "POST":
            db.session.refresh(record, with_for_update=True)
            self._lock_chosen(record)
        why = self.why_not_allocate(record) or ("" if self.may_write else "Viewers allocate nothing.")
        if why:
            flash(why, "warning")
            return redirect(self.open_url(record), code=303)
        found, left = self.open_documents(record), dues.due(db.session(), record).left
        amounts, errors = self._typed(record, found, left) if request.method == "POST" else ({}, {})
        if amounts and not errors:
            return self._allocated(record, found, amounts)
        if request.method == "POST" and not errors:
            errors[0] = "Type an amount at one of them."
        return self.render(
            "documents/allocate.html", record=record, found=found, left=left, errors=errors, typed=request.form
        )

    def _typed(
        self, record: Any, found: list[tuple[Any, dues.Due]], left: Decimal
    ) -> tuple[dict[int, Decimal], dict[int, str]]:
        """The amounts by document, and what is wrong with them; 0 stands for all together."""
        amounts: dict[int, Decimal] = {}
        errors: dict[int, str] = {}
        for document, due in found:
            text = request.form.get(f"amount-{document.id}", "").strip()
            try:
                amount = figure(text, 2, LARGEST) if text else Decimal(0)
            except FigureError as error:
                errors[document.id] = str(error)
                continue
            if amount < 0:
                errors[document.id] = "An amount is above nothing."
            elif amount > due.left:
                errors[document.id] = f"Only {money(due.left, document.currency)} is due on {document}."
            elif amount:
                amounts[document.id] = amount
        if sum(amounts.values()) > left:
            errors[0] = f"Together this is more than remains: {money(left, record.currency)}."
        return amounts, errors

    def _allocated(
        self, record: Any, found: list[tuple[Any, dues.Due]], amounts: dict[int, Decimal]
    ) -> ResponseReturnValue:
        for document, _ in found:
            if document.id in amounts:
                made = Allocation(
                    company_id=here().id, credit_note_id=record.id, date=today(), amount=amounts[document.id]
                )
                made.name = f"{record} to {document}"[:255]
                setattr(made, f"{document.kind}_id", document.id)
                db.session.add(made)
        db.session.commit()
        said = money(sum(amounts.values(), Decimal(0)), record.currency)
        flash(f"{said} of {record} was allocated to {counted(len(amounts), found[0][0].label)}.", "success")
        return redirect(self.open_url(record), code=303)


class AllocationsView(PartView):
    """Parts of credit notes that pay off documents; each is reached from either of the two."""

    record = Allocation
    title, noun, group, path = "Allocations", "allocation", "Money", "allocations"
    about = "Allocations say which bills and invoices a credit note pays off. They are made on the page of the note."
    kinds = ("credit_note", "allocation")
    columns = ("name", "credit_note", "document", "date", "amount")
    groups = (("Allocation", ("name", "credit_note", "document", "date", "amount")),)
    in_menu, archived_word = False, "Taken back"
    switches = {"archived": (("no", "Active"), ("yes", "Taken back"), ("all", "All"))}
    why_frozen = "An allocation is taken back and made anew, on the page of its credit note."

    def cell(self, record: Any, column: str) -> Any:
        return money(record.amount, record.credit_note.currency) if column == "amount" else super().cell(record, column)

    def get_column_name(self, field: str) -> str:
        return {"credit_note": "Credit note", "document": "Pays off"}.get(field) or super().get_column_name(field)

    @expose("/take-back/", methods=("POST",))
    def take_back(self) -> ResponseReturnValue:
        """Undo an allocation: what it paid off is open again."""
        record: Any = self.one()
        note = record.credit_note
        if record.archived:
            flash("It was taken back already.", "warning")
        else:
            record.archived = True
            problem = self.write(record)
            flash(
                problem or f"{money(record.amount, note.currency)} was taken back; {note} has it again.",
                "danger" if problem else "success",
            )
        return redirect(links.page_of(note), code=303)
