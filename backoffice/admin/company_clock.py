"""A company's own clock: its zone, when its day began, when it is brought up to date by itself next."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from backoffice.clock import now
from backoffice.extensions import db
from backoffice.models import Company, CompanySettings, Connection
from backoffice.models.settings import settings_of
from backoffice.models.timetable import Rhythm, Timetable, zone_called


def zone(company: Company) -> ZoneInfo:
    """The zone that its schedules follow."""
    return zone_called(company.time_zone)


def midnight(company: Company) -> datetime:
    """When its present day began."""
    return now().astimezone(zone(company)).replace(hour=0, minute=0, second=0, microsecond=0)


def next_times(company: Company) -> dict[Rhythm, datetime]:
    """When each thing that it does by itself is due next; nothing while it is paused."""
    settings = settings_of(db.session(), company.id)
    if settings is None or settings.paused:
        return {}
    timetable = Timetable.of(company, settings)
    return {rhythm: at for rhythm in Rhythm if (at := timetable.next(rhythm)) is not None}


def by_night(company: Company, chosen: CompanySettings) -> bool:
    """Whether what comes next is the night's, which looks more closely."""
    timetable = Timetable.of(company, chosen)
    return timetable.next_update() == timetable.next(Rhythm.NIGHTLY)


def next_sync(company: Company, connection: Connection | None, chosen: CompanySettings | None) -> datetime | None:
    """When it is brought up to date by itself next; None while it cannot be, or has chosen not to be."""
    if connection is None or not connection.usable or chosen is None or chosen.paused:
        return None
    return Timetable.of(company, chosen).next_update()
