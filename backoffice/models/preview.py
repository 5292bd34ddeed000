"""Previews: what an Update or a push would do, row by row, offered for a day."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.clock import now
from backoffice.database import Base, RowId, choice
from backoffice.models.connection import Connection
from backoffice.models.sync_job import JobState, SyncJob

#: How long its rows can be applied.
OFFERED = timedelta(days=1)


class Foreseen(StrEnum):
    """What would become of a record, here or there."""

    NEW = "new"
    CHANGED = "changed"
    ARCHIVED = "archived"
    LINKED = "linked"
    #: It was edited on both sides; ours stays, and goes.
    OVERRULED = "overruled"
    #: Somebody has to choose first, or another record has to come first.
    WAITS = "waits"
    REFUSED = "refused"

    @property
    def applies(self) -> bool:
        """Whether anything happens if it is applied."""
        return self not in (Foreseen.OVERRULED, Foreseen.WAITS, Foreseen.REFUSED)


APPLYING = [action for action in Foreseen if action.applies]
#: How a job ends that has not done what it was to.
NOT_THROUGH = (JobState.FAILED, JobState.CANCELLED)


class Preview(Base):
    """What one job found out. The job has its kinds, its calls and its notes."""

    __tablename__ = "preview"
    __table_args__ = (Index("ix_preview_connection", "connection_id", "id"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    sync_job_id: Mapped[int] = mapped_column(ForeignKey("sync_job.id", ondelete="CASCADE"), unique=True)
    #: Whether it is about a push; else about an Update.
    push_only: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(default=now)
    #: When it was found out; None while its job is at it.
    taken_at: Mapped[datetime | None]
    #: How many calls an Update or push of the same makes.
    calls: Mapped[int | None]

    job: Mapped[SyncJob] = relationship()
    connection: Mapped[Connection] = relationship()

    @property
    def offered(self) -> bool:
        """Whether its rows can still be applied."""
        return self.taken_at is not None and self.taken_at > now() - OFFERED


class PreviewRow(Base):
    """One record that would be written, here or there, or that would be refused or wait."""

    __tablename__ = "preview_row"
    __table_args__ = (Index("ix_preview_row_kind", "preview_id", "outgoing", "kind", "action", "id"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"))
    preview_id: Mapped[int] = mapped_column(ForeignKey("preview.id", ondelete="CASCADE"))
    #: Whether it would be written there; else here.
    outgoing: Mapped[bool]
    kind: Mapped[str] = mapped_column(String(40))
    #: The record here; None for one that is not here yet.
    record_id: Mapped[int | None] = mapped_column(RowId)
    #: The id of the row of theirs with which it comes: its own, or that of the record that it is a part of.
    source_id: Mapped[str | None] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(500))
    action: Mapped[Foreseen] = mapped_column(choice(Foreseen, "foreseen"))
    #: The fields that would change: {"column", "from", "to"}, as the history keeps them, records by their names.
    differences: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    #: Why it would be refused or wait, and what else is worth saying.
    reason: Mapped[str | None] = mapped_column(Text)
    #: The job that applies it.
    applied_by_id: Mapped[int | None] = mapped_column(ForeignKey("sync_job.id", ondelete="SET NULL"), index=True)

    applied_by: Mapped[SyncJob | None] = relationship()

    @hybrid_property
    def open(self) -> bool:
        """Whether it is still offered: nobody applied it, or the job that was to has not got through."""
        job = self.applied_by
        return self.action.applies and (job is None or job.state in NOT_THROUGH)

    @open.inplace.expression
    @classmethod
    def _open(cls) -> ColumnElement[bool]:
        through = cls.applied_by_id.is_not(None) & ~cls.applied_by.has(SyncJob.state.in_(NOT_THROUGH))
        return cls.action.in_(APPLYING) & ~through


class PreviewAnswer(Base):
    """What the provider answered while a preview is taken, until it is."""

    __tablename__ = "preview_answer"
    __table_args__ = (UniqueConstraint("preview_id", "question"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"))
    preview_id: Mapped[int] = mapped_column(ForeignKey("preview.id", ondelete="CASCADE"))
    question: Mapped[str] = mapped_column(String(255))
    #: JSON, compressed.
    content: Mapped[bytes] = mapped_column(LargeBinary)
