"""A company's own clock: its zone, when its day began, when it is brought up to date by itself next."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from backoffice.clock import now
from backoffice.extensions import db
from backoffice.models import Company, CompanySettings
from backoffice.models.timetable import Rhythm, Timetable, zone_called


def zone(company: Company) -> ZoneInfo:
    """The zone that its schedules follow."""
    return zone_called(company.time_zone)


def midnight(company: Company) -> datetime:
    """When its present day began."""
    return now().astimezone(zone(company)).replace(hour=0, minute=0, second=0, microsecond=0)


def next_times(company: Company) -> dict[Rhythm, datetime]:
    """When each thing that it does by itself is due next; nothing while it is paused."""
    settings = db.session.scalar(select(CompanySettings).where(CompanySettings.company_id == company.id))
    if settings is None or settings.paused:
        return {}
    timetable = Timetable.of(company, settings)
    return {rhythm: at for rhythm in Rhythm if (at := timetable.next(rhythm)) is not None}


def next_sync(company: Company) -> datetime | None:
    """When it is brought up to date by itself next; None if it has chosen not to be, or is paused."""
    times = next_times(company)
    return min((at for rhythm, at in times.items() if rhythm is not Rhythm.RECONCILIATION), default=None)
