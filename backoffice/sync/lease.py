"""Whose turn it is: a worker claims a job for a while, renews its claim, and writes only while it holds it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from threading import Event, Thread
from time import monotonic
from types import TracebackType
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, or_, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session, aliased, sessionmaker

from backoffice.clock import now
from backoffice.errors import LeaseLostError
from backoffice.models import Connection, JobState, Record, SyncJob


class Turn:
    """A worker's turn at a job. The fence is its number; a later turn has a higher one."""

    def __init__(self, job_id: int, fence: int, seconds: float) -> None:
        self.job_id, self.fence, self.seconds = job_id, fence, seconds
        self._renewed = monotonic()

    def write(self, session: Session, **changes: Any) -> None:
        """Renew the turn and change the job, as the first statement of a transaction that ends with a commit.

        Raises: LeaseLostError when another worker has taken over; nothing of the transaction may stay then.
        """
        started = monotonic()
        values = {"lease_until": now() + timedelta(seconds=self.seconds), **changes}
        if not session.execute(
            update(SyncJob)
            .where(SyncJob.id == self.job_id, SyncJob.fence == self.fence, SyncJob.state == JobState.RUNNING)
            .values(**values)
            .execution_options(synchronize_session=False)
            .returning(SyncJob.id)
        ).first():
            session.rollback()
            raise LeaseLostError
        self._renewed = started

    def check(self) -> None:
        """Raises: LeaseLostError when the turn may have run out, for instance because this process was stopped."""
        if monotonic() - self._renewed > self.seconds:
            raise LeaseLostError


def claim(session: Session, job_id: int, seconds: float) -> Turn | None:
    """Take a job that is due and that nobody works on; None when it is not to be had. Commits."""
    free = or_(
        and_(SyncJob.state == JobState.PENDING, SyncJob.due_at <= now()),
        and_(SyncJob.state == JobState.RUNNING, SyncJob.lease_until < now()),
    )
    try:
        fence = session.scalar(
            update(SyncJob)
            .where(SyncJob.id == job_id, free)
            .values(
                state=JobState.RUNNING,
                fence=SyncJob.fence + 1,
                lease_until=now() + timedelta(seconds=seconds),
                started_at=case((SyncJob.started_at.is_(None), now()), else_=SyncJob.started_at),
                lost_workers=case(
                    (SyncJob.state == JobState.RUNNING, SyncJob.lost_workers + 1), else_=SyncJob.lost_workers
                ),
                waiting_for=None,
                waiting_kind=None,
            )
            .returning(SyncJob.fence)
            .execution_options(synchronize_session=False)
        )
        session.commit()
    except IntegrityError:
        session.rollback()  # another job of this connection is running; its end rings for this one
        return None
    return Turn(job_id, fence, seconds) if fence is not None else None


def somebody_waits() -> ColumnElement[bool]:
    """Of a job that is asked for: whether a more urgent one of the same connection is due."""
    other = aliased(SyncJob)
    return exists().where(
        other.connection_id == SyncJob.connection_id,
        other.state == JobState.PENDING,
        other.urgency < SyncJob.urgency,
        other.due_at <= now(),
    )


def lock_connection(session: Session, connection_id: int) -> None:
    """Take a connection's row before anything that hangs on it; readers and foreign keys are not held up."""
    session.execute(select(Connection.id).where(Connection.id == connection_id).with_for_update(key_share=True))


def lock_records(session: Session, model: type[Record], ids: Iterable[int]) -> None:
    """Take records before their links, as an edit takes them."""
    rows = select(model.id).where(model.id.in_(list(ids))).order_by(model.id)
    session.execute(rows.with_for_update())


class Renewal:
    """Renews a turn from a thread of its own, through a connection of its own, while the work goes on."""

    def __init__(self, turn: Turn, sessions: sessionmaker[Session]) -> None:
        self._turn, self._sessions = turn, sessions
        self._done = Event()
        self._thread = Thread(target=self._run, name=f"renewal of job {turn.job_id}", daemon=True)

    def __enter__(self) -> Turn:
        self._thread.start()
        return self._turn

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(self._turn.seconds / 3):
            try:
                with self._sessions.begin() as session:
                    self._turn.write(session)
            except LeaseLostError:
                return
            except DBAPIError:
                continue  # the database is busy, full or away; the turn runs out by itself if that lasts
