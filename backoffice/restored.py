"""What a restored database has to find out before it goes on: what happened after its backup, and was sent since.

What waits to be created there may be there by now: it is marked, and looked for before it is sent. An Update is asked
for of every company, which brings in what was made and changed since. What waited to be mailed waits for a person.
Whoever did a job is gone, so nobody holds a lease. Every session ends, as some may have been ended since.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from flask import current_app
from sqlalchemy import Connection, CursorResult, Update, select, update
from sqlalchemy.orm import Session

from backoffice import models
from backoffice.clock import now
from backoffice.database import Base
from backoffice.errors import PausedError
from backoffice.models import JobState, Link, Mail, MailState, StartedBy, SyncJob, Urgency, User
from backoffice.sync import jobs

PERHAPS_SENT = "The database was restored from a backup in which this waited, so it may have been sent since."


@dataclass(frozen=True)
class Found:
    """What is not certain after a restore."""

    #: Records that are looked for before they are sent, and e-mails that wait for a person.
    perhaps_there: int
    perhaps_sent: int
    #: Companies that are brought up to date first.
    companies: int


def come_round(connection: Connection) -> Found:
    """Mark what is not certain, and ask for what finds it out. Commits nothing."""
    _drop_leases(connection)
    _end_sessions(connection)
    waiting = Mail.state.in_((MailState.WAITING, MailState.SENDING))
    gone = {"state": MailState.PERHAPS_SENT, "reason": PERHAPS_SENT, "ended_at": now()}
    there = update(Link).where(Link.external_id.is_(None)).values(perhaps_there=True)
    return Found(
        _count(connection, there),
        _count(connection, update(Mail).where(waiting).values(gone)),
        sum(1 for _ in _updates(connection)),
    )


def _drop_leases(connection: Connection) -> None:
    """What a worker held is taken up by the next one; the number of the old turn counts no more."""
    running = update(SyncJob).where(SyncJob.state == JobState.RUNNING)
    connection.execute(running.values(state=JobState.PENDING, due_at=now()))
    for table in Base.metadata.sorted_tables:
        if "lease_until" in table.c:
            held = update(table).where(table.c.lease_until.is_not(None))
            connection.execute(held.values(lease_until=None, fence=table.c.fence + 1))


def _end_sessions(connection: Connection) -> None:
    """Everybody signs in anew: a session that was ended since the backup must not open again.

    The moment is a larger number than any count of endings, before or since.
    """
    connection.execute(update(User).values(session_epoch=int(now().timestamp())))


def _count(connection: Connection, statement: Update) -> int:
    return cast(CursorResult[Any], connection.execute(statement)).rowcount


def _updates(connection: Connection) -> Iterator[models.Connection]:
    """Ask for an Update of every linked company, its lists from their beginning."""
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        linked = select(models.Connection).where(models.Connection.active)
        for one in session.scalars(linked.order_by(models.Connection.id)).all():
            provider = current_app.extensions["providers"].get(one.provider)
            if one.usable and provider is not None:
                with suppress(PausedError):
                    _update(session, one, [mapper.kind for mapper in provider.mappers])
                    yield one


def _update(session: Session, connection: models.Connection, kinds: list[str]) -> None:
    jobs.request_update(
        session,
        connection,
        kinds,
        user_id=None,
        title="After a restore",
        urgency=Urgency.BACKGROUND,
        started_by=StartedBy.COMMAND,
        thorough=True,
    )
