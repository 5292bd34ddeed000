"""The supervisor of the demo: starts its parts, starts a dead one again, and leaves none behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backoffice import child_process
from backoffice.errors import BackofficeError

#: A part that lives shorter than this died early, in seconds.
EARLY = 10.0
#: This many early deaths in a row end everything.
EARLY_DEATHS = 5
#: The longest wait before a part is started again, in seconds.
LONGEST_WAIT = 8.0
#: When a part that was asked to end is asked again, which makes a worker give up its job; in seconds.
ASK_AGAIN = 5.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class PartFailedError(BackofficeError):
    """A part of the demo does not stay up."""


@dataclass
class Part:
    """One process to keep alive."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    early_deaths: int = 0
    due_at: float = field(default=0.0, repr=False)

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Keeps parts alive until it is told to stop. The first part carries the others and ends last."""

    def __init__(self, parts: Sequence[Part], say: Callable[[str], None], end_with: int | None = None) -> None:
        """With `end_with`, the id of our own parent, its death counts as a signal too."""
        self.parts = list(parts)
        self._end_with = end_with
        self.stopping = False
        self._say = say
        self._wake, self._ring = os.pipe()
        for end in (self._wake, self._ring):
            os.set_blocking(end, False)

    def __enter__(self) -> Supervisor:
        signal.set_wakeup_fd(self._ring)
        self._handlers = {number: signal.signal(number, self._on_signal) for number in STOP_SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        signal.set_wakeup_fd(-1)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        os.close(self._wake)
        os.close(self._ring)

    def start(self, part: Part) -> None:
        """Start one part now."""
        part.process = part.start()
        part.started_at = time.monotonic()

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Keep the parts alive until something is so. Says whether it came about, in time and before a stop."""
        deadline = time.monotonic() + seconds
        while not self.stopping and time.monotonic() < deadline:
            if condition():
                return True
            self._look_after(0.1)
        return False

    def run(self) -> None:
        """Keep the parts alive until a signal comes.

        Raises: PartFailedError when one of them dies again and again.
        """
        while not self.stopping:
            self._look_after(0.25)

    def stop(self) -> None:
        """End every part: all but the first together, then the first."""
        self.stopping = True
        _end([part for part in self.parts[1:] if part.alive])
        _end([part for part in self.parts[:1] if part.alive])

    def _on_signal(self, _number: int, _frame: object) -> None:
        self.stopping = True

    def _look_after(self, seconds: float) -> None:
        if select.select([self._wake], [], [], seconds)[0]:
            os.read(self._wake, 512)
        if self._end_with not in (None, os.getppid()):
            self.stopping = True
        for part in self.parts:
            if self.stopping:
                return
            if part.process is not None and not part.alive:
                self._revive(part, part.process)

    def _revive(self, part: Part, dead: subprocess.Popen[bytes]) -> None:
        moment = time.monotonic()
        if not part.due_at:
            part.early_deaths = part.early_deaths + 1 if moment - part.started_at < EARLY else 0
            if part.early_deaths >= EARLY_DEATHS:
                raise PartFailedError(f"The {part.name} does not stay up; {part.log} says why.")
            part.due_at = moment + min(0.5 * 2**part.early_deaths, LONGEST_WAIT)
            self._say(f"The {part.name} ended (exit code {dead.returncode}) and is started again.")
        elif moment >= part.due_at:
            part.due_at = 0.0
            self.start(part)


def _end(parts: Sequence[Part]) -> None:
    """Ask, ask again, and then do not ask."""
    for patience in (ASK_AGAIN, child_process.GRACE - ASK_AGAIN):
        for part in parts:
            if part.alive and part.process is not None:
                part.process.terminate()
        deadline = time.monotonic() + patience
        while any(part.alive for part in parts) and time.monotonic() < deadline:
            select.select([], [], [], 0.05)
    for part in parts:
        if part.process is not None:
            if part.alive:
                child_process.kill_group(part.process)
            part.process.wait()
