"""The commands of the application as processes: `backoffice worker` and the others, each a fork of one warm parent.

The parent has imported everything, and each fork reads its own environment and runs the command line as a person's
shell does; it only spares the second that importing takes.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import psutil
from sqlalchemy.orm import configure_mappers

from backoffice import clock
from backoffice.cli import main

configure_mappers()
gc.freeze()

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(
    [
        *("psycopg", "sqlalchemy.dialects.postgresql.psycopg", "jobs.worker", "jobs.scheduler", "backoffice.web"),
        "tests.faults.programs",
    ]
)
#: How far ahead the clock of its machine is, in seconds.
AHEAD = "CLOCK_AHEAD"
#: How long a process may take to end that was killed, in seconds.
PATIENCE = 20.0


class Program:
    """One command that is started, killed, put to sleep, and started again."""

    def __init__(self, name: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name, self.arguments, self.log = name, list(arguments), log
        self.environment = dict(environment)
        self._process: ForkServerProcess | None = None

    def start(self) -> None:
        """Start it, if it does not run."""
        if not self.alive:
            about = (self.arguments, self.environment, str(self.log))
            self._process = CONTEXT.Process(target=become, args=about, name=self.name, daemon=True)
            self._process.start()

    @property
    def pid(self) -> int:
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.is_alive()

    @property
    def code(self) -> int | None:
        """What it ended with."""
        return self._process.exitcode if self._process else None

    def children(self) -> list[int]:
        """What it has forked and still runs: the work horse, or gunicorn's processes."""
        try:
            return [child.pid for child in psutil.Process(self.pid).children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def strike(self) -> int:
        """End it at once, with what it forked; do not wait for that. How many processes it was."""
        return sum([send(pid, signal.SIGKILL) for pid in (self.pid, *self.children())])

    def kill(self) -> None:
        """End it at once, with what it forked."""
        self.strike()
        self.join()

    def strike_child(self) -> int:
        """End at once what it forked, and leave the rest. How many processes it was."""
        return sum([send(pid, signal.SIGKILL) for pid in self.children()])

    def stop(self) -> None:
        """Let it sleep, whatever it does."""
        for pid in (self.pid, *self.children()):
            send(pid, signal.SIGSTOP)

    def wake(self) -> None:
        for pid in (*self.children(), self.pid):
            send(pid, signal.SIGCONT)

    def join(self) -> int | None:
        """Wait for its end; what it ended with."""
        assert self._process is not None
        self._process.join(PATIENCE)
        return self.code


def send(pid: int, number: signal.Signals) -> bool:
    """Send a signal to a process that may be gone; says whether it was there."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def end_with_driver() -> None:
    """Leave nothing behind: our parent is the warm one, and lives as long as we do."""
    driver = multiprocessing.parent_process()
    assert driver is not None
    driver.join()
    os.killpg(0, signal.SIGKILL)


def become(arguments: list[str], environment: dict[str, str], log: str) -> None:
    """Be the command, with this environment alone, for as long as who drives us lives."""
    os.setsid()
    threading.Thread(target=end_with_driver, name="watch over the driver", daemon=True).start()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number in (sys.stdout.fileno(), sys.stderr.fileno()):
        os.dup2(file, number)
    os.environ.clear()
    os.environ.update(environment)
    ahead = timedelta(seconds=float(os.environ.pop(AHEAD, 0)))
    clock.use(lambda: datetime.now(UTC) + ahead)
    main(arguments, prog_name="backoffice")


def until(seconds: float, condition: Callable[[], object], step: float = 0.02) -> bool:
    """Whether something becomes so in time."""
    deadline = time.monotonic() + seconds
    while not (met := bool(condition())) and time.monotonic() < deadline:
        time.sleep(step)
    return met
