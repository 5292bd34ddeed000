"""The run of a sync job: take it, do its work, and write how it ended, whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from backoffice.config import Settings
from backoffice.database import AWAY
from backoffice.errors import (
    BackofficeError,
    ConnectionLostError,
    DependencyError,
    LeaseLostError,
    QuestionError,
    RateLimitedError,
    TransientError,
)
from backoffice.models import (
    Author,
    CompanySettings,
    Connection,
    ConnectionState,
    JobState,
    SyncJob,
    Urgency,
    Waiting,
    Work,
    writing_as,
)
from backoffice.sync import describe, duplicates, jobs, lease, notices, settle
from backoffice.sync.previews import apply, preview
from backoffice.sync.provider import Providers
from backoffice.sync.reconciliation import drift, reconcile, settling
from backoffice.sync.task import CancelledError, GiveWayError, Task
from backoffice.sync.update import bring_up_to_date

log = structlog.get_logger()

#: A job that loses its worker this often in a row is set aside, or what it could not send.
LOST_WORKERS = 3


@dataclass(frozen=True)
class Workshop:
    """What a worker needs besides the job."""

    session: Session
    sessions: sessionmaker[Session]
    providers: Providers
    settings: Settings
    #: Called with the progress after each page and batch, for a person who waits at a terminal.
    watch: Callable[[dict[str, Any]], None] | None = None


def run(shop: Workshop, job_id: int) -> int | None:
    """Do a job if it is to be had. Returns the id of another job of the connection to ring for."""
    turn = lease.claim(shop.session, job_id, shop.settings.lease_seconds)
    if turn is None:
        return None
    job = shop.session.get_one(SyncJob, job_id)
    connection_id, author = job.connection_id, Author(sync_job_id=job_id)
    try:
        with lease.Renewal(turn, shop.sessions), writing_as(author):
            _to_its_end(shop, turn)
    except LeaseLostError:
        shop.session.rollback()
        log.info("another worker has taken this job over", job=job_id)
    following = jobs.next_ring(shop.session, connection_id)
    shop.session.rollback()
    return following


def _to_its_end(shop: Workshop, turn: lease.Turn) -> None:
    task: Task | None = None
    try:
        task = _task(shop, turn)
        task.pause_here()
        _outlive(task)
        _work(task)
    except LeaseLostError:
        raise
    except (CancelledError, GiveWayError, BackofficeError, *AWAY) as error:
        shop.session.rollback()
        if task is not None:
            task.count_calls()
        ending = next(ending for kind, ending in ENDINGS.items() if isinstance(error, kind))
        ending(shop, turn, error)
    except Exception:  # the job boundary: whatever it is, the job must not be left running
        shop.session.rollback()
        log.exception("a sync job met a fault of ours", job=turn.job_id)
        reason = "The program met a fault of its own; the details are in its log. Nothing that was done is lost."
        jobs.finish(shop.session, turn, JobState.FAILED, reason=reason)


def _cancelled(shop: Workshop, turn: lease.Turn, error: Exception) -> None:
    jobs.finish(shop.session, turn, JobState.CANCELLED, reason=str(error) or None)


def _gives_way(shop: Workshop, turn: lease.Turn, error: Exception) -> None:
    jobs.put_back(shop.session, turn, 0, Waiting.JOB, str(error) or "a more urgent job")


def _waits_for_limit(shop: Workshop, turn: lease.Turn, error: Any) -> None:
    words = {"minute": "the minute limit", "day": "the daily limit", "app": "the limit for all companies together"}
    words["spare"] = "the spare calls: what is left today is kept for what people do"
    limit = words.get(error.limit, "the limit of calls under way")
    jobs.put_back(shop.session, turn, error.retry_after, Waiting.LIMIT, limit)


def _tries_again(shop: Workshop, turn: lease.Turn, error: Any) -> None:
    """Put a job back; the waits grow with its failures in a row."""
    waits = shop.settings.retry_seconds
    failures = shop.session.scalar(select(SyncJob.failures).where(SyncJob.id == turn.job_id)) or 0
    shop.session.rollback()
    wait = error.retry_after if error.retry_after is not None else waits[min(failures, len(waits) - 1)]
    jobs.put_back(shop.session, turn, wait, Waiting.FAILURE, error.message, failures=failures + 1)


def _database_away(shop: Workshop, turn: lease.Turn, _error: Exception) -> None:
    _tries_again(shop, turn, DependencyError("The database took no changes."))


def _loses_connection(shop: Workshop, turn: lease.Turn, error: Any) -> None:
    """Say on the connection what has happened; its jobs stop, its records and links stay."""
    session = shop.session
    connection_id = select(SyncJob.connection_id).where(SyncJob.id == turn.job_id).scalar_subquery()
    session.execute(
        update(Connection)
        .where(Connection.id == connection_id, Connection.state == ConnectionState.CONNECTED)
        .values(state=ConnectionState.NEEDS_RECONNECTING, problem=error.message, lost_reason=error.reason)
        .execution_options(synchronize_session=False)
    )
    turn.write(session)
    let_go = session.scalar(select(SyncJob.cancel_requested).where(SyncJob.id == turn.job_id))
    state = JobState.CANCELLED if let_go else JobState.FAILED  # it was unlinked here while a call was under way
    jobs.finish(session, turn, state, reason=None if let_go else error.message, lost=not let_go)


def _asks(shop: Workshop, turn: lease.Turn, error: Any) -> None:
    jobs.finish(shop.session, turn, JobState.FAILED, reason=error.message, question=error.resource)


def _fails(shop: Workshop, turn: lease.Turn, error: Any) -> None:
    jobs.finish(shop.session, turn, JobState.FAILED, reason=error.message)


#: How a job goes on after each sort of error; the first that fits.
ENDINGS: dict[type[Exception], Callable[[Workshop, lease.Turn, Any], None]] = {
    CancelledError: _cancelled,
    GiveWayError: _gives_way,
    RateLimitedError: _waits_for_limit,
    TransientError: _tries_again,
    ConnectionLostError: _loses_connection,
    QuestionError: _asks,
    BackofficeError: _fails,
    **dict.fromkeys(AWAY, _database_away),
}


def _task(shop: Workshop, turn: lease.Turn) -> Task:
    session = shop.session
    job = session.get_one(SyncJob, turn.job_id)
    connection = job.connection
    if not connection.usable:
        raise ConnectionLostError(connection.problem or "The company is not linked any more.")
    provider = shop.providers[connection.provider]
    settings = session.scalars(select(CompanySettings).filter_by(company_id=job.company_id)).one()
    session.expunge(settings)
    task = Task(
        session=session,
        turn=turn,
        provider=provider,
        client=provider.client(connection, urgent=job.urgency == Urgency.PERSON),
        connection_id=connection.id,
        company_id=job.company_id,
        kinds=list(job.kinds),
        settings=settings,
        confirmed=False,
        accept_empty=list(job.accept_empty),
        thorough=job.thorough,
        in_flight=max(1, provider.in_flight - 1),
        watch=shop.watch,
        address=shop.settings.public_url,
        gather=timedelta(seconds=shop.settings.webhook_seconds),
    )
    session.rollback()
    return task


def _outlive(task: Task) -> None:
    """Set aside the requests that a job loses its workers over, so that the rest goes on; without any, the job itself.

    Raises: BackofficeError for the job itself.
    """
    job = task.session.get_one(SyncJob, task.job_id, populate_existing=True)
    lost, sends = job.lost_workers >= LOST_WORKERS, not job.work.only_looks
    task.session.rollback()
    if not lost:
        return
    if not (sends and settle.set_aside(task)):
        raise BackofficeError("It stopped its worker again and again, and was set aside.")
    task.notes.append("What it lost its workers over, again and again, was set aside: see the records refused.")


def _work(task: Task) -> None:
    while True:
        work = task.session.get_one(SyncJob, task.job_id, populate_existing=True).work
        connection = task.session.get_one(Connection, task.connection_id, populate_existing=True)
        task.confirmed = connection.push_confirmed_at is not None
        task.follow_settings()
        task.session.rollback()
        if work is not Work.PREVIEW:
            describe.once_a_day(task)
            settle.settle(task)
        WORKS[work](task)
        if not work.only_looks:
            duplicates.catch_up(task)
            drift.look_again(task)
        task.begin()
        task.commit()
        if jobs.finish(task.session, task.turn, JobState.COMPLETED, reason=None):
            return


#: What each sort of work does, after what was left open is settled.
WORKS: dict[Work, Callable[[Task], None]] = {
    Work.UPDATE: partial(bring_up_to_date, push_only=False),
    Work.PUSH: partial(bring_up_to_date, push_only=True),
    Work.NOTICES: notices.read,
    Work.PREVIEW: preview.take,
    Work.APPLY: apply.apply,
    Work.RECONCILE: reconcile.reconcile,
    Work.SETTLE: settling.carry_out,
}
