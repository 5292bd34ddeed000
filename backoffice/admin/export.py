"""CSV files: every row of the list as it is filtered, streamed, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, TypeVar

from flask import Response, abort, request, stream_with_context, url_for
from flask_admin import expose
from sqlalchemy.orm import MANYTOONE, selectinload

from backoffice.admin import links
from backoffice.admin.company_base import Page
from backoffice.clock import now
from backoffice.database import let_idle, read_only
from backoffice.extensions import db
from backoffice.models import Document

CHUNK = 500
Streamed = TypeVar("Streamed", str, bytes)
#: A spreadsheet takes a cell that begins so for a formula. What begins with apostrophes already gets one more,
#: so that an import, which takes one away, finds it as it was.
FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")


def batched(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Rows in lists of at most this size."""
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch


def cell(value: Any) -> str:
    """A value as a cell that no spreadsheet runs."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return f"'{text}" if not isinstance(value, (int, Decimal)) and FORMULA.match(text) else text


class CsvExport(Page):
    """The export of a list."""

    @expose("/export/<export_type>/")
    def export(self, export_type: str) -> Response:
        makers = {"csv": self._lines, **({"lines": self._document_lines} if self.exports_lines() else {})}
        if export_type not in makers:
            abort(404)
        name = f"{self.path}{'-lines' if export_type == 'lines' else ''}-{now():%Y-%m-%d}.csv"
        return Response(
            stream_with_context(reading(makers[export_type]())),
            mimetype="text/csv",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def export_url(self, sort: str = "csv") -> str:
        """Where the list as it stands is downloaded, by record or by line."""
        args = self._get_list_extra_args()
        return url_for(f"{self.endpoint}.export", export_type=sort, **{**export_arguments(), **args.extra_args})

    def exports_lines(self) -> bool:
        """Whether its records have lines."""
        return issubclass(self.record, Document)

    def _exported(self) -> Any:
        args = self._get_list_extra_args()
        by = self._get_column_by_idx(args.sort)
        _, query = self.get_list(
            0, by[0] if by else None, args.sort_desc, args.search, args.filters, execute=False, page_size=0
        )
        return query.order_by(self.record.id).yield_per(CHUNK)

    def export_columns(self) -> Sequence[str]:
        """The columns of the file: what the form holds; what names another record gives its name."""
        relations = self.record.__mapper__.relationships
        named = {next(iter(each.local_columns)).key: each.key for each in relations if each.direction is MANYTOONE}
        return [named.get(c, c) for c in self.record.business_columns() if c in self.record.__table__.c]

    def _lines(self) -> Iterator[str]:
        columns = self.export_columns()
        yield _line([*(self.get_column_name(column) for column in columns), *(["State"] if self.synced else [])])
        for rows in batched(self._exported(), CHUNK):
            yield from map(_line, self._cells(rows, columns))

    def _cells(self, rows: Sequence[Any], columns: Sequence[str]) -> Iterator[list[Any]]:
        known = links.links_of(self.record.kind, [row.id for row in rows]) if self.synced else {}
        for row in rows:
            state = [links.badge(known.get(row.id)).text] if self.synced else []
            yield [*(getattr(row, column) for column in columns), *state]

    # One row a line, with the columns that an import understands.

    def _document_lines(self) -> Iterator[str]:
        model, line = self.record, self.record.line
        party = "Customer" if str(getattr(model, "side", "")) == "sales" else "Supplier"
        heads = [column for column in HEADS if column in model.table().c]
        named = [model.column_label(column) for column in heads]
        yield _line(
            ["Number", party, f"{party} number", *named, *map(line.column_label, LINE), *TRACKING, "Amount", *TOTALS]
        )
        # Lines are ordered by their place: loading them with their documents keeps the number of questions small.
        query = self._exported().options(
            selectinload(model.lines).joinedload(line.tracking_1),
            selectinload(model.lines).joinedload(line.tracking_2),
        )
        for document in query:
            head = [document.name, document.contact.name, document.contact.number]
            head += [getattr(document, column) for column in heads]
            totals = [document.sub_total, document.tax_total, document.total]
            for each in document.lines:
                tracked = [_option(each.tracking_1), _option(each.tracking_2)]
                yield _line([*head, *(getattr(each, column) for column in LINE), *tracked, each.amount, *totals])


#: What of a document, and of a line, stands in the file of lines.
HEADS = (
    "reference", "date", "due_date", "currency", "currency_rate", "treatment", "status", "delivery_date",
    "delivery_address", "attention_to", "telephone", "delivery_instructions",
)  # fmt: skip
LINE = ("item_code", "description", "quantity", "unit_price", "discount", "account_code", "tax_code")
TRACKING = ("Tracking", "Second tracking")
TOTALS = ("Subtotal", "Tax total", "Total")


def _option(option: Any) -> str:
    """A tracking option with its category, which tells it from others of its name."""
    return f"{option.category.name}: {option.name}" if option is not None else ""


def reading(lines: Iterator[Streamed]) -> Iterator[Streamed]:
    """What is streamed, read in a transaction that takes no lock."""
    # It runs after the request has been torn down, in a transaction of its own that writes nothing.
    read_only(True)
    let_idle(db.session.connection())
    try:
        yield from lines
    finally:
        read_only(False)


def _line(values: Sequence[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([cell(value) for value in values])
    return buffer.getvalue()


def export_arguments() -> dict[str, str]:
    """The arguments of the list that the export repeats."""
    return {key: value for key, value in request.args.items() if key in ("search", "sort", "desc") or key[:3] == "flt"}
