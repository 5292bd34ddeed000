"""Sync jobs: ask for one, find the one that does it already, try again, cancel, put back, end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.models import (
    Connection,
    JobState,
    StartedBy,
    SyncAttempt,
    SyncAttemptItem,
    SyncJob,
    Urgency,
    Waiting,
    Work,
)
from backoffice.models.link import CLEARED, Link
from backoffice.sync import pause
from backoffice.sync.lease import Turn, lock_connection

OPEN = (JobState.PENDING, JobState.RUNNING)


def request(
    session: Session,
    connection: Connection,
    work: Work,
    kinds: Sequence[str],
    *,
    title: str,
    user_id: int | None = None,
    urgency: int = Urgency.BACKGROUND,
    due_at: datetime | None = None,
    started_by: StartedBy = StartedBy.PERSON,
    thorough: bool = False,
) -> tuple[SyncJob, bool]:
    """Ask for a piece of work; says also whether the job is new. Commits; the caller rings.

    While a job that covers it is open, that one is returned, and it looks once more before it ends. Kinds that are
    paused are left out.
    """
    lock_connection(session, connection.id)
    kinds = pause.going(session, connection.company_id, kinds)
    covering = None if due_at else _covering(session, connection.id, work, kinds, thorough)
    if covering is not None:
        if started_by is not StartedBy.SCHEDULE:  # which asked for a reading, and one is under way
            _ask_again(covering, urgency)
        session.commit()
        return covering, False
    job = SyncJob(
        company_id=connection.company_id,
        connection_id=connection.id,
        work=work,
        kinds=list(kinds),
        title=title,
        user_id=user_id,
        urgency=urgency,
        due_at=due_at or now(),
        started_by=started_by,
        thorough=thorough,
    )
    session.add(job)
    session.commit()
    return job, True


def covers_now() -> ColumnElement[bool]:
    """Jobs that will do their work without being asked again: open, not cancelled, and not planned for later."""
    return and_(
        SyncJob.state.in_(OPEN),
        SyncJob.cancel_requested.is_(False),
        or_(SyncJob.state == JobState.RUNNING, SyncJob.due_at <= now(), SyncJob.waiting_kind.is_not(None)),
    )


def unsettled() -> ColumnElement[bool]:
    """A completed job whose refusals still stand."""
    refused_by_it = (
        exists()
        .where(SyncAttempt.sync_job_id == SyncJob.id, SyncAttempt.id == SyncAttemptItem.attempt_id)
        .where(SyncAttemptItem.link_id == Link.id, SyncAttemptItem.outcome == "refused", Link.refusal.is_not(None))
    )
    before_sending = exists().where(Link.synced_by_id == SyncJob.id, Link.refusal.is_not(None))
    return and_(SyncJob.state == JobState.COMPLETED, SyncJob.refused > 0, or_(refused_by_it, before_sending))


def _covering(session: Session, connection_id: int, work: Work, kinds: Sequence[str], thorough: bool) -> SyncJob | None:
    open_jobs = session.scalars(
        select(SyncJob)
        .where(SyncJob.connection_id == connection_id, covers_now())
        .order_by(SyncJob.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for job in open_jobs:
        if set(kinds) <= set(job.kinds) and job.thorough >= thorough and (job.work is work or job.work is Work.UPDATE):
            return job
    return None


def _ask_again(job: SyncJob, urgency: int) -> None:
    if urgency < job.urgency and job.state is JobState.PENDING:
        job.due_at, job.waiting_for, job.waiting_kind = now(), None, None
    job.urgency = min(job.urgency, urgency)
    if job.state is JobState.RUNNING:
        job.look_again = True


def request_update(
    session: Session,
    connection: Connection,
    kinds: Sequence[str],
    *,
    user_id: int | None,
    title: str = "Update",
    urgency: int = Urgency.PERSON,
    due_at: datetime | None = None,
    started_by: StartedBy = StartedBy.PERSON,
    thorough: bool = False,
) -> tuple[SyncJob, bool]:
    """Ask for an Update of these kinds: pull, then push what is pending. Commits; the caller rings."""
    return request(
        session,
        connection,
        Work.UPDATE,
        kinds,
        title=title,
        user_id=user_id,
        urgency=urgency,
        due_at=due_at,
        started_by=started_by,
        thorough=thorough,
    )


def retry(session: Session, job: SyncJob, user_id: int | None, accept_empty: Sequence[str] = ()) -> SyncJob:
    """Take a job that has ended up again; what it was refused is sent again too. Commits; the caller rings."""
    session.execute(
        update(Link)
        .where(Link.synced_by_id == job.id, Link.refusal.is_not(None))
        .values(**CLEARED)
        .execution_options(synchronize_session=False)
    )
    if not job.open:
        job.state, job.due_at, job.urgency = JobState.PENDING, now(), Urgency.PERSON
        job.user_id, job.started_by = user_id, StartedBy.PERSON
        job.started_at = job.ended_at = job.reason = job.question = None
        job.cancel_requested = job.look_again = False
        job.failures = job.lost_workers = job.refused = 0
        job.accept_empty = [*job.accept_empty, *accept_empty]
    session.commit()
    return job


def accept_empty(session: Session, job: SyncJob, user_id: int | None) -> SyncJob:
    """Take a job up again, and its provider's empty answer at its word. Commits; the caller rings."""
    return retry(session, job, user_id, [job.question] if job.question else [])


