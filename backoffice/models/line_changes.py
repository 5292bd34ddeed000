"""What the history keeps of a document's lines: which field of which line, named alike by everybody who writes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

LINES = "lines"


def line_key(number: int, column: str | None = None) -> str:
    """A field of a line as it is written out: `lines.2.quantity`; `lines.2` is the whole line."""
    return f"{LINES}.{number}.{column}" if column else f"{LINES}.{number}"


def of_line(key: str | None) -> tuple[int, str | None] | None:
    """The number of a line and the column that a key names; None for a key of something else."""
    start, _, rest = (key or "").partition(".")
    number, _, column = rest.partition(".")
    return (int(number), column or None) if start == LINES and number.isdecimal() else None


def line_words(description: str | None, item_code: str | None) -> str:
    """A whole line in words."""
    return description or item_code or "a line"


def line_changes(number: int, found: Iterable[tuple[str | None, Any, Any]]) -> Iterator[tuple[str, Any, Any]]:
    """What changes in one line, as the history keeps it; without a column, the whole line comes or goes."""
    for column, old, new in found:
        yield line_key(number, column), old, new
