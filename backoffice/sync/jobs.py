"""Sync jobs: ask for one, find the one that does it already, try again, cancel, put back, end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from backoffice import trace
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
from backoffice.sync import freshness, pause
from backoffice.sync.lease import Turn, lock_connection

log = structlog.get_logger()

OPEN = (JobState.PENDING, JobState.RUNNING)
#: So many are rung for in one round; the others in those that follow.
MOST = 300


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
    among: ColumnElement[bool] | None = None,
    then: Callable[[SyncJob], None] | None = None,
) -> tuple[SyncJob, bool]:
    """Ask for a piece of work; says also whether the job is new. The one door: nobody else makes a job.

    While a job that covers it is open (`among` narrows which may), that one is returned, and it looks once more
    before it ends. Kinds that are paused are left out. `then` writes what goes with the job. Commits; the caller
    rings. Raises: PausedError when nothing of these kinds travels.
    """
    lock_connection(session, connection.id)
    kinds = pause.going(session, connection.company_id, kinds)
    due_at = due_at or now()
    job = _covering(session, connection.id, work, kinds, thorough, due_at, among)
    new = job is None
    if job is None:
        job = SyncJob(
            company_id=connection.company_id,
            connection_id=connection.id,
            work=work,
            kinds=list(kinds),
            title=title,
            user_id=user_id,
            urgency=urgency,
            due_at=due_at,
            started_by=started_by,
            thorough=thorough,
            request_id=trace.request_id(),
        )
        session.add(job)
        session.flush()
    elif started_by is not StartedBy.SCHEDULE:  # which asked for a reading, and one is under way
        _ask_again(job, urgency, due_at)
    if then is not None:
        then(job)
    session.commit()
    return job, new


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


def _covering(
    session: Session,
    connection_id: int,
    work: Work,
    kinds: Sequence[str],
    thorough: bool,
    due_at: datetime,
    among: ColumnElement[bool] | None,
) -> SyncJob | None:
    """The open job that does this as well; what is planned for later is a job of its own."""
    if due_at > now() and not work.gathers:
        return None
    doing = SyncJob.state == JobState.PENDING if work.gathers else covers_now()
    query = select(SyncJob).where(SyncJob.connection_id == connection_id, doing)
    if among is not None:
        query = query.where(among)
    open_jobs = session.scalars(query.order_by(SyncJob.id).with_for_update().execution_options(populate_existing=True))
    for job in open_jobs:
        fits = work.gathers or (set(kinds) <= set(job.kinds) and job.thorough >= thorough)
        if fits and work in job.work.covers:
            return job
    return None


def _ask_again(job: SyncJob, urgency: int, due_at: datetime) -> None:
    if job.work.gathers:
        job.due_at = job.due_at if job.waiting_kind else min(job.due_at, due_at)
        return
    if urgency < job.urgency and job.state is JobState.PENDING:
        job.due_at, job.waiting_for, job.waiting_kind = now(), None, None
    job.urgency = min(job.urgency, urgency)
    if job.state is JobState.RUNNING and not job.work.only_looks:
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
    """Take a job that has ended up again; what it was refused is sent again too. Commits; the caller rings.

    Raises: PausedError when nothing of its kinds travels.
    """
    lock_connection(session, job.connection_id)
    pause.going(session, job.company_id, job.kinds)
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
    log.info("a sync job was put back", job=turn.job_id, waiting=waiting_kind.value, seconds=round(seconds, 1))


def finish(session: Session, turn: Turn, state: JobState, **changes: Any) -> bool:
    """End a job; False when somebody asked for the same meanwhile, and it has to look once more. Commits."""
    turn.write(session)
    job = session.get_one(SyncJob, turn.job_id, populate_existing=True)
    if state is JobState.COMPLETED and job.look_again:
        job.look_again = False
        session.commit()
        return False
    values = {"state": state, "ended_at": now(), "lease_until": None, "progress": {}}
    for column, value in {**values, "made_good_at": None, "lost": False, **changes}.items():
        setattr(job, column, value)
    if state is JobState.COMPLETED:
        freshness.make_good(session, job)
    session.commit()
    log.info("a sync job ended", job=turn.job_id, state=state.value)
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
    """Jobs to ring for: due and not taken up, or taken up by a worker that has gone silent; the most urgent first.

    One of each connection, for only one is done at a time and its end rings for the next; and none where one is being
    done. With `since`, only those that fell due after that moment.
    """
    pending = (SyncJob.state == JobState.PENDING) & (SyncJob.due_at <= now())
    if since is not None:
        pending = pending & (SyncJob.due_at > since)
    silent = (SyncJob.state == JobState.RUNNING) & (SyncJob.lease_until < now())
    other = aliased(SyncJob)
    same = other.connection_id == SyncJob.connection_id, other.state == JobState.RUNNING
    being_done = exists().where(*same, other.lease_until >= now())
    first = SyncJob.urgency, SyncJob.due_at, SyncJob.id
    turn = func.row_number().over(
        partition_by=SyncJob.connection_id, order_by=((SyncJob.state == JobState.PENDING), *first)
    )
    found = select(SyncJob.id, SyncJob.urgency, SyncJob.due_at, turn.label("turn"))
    due = found.where(SyncJob.state.in_(OPEN), pending | silent, ~being_done).subquery()
    query = select(due.c.id).where(due.c.turn == 1).order_by(due.c.urgency, due.c.due_at, due.c.id)
    return session.scalars(query.limit(MOST)).all()
