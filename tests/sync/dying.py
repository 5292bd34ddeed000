"""A worker in a process of its own that is killed, with SIGKILL, at the n-th step of its job.

A step is the moment before and after each call to the provider, and before and after each commit: there is nothing
else that another process could see. Of the steps of a long job, those around its writes may be chosen: before and
after each request that writes, and after its outcome is put down.
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

    def __init__(self, last: int, around_writes: bool) -> None:
        self._left, self._around_writes, self._wrote = last, around_writes, False

    def step(self) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1

    def counts(self, call: str) -> bool:
        """Whether a call of the provider's is a step."""
        return call == "send" or (call in CALLS and not self._around_writes)

    def called(self) -> None:
        self._wrote = True
        self.step()

    def committing(self, *_: Any) -> None:
        if not self._around_writes:
            self.step()

    def committed(self, *_: Any) -> None:
        if self._wrote or not self._around_writes:
            self._wrote = False
            self.step()


class SteppingClient:
    """A client whose calls are steps."""

    def __init__(self, client: Any, steps: Steps) -> None:
        self._client, self._steps = client, steps

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not self._steps.counts(name):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self._steps.step()
            answer = found(*args, **kwargs)
            self._steps.called()
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


def work(settings: Settings, job_id: int, last: int, around_writes: bool) -> None:
    """Do a job, up to its n-th step."""
    app = create_app(settings, screens=False)
    with app.app_context():
        steps, session = Steps(last, around_writes), db.session()
        event.listen(session, "before_commit", steps.committing)
        event.listen(session, "after_commit", steps.committed)
        providers = {"xero": SteppingProvider(app.extensions["providers"]["xero"], steps)}
        run(Workshop(session, sessionmaker(db.engine, expire_on_commit=False), providers, settings), job_id)


def dies(settings: Settings, job_id: int, last: int, around_writes: bool = False) -> bool:
    """Whether a worker died at that step; False when the job has fewer."""
    process = CONTEXT.Process(target=work, args=(settings, job_id, last, around_writes))
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0
