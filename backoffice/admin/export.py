"""CSV files: every row of the list as it is filtered, streamed, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from flask import Response, abort, request, stream_with_context
from flask_admin import expose

from backoffice.admin import links
from backoffice.admin.company_base import Page
from backoffice.clock import now
from backoffice.database import read_only

CHUNK = 500
#: A spreadsheet takes a cell that begins so for a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


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
    return f"'{text}" if not isinstance(value, (int, Decimal)) and text.startswith(FORMULA_STARTS) else text


class CsvExport(Page):
    """The export of a list."""

    @expose("/export/<export_type>/")
    def export(self, export_type: str) -> Response:
        if export_type != "csv":
            abort(404)
        name = f"{self.path}-{now():%Y-%m-%d}.csv"
        return Response(
            stream_with_context(self._lines()),
            mimetype="text/csv",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def _exported(self) -> Any:
        args = self._get_list_extra_args()
        by = self._get_column_by_idx(args.sort)
        _, query = self.get_list(
            0, by[0] if by else None, args.sort_desc, args.search, args.filters, execute=False, page_size=0
        )
        return query.order_by(self.record.id).yield_per(CHUNK)

    def export_columns(self) -> Sequence[str]:
        """The columns of the file: what the form holds."""
        return [c for c in self.record.business_columns() if c in self.record.__table__.c]

    def _lines(self) -> Iterator[str]:
        # It runs after the request has been torn down, in a transaction of its own that writes nothing.
        read_only(True)
        try:
            columns = self.export_columns()
            yield _line([*(self.get_column_name(column) for column in columns), *(["State"] if self.synced else [])])
            for rows in batched(self._exported(), CHUNK):
                yield from map(_line, self._cells(rows, columns))
        finally:
            read_only(False)

    def _cells(self, rows: Sequence[Any], columns: Sequence[str]) -> Iterator[list[Any]]:
        known = links.links_of(self.record.kind, [row.id for row in rows]) if self.synced else {}
        for row in rows:
            state = [links.badge(known.get(row.id)).text] if self.synced else []
            yield [*(getattr(row, column) for column in columns), *state]


def _line(values: Sequence[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([cell(value) for value in values])
    return buffer.getvalue()


def export_arguments() -> dict[str, str]:
    """The arguments of the list that the export repeats."""
    return {key: value for key, value in request.args.items() if key in ("search", "sort", "desc") or key[:3] == "flt"}
