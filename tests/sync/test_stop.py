"""A process that is asked to end finishes what is short, and hands back what is long: another goes on at once."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
from flask import Flask
from pydantic import SecretStr
from sqlalchemy import delete, select

from backoffice import stop
from backoffice.config import Settings
from backoffice.errors import LeaseLostError
from backoffice.models import JobState, PullRun, SyncJob, Undo
from backoffice.models.leased import HandedBackError, claim
from backoffice.queue import doorbell
from backoffice.sync import jobs
from tests.sync.conftest import Book


@pytest.fixture
def sandbox_size() -> dict[str, int]:
    return {"contacts": 40, "items": 3}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"page_size": 2, "lease_seconds": 600})


@pytest.fixture
def no_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process is asked is forgotten afterwards."""
    monkeypatch.setattr(stop, "_requested", False)


def environment(settings: Settings) -> dict[str, str]:
    """What a process of this deployment finds in its environment."""
    found = dict(os.environ)
    for name, value in settings:
        plain = value.get_secret_value() if isinstance(value, SecretStr) else value
        if isinstance(plain, tuple):
            plain = ",".join(str(getattr(each, "get_secret_value", lambda each=each: each)()) for each in plain)
        found[name.upper()] = str(plain)
    return found


@contextmanager
def running(settings: Settings, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, *command], env=environment(settings))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return bool(met)


def test_a_worker_that_is_stopped_hands_its_job_back_at_the_next_page(book: Book, settings: Settings) -> None:
    job, _ = jobs.request_update(book.session, book.connection, ["contact"], user_id=None, thorough=True)
    job_id = job.id
    book.theirs.forget_calls()
    book.theirs.fault("slow", method="GET", path="/Contacts", seconds=0.2, count=100)
    doorbell.ring("run", job_id)

    def under_way() -> bool:
        progress = book.session.scalar(select(SyncJob.progress).where(SyncJob.id == job_id)) or {}
        book.session.rollback()
        return bool(progress.get("done"))

    with running(settings, "-m", "backoffice.cli", "worker") as worker:
        assert wait_for(under_way)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    book.session.refresh(job)
    assert (job.state, job.lease_until, job.lost_workers) == (JobState.PENDING, None, 0)
    assert job.waiting_for == "another worker: its own was stopped"
    assert doorbell.queue().count == 1  # another worker has been rung for
    broken_off = book.session.scalars(select(PullRun).order_by(PullRun.id.desc())).first()
    assert broken_off is not None
    assert 1 < broken_off.next_page < 20
    book.theirs.world.faults.clear()
    assert book.until_done(job).state is JobState.COMPLETED


def test_an_update_on_the_command_line_that_is_stopped_hands_its_job_back_too(book: Book, settings: Settings) -> None:
    book.session.execute(delete(PullRun))  # so that the list is read from its beginning
    book.session.commit()
    book.theirs.fault("slow", method="GET", path="/Contacts", seconds=0.2, count=100)
    newest = select(SyncJob).order_by(SyncJob.id.desc()).limit(1)

    def under_way() -> bool:
        found = book.session.scalars(newest.execution_options(populate_existing=True)).one()
        done = found.state is JobState.RUNNING and found.progress.get("done")
        book.session.rollback()
        return bool(done)

    with running(settings, "-m", "backoffice.cli", "update", book.company.name, "contact") as command:
        assert wait_for(under_way)
        command.send_signal(signal.SIGTERM)
        assert command.wait(30) == 1
    job = book.session.scalars(newest.execution_options(populate_existing=True)).one()
    assert (job.state, job.lease_until, job.lost_workers) == (JobState.PENDING, None, 0)
    book.theirs.world.faults.clear()
    assert book.until_done(job).state is JobState.COMPLETED


@pytest.mark.usefixtures("no_stop")
def test_what_is_no_sync_job_is_left_to_the_next_worker(book: Book) -> None:
    undo = Undo(company_id=book.company_id, sync_job_id=book.session.scalars(select(SyncJob.id)).first())
    book.session.add(undo)
    book.session.commit()
    lease = claim(book.session, Undo, undo.id, 600)
    assert lease is not None
    lease.write(book.session, done=1)
    stop.request()
    with pytest.raises(HandedBackError):
        lease.write(book.session, done=2)
    again = claim(book.session, Undo, undo.id, 600)
    assert again is not None
    book.session.refresh(undo)
    assert (undo.done, undo.tries) == (2, 1)
    with pytest.raises(LeaseLostError):
        lease.write(book.session, done=3)
    again.end(book.session)  # the end is no place to hand back
    book.session.refresh(undo)
    assert undo.ended_at is not None


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


SERVER = """
import pathlib, sys
from threading import Event
from backoffice import web
from backoffice.admin.audience import public
from backoffice.app import create_app

def slow():
    pathlib.Path(sys.argv[1]).touch()
    Event().wait(2)
    return "finished"

def load(self):
    app = create_app()
    app.add_url_rule("/slow", "slow", public(slow))
    return app

web.WebServer.load = load
web.run("127.0.0.1", int(sys.argv[2]), processes=1, threads=2)
"""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_web_server_that_is_stopped_answers_what_it_was_asked(app: Flask, settings: Settings, tmp_path: Path) -> None:
    port, begun, answers = free_port(), tmp_path / "begun", list[str]()
    browser = requests.Session()  # whose connection stays open, as browsers do
    with running(settings, "-c", SERVER, str(begun), str(port)) as server:

        def ask() -> None:
            answers.append(requests.get(f"http://127.0.0.1:{port}/slow", timeout=30).text)

        def up() -> bool:
            try:
                return browser.get(f"http://127.0.0.1:{port}/healthz", timeout=5).ok
            except requests.ConnectionError:
                return False

        assert wait_for(up)
        thread = Thread(target=ask)
        thread.start()
        assert wait_for(begun.exists)
        server.send_signal(signal.SIGTERM)
        thread.join(30)
        assert answers == ["finished"]
        assert server.wait(15) == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_scheduler_that_is_stopped_ends_well(app: Flask, settings: Settings) -> None:
    with running(settings, "-m", "backoffice.cli", "scheduler") as process, app.app_context():
        assert wait_for(lambda: doorbell.queue().count)  # it rings for what is due once a day
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
