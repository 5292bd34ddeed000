"""A worker in a process of its own that is killed, with SIGKILL, at the n-th step of its job.

A step is the moment before and after each call to the provider, and before and after each commit: there is nothing
else that another process could see.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import configure_mappers, sessionmaker

from backoffice.app import create_app
from backoffice.config import Settings
from backoffice.extensions import db
from backoffice.sync.run import Workshop, run

configure_mappers()

CONTEXT = multiprocessing.get_context("forkserver")
#: What every worker needs, imported and joined once for all of them.
CONTEXT.set_forkserver_preload(["psycopg", "valkey", "sqlalchemy.dialects.postgresql.psycopg", "tests.sync.dying"])
CALLS = ("page", "whole", "by_ids", "find", "send")


class Steps:
    """Counts, and dies in time."""

    def __init__(self, last: int) -> None:
        self._left = last

    def step(self, *_: Any) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1


class SteppingClient:
    """A client whose calls are steps."""

    def __init__(self, client: Any, steps: Steps) -> None:
        self._client, self._steps = client, steps

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if name not in CALLS:
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self._steps.step()
            answer = found(*args, **kwargs)
            self._steps.step()
            return answer

        return call


class SteppingProvider:
    """A provider whose clients count their calls as steps."""

    def __init__(self, provider: Any, steps: Steps) -> None:
        self._provider, self._steps = provider, steps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)

    def client(self, connection: Any, urgent: bool) -> SteppingClient:
        return SteppingClient(self._provider.client(connection, urgent), self._steps)


def work(settings: Settings, job_id: int, last: int) -> None:
    """Do a job, up to its n-th step."""
    app = create_app(settings, screens=False)
    with app.app_context():
        steps, session = Steps(last), db.session()
        event.listen(session, "before_commit", steps.step)
        event.listen(session, "after_commit", steps.step)
        providers = {"xero": SteppingProvider(app.extensions["providers"]["xero"], steps)}
        run(Workshop(session, sessionmaker(db.engine, expire_on_commit=False), providers, settings), job_id)


def dies(settings: Settings, job_id: int, last: int) -> bool:
    """Whether a worker died at that step; False when the job has fewer."""
    process = CONTEXT.Process(target=work, args=(settings, job_id, last))
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0
