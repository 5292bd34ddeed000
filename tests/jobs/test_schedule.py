"""Schedules: each company by its own clock, at its own second, once, whoever ticks; what was missed comes once."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask, current_app
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from backoffice import clock
from backoffice.config import Settings
from backoffice.extensions import db
from backoffice.models import (
    Company,
    CompanySettings,
    Connection,
    JobState,
    SyncJob,
    Tick,
    Work,
    new_company,
)
from backoffice.models.timetable import SPREAD, Rhythm, Timetable, moment
from backoffice.queue import doorbell
from backoffice.sync import jobs, pause
from jobs import schedule, sweep
from tests.jobs.schedulers import STEPS, Round
from tests.questions import questions

#: A Saturday, on which every nightly hour of the companies has passed since noon.
NOON = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def real_clock() -> Iterator[None]:
    yield
    clock.use()


def a_company(name: str, zone: str) -> Company:
    company = new_company(db.session(), name, zone)
    linked_at = datetime(2026, 1, 1, tzinfo=UTC)
    values = {"provider": "xero", "external_id": name, "organisation": name, "linked_at": linked_at}
    db.session.add(Connection(company_id=company.id, **values))
    db.session.flush()
    return company


@pytest.fixture
def companies(app: Flask) -> Iterator[list[Company]]:
    with app.app_context():
        found = [a_company(name, zone) for name, zone in (("North", "Pacific/Auckland"), ("South", "Europe/London"))]
        choose(reconcile_on=None)
        yield found


def choose(**values: object) -> None:
    """Let every company have chosen so long ago."""
    db.session.execute(update(CompanySettings).values(**values))
    db.session.commit()


def at(now: datetime) -> None:
    clock.use(lambda: now)


def fire(now: datetime | None = None) -> int:
    if now is not None:
        at(now)
    return schedule.fire(db.session())


def asked(title: str = "Nightly") -> int:
    return db.session.scalar(select(func.count()).select_from(SyncJob).where(SyncJob.title == title)) or 0


def end_all_jobs() -> None:
    db.session.execute(update(SyncJob).values(state=JobState.COMPLETED))
    db.session.commit()


def a_timetable(number: int = 1, zone: str = "UTC", **values: object) -> Timetable:
    chosen = {"nightly": True, "nightly_at": time(2, 0), "update_every": None, "reconcile_on": None, **values}
    return Timetable(number, zone, **chosen)  # type: ignore[arg-type]


# --- when -----------------------------------------------------------------------------------------


def test_a_thousand_companies_do_not_start_in_one_second() -> None:
    at(NOON)
    starts = [a_timetable(number).last(Rhythm.NIGHTLY) for number in range(1, 1001)]
    two = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
    assert all(start is not None and two <= start < two + SPREAD for start in starts)
    assert Counter(starts).most_common(1)[0][1] == 1
    minutes = Counter(start.replace(second=0) for start in starts if start)
    assert (len(minutes), max(minutes.values())) == (60, 18)


def test_what_a_company_is_told_is_what_comes() -> None:
    for number in (1, 7, 500):
        for rhythm in Rhythm:
            timetable = a_timetable(number, "Asia/Kathmandu", update_every=240, reconcile_on=2)
            at(NOON)
            told = timetable.next(rhythm)
            assert told is not None
            at(told - timedelta(seconds=1))
            assert timetable.last(rhythm) != told
            at(told)
            assert timetable.last(rhythm) == told
            at(told + timedelta(minutes=3))
            assert timetable.last(rhythm) == told


@pytest.mark.parametrize(
    ("zone", "clock_time", "first", "days"),
    [
        ("Europe/Berlin", time(2, 30), date(2026, 3, 27), 5),  # there is no half past two on the 29th
        ("Europe/Berlin", time(2, 30), date(2026, 10, 23), 5),  # and two on the 25th of October
        ("Pacific/Auckland", time(2, 30), date(2026, 9, 25), 5),
        ("Pacific/Auckland", time(2, 30), date(2026, 4, 3), 5),
        ("Australia/Lord_Howe", time(1, 45), date(2026, 4, 3), 5),  # half an hour, twice
        ("America/Havana", time(0, 30), date(2026, 3, 6), 5),  # midnight itself does not exist
        ("America/St_Johns", time(23, 59), date(2026, 10, 30), 4),
        ("UTC", time(0, 0), date(2026, 12, 30), 4),
    ],
)
def test_every_night_comes_once_whatever_the_clocks_do(zone: str, clock_time: time, first: date, days: int) -> None:
    timetable = a_timetable(6, zone, nightly_at=clock_time)
    begin = datetime.combine(first, time(0), ZoneInfo(zone)).astimezone(UTC)
    found = []
    for minutes in range(0, days * 24 * 60, 7):
        at(begin + timedelta(minutes=minutes))
        found.append(timetable.last(Rhythm.NIGHTLY))
        following = timetable.next(Rhythm.NIGHTLY)
        assert following is not None
        assert following > clock.now()
    nights = sorted({night for night in found if night and night > begin + timedelta(hours=1)})
    assert days - 1 <= len(nights) <= days
    gaps = {(after - before) for before, after in pairwise(nights)}
    assert all(timedelta(hours=22, minutes=59) <= gap <= timedelta(hours=25, minutes=1) for gap in gaps)


def test_a_time_that_the_clock_jumps_over_comes_after_the_jump() -> None:
    gap = moment("Europe/Berlin", date(2026, 3, 29), time(2, 30))
    assert gap == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    twice = moment("Europe/Berlin", date(2026, 10, 25), time(2, 30))
    assert twice == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["", "Nowhere/Atall", "../../etc/passwd"])
def test_a_zone_that_is_none_is_read_as_utc(zone: str) -> None:
    at(datetime(2026, 11, 21, 3, 0, tzinfo=UTC))
    assert schedule.last_time(zone, time(2, 0)) == datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
    assert a_timetable(6, zone).next(Rhythm.NIGHTLY) == a_timetable(6).next(Rhythm.NIGHTLY)


@pytest.mark.parametrize("every", [15, 30, 60, 120, 240, 720])
def test_an_interval_comes_as_often_as_it_says_and_not_for_all_at_once(every: int) -> None:
    at(NOON)
    starts = {a_timetable(number, update_every=every).last(Rhythm.INTERVAL) for number in range(1, 101)}
    assert len(starts) > 95
    timetable, found = a_timetable(9, update_every=every), set()
    for minutes in range(24 * 60):
        at(NOON + timedelta(minutes=minutes))
        found.add(timetable.last(Rhythm.INTERVAL))
    assert len(found) in (24 * 60 // every, 24 * 60 // every + 1)


# --- once -----------------------------------------------------------------------------------------


def test_each_company_starts_at_its_own_two_in_the_morning(companies: list[Company]) -> None:
    fire(datetime(2026, 11, 21, 14, 5, tzinfo=UTC))  # past three in Auckland, afternoon in London
    started = select(Company.name).join(SyncJob).where(SyncJob.title == "Nightly").order_by(SyncJob.id)
    assert db.session.scalars(started).all() == ["South", "North"]


def test_two_ticks_start_a_night_once(companies: list[Company]) -> None:
    fire(NOON)
    fire()
    fire(NOON + timedelta(minutes=1))
    assert asked() == 2
    ticks = db.session.scalars(select(Tick.schedule).where(Tick.schedule.like("nightly%"))).all()
    assert len(ticks) == 2


def test_nights_that_were_missed_are_caught_up_once(companies: list[Company]) -> None:
    fire(NOON - timedelta(days=5))
    end_all_jobs()
    fire(NOON)
    fire()
    assert asked() == 4


def test_a_company_linked_after_its_night_waits_for_the_next(companies: list[Company]) -> None:
    for connection in db.session.scalars(select(Connection)):
        connection.linked_at = NOON - timedelta(minutes=1)
    db.session.commit()
    fire(NOON)
    assert asked() == 0


def test_a_company_that_does_not_want_it_is_left_alone(companies: list[Company]) -> None:
    choose(nightly=False)
    fire(NOON)
    assert asked() == 0


def test_another_zone_or_time_starts_nothing_that_is_over(companies: list[Company]) -> None:
    fire(NOON)
    end_all_jobs()
    companies[0].time_zone = "Europe/Paris"
    for settings in db.session.scalars(select(CompanySettings)):
        settings.nightly_at = time(6, 0)
    db.session.commit()
    fire(NOON + timedelta(seconds=1))
    assert asked() == 2
    fire(NOON + timedelta(hours=12))
    assert asked() == 4


def test_an_interval_polls_and_asks_nobody_to_look_again(companies: list[Company]) -> None:
    choose(nightly=False, update_every=60)
    fire(NOON)
    assert [job.thorough for job in db.session.scalars(select(SyncJob))] == [False, False]
    for job in db.session.scalars(select(SyncJob)):
        job.state, job.lease_until = JobState.RUNNING, NOON + timedelta(days=1)
    db.session.commit()
    for hours in range(1, 4):
        fire(NOON + timedelta(hours=hours))
    assert asked("At intervals") == 2
    assert not any(job.look_again for job in db.session.scalars(select(SyncJob)))
    end_all_jobs()
    fire(NOON + timedelta(hours=9))  # five were missed
    fire()
    assert asked("At intervals") == 4


def test_a_night_asks_for_more_than_an_update_that_is_under_way(companies: list[Company]) -> None:
    at(NOON)
    for connection in db.session.scalars(select(Connection)).all():
        jobs.request_update(db.session(), connection, ["contact"], user_id=None)
        every = [mapper.kind for mapper in current_app.extensions["providers"]["xero"].mappers]
        jobs.request_update(db.session(), connection, every, user_id=None)
    fire()
    nights = db.session.scalars(select(SyncJob).where(SyncJob.title == "Nightly")).all()
    assert [night.thorough for night in nights] == [True, True]


def test_a_week_has_one_reconciliation(companies: list[Company]) -> None:
    choose(nightly=False, reconcile_on=5)
    begin = datetime(2026, 11, 16, tzinfo=UTC)
    for company in companies:
        company.planned_at = begin
    db.session.commit()
    for hours in range(0, 7 * 24, 3):
        fire(begin + timedelta(hours=hours))
        end_all_jobs()
    found = db.session.scalars(select(SyncJob).where(SyncJob.work == Work.RECONCILE)).all()
    assert sorted(job.created_at.astimezone(UTC).weekday() for job in found) == [4, 5]  # Friday here, there Saturday


def test_a_paused_company_does_nothing_by_itself(companies: list[Company]) -> None:
    choose(update_every=15, reconcile_on=5)
    for settings in db.session.scalars(select(CompanySettings)).all():
        pause.pause(db.session(), settings)
    fire(NOON)
    assert db.session.scalar(select(func.count()).select_from(SyncJob)) == 0


def test_a_long_stop_is_caught_up_piece_by_piece(companies: list[Company], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "MOST", 3)
    at(NOON)
    assert [fire(), fire(), asked()] == [3, 1, 2]


def test_many_companies_cost_few_statements(companies: list[Company]) -> None:
    for number in range(25):
        a_company(f"C{number}", "Asia/Tokyo")
    db.session.commit()
    at(NOON)
    while fire():
        pass
    with questions(db.engine) as statements:
        assert fire() == 0
    assert len([each for each in statements if each.startswith("SELECT")]) == 2


# --- with others ----------------------------------------------------------------------------------


def test_two_schedulers_at_once_start_each_thing_once(companies: list[Company], settings: Settings) -> None:
    for number in range(10):
        a_company(f"C{number}", "Asia/Tokyo")
    db.session.commit()
    choose(reconcile_on=None)
    both = Round(settings, NOON, parties=2)
    processes = [both.begin(), both.begin()]
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0]
    counts = db.session.execute(select(SyncJob.company_id, func.count()).group_by(SyncJob.company_id)).all()
    assert [count for _, count in counts] == [1] * 12


@pytest.mark.parametrize("step", STEPS)
def test_a_scheduler_that_is_killed_leaves_nothing_undone_and_nothing_twice(
    step: str, companies: list[Company], settings: Settings
) -> None:
    """Another one fires while the first stands still, and goes on when that is dead."""
    rounds = Round(settings, NOON), Round(settings, NOON)
    first, second = rounds[0].begin_and_stop(step), rounds[1].begin()
    assert first.pid is not None
    first.kill()
    first.join(30)
    second.join(30)
    assert (first.exitcode, second.exitcode) == (-signal.SIGKILL, 0)
    fire(NOON + timedelta(seconds=15))
    assert asked() == 2
    queue: Queue = doorbell.queue()
    queue.empty()
    sweep()  # which rings for what was committed and not rung for
    rung = {tuple(job.args) for job in queue.jobs if job.func_name == "jobs.run"}
    assert rung == {(job_id,) for job_id in db.session.scalars(select(SyncJob.id))}


def test_a_daily_job_that_nobody_heard_of_is_rung_for_again(
    companies: list[Company], redis_url: str, tmp_path: Path
) -> None:
    """No row stands behind it: its tick alone says that it was started."""
    daily = select(Tick.schedule).where(Tick.schedule.in_(["prune", "keep_tokens_alive"]))
    with Redis(unix_socket_path=str(tmp_path / "nobody"), retry=Retry(NoBackoff(), 0)) as nowhere:
        doorbell.connect(nowhere)
        fire(NOON)
        assert db.session.scalars(daily).all() == []
    with Redis.from_url(redis_url) as redis:
        doorbell.connect(redis)
        fire(NOON)
        fire(NOON)
        rung = [job.func_name for job in doorbell.queue().jobs]
    assert (rung.count("jobs.prune"), rung.count("jobs.keep_tokens_alive")) == (1, 1)
    assert len(db.session.scalars(daily).all()) == 2


def test_a_daily_job_comes_although_its_scheduler_died_around_its_ring(
    companies: list[Company], redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise SystemExit

    monkeypatch.setattr(schedule, "_companies", lambda _session: iter(()))
    with Redis.from_url(redis_url) as redis:
        doorbell.connect(redis)
        with monkeypatch.context() as patch, pytest.raises(SystemExit):
            patch.setattr(doorbell, "ring", die)
            fire(NOON)
        db.session.rollback()
        fire(NOON + timedelta(seconds=15))
        rung = [job.func_name for job in doorbell.queue().jobs]
    assert (rung.count("jobs.prune"), rung.count("jobs.keep_tokens_alive")) == (1, 1)


def test_a_company_that_is_deleted_or_unlinked_during_a_round_stops_no_scheduler(
    companies: list[Company], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, apart = (company.id for company in companies)
    original = schedule._start

    def start(session: Session, due: schedule.Due) -> bool:
        session.execute(delete(Company).where(Company.id == gone))
        session.execute(update(Connection).where(Connection.company_id == apart).values(active=False))
        session.commit()
        return original(session, due)

    monkeypatch.setattr(schedule, "_start", start)
    fire(NOON)
    assert asked() == 0


def test_a_clock_that_was_wrong_for_a_moment_stops_nobody_for_a_year(companies: list[Company]) -> None:
    fire(NOON)
    end_all_jobs()
    fire(NOON + timedelta(days=365))
    end_all_jobs()
    before = asked()
    for day in range(1, 8):
        fire(NOON + timedelta(days=day))
        end_all_jobs()
    assert asked() > before
