"""DocumentView: the list, the page and the form of what has lines. What differs by kind is data in paper_screens.py."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, ClassVar

from flask import flash, g, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from backoffice.admin import dues, links, words
from backoffice.admin.attachments import AttachmentPages
from backoffice.admin.company_base import here, number
from backoffice.admin.company_clock import zone
from backoffice.admin.document_filters import CauseFilter, DayFilter, FilterWords, PartyFilter
from backoffice.admin.document_form import DocumentForm
from backoffice.admin.document_steps import DocumentSteps, may_approve
from backoffice.admin.filters import WordFilter
from backoffice.admin.line_choices import Choices
from backoffice.admin.line_rows import Rows, label
from backoffice.admin.printing import Printing
from backoffice.admin.record_view import RecordView
from backoffice.admin.saving import TAKEN, read_only_sentence
from backoffice.clock import now
from backoffice.database import folded
from backoffice.errors import ReadOnlyRecordError
from backoffice.extensions import db
from backoffice.models import Document, Side, Status
from backoffice.models.totals import half_up

MONEY = ("sub_total", "tax_total", "total", "their_total", "amount_due", "amount_paid", "amount_credited")


def today() -> dt.date:
    """The day by the company's own clock."""
    return now().astimezone(zone(here())).date()


def money(figure: Decimal | None, currency: str | None) -> str:
    """An amount with its currency, which is the organisation's own where the document names none."""
    if figure is None:
        return "–"
    connection = links.connection_here()
    return f"{figure:,.2f} {currency or (connection.base_currency if connection else '') or ''}".strip()


