"""How a company stands with its accounting system: how fresh it is, what is under way, what waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import g
from sqlalchemy import ColumnElement, func, or_, select

from backoffice.admin.alerts import open_count
from backoffice.admin.company_base import here
from backoffice.admin.company_clock import midnight
from backoffice.admin.links import connection_here, provider_name
from backoffice.admin.pauses import Rest, rest
from backoffice.clock import now
from backoffice.extensions import db
from backoffice.models import Connection, JobState, Link, LinkState, SyncJob, Work
from backoffice.sync import duplicates, jobs
from backoffice.sync.match import QUESTION
from backoffice.sync.reconcile import open_drift

#: So many jobs are looked at for whether what failed was made good since.
LOOKED_AT = 200


@dataclass(frozen=True)
class Freshness:
    """How up to date a company, or one kind of its records, is."""

    provider: str
    organisation: str
    updated_at: datetime | None
    waiting: int
    refused: int
    paused: int
    #: The pause that all of it is in.
    rest: Rest | None = None

    @property
    def in_step(self) -> bool:
        """Whether both sides were compared and nothing waits; what was paused on purpose does not count."""
        return self.updated_at is not None and not self.waiting and not self.refused


def freshness(kinds: Sequence[str] = ()) -> Freshness | None:
    """The line under each title; None while nothing is linked."""
    connection = connection_here()
    if connection is None:
        return None
    links = select(func.count()).select_from(Link).where(Link.connection_id == connection.id)
    if kinds:
        links = links.where(Link.kind.in_(kinds))
    waiting = links.where(Link.wanted_revision > Link.synced_revision, Link.refusal.is_(None), ~Link.paused)
    refused = links.where(turned_down())
    return Freshness(
        provider_name(),
        connection.organisation,
        jobs.last_update(db.session(), connection, kinds),
        db.session.scalar(waiting) or 0,
        db.session.scalar(refused) or 0,
        db.session.scalar(links.where(Link.paused)) or 0,
        rest(kinds),
    )


def brought_in(connection: Connection) -> dict[str, datetime]:
    """When each kind was last brought in to its end; those that were not are left out."""
    ended = db.session.execute(
        select(SyncJob.kinds, SyncJob.ended_at)
        .where(SyncJob.connection_id == connection.id, SyncJob.state == JobState.COMPLETED)
        .where(SyncJob.work == Work.UPDATE)
        .order_by(SyncJob.ended_at.desc())
        .limit(LOOKED_AT)
    )
    found: dict[str, datetime] = {}
    for kinds, at in ended:
        if at is not None:
            found = {**dict.fromkeys(kinds, at), **found}
    return found


def open_job(kinds: Sequence[str]) -> SyncJob | None:
    """The job that covers some of these kinds just now."""
    query = (
        select(SyncJob)
        .where(SyncJob.company_id == g.company.id, SyncJob.state.in_(jobs.OPEN), SyncJob.work != Work.RECONCILE)
        .order_by(SyncJob.state.desc(), SyncJob.id)
        .limit(20)
    )
    return next((job for job in db.session.scalars(query) if set(job.kinds) & set(kinds)), None)


def reading(connection: Connection) -> SyncJob | None:
    """The job that has not read the organisation's lists to their end yet; one asked for later is none."""
    under_way = or_(SyncJob.due_at <= now(), SyncJob.waiting_kind.is_not(None))
    query = select(SyncJob).where(
        SyncJob.connection_id == connection.id,
        SyncJob.work == Work.UPDATE,
        or_(SyncJob.state == JobState.RUNNING, (SyncJob.state == JobState.PENDING) & under_way),
    )
    return db.session.scalar(query.order_by(SyncJob.state.desc(), SyncJob.id).limit(1))


def matches_waiting(connection: Connection) -> int:
    """How many records wait for a person to say which one they are there, or for the first push to be confirmed."""
    links = select(func.count()).select_from(Link).where(Link.connection_id == connection.id)
    if connection.push_confirmed_at is None:
        return db.session.scalar(links.where(Link.external_id.is_(None) | Link.pending, ~Link.paused)) or 0
    return db.session.scalar(links.where(Link.blocked_kind == QUESTION)) or 0


def failures(connection: Connection) -> list[SyncJob]:
    """The failed jobs that no later job has made good, the newest first; but for those that the lost link explains."""
    mine = select(SyncJob).where(SyncJob.company_id == here().id, SyncJob.connection_id == connection.id)
    newest = SyncJob.ended_at.desc()
    failed = mine.where(SyncJob.state == JobState.FAILED).order_by(newest).limit(LOOKED_AT)
    found = db.session.scalars(failed).all()
    if not found:
        return []
    done = mine.where(SyncJob.state == JobState.COMPLETED).order_by(newest).limit(LOOKED_AT)
    completed = db.session.scalars(done).all()
    told = [job for job in found if job.reason is None or job.reason != connection.problem]
    return [job for job in told if job.question or not any(_makes_good(other, job) for other in completed)]


def _makes_good(done: SyncJob, failed: SyncJob) -> bool:
    after = bool(done.ended_at and failed.ended_at and done.ended_at > failed.ended_at)
    return after and done.work in (failed.work, Work.UPDATE) and set(failed.kinds) <= set(done.kinds)


def needs_you() -> dict[str, int]:
    """How many things wait for a person, by page."""
    connection = connection_here()
    if connection is None:
        return {"integrations": 1}
    refused = select(func.count()).where(Link.connection_id == connection.id, turned_down())
    return {
        "sync_queue": (db.session.scalar(refused) or 0) + changed_there(connection),
        "sync_jobs": len(failures(connection)),
        "matches": matches_waiting(connection),
        "integrations": 0 if connection.usable else 1,
        "alerts": open_count(),
        "drift": sum(open_drift(db.session(), connection).values()),
        "duplicates": sum(duplicates.likely(db.session(), here().id).values()),
    }


def changed_there(connection: Connection | None) -> int:
    """How many records were changed on the other side after we had sent them, and wait for a choice."""
    if connection is None:
        return 0
    query = (
        select(func.count())
        .select_from(Link)
        .where(Link.connection_id == connection.id, Link.state == LinkState.CHANGED.value)
    )
    return db.session.scalar(query) or 0


def turned_down() -> ColumnElement[bool]:
    """Refused, and not set aside by a person since."""
    return Link.refusal.is_not(None) & ~Link.paused


@dataclass(frozen=True)
class Cause:
    """What was refused for one cause, by kind."""

    cause: str
    kind: str
    #: One of the reasons, in our words.
    text: str
    count: int


def causes(connection: Connection | None, most: int) -> list[Cause]:
    """Why records were refused, the most frequent first."""
    if connection is None:
        return []
    query = (
        select(Link.refusal_cause, Link.kind, func.min(Link.refusal), func.count())
        .where(Link.connection_id == connection.id, turned_down())
        .group_by(Link.refusal_cause, Link.kind)
        .order_by(func.count().desc())
        .limit(most)
    )
    return [Cause(cause or "", kind, text or "", count) for cause, kind, text, count in db.session.execute(query)]


def calls_today() -> int:
    """Calls made for the company here since midnight, by its own clock."""
    query = select(func.sum(SyncJob.calls)).where(
        SyncJob.company_id == here().id, func.coalesce(SyncJob.ended_at, SyncJob.created_at) >= midnight(here())
    )
    return db.session.scalar(query) or 0
