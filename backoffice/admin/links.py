"""What is known of records on the other side: the links, badges and counts that pages show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from flask import current_app, g
from sqlalchemy import func, select

from backoffice.admin.words import LINK_BADGES, Badge, kind_label, relative
from backoffice.extensions import db
from backoffice.models import KINDS, Connection, JobState, Link, LinkState, Record, SyncJob
from backoffice.sync.match import QUESTION
from backoffice.sync.provider import Provider

#: Jobs that bring a company up to date, for the freshness line.
FIRST_WORDS = 60


def connection_here() -> Connection | None:
    """The active connection of the company whose page this is; read once a request."""
    if "connection" not in g:
        query = select(Connection).where(Connection.company_id == g.company.id, Connection.active)
        g.connection = db.session.scalar(query)
    found: Connection | None = g.connection
    return found


def provider_of(connection: Connection) -> Provider | None:
    """The accounting system of a connection, if this deployment still has it."""
    found: Provider | None = current_app.extensions["providers"].get(connection.provider)
    return found


def provider_here() -> Provider | None:
    """The accounting system that this company is linked to."""
    connection = connection_here()
    return provider_of(connection) if connection else None


def provider_name() -> str:
    """What the accounting system of this company is called."""
    provider = provider_here()
    return provider.name if provider else "the accounting system"


def sends(kind: str) -> bool:
    """Whether our edits of this kind go to the other side; true as long as nothing is linked."""
    connection = connection_here()
    route = connection and db.session.info.get("routes", {}).get((connection.provider, kind))
    return not route or route.direction.sends


def routed(kind: str) -> bool:
    """Whether this kind travels to or from the linked organisation at all."""
    connection = connection_here()
    return bool(connection and (connection.provider, kind) in db.session.info.get("routes", {}))


def links_of(kind: str, record_ids: Iterable[int]) -> dict[int, Link]:
    """The links of these records in the linked organisation, by record."""
    connection, ids = connection_here(), list(record_ids)
    if connection is None or not ids:
        return {}
    query = select(Link).where(Link.connection_id == connection.id, Link.kind == kind, Link.record_id.in_(ids))
    return {link.record_id: link for link in db.session.scalars(query)}


def link_of(record: Record) -> Link | None:
    return links_of(record.kind, [record.id]).get(record.id)


def read_only(record: Record, link: Link | None) -> bool:
    """Whether the other side has the final word on this record."""
    return bool(link and link.external_id and not sends(record.kind))


def badge(link: Link | None) -> Badge:
    """What is known of a record, with since when and by which job."""
    if link is None:
        return LINK_BADGES[LinkState.NOT_INTEGRATED]
    plain = LINK_BADGES[link.state]
    word = plain.word.format(provider=provider_name())
    if link.state is LinkState.REFUSED:
        word = f"Refused: {shortened(link.refusal or '')}"
    elif link.state is LinkState.BLOCKED:
        word = f"Blocked by {blocker_name(link)}"
    return replace(plain, word=word, tooltip=_tooltip(link))


def shortened(text: str) -> str:
    return text if len(text) <= FIRST_WORDS else f"{text[: FIRST_WORDS - 1].rstrip()}…"


def _tooltip(link: Link) -> str:
    if link.state is LinkState.REFUSED:
        return link.refusal or ""
    if link.state is LinkState.PAUSED:
        return link.paused_reason or "Paused here: nothing of it is sent or brought in"
    if link.pending:
        return f"Waiting since {relative(link.changed_at)}"
    if link.synced_at is None:
        return ""
    job = f" by sync job {link.synced_by_id}" if link.synced_by_id else ""
    return f"Equal on both sides {relative(link.synced_at)}{job}"


def record_at(kind: str | None, record_id: int | None) -> Record | None:
    """A record of this company by kind and number."""
    model = KINDS.get(kind or "")
    found = db.session.get(model, record_id) if model and record_id else None
    return found if found and found.company_id == g.company.id else None


def matches_waiting(connection: Connection) -> int:
    """How many records wait for a person to say which one they are there, or for the first push to be confirmed."""
    links = select(func.count()).select_from(Link).where(Link.connection_id == connection.id)
    if connection.push_confirmed_at is None:
        return db.session.scalar(links.where(Link.external_id.is_(None), ~Link.paused)) or 0
    return db.session.scalar(links.where(Link.blocked_kind == QUESTION)) or 0


def blocker_name(link: Link) -> str:
    """The name of what has to go first."""
    if link.blocked_kind == QUESTION:
        return "a question: which one is it?"
    blocker = record_at(link.blocked_kind, link.blocked_record_id)
    return f"{kind_label(link.blocked_kind or '')} {blocker}" if blocker else kind_label(link.blocked_kind or "record")


def record_url(link: Link | None) -> str | None:
    """Where a person sees the record on the other side's own pages."""
    provider = link and provider_of(link.connection)
    if not link or not provider or not link.external_id:
        return None
    return provider.record_url(link.connection, link.kind, link.external_id)


@dataclass(frozen=True)
class Freshness:
    """How up to date a company, or one kind of its records, is."""

    provider: str
    organisation: str
    updated_at: datetime | None
    waiting: int
    refused: int


def freshness(kinds: list[str] | None = None) -> Freshness | None:
    """The line under each title; None while nothing is linked."""
    connection = connection_here()
    if connection is None:
        return None
    links = select(func.count()).select_from(Link).where(Link.connection_id == connection.id)
    if kinds:
        links = links.where(Link.kind.in_(kinds))
    waiting = links.where(Link.wanted_revision > Link.synced_revision, Link.refusal.is_(None))
    refused = links.where(Link.refusal.is_not(None))
    return Freshness(
        provider_name(),
        connection.organisation,
        last_update(connection),
        db.session.scalar(waiting) or 0,
        db.session.scalar(refused) or 0,
    )


def last_update(connection: Connection) -> datetime | None:
    """When a job last brought the company up to date."""
    done = SyncJob.state == JobState.COMPLETED
    query = select(func.max(SyncJob.ended_at)).where(SyncJob.connection_id == connection.id, done)
    return db.session.scalar(query)


def open_job(kinds: list[str]) -> SyncJob | None:
    """The job that covers some of these kinds just now."""
    query = (
        select(SyncJob)
        .where(SyncJob.company_id == g.company.id, SyncJob.state.in_([JobState.RUNNING, JobState.PENDING]))
        .order_by(SyncJob.state.desc(), SyncJob.id)
        .limit(20)
    )
    return next((job for job in db.session.scalars(query) if set(job.kinds) & set(kinds)), None)


def needs_you() -> dict[str, int]:
    """How many things wait for a person, by page."""
    connection = connection_here()
    if connection is None:
        return {}
    refused = select(func.count()).where(Link.connection_id == connection.id, Link.refusal.is_not(None))
    asking = select(func.count()).where(
        SyncJob.company_id == g.company.id, SyncJob.state == JobState.FAILED, SyncJob.question.is_not(None)
    )
    return {
        "sync_queue": db.session.scalar(refused) or 0,
        "sync_jobs": db.session.scalar(asking) or 0,
        "matches": matches_waiting(connection),
        "integrations": 0 if connection.usable else 1,
    }
