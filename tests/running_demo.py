"""`backoffice demo` as a process of its own, for tests that use it as a person does."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import SystemRandom

import psutil


class RunningDemo:
    """`backoffice demo` as a process, and what it says."""

    def __init__(self, directory: Path, output: Path) -> None:
        self.directory, self.output = directory, output
        self.port, self.sandbox_port = free_port(), free_port()
        self.start()

    def start(self) -> None:
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(self.command(), stdout=output, stderr=subprocess.STDOUT)

    def command(self, *more: str) -> list[str]:
        ports = ["--port", str(self.port), "--sandbox-port", str(self.sandbox_port)]
        return [sys.executable, "-m", "backoffice.cli", "demo", "--data", str(self.directory), *ports, *more]

    def wait_until_it_serves(self) -> None:
        wait_for(lambda: "Ctrl-C stops everything" in self.said or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.said

    @property
    def said(self) -> str:
        return self.output.read_text()

    def family(self) -> list[psutil.Process]:
        """The process and everything that it started."""
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]


def free_port() -> int:
    """A port below those that the system hands out by itself: nobody is given it before it is used."""
    while True:
        port = SystemRandom().randrange(10_000, 30_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
