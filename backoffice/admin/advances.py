"""Prepayments and overpayments: lists that only come in."""

from __future__ import annotations

from typing import Any

from backoffice.admin import words
from backoffice.admin.document_words import money
from backoffice.admin.part_view import PartView
from backoffice.models import Overpayment, Prepayment


class AdvancesView(PartView):
    """What was paid before or beyond a document; it comes in and is used there."""

    group, why_frozen = "Money", "This came from the accounting system and is changed there."
    columns = ("name", "contact", "side", "date", "total", "remaining", "their_status")
    groups = (("Details", ("name", "contact", "side", "date", "total", "remaining", "their_status")),)
    column_default_sort = [("date", True), ("id", True)]
    in_menu = False

    def cell(self, record: Any, column: str) -> Any:
        if column in ("total", "remaining"):
            return money(getattr(record, column), record.currency)
        if column == "name":
            return str(record)
        return words.their_status(record.their_status) if column == "their_status" else super().cell(record, column)


class PrepaymentsView(AdvancesView):
    """Paid before there was a document."""

    record = Prepayment
    title, noun, path = "Prepayments", "prepayment", "prepayments"
    about = "Prepayments are money paid before there was a bill or an invoice. They come in from the accounting system."
    kinds = ("prepayment",)


class OverpaymentsView(AdvancesView):
    """Paid beyond what was due."""

    record = Overpayment
    title, noun, path = "Overpayments", "overpayment", "overpayments"
    about = "Overpayments are money paid beyond what was due. They come in from the accounting system."
    kinds = ("overpayment",)
