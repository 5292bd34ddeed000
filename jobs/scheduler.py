"""The scheduler process: ticks the schedules, and rings again for what is due and left lying. Run as many as wanted."""

from __future__ import annotations

import signal
from datetime import datetime
from threading import Event
from types import FrameType

import structlog
from flask import Flask
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from backoffice import outage, signs
from backoffice.clock import now
from backoffice.database import only_reading
from backoffice.extensions import db
from backoffice.queue import doorbell
from backoffice.sync import jobs
from jobs import schedule, sweep

log = structlog.get_logger()

#: How often jobs that waited until a certain moment are looked for, in seconds.
TICK = 1.0


class Scheduler:
    """Sweeps, fires schedules, and rings at once for jobs whose wait is over."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._stop = Event()
        self._sweep_seconds: float = app.extensions["settings"].sweep_seconds

    def run(self) -> None:
        """Tick until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        looked = swept = None
        while not self._stop.is_set():
            moment = now()
            try:
                with self._app.app_context():
                    if swept is None or (moment - swept).total_seconds() >= self._sweep_seconds:
                        swept = moment
                        tick()
                        self._speak()
                    elif looked is not None:
                        ring_for_due(looked)
                    looked = moment
            except DBAPIError as error:
                log.warning("the next round tries again", why=outage.words(error) or str(error))
            self._stop.wait(min(TICK, self._sweep_seconds))

    def _speak(self) -> None:
        try:
            signs.speak(self._app.extensions["redis"])
        except RedisError as error:
            log.warning("nobody can be told that this scheduler lives", error=type(error).__name__)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()


def tick() -> None:
    """One round: start what is due by a schedule, and ring again for what lies."""
    schedule.fire(db.session())
    sweep()


def ring_for_due(since: datetime) -> None:
    """Ring for jobs that fell due after a moment, so that a short wait stays short."""
    with only_reading(db.session()) as session:
        due = list(jobs.due_jobs(session, since))
    for job_id in due:
        doorbell.ring("run", job_id)


def run(app: Flask) -> None:
    """Schedule until told to stop."""
    Scheduler(app).run()
