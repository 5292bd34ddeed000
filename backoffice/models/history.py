"""What changed in a record: which field, from what to what, by whom or by which job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.clock import now
from backoffice.database import Base, RowId


class History(Base):
    """One change of one field, or one event in the life of a record. Never edited."""

    __tablename__ = "history"
    __table_args__ = (Index("ix_history_record", "company_id", "kind", "record_id", "id"),)

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
    sync_job_id: Mapped[int | None] = mapped_column(ForeignKey("sync_job.id", ondelete="SET NULL"), index=True)


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
    """A value as the history keeps it."""
    return None if value is None else str(value)
