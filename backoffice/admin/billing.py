"""Making a bill from an order: all that is open, or some lines and quantities; and how the two differ."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import select

from backoffice.admin import links
from backoffice.admin.document_words import today
from backoffice.admin.documents import DocumentView
from backoffice.admin.figures import FigureError, figure
from backoffice.extensions import db
from backoffice.models import Bill, BillLine, PurchaseOrder, Status
from backoffice.models.billing import (
    Compared,
    NotBillableError,
    NothingOpenError,
    OpenLine,
    TooMuchError,
    bills_of,
    compare,
    make_bill,
    open_lines,
)


class OrderBilling(DocumentView):
    """What the page of an order knows of its bills."""

    def bills(self, order: PurchaseOrder) -> list[Bill]:
        """The bills that were made of it."""
        return list(bills_of(db.session(), order))

    def comparison(self, order: PurchaseOrder) -> list[Compared]:
        """Line by line what was ordered and what is billed."""
        return compare(order, self.bills(order))

    def may_bill(self, order: PurchaseOrder) -> bool:
        """Whether something of it can be billed."""
        return order.status is Status.APPROVED and any(each.left for each in open_lines(db.session(), order))

    @expose("/bill/", methods=("GET", "POST"))
    def bill_view(self) -> ResponseReturnValue:
        """Choose lines and quantities, and make the bill."""
        order: Any = self.one()
        if not self.may_write or not self.may_bill(order):
            flash(f"Nothing of {order} can be billed now: only what is open of an approved order is.", "warning")
            return redirect(self.open_url(order), code=303)
        lines = open_lines(db.session(), order)
        errors: dict[int, str] = {}
        if request.method == "POST":
            whole = "whole" in request.form
            quantities = None if whole else self._typed(lines, errors)
            bill = None if errors else self._made(order, quantities, errors)
            if bill is not None:
                flash(f"A draft bill of {order} was made. Give it the supplier’s number, then approve it.", "success")
                return redirect(links.page_of(bill), code=303)
        return self.render("documents/bill.html", record=order, lines=lines, errors=errors, typed=request.form)

    def _typed(self, lines: list[OpenLine], errors: dict[int, str]) -> dict[int, Decimal]:
        """The quantities by line of the order."""
        found: dict[int, Decimal] = {}
        for each in lines:
            text = request.form.get(f"quantity-{each.line.id}", "").strip()
            try:
                found[each.line.id] = figure(text, 4) if text else Decimal(0)
            except FigureError as error:
                errors[each.line.id] = str(error)
        return found

    def _made(self, order: PurchaseOrder, quantities: Any, errors: dict[int, str]) -> Bill | None:
        try:
            bill = make_bill(db.session(), order, today(), quantities)
            db.session.commit()
        except TooMuchError as error:
            errors[error.line.id] = error.message
        except NothingOpenError:
            errors[0] = "Type a quantity at one of the lines." if quantities is not None else NothingOpenError().message
        except NotBillableError as error:
            errors[0] = error.message
        else:
            return bill
        db.session.rollback()
        return None

    def validate_form(self, form: Any) -> bool:
        fine = bool(super().validate_form(form))
        gone = [line.id for line in form.lines.gone()] if form._obj is not None and not form.lines.error else []
        query = select(BillLine).join(Bill, BillLine.document_id == Bill.id)
        billed = db.session.scalars(query.where(BillLine.order_line_id.in_(gone), Bill.counts).limit(1)).first()
        if billed is not None:
            form.lines.error = f"“{billed}” is on {billed.document} and cannot be taken off the order; void that first."
        return fine and billed is None


class BillBilling(DocumentView):
    """What the page of a bill knows of its order."""

    def comparison(self, bill: Bill) -> list[Compared]:
        """Line by line what was ordered and what this bill asks for."""
        return compare(bill.purchase_order, [bill]) if bill.purchase_order is not None else []
