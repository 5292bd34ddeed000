"""A change as the history tells it: which field of which record, from what to what; and what stands there now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Integer, or_, select
from sqlalchemy.orm import Session

from backoffice.models import Document, History, Line, Record
from backoffice.models.history import as_text, from_text
from backoffice.models.line_changes import LINES, line_key, of_line


@dataclass(frozen=True)
class Change:
    """One field that was changed, as text; over several changes in a row, from the first to the last."""

    field: str
    old: str | None
    new: str | None
    #: The line of the history that tells of it first.
    since: int

    @classmethod
    def of(cls, row: History) -> Change:
        return cls(row.field or "", row.old, row.new, row.id)

    @property
    def line(self) -> tuple[int, str | None] | None:
        """The number of the line and its column, if it is about one."""
        return of_line(self.field)

    def column(self, record: Record) -> Column[Any] | None:
        """The column that was changed; None for a whole line, or for one that there is no more."""
        if self.line is None:
            return record.table().c.get(self.field)
        name = self.line[1] or ""
        return type(record).line.table().c.get(name) if isinstance(record, Document) else None

    def holder(self, record: Record) -> Record | Line | None:
        """The row that holds the value: the record, or one of its lines."""
        if self.line is None:
            return record
        lines = record.lines if isinstance(record, Document) else []
        return lines[self.line[0] - 1] if 0 < self.line[0] <= len(lines) else None

    def value(self, record: Record) -> Any:
        """What stands there now."""
        column, holder = self.column(record), self.holder(record)
        return getattr(holder, column.key) if column is not None and holder is not None else None

    def now(self, record: Record) -> str | None:
        """The same as the history would keep it."""
        return as_text(self.value(record))

    def before(self, record: Record) -> Any:
        """What stood there. Raises: ValueError when that cannot be made out any more."""
        return self._read(record, self.old)

    def undone(self, record: Record) -> bool:
        """Whether what stood there before stands there now."""
        return self._holds(record, self.old)

    def stands(self, record: Record) -> bool:
        """Whether what it was changed to stands there now."""
        return self._holds(record, self.new)

    def _holds(self, record: Record, text: str | None) -> bool:
        """Whether a value is that of a text; 12.5 is 12.5000."""
        try:
            return bool(self.value(record) == self._read(record, text))
        except ValueError:
            return False

    def _read(self, record: Record, text: str | None) -> Any:
        column = self.column(record)
        if column is None:
            raise ValueError(self.field)
        return from_text(column, text)


def same_line(session: Session, record: Record, change: Change) -> bool:
    """Whether the line of that number is still the one it was: none came, went or moved since, there or before it."""
    if change.line is None:
        return True
    number = change.line[0]
    mine = History.company_id == record.company_id, History.kind == record.kind, History.record_id == record.id
    moved = History.field.like(f"{LINES}.%.position") & (History.old == str(number))
    came = History.field.in_([line_key(at) for at in range(1, number + 1)] + [line_key(number, "position")])
    later = select(History.id).where(*mine, History.id > change.since, or_(moved, came))
    return session.scalar(later.limit(1)) is None


def is_reference(column: Column[Any]) -> bool:
    """Whether a column names another record."""
    return isinstance(column.type, Integer) and bool(column.foreign_keys)
