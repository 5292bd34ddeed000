"""What came of a connection's jobs: when its lists were brought in, and which failure still stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, select, update
from sqlalchemy.orm import Session, aliased

from backoffice.clock import now
from backoffice.models import Connection, ConnectionState, JobState, SyncJob, Work

#: So many of the latest Updates are asked when each kind was brought in.
LOOKED_AT = 200


class BroughtIn(NamedTuple):
    """The Update that brought a kind in to its end, and when."""

    job_id: int
    at: datetime


def updates() -> ColumnElement[bool]:
    """The jobs that have brought lists in to their end."""
    return and_(SyncJob.state == JobState.COMPLETED, SyncJob.work == Work.UPDATE)


def brought_in(session: Session, connection_id: int) -> dict[str, BroughtIn]:
    """When each kind was last brought in to its end; those that were not are left out."""
    query = select(SyncJob.id, SyncJob.kinds, SyncJob.ended_at).where(SyncJob.connection_id == connection_id, updates())
    found: dict[str, BroughtIn] = {}
    for job_id, kinds, at in session.execute(query.order_by(SyncJob.ended_at.desc()).limit(LOOKED_AT)):
        if at is not None:
            found = {**dict.fromkeys(kinds, BroughtIn(job_id, at)), **found}
    return found


def last_update(session: Session, connection_id: int, kinds: Sequence[str] = ()) -> datetime | None:
    """When the lists of all of these kinds, or any list, were last brought in to their end."""
    if not kinds:
        return session.scalar(
            select(func.max(SyncJob.ended_at)).where(SyncJob.connection_id == connection_id, updates())
        )
    found = brought_in(session, connection_id)
    return min(found[kind].at for kind in kinds) if found.keys() >= set(kinds) else None


def failed() -> ColumnElement[bool]:
    """The failures that stand: no later job made them good, and no link that is still lost explains them."""
    link = aliased(Connection)
    lost_still = exists().where(link.id == SyncJob.connection_id, link.state != ConnectionState.CONNECTED)
    return and_(SyncJob.state == JobState.FAILED, SyncJob.made_good_at.is_(None), ~(SyncJob.lost & lost_still))


def make_good(session: Session, done: SyncJob) -> None:
    """Mark what failed before and is done by now; what asks a person asks on. Commits nothing."""
    standing = select(SyncJob.id, SyncJob.kinds).where(
        SyncJob.connection_id == done.connection_id,
        SyncJob.state == JobState.FAILED,
        SyncJob.made_good_at.is_(None),
        SyncJob.question.is_(None),
    )
    if done.work is not Work.UPDATE:
        standing = standing.where(SyncJob.work == done.work)
    ids = [key for key, kinds in session.execute(standing).all() if set(kinds) <= set(done.kinds)]
    made_good = update(SyncJob).where(SyncJob.id.in_(ids)).values(made_good_at=now())
    session.execute(made_good.execution_options(synchronize_session=False))
