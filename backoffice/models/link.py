"""Where a record and an organisation meet: what is known there, what is wanted, what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ColumnElement, ForeignKey, Index, String, Text, UniqueConstraint, case, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.clock import now
from backoffice.database import Base, RowId
from backoffice.models.connection import Connection
from backoffice.models.history import History, author


class Direction(StrEnum):
    """Whose word is final for a kind of record."""

    IN = "in"
    OUT = "out"
    BOTH = "both"

    @property
    def sends(self) -> bool:
        return self is not Direction.IN

    @property
    def comes(self) -> bool:
        return self is not Direction.OUT


@dataclass(frozen=True)
class Route:
    """How a kind of record travels to and from one provider."""

    resource: str
    direction: Direction


#: (provider, kind) -> route; the application puts it into every session's `info`.
Routes = Mapping[tuple[str, str], Route]


class LinkState(StrEnum):
    """What a badge says."""

    INTEGRATED = "integrated"
    NOT_INTEGRATED = "not_integrated"
    WAITING = "waiting"
    BLOCKED = "blocked"
    UNCONFIRMED = "unconfirmed"
    REFUSED = "refused"
    PAUSED = "paused"
    CHANGED = "changed"
    GONE = "gone"


class Link(Base):
    """One record in one organisation. Without an external id, a record that waits to be created there."""

    __tablename__ = "link"
    __table_args__ = (
        UniqueConstraint("connection_id", "resource", "kind", "record_id"),
        Index(
            "uq_link_external",
            "connection_id",
            "resource",
            "kind",
            "external_id",
            unique=True,
            sqlite_where=text("external_id IS NOT NULL"),
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        Index(
            "ix_link_pending",
            "connection_id",
            "changed_at",
            sqlite_where=text("wanted_revision > synced_revision"),
            postgresql_where=text("wanted_revision > synced_revision"),
        ),
        Index("ix_link_record", "kind", "record_id"),
        Index(
            "ix_link_refused",
            "connection_id",
            "refusal_cause",
            sqlite_where=text("refusal IS NOT NULL"),
            postgresql_where=text("refusal IS NOT NULL"),
        ),
        Index(
            "ix_link_changed",
            "connection_id",
            sqlite_where=text("changed_there IS NOT NULL"),
            postgresql_where=text("changed_there IS NOT NULL"),
        ),
        Index(
            "ix_link_blocked",
            "connection_id",
            "blocked_kind",
            sqlite_where=text("blocked_kind IS NOT NULL"),
            postgresql_where=text("blocked_kind IS NOT NULL"),
        ),
        Index(
            "ix_link_external_id",
            "external_id",
            sqlite_where=text("external_id IS NOT NULL"),
            postgresql_where=text("external_id IS NOT NULL"),
        ),
        Index(
            "ix_link_let_go",
            "connection_id",
            "let_go_id",
            sqlite_where=text("let_go_id IS NOT NULL"),
            postgresql_where=text("let_go_id IS NOT NULL"),
        ),
        Index(
            "ix_link_merged",
            "connection_id",
            "merged_into_id",
            sqlite_where=text("merged_into_id IS NOT NULL"),
            postgresql_where=text("merged_into_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    resource: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(40))
    record_id: Mapped[int] = mapped_column(RowId)
    external_id: Mapped[str | None] = mapped_column(String(64))
    #: The id it had until somebody unlinked it by hand; their row of that id is left alone.
    let_go_id: Mapped[str | None] = mapped_column(String(64))
    #: Their word for the state we last saw: a time or a digest. None: to be read again by its id.
    external_version: Mapped[str | None] = mapped_column(String(64))
    #: A digest of the values on which both sides last agreed: what differs from it was changed since.
    agreed: Mapped[str | None] = mapped_column(String(64))
    wanted_revision: Mapped[int] = mapped_column(default=0)
    synced_revision: Mapped[int] = mapped_column(default=0)
    changed_at: Mapped[datetime] = mapped_column(default=now)
    synced_at: Mapped[datetime | None]
    synced_by_id: Mapped[int | None] = mapped_column(ForeignKey("sync_job.id", ondelete="SET NULL"), index=True)
    #: The request that carried it and has no outcome yet.
    attempt_id: Mapped[int | None] = mapped_column(ForeignKey("sync_attempt.id", ondelete="SET NULL"), index=True)
    #: Whether it may have been made there already, although nothing here says so: it is looked for before it is sent.
    perhaps_there: Mapped[bool] = mapped_column(default=False)
    #: Why it was turned down: in our words, by which cause, at which column, in theirs.
    refusal: Mapped[str | None] = mapped_column(Text)
    refusal_cause: Mapped[str | None] = mapped_column(String(60))
    refusal_column: Mapped[str | None] = mapped_column(String(60))
    refusal_raw: Mapped[str | None] = mapped_column(Text)
    #: All that was found wrong before it was sent: message, cause and column each; the first one is the refusal.
    findings: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))
    #: What has to come first: another record, or (`match`) somebody's choice among several.
    blocked_kind: Mapped[str | None] = mapped_column(String(40))
    blocked_record_id: Mapped[int | None] = mapped_column(RowId)
    paused: Mapped[bool] = mapped_column(default=False)
    paused_reason: Mapped[str | None] = mapped_column(String(255))
    #: Whether it was paused by being taken off the queue.
    skipped: Mapped[bool] = mapped_column(default=False)
    #: When we last sent it; None for what was made there and never edited here.
    sent_at: Mapped[datetime | None]
    #: What it is there now, in their own JSON, when somebody changed there what we had sent.
    changed_there: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    #: `archived`, `deleted` or `voided` there.
    gone: Mapped[str | None] = mapped_column(String(20))
    #: The record of ours that it was merged into there: what names this one means that one.
    merged_into_id: Mapped[int | None] = mapped_column(RowId)

    connection: Mapped[Connection] = relationship()

    def clear(self) -> None:
        """Forget what stood in the way: the record was edited, or is tried again."""
        for column, value in CLEARED.items():
            setattr(self, column, value)

    @hybrid_property
    def pending(self) -> bool:
        return self.wanted_revision > self.synced_revision

    @hybrid_property
    def state(self) -> LinkState:
        """What the badge says."""
        if self.paused:
            return LinkState.PAUSED
        if self.attempt_id is not None:
            return LinkState.UNCONFIRMED
        if self.refusal is not None:
            return LinkState.REFUSED
        if self.changed_there is not None:
            return LinkState.CHANGED
        if self.pending:
            return LinkState.BLOCKED if self.blocked_kind else LinkState.WAITING
        if self.external_id is None:
            return LinkState.NOT_INTEGRATED
        return LinkState.GONE if self.gone else LinkState.INTEGRATED

    @state.inplace.expression
    @classmethod
    def _state(cls) -> ColumnElement[str]:
        return case(
            (cls.paused, LinkState.PAUSED.value),
            (cls.attempt_id.is_not(None), LinkState.UNCONFIRMED.value),
            (cls.refusal.is_not(None), LinkState.REFUSED.value),
            (cls.changed_there.is_not(None), LinkState.CHANGED.value),
            ((cls.wanted_revision > cls.synced_revision) & cls.blocked_kind.is_not(None), LinkState.BLOCKED.value),
            (cls.wanted_revision > cls.synced_revision, LinkState.WAITING.value),
            (cls.external_id.is_(None), LinkState.NOT_INTEGRATED.value),
            (cls.gone.is_not(None), LinkState.GONE.value),
            else_=LinkState.INTEGRATED.value,
        )


def event(company_id: int, link: Link, action: str, note: str | None = None) -> History:
    """A line in a record's history about its link, put down to whoever writes."""
    who = author.get()
    return History(
        company_id=company_id,
        kind=link.kind,
        record_id=link.record_id,
        action=action,
        new=note,
        user_id=who.user_id,
        sync_job_id=who.sync_job_id,
    )


#: What a link forgets when its record is edited or tried again.
CLEARED: dict[str, Any] = {
    "refusal": None,
    "refusal_cause": None,
    "refusal_column": None,
    "refusal_raw": None,
    "findings": None,
    "blocked_kind": None,
    "blocked_record_id": None,
}
