"""Columns of filters whose values are taken out of a row's body."""

from __future__ import annotations

from backoffice.sandbox.xero.where import Column


def date_column(path: str) -> Column:
    """A date in the body: the milliseconds inside of `/Date(...)/`."""
    return Column(f"CAST(substr(json_extract(body, '$.{path}'), 7) AS INTEGER)", "date")


def ascii_column(path: str) -> Column:
    """A text of plain letters, which SQLite can compare by itself."""
    return Column(f"lower(json_extract(body, '$.{path}'))", "text", folded=True)
