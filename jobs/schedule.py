"""Every schedule there is: what starts by itself, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from flask import current_app
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.database import is_postgresql
from backoffice.errors import PausedError
from backoffice.extensions import db
from backoffice.models import Company, CompanySettings, Connection, ConnectionState, StartedBy, SyncJob, Tick, Urgency
from backoffice.models.timetable import Rhythm, Timetable, moment
from backoffice.queue import doorbell
from backoffice.sync import jobs
from backoffice.sync.reconciliation.reconcile import request_reconciliation

#: What was missed by more than this (the machine was off) is left to its next time.
CATCH_UP = {
    Rhythm.NIGHTLY: timedelta(hours=20),
    Rhythm.INTERVAL: timedelta(hours=12),
    Rhythm.RECONCILIATION: timedelta(days=6),
}
#: So many things are started in one round: after a long stop, a thousand companies do not start in one second.
MOST = 100
#: A tick this far ahead was put down under a wrong clock.
AHEAD = timedelta(days=1)
#: Two schedulers that find a daily job due at the same time ring for it once in so many seconds.
DAILY_ONCE = 3600.0
EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Due:
    """One due time of one schedule, and what to do then."""

    schedule: str
    at: datetime
    #: Asks for a job, and says its number. None for what leaves no row: `schedule` is the job to ring for.
    start: Callable[[], int | None] | None = None


def fire(session: Session) -> int:
    """Start whatever is due and was not started; says how much. Two schedulers may do this at the same time."""
    last = func.max(Tick.due_at)
    ticks = session.execute(select(Tick.schedule, last).where(_possible()).group_by(Tick.schedule)).all()
    started: dict[str, datetime] = {tick[0]: tick[1] for tick in ticks}
    due = [each for each in (*_companies(session), *_daily()) if started.get(each.schedule, EVER) < each.at]
    session.rollback()
    due.sort(key=lambda each: each.at)
    return sum(_start(session, each) for each in due[:MOST])


def _possible() -> ColumnElement[bool]:
    return Tick.due_at <= now() + AHEAD


def _start(session: Session, due: Due) -> bool:
    """Start one thing, unless another scheduler was faster; its job and the tick are committed together.

    The sweep rings again for a job that has a row. What has none is rung for before its tick says that it was started,
    so that it comes although a scheduler dies in between, or Redis is away.
    """
    if due.start is None and not doorbell.ring(due.schedule, once_in=DAILY_ONCE):
        return False
    dialect = postgresql if is_postgresql(session) else sqlite
    tick = dialect.insert(Tick).values(schedule=due.schedule, due_at=due.at, fired_at=now())
    if session.scalar(tick.on_conflict_do_nothing().returning(Tick.schedule)) is None:
        session.rollback()
        return False
    session.execute(delete(Tick).where(Tick.schedule == due.schedule, (Tick.due_at < due.at) | ~_possible()))
    job_id = due.start() if due.start else None
    session.commit()
    if job_id is not None:
        doorbell.ring("run", job_id)
    return True


def _companies(session: Session) -> Iterator[Due]:
    """What each linked company does by itself: by its own clock, each at its own second, none while it is paused."""
    settings, providers = CompanySettings, list(current_app.extensions["providers"])
    rows = session.execute(
        select(Connection.id, Connection.linked_at, Company.planned_at, Company.id.label("company_id"))
        .add_columns(Company.time_zone, settings.nightly, settings.nightly_at)
        .add_columns(settings.update_every, settings.reconcile_on)
        .join(Company, Company.id == Connection.company_id)
        .join(settings, settings.company_id == Company.id)
        .where(Connection.active, Connection.state == ConnectionState.CONNECTED)
        .where(Connection.provider.in_(providers), settings.paused.is_(False))
    )
    for connection_id, linked_at, planned_at, *chosen in rows:
        timetable = Timetable(*chosen)
        for rhythm, start in STARTS.items():
            at = timetable.last(rhythm)
            if at is not None and at > max(linked_at, planned_at or EVER, now() - CATCH_UP[rhythm]):
                yield Due(f"{rhythm} {timetable.company_id}", at, start(connection_id))


@dataclass(frozen=True)
class _OfCompany:
    """Something that one company does by itself."""

    connection_id: int

    def __call__(self) -> int | None:
        session = db.session()
        connection = session.get(Connection, self.connection_id)
        if connection is None or not connection.usable:
            return None  # since this round began
        provider = current_app.extensions["providers"][connection.provider]
        with suppress(PausedError):  # since this round began
            job = self.request(session, connection, [mapper.kind for mapper in provider.mappers])
            return job.id
        return None

    def request(self, session: Session, connection: Connection, kinds: list[str]) -> SyncJob:
        """Ask for the job. Commits."""
        raise NotImplementedError


class _Nightly(_OfCompany):
    """Every list, and from its beginning where that finds more."""

    title, thorough = "Nightly", True

    def request(self, session: Session, connection: Connection, kinds: list[str]) -> SyncJob:
        job, _ = jobs.request_update(
            session,
            connection,
            kinds,
            user_id=None,
            title=self.title,
            urgency=Urgency.BACKGROUND,
            started_by=StartedBy.SCHEDULE,
            thorough=self.thorough,
        )
        return job


class _Interval(_Nightly):
    """What changed there since the last time."""

    title, thorough = "At intervals", False


class _Reconciliation(_OfCompany):
    """Both sides compared whole."""

    def request(self, session: Session, connection: Connection, kinds: list[str]) -> SyncJob:
        job, _ = request_reconciliation(session, connection, kinds, started_by=StartedBy.SCHEDULE)
        return job


STARTS: dict[Rhythm, Callable[[int], _OfCompany]] = {
    Rhythm.NIGHTLY: _Nightly,
    Rhythm.INTERVAL: _Interval,
    Rhythm.RECONCILIATION: _Reconciliation,
}


def last_time(zone: str, clock: time) -> datetime:
    """The last moment, not after now, at which a clock of that zone showed that time."""
    today = now().astimezone(UTC).date()
    around = (moment(zone, today + timedelta(days=days), clock) for days in (-2, -1, 0, 1))
    return max(at for at in around if at <= now())


def _daily() -> Iterator[Due]:
    """What the deployment does for itself once a day."""
    yield Due("keep_tokens_alive", last_time("UTC", time(3, 30)))
    yield Due("prune", last_time("UTC", time(4, 10)))
