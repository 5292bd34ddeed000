"""The worker: a real process, which runs what is on our list and nothing that merely stands in Redis."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from redis import Redis
from rq import Callback, Queue
from rq.job import Job, JobStatus
from rq.serializers import DefaultSerializer, JSONSerializer
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from backoffice import signs
from backoffice.config import Settings
from backoffice.queue import QUEUE
from jobs import JOBS, worker

Work = Callable[[], str]


@pytest.fixture
def queue(redis_url: str) -> Queue:
    """The queue as anybody sees it who can write to Redis."""
    return Queue(QUEUE, connection=Redis.from_url(redis_url), serializer=JSONSerializer)


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """What a process of this deployment finds in its environment."""
    return {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "DATA_DIR": str(settings.data_dir),
    }


@pytest.fixture
def work(environment: dict[str, str]) -> Work:
    """Run a worker until nothing is left to do; returns what it logged."""

    def run() -> str:
        command = [sys.executable, "-m", "backoffice.cli", "worker", "--burst"]
        done = subprocess.run(command, check=True, env=environment, capture_output=True, text=True, timeout=60)
        return done.stdout + done.stderr

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "planted"


def test_a_job_of_ours_is_done(queue, work):
    job = queue.enqueue("jobs.run", 12345)  # of a sync job that is not there: nothing to do
    logged = work()
    assert job.get_status() is JobStatus.FINISHED, logged


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_lines_of_a_job_carry_the_request_that_it_was_rung_for_by(queue, work):
    queue.enqueue("jobs.prune", meta={"request": "the-request-of-a-page"})
    lines = [json.loads(line) for line in work().splitlines() if line.startswith("{")]
    assert [line["request"] for line in lines if line["event"] == "pruned"] == ["the-request-of-a-page"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_not_on_the_list_is_refused_and_the_worker_goes_on(queue, work, file):
    names = ["os.system", "jobs.os.system", "jobs.worker.run", "subprocess.check_output"]
    planted = [queue.enqueue(name, f"touch {file}") for name in names]
    pickled = Queue(QUEUE, connection=queue.connection, serializer=DefaultSerializer).enqueue(
        "os.system", f"touch {file}"
    )
    ours = queue.enqueue("jobs.run", 12345)
    logged = work()
    assert all(f"{name} is not a job of ours" in logged for name in names)
    assert {job.get_status() for job in [*planted, pickled]} == {JobStatus.FAILED}
    assert ours.get_status() is JobStatus.FINISHED
    assert not file.exists()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_planted_callback_is_not_called(queue, work, file):
    callbacks = {sort: Callback("pathlib.Path.touch") for sort in ("on_success", "on_failure")}
    for name in ("os.system", f"jobs.{next(iter(JOBS))}"):
        queue.enqueue(name, f"touch {file}", **callbacks)
    logged = work()
    assert "pathlib" not in logged


class Bomb:
    """An object whose pickle runs a command as soon as it is read."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return os.system, (f"touch {self.file}",)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_planted_pickle_is_never_read(queue, work, file):
    bomb = pickle.dumps(Bomb(file))
    for field in ("data", "meta", "result"):
        for raw in (bomb, zlib.compress(bomb)):
            queue.connection.hset(queue.enqueue("jobs.run", 12345).key, field, raw)
    ours = queue.enqueue("jobs.run", 12345)
    logged = work()
    assert ours.get_status() is JobStatus.FINISHED, logged
    assert not file.exists()
    pickle.loads(bomb)
    assert file.exists()


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


def test_a_worker_carries_no_screens():
    code = (
        "import sys, backoffice.app, jobs.worker; print(sorted({'backoffice.admin', 'flask_admin'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tell a fork that its parent has died")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_job_ends_with_its_worker(queue, environment, file):
    code = f"""
import os, pathlib, time
from backoffice.app import create_app
from jobs import JOBS, worker

def nap():
    pathlib.Path({str(file)!r}).write_text(str(os.getpid()))
    time.sleep(60)

JOBS["nap"] = nap
worker.run(create_app())
"""
    queue.enqueue("jobs.nap")
    process = subprocess.Popen([sys.executable, "-c", code], env=environment)
    assert wait_for(lambda: file.exists() and file.read_text() != "")
    horse = psutil.Process(int(file.read_text()))
    assert process.pid == horse.ppid()
    assert [sign.pid for sign in signs.workers(queue.connection)] == [process.pid]
    process.kill()
    process.wait()
    assert wait_for(lambda: not horse.is_running() or horse.status() == psutil.STATUS_ZOMBIE)


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return met


def test_a_job_that_the_database_is_not_there_for_is_left_to_the_next_ring(redis_url, monkeypatch):
    def away() -> None:
        create_engine("sqlite:////no/such/folder/books.db").connect()

    def at_fault() -> None:
        with create_engine("sqlite://").connect() as connection:
            connection.exec_driver_sql("SELECT nonsense")

    with Redis.from_url(redis_url) as redis:
        monkeypatch.setitem(JOBS, "sweep", away)
        job = worker.KnownJob.create("jobs.sweep", connection=redis, serializer=JSONSerializer)
        assert job.perform() is None
        monkeypatch.setitem(JOBS, "sweep", at_fault)
        with pytest.raises(DBAPIError):
            job.perform()
