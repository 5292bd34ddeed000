"""How a company stands with its accounting system: how fresh it is, what is under way, what waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import g
from sqlalchemy import func, select

from backoffice.admin.company_base import here
from backoffice.admin.company_clock import midnight
from backoffice.admin.links import connection_here, provider_name
from backoffice.admin.pauses import Rest, rest
from backoffice.extensions import db
from backoffice.models import Connection, Link, Need, SyncJob, Work
from backoffice.notifying.words import page
from backoffice.sync import freshness as fresh
from backoffice.sync import jobs, needs

#: So many failures are named; the others are counted.
FAILURES = 3


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
    waiting = links.where(needs.on_its_way())
    refused = links.where(needs.turned_down())
    return Freshness(
        provider_name(),
        connection.organisation,
        fresh.last_update(db.session(), connection.id, kinds),
        db.session.scalar(waiting) or 0,
        db.session.scalar(refused) or 0,
        db.session.scalar(links.where(Link.paused)) or 0,
        rest(kinds),
    )


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
    mine = SyncJob.connection_id == connection.id, SyncJob.work == Work.UPDATE
    query = select(SyncJob).where(*mine, jobs.covers_now())
    return db.session.scalar(query.order_by(SyncJob.state.desc(), SyncJob.id).limit(1))


def matches_waiting(connection: Connection) -> int:
    """How many records wait for a person to say which one they are there, or for the first push to be confirmed."""
    links = select(func.count()).select_from(Link).join(Connection, Connection.id == Link.connection_id)
    waiting = needs.in_doubt() | needs.unconfirmed()
    return db.session.scalar(links.where(Link.connection_id == connection.id, waiting)) or 0


def failures(connection: Connection) -> Sequence[SyncJob]:
    """The latest failures that stand."""
    standing = select(SyncJob).where(SyncJob.connection_id == connection.id, fresh.failed())
    return db.session.scalars(standing.order_by(SyncJob.ended_at.desc()).limit(FAILURES)).all()


#: The endpoints of the pages on which a person sees to each need.
PAGES = {need: page(need).replace("-", "_") for need in Need}


def needs_you() -> dict[str, int]:
    """How many things wait for a person, by page; a company that is not linked waits for that."""
    found = needs.of_companies(db.session(), [here().id])[here().id]
    by_page = dict.fromkeys(PAGES.values(), 0)
    for need, endpoint in PAGES.items():
        by_page[endpoint] += found[need]
    return by_page if connection_here() else {**by_page, "integrations": 1}


def changed_there(connection: Connection | None) -> int:
    """How many records were changed on the other side after we had sent them, and wait for a choice."""
    if connection is None:
        return 0
    mine = Link.connection_id == connection.id, needs.changed_there()
    return db.session.scalar(select(func.count()).select_from(Link).where(*mine)) or 0


@dataclass(frozen=True)
class Cause:
    """What was refused for one cause, by kind."""

    cause: str
    kind: str
    #: The reason in our words; where it differs from record to record, what it is about and one of them.
    text: str
    count: int


def causes(connection: Connection | None, most: int) -> list[Cause]:
    """Why records were refused, the most frequent first."""
    if connection is None:
        return []
    query = (
        select(Link.refusal_cause, Link.kind, func.min(Link.refusal), func.max(Link.refusal), func.count())
        .where(Link.connection_id == connection.id, needs.turned_down())
        .group_by(Link.refusal_cause, Link.kind)
        .order_by(func.count().desc())
        .limit(most)
    )
    return [
        Cause(cause or "", kind, _in_common(cause or "", first or "", last or ""), count)
        for cause, kind, first, last, count in db.session.execute(query)
    ]


def _in_common(cause: str, first: str, last: str) -> str:
    """What records that were refused for one cause have in common, `first` and `last` being two of their reasons."""
    if first == last:
        return first
    return f"{cause.replace('_', ' ').capitalize()}, for one: {first}"


def calls_today() -> int:
    """Calls made for the company here since midnight, by its own clock."""
    query = select(func.sum(SyncJob.calls)).where(
        SyncJob.company_id == here().id, func.coalesce(SyncJob.ended_at, SyncJob.created_at) >= midnight(here())
    )
    return db.session.scalar(query) or 0
