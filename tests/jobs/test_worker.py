"""The worker: a real process, which runs what is on our list and nothing that merely stands in Redis."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis
from rq import Callback, Queue
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from backoffice.config import Settings
from backoffice.queue import QUEUE
from jobs import JOBS, worker

Work = Callable[[], str]


@pytest.fixture
def queue(redis_url: str) -> Queue:
    """The queue as anybody sees it who can write to Redis."""
    return Queue(QUEUE, connection=Redis.from_url(redis_url), serializer=JSONSerializer)


@pytest.fixture
def work(settings: Settings) -> Work:
    """Run a worker until nothing is left to do; returns what it logged."""
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "DATA_DIR": str(settings.data_dir),
    }

    def run() -> str:
        command = [sys.executable, "-m", "backoffice.cli", "worker", "--burst"]
        done = subprocess.run(command, check=True, env=environment, capture_output=True, text=True, timeout=60)
        return done.stdout + done.stderr

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "planted"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["os.system", "jobs.os.system", "jobs.worker.run", "subprocess.check_output"])
def test_a_name_that_is_not_on_the_list_is_refused(queue, work, file, name):
    job = queue.enqueue(name, f"touch {file}")
    logged = work()
    assert "is not a job of ours" in logged
    assert job.get_status() is JobStatus.FAILED
    assert not file.exists()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_planted_callback_is_not_called(queue, work, file):
    callbacks = {sort: Callback("pathlib.Path.touch") for sort in ("on_success", "on_failure")}
    for name in ("os.system", f"jobs.{next(iter(JOBS))}"):
        queue.enqueue(name, f"touch {file}", **callbacks)
    logged = work()
    assert "pathlib" not in logged


def test_a_job_class_has_no_doors(redis_url):
    with Redis.from_url(redis_url) as redis:
        job = worker.KnownJob.create("os.system", connection=redis, serializer=JSONSerializer)
        with pytest.raises(worker.UnknownJobError):
            _ = job.func
        assert (job.success_callback, job.failure_callback, job.stopped_callback) == (None, None, None)
        assert worker.KnownJob.send_webhooks is not Job.send_webhooks


def test_every_job_on_the_list_is_found_by_its_name(redis_url):
    with Redis.from_url(redis_url) as redis:
        for name, function in JOBS.items():
            job = worker.KnownJob.create(f"jobs.{name}", connection=redis, serializer=JSONSerializer)
            assert job.func is function
