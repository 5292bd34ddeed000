"""Undoings: what a sync job changed here is brought back because a person asked for it; how far that is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.clock import now
from backoffice.database import Base, RowId
from backoffice.models.leased import Leased
from backoffice.models.sync_job import SyncJob
from backoffice.models.user import User


class Undo(Leased, Base):
    """One person's word to undo what one job changed here. One at a time for each job."""

    __tablename__ = "undo"
    __table_args__ = (
        Index("ix_undo_job", "sync_job_id", "id"),
        Index(
            "uq_undo_open",
            "sync_job_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"), index=True)
    sync_job_id: Mapped[int] = mapped_column(ForeignKey("sync_job.id", ondelete="CASCADE"))
    #: Who asked, and whose edits they are.
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    asked_at: Mapped[datetime] = mapped_column(default=now)
    #: The last record that was dealt with.
    last_kind: Mapped[str | None] = mapped_column(String(40))
    last_id: Mapped[int] = mapped_column(RowId, default=0)
    #: How many records there are, were looked at, and were changed by it.
    records: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    #: How many values were brought back, records put away, and values left as they are.
    values: Mapped[int] = mapped_column(default=0)
    archived: Mapped[int] = mapped_column(default=0)
    left: Mapped[int] = mapped_column(default=0)
    #: The first of what was left: kind, record, field and why.
    left_over: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)

    job: Mapped[SyncJob] = relationship()
    user: Mapped[User | None] = relationship()
