"""Drift: in what the two sides differed when they were last compared whole, and what a person did about it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, String, and_, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.clock import now
from backoffice.database import Base, RowId, choice
from backoffice.models.sync_job import JobState, SyncJob
from backoffice.models.user import User


class Cause(StrEnum):
    """What a difference most likely came from."""

    DELETED_THERE = "deleted_there"
    ARCHIVED_THERE = "archived_there"
    VOIDED_THERE = "voided_there"
    MERGED_THERE = "merged_there"
    #: Archived or voided here, in use there.
    ALIVE_THERE = "alive_there"
    EDITED_SILENTLY = "edited_silently"
    EDITED_THERE = "edited_there"
    RENAMED_THERE = "renamed_there"
    #: What only they decide: marks, money due, where a document stands.
    MARKS_MOVED = "marks_moved"
    MADE_THERE = "made_there"
    CHANGED_HERE = "changed_here"


class Settled(StrEnum):
    """What became of a difference."""

    THEIRS = "theirs"
    OURS = "ours"
    CREATED_AGAIN = "created_again"
    UNLINKED = "unlinked"
    #: Nobody decided anything: an Update, or somebody on either side, made both equal.
    BY_ITSELF = "by_itself"


class Reconciliation(Base):
    """One comparison of everything on both sides; unfinished while its job is under way."""

    __tablename__ = "reconciliation"
    __table_args__ = (Index("ix_reconciliation_connection", "connection_id", "id"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    sync_job_id: Mapped[int | None] = mapped_column(ForeignKey("sync_job.id", ondelete="SET NULL"), index=True)
    started_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]
    #: How many differences there were, those left as they are not counted.
    differences: Mapped[int] = mapped_column(default=0)
    #: Whether all was seen: without it, no difference does not mean that both sides are equal.
    complete: Mapped[bool] = mapped_column(default=False)
    calls: Mapped[int] = mapped_column(default=0)

    lists: Mapped[list[ComparedList]] = relationship(order_by="ComparedList.id", cascade="all, delete-orphan")


class ComparedList(Base):
    """One list of theirs as a reconciliation reads it, resumable after every page."""

    __tablename__ = "compared_list"
    __table_args__ = (Index("ix_compared_list_reconciliation", "reconciliation_id", "resource"),)
    #: Everything is read.
    since = None

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    reconciliation_id: Mapped[int] = mapped_column(ForeignKey("reconciliation.id", ondelete="CASCADE"))
    resource: Mapped[str] = mapped_column(String(40))
    provider_time: Mapped[datetime | None]
    next_page: Mapped[int] = mapped_column(default=1)
    page_count: Mapped[int | None]
    item_count: Mapped[int | None]
    passes: Mapped[int] = mapped_column(default=1)
    finished_at: Mapped[datetime | None]
    #: Whether as many rows were seen as the provider counts, and what was missing was looked for.
    complete: Mapped[bool] = mapped_column(default=False)
    #: By kind: {"ours", "theirs", "differences", "explained": {why: how many}}.
    counts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class ComparedSeen(Base):
    """A row of theirs that an unfinished reading has seen, and what explained it; gone when the list is finished."""

    __tablename__ = "compared_seen"

    list_id: Mapped[int] = mapped_column(ForeignKey("compared_list.id", ondelete="CASCADE"), primary_key=True)
    #: Empty for a row of the list that is of no kind of ours.
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    external_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    #: Whether it belongs to a record of ours; where it does not, whether the company wants it.
    known: Mapped[bool]
    wanted: Mapped[bool]
    #: Why it was not compared: it waits, is paused …
    explained: Mapped[str | None] = mapped_column(String(20))


class Drift(Base):
    """A difference between the two sides that waits for somebody, or how it was settled."""

    __tablename__ = "drift"
    __table_args__ = (
        Index(
            "uq_drift_open",
            "connection_id",
            "kind",
            "external_id",
            unique=True,
            sqlite_where=text("settled_at IS NULL"),
            postgresql_where=text("settled_at IS NULL"),
        ),
        Index("ix_drift_company", "company_id", "settled_at"),
        Index("ix_drift_record", "kind", "record_id"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(40))
    #: Ours; None for what was made there.
    record_id: Mapped[int | None] = mapped_column(RowId)
    external_id: Mapped[str] = mapped_column(String(64))
    #: What people call it, as it was when it was found.
    name: Mapped[str] = mapped_column(String(255), default="")
    cause: Mapped[Cause] = mapped_column(choice(Cause, "drift_cause"))
    #: [{"column", "label", "ours", "theirs"}]
    differences: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    #: What it is there, in their own JSON; None where it is not there.
    payload: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    version: Mapped[str | None] = mapped_column(String(64))
    #: The same as long as the same things differ.
    fingerprint: Mapped[str] = mapped_column(String(64))
    #: The difference that this one comes with, and is settled with.
    because_id: Mapped[int | None] = mapped_column(ForeignKey("drift.id", ondelete="SET NULL"), index=True)
    #: The reconciliation that saw it last.
    reconciliation_id: Mapped[int | None] = mapped_column(
        ForeignKey("reconciliation.id", ondelete="SET NULL"), index=True
    )
    found_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now)
    found_by_id: Mapped[int | None] = mapped_column(ForeignKey("sync_job.id", ondelete="SET NULL"), index=True)
    #: The job that is to take theirs, as somebody chose; it holds for that job alone.
    taking_id: Mapped[int | None] = mapped_column(ForeignKey("sync_job.id", ondelete="SET NULL"), index=True)
    #: When somebody left it as it is, until it changes again.
    left_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    settled: Mapped[Settled | None] = mapped_column(choice(Settled, "drift_settled"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))

    user: Mapped[User | None] = relationship()
    taking: Mapped[SyncJob | None] = relationship(foreign_keys=[taking_id])

    @property
    def in_hand(self) -> bool:
        """Whether a job that is under way is to settle it."""
        return self.taking is not None and self.taking.open

    @classmethod
    def free(cls) -> ColumnElement[bool]:
        """Which of them no job that is under way is to settle."""
        return ~cls.taking.has(SyncJob.state.in_((JobState.PENDING, JobState.RUNNING)))

    @classmethod
    def waits(cls) -> ColumnElement[bool]:
        """Which of them wait for somebody to decide; what comes with another is decided with it."""
        return and_(cls.settled_at.is_(None), cls.left_at.is_(None), cls.because_id.is_(None))
