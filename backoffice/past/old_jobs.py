"""Old sync jobs with what hangs on them: their requests, readings, previews and undoings.

What is still needed stays, however old: what is open, refusals that stand, questions that nobody has answered, the
latest Update of each kind, and the bookmark of each list.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Text, and_, cast, delete, exists, func, not_, or_, select, update
from sqlalchemy.orm import Session, aliased

from backoffice.models import AttemptState, JobState, Link, PullRun, SyncAttempt, SyncJob, Undo
from backoffice.sync.freshness import brought_in
from backoffice.sync.jobs import OPEN, unsettled
from backoffice.sync.lease import lock_connection

#: So many jobs go in one transaction; of what merely points at one, so many rows.
JOBS, ROWS = 50, 1_000
ENDED = tuple(state for state in JobState if state not in OPEN)


#: A statement in bulk, of which no object in the session takes notice.
BULK = {"synchronize_session": False}


def prune_jobs(session: Session, company_id: int, connection_id: int, before: datetime) -> int:
    """Forget the jobs of a connection that ended before a moment; says how many. Commits after each lot."""
    mine = SyncJob.company_id == company_id, SyncJob.connection_id == connection_id
    needed, gone = {latest.job_id for latest in brought_in(session, connection_id).values()}, 0
    while ids := _some(session, mine, before, needed):
        _let_go(session, connection_id, ids)
        gone += _forget(session, connection_id, ids)
    session.rollback()
    _prune_orphans(session, connection_id, before)
    return gone


def _some(session: Session, mine: tuple[ColumnElement[bool], ...], before: datetime, needed: set[int]) -> Sequence[int]:
    """The next jobs that nobody needs any more, held until the transaction ends."""
    old = SyncJob.state.in_(ENDED), func.coalesce(SyncJob.ended_at, SyncJob.created_at) < before
    asked = SyncJob.question.is_not(None) & (SyncJob.state == JobState.FAILED)
    unanswered = exists().where(SyncAttempt.sync_job_id == SyncJob.id, SyncAttempt.state == AttemptState.OPEN)
    undone_now = exists().where(Undo.sync_job_id == SyncJob.id, Undo.ended_at.is_(None))
    used = or_(asked, unanswered, undone_now, unsettled())
    query = select(SyncJob.id).where(*mine, *old, not_(used), SyncJob.id.not_in(needed))
    return session.scalars(query.order_by(SyncJob.id).limit(JOBS)).all()


def _let_go(session: Session, connection_id: int, ids: Sequence[int]) -> None:
    """Links forget which of these jobs made both sides equal, a lot at a time."""
    some = select(Link.id).where(Link.synced_by_id.in_(ids)).order_by(Link.id).limit(ROWS)
    session.rollback()
    while True:
        lock_connection(session, connection_id)
        found = session.scalars(some).all()
        if not found:
            break
        session.execute(update(Link).where(Link.id.in_(found)).values(synced_by_id=None).execution_options(**BULK))
        session.commit()
    session.rollback()


def _forget(session: Session, connection_id: int, ids: Sequence[int]) -> int:
    """Delete jobs with their requests and readings, if they are still ended."""
    lock_connection(session, connection_id)
    held = select(SyncJob.id).where(SyncJob.id.in_(ids), SyncJob.state.in_(ENDED)).order_by(SyncJob.id)
    ended = session.scalars(held.with_for_update()).all()
    for statement in (
        delete(SyncAttempt).where(SyncAttempt.sync_job_id.in_(ended)),
        delete(PullRun).where(PullRun.sync_job_id.in_(ended), _superseded()),
        delete(SyncJob).where(SyncJob.id.in_(ended)),
    ):
        session.execute(statement.execution_options(**BULK))
    session.commit()
    return len(ended)


def _superseded() -> ColumnElement[bool]:
    """Finished readings that are no bookmark, as a later one of the same list is, and that left nothing out."""
    later = aliased(PullRun)
    same = later.connection_id == PullRun.connection_id, later.resource == PullRun.resource
    newer = exists().where(*same, later.id > PullRun.id, later.finished_at.is_not(None))
    return and_(PullRun.finished_at.is_not(None), cast(PullRun.left_out, Text) == "[]", newer)


def _prune_orphans(session: Session, connection_id: int, before: datetime) -> None:
    """Bookmarks and requests whose jobs went before them."""
    run = PullRun.connection_id == connection_id, PullRun.sync_job_id.is_(None), PullRun.finished_at < before
    request = SyncAttempt.connection_id == connection_id, SyncAttempt.sync_job_id.is_(None)
    closed = SyncAttempt.state != AttemptState.OPEN, SyncAttempt.created_at < before
    session.execute(delete(PullRun).where(*run, _superseded()).execution_options(**BULK))
    session.execute(delete(SyncAttempt).where(*request, *closed).execution_options(**BULK))
    session.commit()
