"""DocumentView: the list, the page and the form of what has lines. What differs by kind is data in paper_screens.py."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from flask import g, url_for
from markupsafe import Markup

from backoffice.admin import links, words
from backoffice.admin.alerts import marked
from backoffice.admin.attachments import AttachmentPages
from backoffice.admin.document_filters import CauseFilter, DayFilter, FilterWords, PartyFilter
from backoffice.admin.document_steps import DocumentSteps
from backoffice.admin.document_words import money
from backoffice.admin.document_writing import DocumentWriting
from backoffice.admin.filters import WordFilter
from backoffice.admin.printing import Printing
from backoffice.extensions import db
from backoffice.models import Document, Status, dues
from backoffice.models.totals import half_up

MONEY = ("sub_total", "tax_total", "total", "their_total", "amount_due", "amount_paid", "amount_credited")


class DocumentView(FilterWords, Printing, DocumentSteps, AttachmentPages, DocumentWriting):
    """A screen of one kind of document."""

    linked_by_hand = False

    record: ClassVar[type[Document]]
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
        theirs = [(word, words.their_status(word)) for word in links.their_statuses(model.kind)]
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
            g.dues = dues.dues(db.session(), rows)
        return count, rows

    def heading(self, record: Any) -> str:
        return record.name or f"{self.noun} without a number".capitalize()

    def named_by(self, record: Any, columns: list[tuple[str, str]]) -> str:
        """The number, or what stands for it."""
        return "name"

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
        shown = super().cell(record, column)
        return marked(shown, record) if column == "contact" else shown

    def due(self, record: Any) -> dues.Due:
        return dues.due(db.session(), record)

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

    def export_columns(self) -> list[str]:
        return ["name", "contact", *(c for c in super().export_columns() if c not in ("name", "contact"))]

    def new_url(self, **more: Any) -> str:
        return url_for(f"{self.endpoint}.create_view", **more)
