"""A simulated night: one clock for the application, its limiter, its scheduler and the played Xero.

The real schedules, the real doorbell, workers in threads, real HTTP. The clock stands still while they work: all calls
of a job fall into one moment, which is harder on the limits than a real night.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

import requests
from flask import Flask
from pydantic import SecretStr
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import func, select
from sqlalchemy.orm import sessionmaker

from backoffice import clock
from backoffice.extensions import db
from backoffice.models import Company, CompanySettings, Grant, JobState, SyncJob, new_company
from backoffice.models.timetable import Rhythm, Timetable
from backoffice.providers.consents import Consents
from backoffice.providers.grants import token_set
from backoffice.queue import QUEUE, doorbell
from backoffice.sandbox.xero.server import Sandbox
from backoffice.sync import jobs, linking
from backoffice.sync.provider import Organisation
from jobs.scheduler import tick
from jobs.worker import KnownJob
from tests.sync.conftest import xero_settings

#: A Tuesday, on which no clock anywhere is put forward or back, and no company compares both sides.
BEGIN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NIGHT = timedelta(days=1)
#: What Xero allows one organisation in a minute, in a day, at once; and the whole application in a minute.
LIMITS: dict[str, Any] = {"minute_limit": 60, "day_limit": 5_000, "concurrent_limit": 5, "app_minute_limit": 10_000}
#: Few rows on small pages: several pages of one list are asked for at once.
SIZE: dict[str, Any] = {"contacts": 5, "items": 2, "documents": 0, "latency_ms": 2}
PAGE = 1


class Moment:
    """The one clock, moved by hand."""

    def __init__(self, begin: datetime) -> None:
        self.now = begin

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Found:
    """What was seen of a night."""

    companies: int
    zones: int
    #: By company, how many jobs were done to their end; and how many ended otherwise.
    done: Counter[int] = field(default_factory=Counter)
    failed: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    most_in_flight: int = 0
    calls: int = 0
    #: By simulated second, how many jobs were started; by simulated minute, how many calls were made.
    starts: Counter[datetime] = field(default_factory=Counter)
    calls_in: Counter[datetime] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def once(self) -> int:
        return sum(times == 1 for times in self.done.values())

    @property
    def busiest_second(self) -> int:
        return max(self.starts.values())

    @property
    def busiest_minute(self) -> int:
        minutes: Counter[datetime] = Counter()
        for second, number in self.starts.items():
            minutes[second.replace(second=0)] += number
        return max(minutes.values())


class Night:
    """Companies that are linked, a scheduler that ticks, and workers that do what is rung for."""

    def __init__(self, app: Flask, sandbox: Sandbox, moment: Moment, workers: int) -> None:
        self._app, self._sandbox, self._moment, self._workers = app, sandbox, moment, workers
        self._step = timedelta(seconds=app.extensions["settings"].sweep_seconds)
        self._queue: Queue = doorbell.queue()

    def link(self, companies: int) -> int:
        """Link as many companies as there are organisations, by one consent; says in how many time zones."""
        wanted = [str(number + 1) for number in range(companies)]
        answer = requests.post(f"{self._sandbox.url}/_sandbox/tokens", json={"organisations": wanted}, timeout=60)
        consented: dict[str, Any] = answer.json()
        session, provider = db.session(), self._app.extensions["providers"]["xero"]
        consents = Consents("xero", sessionmaker(db.engine))
        tokens = token_set(consented["token"])
        who = str(tokens.claims()["xero_userid"])
        authorisation = consents.store("demo-client", who, Grant.AUTHORISATION_CODE, tokens)
        places = sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
        for number, one in enumerate(consented["connections"]):
            company = new_company(session, f"{one['tenantName']} ({number})", places[number % len(places)])
            there = Organisation(one["tenantId"], one["tenantName"], one["id"])
            _, first = linking.link(session, provider, company.id, there, authorisation, user_id=None)
            jobs.cancel(session, first)  # the night is the first to read
        return len({places[number % len(places)] for number in range(companies)})

    def pass_by(self, found: Found) -> None:
        """Let the night pass, from one moment at which something is due to the next."""
        self._sandbox.world.stats.reset()
        self._sandbox.world.limits.reset_counts()
        due = sorted(self._due())
        end = self._moment.now + NIGHT
        while self._moment.now < end or self._waiting():
            before = self._calls()
            tick()
            self._work()
            found.calls_in[self._moment.now.replace(second=0)] += self._calls() - before
            self._moment.now = self._following(due, end)

    def look(self, found: Found) -> None:
        """Put down what came of it."""
        for job in db.session.scalars(select(SyncJob).where(SyncJob.title == "Nightly")):
            found.done[job.company_id] += job.state is JobState.COMPLETED
            found.failed += job.state is not JobState.COMPLETED
            if job.started_at:
                found.starts[job.started_at.replace(microsecond=0)] += 1
        limits = self._sandbox.world.limits
        found.refused, found.most_in_flight = dict(limits.refused), limits.max_in_flight
        found.calls = self._calls()

    def _due(self) -> Iterator[datetime]:
        rows = db.session.execute(select(Company, CompanySettings).join(CompanySettings)).all()
        for company, settings in rows:
            if at := Timetable.of(company, settings).next(Rhythm.NIGHTLY):
                yield at
        db.session.rollback()

    def _following(self, due: list[datetime], end: datetime) -> datetime:
        """The scheduler's next look at which there is something to do; none between is left out that finds anything."""
        while due and due[0] <= self._moment.now:
            due.pop(0)
        put_back = db.session.scalar(select(func.min(SyncJob.due_at)).where(SyncJob.state == JobState.PENDING))
        db.session.rollback()
        wanted = min([end, *due[:1], *([put_back] if put_back else [])])
        looks = max(1, -((self._moment.now - wanted) // self._step))
        return self._moment.now + looks * self._step

    def _waiting(self) -> bool:
        found = db.session.scalar(select(SyncJob.id).where(SyncJob.state.in_(jobs.OPEN)).limit(1)) is not None
        db.session.rollback()
        return found

    def _calls(self) -> int:
        calls: dict[str, int] = self._sandbox.world.stats.shown()["calls"]
        return sum(calls.values())

    def _work(self) -> None:
        """Do everything that was rung for, and what that rings for, by several workers."""
        while len(self._queue):
            with ThreadPoolExecutor(self._workers) as pool:
                for done in [pool.submit(self._until_nothing_is_left) for _ in range(self._workers)]:
                    done.result()

    def _until_nothing_is_left(self) -> None:
        redis = self._queue.connection
        queue = Queue(QUEUE, connection=redis, serializer=JSONSerializer, job_class=KnownJob)
        while (
            rung := Queue.dequeue_any([queue], None, connection=redis, serializer=JSONSerializer, job_class=KnownJob)
        ) is not None:
            with self._app.app_context():
                rung[0].func(*rung[0].args)
            rung[0].delete()


@contextmanager
def one_clock(sandbox: Sandbox, begin: datetime = BEGIN) -> Iterator[Moment]:
    """The same clock for everything, the played Xero included."""
    moment = Moment(begin)
    clock.use(moment)
    sandbox.world.clock.follow(moment)
    try:
        yield moment
    finally:
        clock.use()
        sandbox.world.clock.reset()


def simulate(app: Flask, sandbox: Sandbox, companies: int, workers: int) -> Found:
    """Link so many companies and let a night pass, within an application's context."""
    started = time.perf_counter()
    with one_clock(sandbox) as moment:
        night = Night(app, sandbox, moment, workers)
        found = Found(companies, night.link(companies))
        moment.now += timedelta(seconds=1)
        night.pass_by(found)
        night.look(found)
    found.seconds = time.perf_counter() - started
    return found


def night_settings(sandbox: Sandbox) -> dict[str, Any]:
    """What an application needs for such a night: an app at Xero that people consent to, and Xero's own limits."""
    return {
        **xero_settings(sandbox),
        "xero_client_id": "demo-client",
        "xero_client_secret": SecretStr("demo-secret"),
        "xero_minute_limit": LIMITS["minute_limit"],
        "xero_day_limit": LIMITS["day_limit"],
        "lease_seconds": 3_600,
        "page_size": PAGE,
    }


def check(found: Found) -> None:
    """What must hold of every night."""
    assert found.failed == 0
    assert found.once == found.companies == len(found.done)
    assert found.refused == {}
    assert found.most_in_flight <= LIMITS["concurrent_limit"]
    assert max(found.calls_in.values()) <= LIMITS["app_minute_limit"]