class DocumentView(FilterWords, Printing, DocumentSteps, AttachmentPages, RecordView):
    """A screen of one kind of document."""

    record: ClassVar[type[Document]]
    #: What its party is called here.
    party: ClassVar[str] = "Supplier"
    #: The number is the supplier's own: unique for each party only.
    number_of_party: ClassVar[bool] = False
    form: ClassVar[type[DocumentForm]]
    #: The totals of the page besides the document's own, where the kind has them.
    settled: ClassVar[bool] = True

    columns: ClassVar[tuple[str, ...]] = (
        "name",
        "contact",
        "date",
        "due_date",
        "total",
        "amount_due",
        "status",
        "their_status",
    )
    searched = ("name", "reference", "contact.name")
    column_default_sort = [("date", True), ("id", True)]
    switches = {"archived": (("no", "Active"), ("yes", "Voided"), ("all", "All"))}
    archivable, archived_word = False, "Voided"
    action_disallowed_list = ("delete", "archive", "restore")
    form_template, details_template = "documents/form.html", "documents/details.html"

    def sortable(self) -> list[Any]:
        return [*(c for c in self.columns if c != "contact"), ("contact", "contact.name_key")]

    def make_filters(self) -> list[Any]:
        model = self.record
        ours = [(status.value, badge.word) for status, badge in words.STATUS_BADGES.items()]
        theirs = [(word, word.capitalize()) for word in words.THEIR_STATUSES]
        return [
            *super().make_filters(),
            WordFilter(model.status, "Status here", ours),
            WordFilter(model.their_status, "Status there", theirs),
            PartyFilter(model, self.party),
            DayFilter(model.date, until=False),
            DayFilter(model.date, until=True),
            CauseFilter(model),
        ]

    def search_placeholder(self) -> str:
        return f"number, reference, {self.party}"

    def get_column_name(self, field: str) -> str:
        names = {"contact": self.party, "status": "Status here", "their_status": "Status there"}
        return names.get(field) or super().get_column_name(field)

    def get_list(self, *args: Any, **kwargs: Any) -> tuple[int | None, Any]:
        count, rows = super().get_list(*args, **kwargs)
        if kwargs.get("execute", True):
            g.dues = dues.dues(rows)
        return count, rows

    def heading(self, record: Any) -> str:
        return record.name or f"{self.noun} without a number".capitalize()

    def cell(self, record: Any, column: str) -> Any:
        if column == "name":
            return self.heading(record)
        if column == "amount_due":
            known = g.get("dues", {}).get(record.id)
            open_here = known is not None and record.status is Status.APPROVED
            return money(known.left, record.currency) if open_here else "–"
        if column in MONEY:
            return money(getattr(record, column), record.currency)
        if column == "status":
            badge = words.STATUS_BADGES[record.status]
            return Markup('<span class="state {}">{} {}</span>').format(badge.colour, badge.shape, badge.word)
        if column == "their_status":
            return words.their_status(record.their_status)
        return super().cell(record, column)

    # Who may change what.

    def why_frozen(self, record: Any) -> str:
        """Why a document cannot be changed by the person who looks; empty if it can."""
        if record.status is Status.VOIDED:
            return f"{record} is voided, and stays as it is."
        if record.status is Status.APPROVED:
            problem = may_approve(record)
            return f"{record} is approved. {problem} Only who may approve it changes it now." if problem else ""
        return ""

    def frozen(self, record: Any) -> bool:
        return super().frozen(record) or bool(self.why_frozen(record))

    def change_archived(self, record: Any, archived: bool) -> str | None:
        return f"{record} is voided, not archived: use Void." if archived else "What is voided stays so; make it anew."

    # The form.

    def side(self, record: Any) -> Side:
        """Which side it is on; of a new one, which is asked for."""
        return self.record.side

    def discounts(self, side: Side) -> bool:
        """Whether its lines can have a discount."""
        return side is Side.SALES

    def rows(self, record: Any) -> Rows:
        side = self.side(record)
        return Rows(record, Choices(side), self.record.price_places, self.discounts(side))

    def _furnished(self, form: Any, record: Any) -> Any:
        """A form with its lines, from the document or from what was typed."""
        rows = self.rows(record)
        form.lines = rows.read(request.form) if request.method == "POST" else rows.shown(form.treatment.data)
        form.contact.label.text = self.party_of(record)
        return form

    def party_of(self, record: Any) -> str:
        """What the party of one document is called."""
        return self.party

    def create_form(self, obj: Any = None) -> Any:
        form = super().create_form(obj)
        if request.method == "GET":
            form.date.data = today()
            party = number(request.args.get("contact"))
            found = links.record_at("contact", party)
            form.contact.data = found
        return self._furnished(form, None)

    def edit_form(self, obj: Any = None) -> Any:
        return self._furnished(super().edit_form(obj), obj)

    def validate_form(self, form: Any) -> bool:
        fine = bool(super().validate_form(form))
        if "name" not in form.errors and form.name.data:
            fine = self._number_is_free(form) and fine
        return fine

    def _number_is_free(self, form: Any) -> bool:
        held = form._obj
        unchanged = held is not None and held.id and held.name == form.name.data
        party = form.contact.data if self.number_of_party else None
        if unchanged or (self.number_of_party and party is None):
            return True
        model = self.record
        query = select(model).where(
            model.company_id == here().id,
            model.name_key == folded(form.name.data)[:255],
            model.archived.is_(False),
            model.id != (held.id if held is not None and held.id else 0),
        )
        if party is not None:
            query = query.where(model.contact_id == party.id)
        other = db.session.scalar(query.limit(1))
        if other is not None:
            said = Markup('<a href="{}">{}</a> is here already{}; choose another number, or leave this one out.')
            whose = f" from {party}" if party is not None else ""
            form.name.errors = [said.format(self.open_url(other), other.name, whose)]
        return other is None

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> ResponseReturnValue:
        record = self.one()
        why = self.why_frozen(record)
        if request.method == "POST" and why:
            flash(why, "warning")
            return redirect(self.open_url(record), code=303)
        return super().edit_view()

    def write(self, record: Any, name: str | None = None) -> str | None:
        try:
            self.follow(record)
        except ReadOnlyRecordError:
            db.session.rollback()
            g.refused_here = True
            return read_only_sentence(name or record)
        except IntegrityError:
            db.session.rollback()
            return TAKEN
        return super().write(record, name)

    def create_model(self, form: Any) -> Any:
        try:
            return super().create_model(form)
        except StaleDataError:  # its party or its order was changed at the same moment
            db.session.rollback()
            flash("Somebody changed what this belongs to at the same moment. Save it once more.", "danger")
            return None

    def follow(self, record: Any) -> None:
        """What changes with a document, in the same transaction: its party is one of this side from now on."""
        db.session.flush()
        mark = "customer_here" if self.side(record) is Side.SALES else "supplier_here"
        if not getattr(record.contact, mark):
            setattr(record.contact, mark, True)

    # Look-ups of the form.

    @expose("/lookup/<what>/")
    def lookup(self, what: str) -> ResponseReturnValue:
        """Parties and items by a piece of their text, for the form."""
        choices = Choices(self.side(None))
        text = request.args.get("q", "").replace("\x00", "").strip()[:100]
        found = choices.found_parties(text) if what == "party" else choices.found_items(text)
        return jsonify(found)

    # The page.

    def due(self, record: Any) -> dues.Due:
        return dues.due(record)

    def money(self, record: Any, figure: Decimal | None) -> str:
        return money(figure, record.currency)

    def long_prices(self, record: Any) -> list[tuple[int, str, str]]:
        """The lines whose price has more decimals than the provider keeps: (line, ours, what becomes of it)."""
        places = self.record.price_places
        return [
            (line.position, words.value(line.unit_price), f"{half_up(line.unit_price, places):f}")
            for line in record.lines
            if line.unit_price != half_up(line.unit_price, places)
        ]

    def finding_label(self, column: str | None) -> str:
        """What people call the field that a finding is about."""
        parts = (column or "").split(".")
        if len(parts) == 3 and parts[0] == "lines":
            return f"Line {parts[1]}, {label(parts[2])}"
        return self.get_column_name(column) if column else ""

    def export_columns(self) -> list[str]:
        return ["name", "contact", *(c for c in super().export_columns() if c not in ("name", "contact_id"))]

    def line_label(self, column: str) -> str:
        return label(column)

    def new_url(self, **more: Any) -> str:
        return url_for(f"{self.endpoint}.create_view", **more)
