"""Requests that write: put down with their key before they are sent, with what became of each record in them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.clock import now
from backoffice.database import Base, RowId, choice


class AttemptState(StrEnum):
    """What is known of a request."""

    OPEN = "open"
    ANSWERED = "answered"
    SETTLED = "settled"


class SyncAttempt(Base):
    """One request that writes, with its key: put down before it is sent, closed when its outcome is known."""

    __tablename__ = "sync_attempt"
    __table_args__ = (
        Index(
            "ix_sync_attempt_open",
            "connection_id",
            "id",
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    sync_job_id: Mapped[int | None] = mapped_column(ForeignKey("sync_job.id", ondelete="SET NULL"), index=True)
    resource: Mapped[str] = mapped_column(String(40))
    #: `create` or `update`.
    action: Mapped[str] = mapped_column(String(20))
    idempotency_key: Mapped[str] = mapped_column(String(128), unique=True)
    state: Mapped[AttemptState] = mapped_column(choice(AttemptState, "attempt_state"), default=AttemptState.OPEN)
    created_at: Mapped[datetime] = mapped_column(default=now)
    answered_at: Mapped[datetime | None]
    #: The status of the answer, if one came.
    status: Mapped[int | None]
    #: The provider's own name of the answer, for its support.
    correlation: Mapped[str | None] = mapped_column(String(64))
    #: What happened, in plain words, when it is not simply done.
    note: Mapped[str | None] = mapped_column(Text)

    items: Mapped[list[SyncAttemptItem]] = relationship(
        back_populates="attempt", order_by="SyncAttemptItem.position", cascade="all, delete-orphan"
    )


class SyncAttemptItem(Base):
    """One record in a request: which revision of it was sent, and what became of it."""

    #: The outcome of what nobody could find out; once it is retried or edited, it is looked for before it is sent.
    SET_ASIDE = "set aside"

    __tablename__ = "sync_attempt_item"
    __table_args__ = (
        UniqueConstraint("attempt_id", "position"),
        Index(
            "ix_sync_attempt_item_set_aside",
            "link_id",
            sqlite_where=text("outcome = 'set aside'"),
            postgresql_where=text("outcome = 'set aside'"),
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("sync_attempt.id", ondelete="CASCADE"))
    position: Mapped[int]
    link_id: Mapped[int] = mapped_column(ForeignKey("link.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(40))
    record_id: Mapped[int] = mapped_column(RowId)
    revision: Mapped[int]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: `sent`, `refused`, `adopted`, `not there`, `set aside`; empty while unknown.
    outcome: Mapped[str | None] = mapped_column(String(20))
    message: Mapped[str | None] = mapped_column(Text)

    attempt: Mapped[SyncAttempt] = relationship(back_populates="items")
