"""Every schedule there is: what starts by itself, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.extensions import db
from backoffice.models import Company, CompanySettings, Connection, ConnectionState, StartedBy, Tick, Urgency
from backoffice.queue import doorbell
from backoffice.sync import jobs

#: A nightly sync missed by more than this (the machine was off) is left to the next night.
CATCH_UP = timedelta(hours=20)


@dataclass(frozen=True)
class Due:
    """One due time of one schedule, and what to do then."""

    schedule: str
    at: datetime
    start: Callable[[], None]


def fire(session: Session) -> int:
    """Start whatever is due and was not started; says how much. Two schedulers may do this at the same time."""
    started = 0
    for due in [*_nightly(session), *_daily()]:
        if session.get(Tick, (due.schedule, due.at)) is not None:
            continue
        session.add(Tick(schedule=due.schedule, due_at=due.at))
        try:
            session.flush()
        except IntegrityError:
            session.rollback()  # the other scheduler was faster
            continue
        due.start()  # its job and the tick are committed together
        session.commit()
        started += 1
    session.rollback()
    return started


def _nightly(session: Session) -> Iterator[Due]:
    """Each linked company, once a night, at its own time by its own clock."""
    rows = session.execute(
        select(Connection, Company, CompanySettings)
        .join(Company, Company.id == Connection.company_id)
        .join(CompanySettings, CompanySettings.company_id == Company.id)
        .where(Connection.active, Connection.state == ConnectionState.CONNECTED, CompanySettings.nightly)
    ).all()
    for connection, company, settings in rows:
        at = last_time(company.time_zone, settings.nightly_at)
        if at > max(connection.linked_at, now() - CATCH_UP):
            yield Due(f"nightly {company.id}", at, _Nightly(connection.id))


def last_time(zone: str, clock: time) -> datetime:
    """The last moment, not after now, at which a clock of that zone showed that time."""
    try:
        local = now().astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        local = now()
    today = local.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
    at = today if today <= local else today - timedelta(days=1)
    return at.astimezone(UTC)


@dataclass(frozen=True)
class _Nightly:
    connection_id: int

    def __call__(self) -> None:
        session = db.session()
        connection = session.get_one(Connection, self.connection_id)
        provider = current_app.extensions["providers"][connection.provider]
        kinds = [mapper.kind for mapper in provider.mappers]
        job, _ = jobs.request_update(
            session,
            connection,
            kinds,
            user_id=None,
            title="Nightly",
            urgency=Urgency.BACKGROUND,
            started_by=StartedBy.SCHEDULE,
            thorough=True,
        )
        doorbell.ring("run", job.id)


def _daily() -> Iterator[Due]:
    """What the deployment does for itself once a day."""
    yield Due("keep tokens alive", last_time("UTC", time(3, 30)), _keep_tokens_alive)


def _keep_tokens_alive() -> None:
    doorbell.ring("keep_tokens_alive")
