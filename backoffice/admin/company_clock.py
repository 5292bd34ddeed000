"""A company's own clock: its zone, when its day began, when it is brought up to date by itself next."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from backoffice.clock import now
from backoffice.extensions import db
from backoffice.models import Company, CompanySettings


def zone(company: Company) -> ZoneInfo:
    """The zone that its schedules follow."""
    return ZoneInfo(company.time_zone)


def midnight(company: Company) -> datetime:
    """When its present day began."""
    return now().astimezone(zone(company)).replace(hour=0, minute=0, second=0, microsecond=0)


def next_nightly(company: Company) -> datetime | None:
    """When it is brought up to date by itself next; None if it has chosen not to be."""
    settings = db.session.scalar(select(CompanySettings).where(CompanySettings.company_id == company.id))
    chosen = settings or CompanySettings(nightly=True, nightly_at=CompanySettings.nightly_at.default.arg)
    if not chosen.nightly:
        return None
    today, at = now().astimezone(zone(company)), chosen.nightly_at
    due = today.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    return due if due > today else due + timedelta(days=1)
