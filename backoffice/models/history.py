"""What changed in a record: which field, from what to what, by whom or by which job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from sqlalchemy import JSON, Boolean, Column, Date, Enum, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.clock import now
from backoffice.database import Base, Exact, RowId, UTCDateTime, folded

#: The columns by which people know a record.
KNOWN_BY = frozenset({"name", "number", "code", "reference", "account_number", "email"})


def _formerly(context: Any) -> str | None:
    entry = context.get_current_parameters(isolate_multiinsert_groups=True)
    return folded(entry.get("old"))[:100] or None if entry.get("field") in KNOWN_BY else None


class History(Base):
    """One change of one field, or one event in the life of a record. Never edited."""

    __tablename__ = "history"
    __table_args__ = (
        Index("ix_history_record", "company_id", "kind", "record_id", "id"),
        Index("ix_history_company", "company_id", "at", "id"),
        Index("ix_history_user", "company_id", "user_id", "at", "id"),
        Index("ix_history_job", "sync_job_id", "at", "id"),
        Index(
            "ix_history_formerly",
            "company_id",
            "formerly",
            sqlite_where=text("formerly IS NOT NULL"),
            postgresql_where=text("formerly IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(40))
    record_id: Mapped[int] = mapped_column(RowId)
    #: `created`, `changed`, `deleted`, `linked`, `unlinked`, `overruled`, `archived there` …
    action: Mapped[str] = mapped_column(String(40))
    field: Mapped[str | None] = mapped_column(String(60))
    old: Mapped[str | None] = mapped_column(Text)
    new: Mapped[str | None] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(default=now)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    #: The job that wrote it. No key: it keeps the number of a job that is not kept any more.
    sync_job_id: Mapped[int | None] = mapped_column(RowId)
    #: A name or number that it had before, as it is compared; None for all else.
    formerly: Mapped[str | None] = mapped_column(String(100), default=_formerly)


@dataclass(frozen=True)
class Author:
    """Who writes: a person, a job, or the provider's word brought in by a job."""

    user_id: int | None = None
    sync_job_id: int | None = None


author: ContextVar[Author] = ContextVar("author", default=Author())  # noqa: B039 - it is frozen


@contextmanager
def writing_as(who: Author) -> Iterator[None]:
    """Everything written inside is put down to `who` in the history."""
    token = author.set(who)
    try:
        yield
    finally:
        author.reset(token)


def as_text(value: Any) -> str | None:
    """A value as the history keeps it; of a list, which holds keys, `a, b`."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return None if value is None else str(value)


class Reader(Protocol):
    """Reads a value from the text that the history keeps of it."""

    def __call__(self, text: str, /) -> Any: ...


def from_text(column: Column[Any], text: str | None) -> Any:
    """The value of a column that `as_text` made this of. Raises: ValueError when it can have been none."""
    return None if text is None else _reader(column)(text)


def _reader(column: Column[Any]) -> Reader:
    sort = column.type
    if isinstance(sort, Enum):
        assert sort.enum_class is not None
        return sort.enum_class
    readers: tuple[tuple[type, Reader], ...] = (
        (Boolean, _truth),
        (Exact, _exact),
        (Date, date.fromisoformat),
        (UTCDateTime, datetime.fromisoformat),
        (Integer, int),
        (String, str),
        (JSON, _keys),
    )
    return next((read for kind, read in readers if isinstance(sort, kind)), _unreadable)


def _truth(text: str) -> bool:
    if text not in ("True", "False"):
        raise ValueError(text)
    return text == "True"


def _exact(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError as error:
        raise ValueError(text) from error


def _keys(text: str) -> list[str]:
    found = text.split(", ") if text else []
    if not all(key.isidentifier() for key in found):
        raise ValueError(text)
    return found


def _unreadable(text: str) -> Any:
    raise ValueError(text)
