"""Schedules: each company once a night by its own clock, whoever ticks; what was missed is caught up once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from backoffice import clock
from backoffice.extensions import db
from backoffice.models import Company, CompanySettings, Connection, SyncJob, new_company
from jobs import schedule


@pytest.fixture
def companies(app: Flask) -> Iterator[list[Company]]:
    with app.app_context():
        found = []
        for name, zone in (("North", "Pacific/Auckland"), ("South", "Europe/London")):
            company = new_company(db.session(), name, zone)
            db.session.add(
                Connection(
                    company_id=company.id,
                    provider="xero",
                    external_id=name,
                    organisation=name,
                    linked_at=datetime(2026, 1, 1, tzinfo=UTC),
                )
            )
            found.append(company)
        db.session.commit()
        yield found
        clock.use()


def at(moment: datetime) -> None:
    clock.use(lambda: moment)


def nightly() -> int:
    return db.session.scalar(select(func.count()).select_from(SyncJob).where(SyncJob.title == "Nightly")) or 0


def test_each_company_starts_at_its_own_two_in_the_morning(companies: list[Company]) -> None:
    at(datetime(2026, 11, 21, 13, 5, tzinfo=UTC))  # 02:05 in Auckland
    schedule.fire(db.session())
    titles = db.session.execute(select(Company.name).join(SyncJob)).scalars().all()
    assert "North" in titles


def test_two_ticks_start_a_night_once(companies: list[Company]) -> None:
    at(datetime(2026, 11, 21, 13, 5, tzinfo=UTC))
    schedule.fire(db.session())
    before = nightly()
    schedule.fire(db.session())
    at(datetime(2026, 11, 21, 13, 6, tzinfo=UTC))
    schedule.fire(db.session())
    assert nightly() == before


def test_a_night_that_was_missed_is_caught_up_once(companies: list[Company]) -> None:
    at(datetime(2026, 11, 21, 20, 0, tzinfo=UTC))
    schedule.fire(db.session())
    assert nightly() == 2
    schedule.fire(db.session())
    assert nightly() == 2


def test_a_company_linked_after_its_night_waits_for_the_next(companies: list[Company]) -> None:
    moment = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
    for connection in db.session.scalars(select(Connection)):
        connection.linked_at = moment - timedelta(minutes=1)
    db.session.commit()
    at(moment)
    schedule.fire(db.session())
    assert nightly() == 0


def test_a_company_that_does_not_want_it_is_left_alone(companies: list[Company]) -> None:
    for settings in db.session.scalars(select(CompanySettings)):
        settings.nightly = False
    db.session.commit()
    at(datetime(2026, 11, 21, 20, 0, tzinfo=UTC))
    schedule.fire(db.session())
    assert nightly() == 0


@pytest.mark.parametrize("zone", ["", "Nowhere/Atall", "../../etc/passwd"])
def test_a_zone_that_is_none_is_read_as_utc(zone: str) -> None:
    at(datetime(2026, 11, 21, 3, 0, tzinfo=UTC))
    try:
        assert schedule.last_time(zone, time(2, 0)) == datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
    finally:
        clock.use()