def cancel(session: Session, job: SyncJob) -> None:
    """End a job: at once when nobody works on it, else after the batch in flight. Commits."""
    ended = session.execute(
        update(SyncJob)
        .where(SyncJob.id == job.id, SyncJob.state == JobState.PENDING)
        .values(state=JobState.CANCELLED, ended_at=now(), waiting_for=None, waiting_kind=None)
        .returning(SyncJob.id)
        .execution_options(synchronize_session=False)
    ).first()
    if ended is None:
        job.cancel_requested = True
    session.commit()
    session.refresh(job)


def put_back(
    session: Session, turn: Turn, seconds: float, waiting_kind: Waiting, waiting_for: str, **changes: Any
) -> None:
    """Hand a job back to be taken up again after a while. Commits. Raises: LeaseLostError."""
    due = now() + timedelta(seconds=seconds)
    waiting = {"due_at": due, "waiting_kind": waiting_kind, "waiting_for": waiting_for[:255]}
    turn.write(session, state=JobState.PENDING, lease_until=None, **waiting, **changes)
    job = session.get_one(SyncJob, turn.job_id, populate_existing=True)
    if job.cancel_requested:
        job.state, job.ended_at, job.waiting_for, job.waiting_kind = JobState.CANCELLED, now(), None, None
    session.commit()


def finish(session: Session, turn: Turn, state: JobState, **changes: Any) -> bool:
    """End a job; False when somebody asked for the same meanwhile, and it has to look once more. Commits."""
    turn.write(session)
    job = session.get_one(SyncJob, turn.job_id, populate_existing=True)
    if state is JobState.COMPLETED and job.look_again:
        job.look_again = False
        session.commit()
        return False
    values = {"state": state, "ended_at": now(), "lease_until": None, "progress": {}, **changes}
    for column, value in values.items():
        setattr(job, column, value)
    session.commit()
    return True


def next_ring(session: Session, connection_id: int) -> int | None:
    """The job of a connection to ring for when another one has ended: the most urgent that is due."""
    return session.scalar(
        select(SyncJob.id)
        .where(SyncJob.connection_id == connection_id, SyncJob.state == JobState.PENDING, SyncJob.due_at <= now())
        .order_by(SyncJob.urgency, SyncJob.id)
        .limit(1)
    )


def due_jobs(session: Session, since: datetime | None = None) -> Sequence[int]:
    """Jobs to ring for: due and not taken up, or taken up by a worker that has gone silent.

    With `since`, only those that fell due after that moment.
    """
    pending = (SyncJob.state == JobState.PENDING) & (SyncJob.due_at <= now())
    if since is not None:
        pending = pending & (SyncJob.due_at > since)
    silent = (SyncJob.state == JobState.RUNNING) & (SyncJob.lease_until < now())
    query = select(SyncJob.id).where(SyncJob.state.in_(OPEN), pending | silent)
    return session.scalars(query.order_by(SyncJob.urgency, SyncJob.due_at, SyncJob.id)).all()


def last_update(session: Session, connection: Connection, kinds: Sequence[str] = ()) -> datetime | None:
    """When the lists of these kinds, or any list, were last brought in to their end."""
    ended = session.execute(
        select(SyncJob.kinds, SyncJob.ended_at)
        .where(SyncJob.connection_id == connection.id, SyncJob.state == JobState.COMPLETED)
        .where(SyncJob.work == Work.UPDATE)
        .order_by(SyncJob.ended_at.desc())
        .limit(200)
    )
    return next((at for covered, at in ended if set(kinds) <= set(covered)), None)
