"""The worker process: one queue, JSON, and only the jobs on our own list.

RQ would import and run whatever name stands in Redis, so a job here resolves its name in `JOBS` and nowhere else, and
has no callbacks and no webhooks. A worker has one queue and no scheduler of RQ's: both lose jobs when processes die.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

import structlog
from flask import Flask
from redis import Redis
from rq import Queue, Worker
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import configure_mappers

from backoffice import outage, stop, trace
from backoffice.child_process import die_with_parent
from backoffice.config import Settings
from backoffice.errors import BackofficeError
from backoffice.extensions import db
from backoffice.queue import QUEUE
from backoffice.signs import WORKER_SPEAKS, WORKER_TTL
from jobs import JOBS

log = structlog.get_logger()

#: How often it looks after RQ's lists, in seconds.
MAINTENANCE_INTERVAL = 15


class UnknownJobError(BackofficeError):
    """This is not a job of ours."""


class KnownJob(Job):
    """A job that runs what its name means in `JOBS`, whatever else stands in Redis."""

    success_callback = failure_callback = stopped_callback = None

    @property
    def func(self) -> Callable[..., Any]:
        """The function to run. Raises: UnknownJobError."""
        function = JOBS.get(str(self.func_name).removeprefix("jobs."))
        if function is None or self.instance is not None:
            raise UnknownJobError(f"{self.func_name} is not a job of ours.")
        return function

    def perform(self) -> Any:
        """Do it. What the database is not there for is left to the next ring."""
        try:
            return super().perform()
        except DBAPIError as error:
            said = outage.words(error)
            if said is None:
                raise
            log.warning("a job waits for the database", job=self.func_name, ids=self.args, why=said)
            return None

    def send_webhooks(self, status: str | JobStatus, *, exc_string: str | None = None) -> None:
        """None: the addresses would come from Redis."""


class ForkingWorker(Worker):
    """Runs each job in a fork of its own, inside the application's context."""

    job_class = KnownJob

    def __init__(self, app: Flask, connection: Redis) -> None:
        self.app = app
        super().__init__(
            [Queue(QUEUE, connection=connection, serializer=JSONSerializer, job_class=KnownJob)],
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL,
            job_monitoring_interval=WORKER_SPEAKS,
            maintenance_interval=MAINTENANCE_INTERVAL,
            log_job_description=False,
        )

    def main_work_horse(self, job: Job, queue: Queue) -> NoReturn:
        """What happens in the fork. It ends with the worker, so that no job runs on unseen beside its repetition."""
        die_with_parent(int(self.pid or 0), signal.SIGKILL)
        trace.resume(job.meta.get("request"))
        with self.app.app_context():
            db.engine.dispose(close=False)  # the worker's connections are its own
            super().main_work_horse(job, queue)
        os._exit(0)

    def handle_warm_shutdown_request(self) -> None:
        """Asked to end: let the fork know, which hands its job back at the next page or batch."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        if self.horse_pid:
            with suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)

    def setup_work_horse_signals(self) -> None:
        """In the fork. The signal may have come before there was one, or before it could hear."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]
        signal.signal(signal.SIGTERM, lambda _number, _frame: stop.request())
        if self._stop_requested:
            stop.request()


def run(app: Flask, burst: bool = False) -> None:
    """Work until told to stop; with `burst`, until nothing is left to do."""
    settings: Settings = app.extensions["settings"]
    configure_mappers()
    gc.freeze()  # what is here by now stays: a fork that looked through it would need a copy of it all
    ForkingWorker(app, Redis.from_url(settings.redis_url)).work(burst=burst)
