"""Sync jobs: what was asked for, how far it is, and every list that was read."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.clock import now
from backoffice.database import Base, RowId, choice
from backoffice.models.company import Company
from backoffice.models.connection import Connection
from backoffice.models.user import User


class JobState(StrEnum):
    """Where a sync job stands."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Work(StrEnum):
    """What a sync job does."""

    #: Pull the kinds, then push what is pending of them.
    UPDATE = "update"
    #: Push what is pending.
    PUSH = "push"
    #: Read by their ids what the provider has said was changed there.
    NOTICES = "notices"
    #: Compare both sides whole, and list what differs.
    RECONCILE = "reconcile"
    #: Carry out what people chose about what differs.
    SETTLE = "settle"
    #: Find out what an Update would change, and change nothing.
    PREVIEW = "preview"
    #: Do what was chosen of what a preview found out.
    APPLY = "apply"

    @property
    def covers(self) -> frozenset[Work]:
        """What need not be done by a job of its own while one of this work is open."""
        if self is Work.APPLY:
            return frozenset()  # each does the rows that were chosen for it
        return frozenset((Work.UPDATE, Work.PUSH)) if self is Work.UPDATE else frozenset((self,))

    @property
    def sends(self) -> bool:
        """Whether it sends what waits."""
        return self in (Work.UPDATE, Work.PUSH, Work.APPLY)

    @property
    def only_looks(self) -> bool:
        """Whether it leaves all records as they are, so that one that is under way has the answer to a second."""
        return self in (Work.PREVIEW, Work.RECONCILE)

    @property
    def gathers(self) -> bool:
        """Whether what is asked for later joins the job that waits, and only brings it forward."""
        return self is Work.NOTICES


class Waiting(StrEnum):
    """What a job that was put back waits for."""

    LIMIT = "limit"
    JOB = "job"
    FAILURE = "failure"


class StartedBy(StrEnum):
    """Who or what asked for a job."""

    PERSON = "person"
    SAVE = "save"
    SCHEDULE = "schedule"
    WEBHOOK = "webhook"
    COMMAND = "command"


class Urgency:
    """The smaller, the sooner. A job gives way between two pages to one that is more urgent."""

    PERSON = 0
    ON_SAVE = 1
    BACKGROUND = 2


class SyncJob(Base):
    """One asked-for piece of work. The row is the job; what Redis holds is only the bell."""

    __tablename__ = "sync_job"
    __table_args__ = (
        Index("ix_sync_job_company_state", "company_id", "state", "id"),
        Index("ix_sync_job_ended", "ended_at"),
        Index("ix_sync_job_connection", "connection_id", "ended_at"),
        Index(
            "ix_sync_job_open",
            "due_at",
            sqlite_where=text("state IN ('pending', 'running')"),
            postgresql_where=text("state IN ('pending', 'running')"),
        ),
        Index(
            "uq_sync_job_running",
            "connection_id",
            unique=True,
            sqlite_where=text("state = 'running'"),
            postgresql_where=text("state = 'running'"),
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    work: Mapped[Work] = mapped_column(choice(Work, "work"))
    #: The kinds it covers.
    kinds: Mapped[list[str]] = mapped_column(JSON)
    state: Mapped[JobState] = mapped_column(choice(JobState, "job_state"), default=JobState.PENDING)
    urgency: Mapped[int] = mapped_column(default=Urgency.BACKGROUND)
    #: `Update`, `First sync`, `Nightly`, `On save` …, as people read it.
    title: Mapped[str] = mapped_column(String(80))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    started_by: Mapped[StartedBy] = mapped_column(choice(StartedBy, "started_by"))
    #: The web request that asked for it, as the log names it.
    request_id: Mapped[str | None] = mapped_column(String(64))
    #: Whether lists are read from their beginning, for what changes there without a time.
    thorough: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=now)
    #: When it may be taken up, and what it waits for until then.
    due_at: Mapped[datetime] = mapped_column(default=now)
    waiting_for: Mapped[str | None] = mapped_column(String(255))
    waiting_kind: Mapped[Waiting | None] = mapped_column(choice(Waiting, "waiting_kind"))
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    #: Until when, and in which turn, a worker has it.
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    #: How often in a row it was put back because something did not answer.
    failures: Mapped[int] = mapped_column(default=0)
    #: How often in a row its worker went silent.
    lost_workers: Mapped[int] = mapped_column(default=0)
    #: Somebody asked for the same while it ran: it looks once more before it ends.
    look_again: Mapped[bool] = mapped_column(default=False)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    #: Resources whose empty answer a person has confirmed.
    accept_empty: Mapped[list[str]] = mapped_column(JSON, default=list)
    #: The resource an operator is asked about.
    question: Mapped[str | None] = mapped_column(String(40))
    #: When a later job did what this one failed at.
    made_good_at: Mapped[datetime | None]
    #: Whether it failed because the link to the organisation was lost.
    lost: Mapped[bool] = mapped_column(default=False)
    #: Why it failed, in plain words.
    reason: Mapped[str | None] = mapped_column(Text)
    #: What it could not do or found worth saying, a line each.
    notes: Mapped[list[str]] = mapped_column(JSON, default=list)
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    archived: Mapped[int] = mapped_column(default=0)
    sent: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    calls: Mapped[int] = mapped_column(default=0)
    #: What is being done now: {"text", "done", "total"}.
    progress: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    company: Mapped[Company] = relationship()
    connection: Mapped[Connection] = relationship()
    user: Mapped[User | None] = relationship()

    @property
    def open(self) -> bool:
        return self.state in (JobState.PENDING, JobState.RUNNING)

    @property
    def changed_nothing(self) -> bool:
        """Whether it ended without anything to do."""
        done = self.created + self.updated + self.archived + self.sent + self.refused
        return self.state is JobState.COMPLETED and not done and not self.notes


class PullRun(Base):
    """One reading of one list. The start of the last finished one is the bookmark of the next."""

    __tablename__ = "pull_run"
    __table_args__ = (Index("ix_pull_run_bookmark", "connection_id", "resource", "id"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    sync_job_id: Mapped[int | None] = mapped_column(ForeignKey("sync_job.id", ondelete="SET NULL"), index=True)
    resource: Mapped[str] = mapped_column(String(40))
    #: Changes since this moment by the provider's clock; None reads everything.
    since: Mapped[datetime | None]
    #: The provider's clock with the first answer.
    provider_time: Mapped[datetime | None]
    next_page: Mapped[int] = mapped_column(default=1)
    page_count: Mapped[int | None]
    item_count: Mapped[int | None]
    #: How often the list was read from its start, because rows moved while it was read.
    passes: Mapped[int] = mapped_column(default=1)
    #: Paused kinds whose rows, or what they need to be made, it left out: a later reading has to bring them.
    left_out: Mapped[list[str]] = mapped_column(JSON, default=list)
    finished_at: Mapped[datetime | None]


class PullSeen(Base):
    """An id that a running pull has seen; gone when it has finished."""

    __tablename__ = "pull_seen"

    pull_run_id: Mapped[int] = mapped_column(ForeignKey("pull_run.id", ondelete="CASCADE"), primary_key=True)
    external_id: Mapped[str] = mapped_column(String(64), primary_key=True)


class Tick(Base):
    """One due time of one schedule. The unique key is what lets two schedulers start each thing once."""

    __tablename__ = "tick"

    schedule: Mapped[str] = mapped_column(String(80), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(primary_key=True)
    fired_at: Mapped[datetime] = mapped_column(default=now)
