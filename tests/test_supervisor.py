"""The supervisor: a dead part comes back, one that never stays up ends it all, a signal ends everything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from backoffice import child_process, supervisor
from backoffice.supervisor import Part, PartFailedError, Supervisor

SLEEPS = "import time; time.sleep(60)"
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"


def part(name: str, code: str) -> Part:
    return Part(name, lambda: child_process.start([sys.executable, "-c", code]), Path(f"{name}.log"))


@pytest.fixture
def said() -> list[str]:
    return []


def test_a_part_that_dies_is_started_again(said):
    one = part("worker", SLEEPS)
    with Supervisor([one], said.append) as it:
        it.start(one)
        assert one.process is not None
        first = one.process
        first.kill()
        assert it.wait_until(lambda: one.process is not first and one.alive, 10)
        assert said == ["The worker ended (exit code -9) and is started again."]
    assert not one.alive


def test_a_part_that_never_stays_up_ends_everything(said, monkeypatch):
    monkeypatch.setattr(supervisor, "LONGEST_WAIT", 0.05)
    good, bad = part("web", SLEEPS), part("worker", "raise SystemExit(3)")
    with pytest.raises(PartFailedError, match=r"The worker does not stay up; worker\.log"):
        with Supervisor([good, bad], said.append) as it:
            it.start(good)
            it.start(bad)
            it.run()
    assert len(said) == supervisor.EARLY_DEATHS - 1
    assert not good.alive


def test_a_signal_ends_everything_even_what_does_not_listen(said, monkeypatch):
    monkeypatch.setattr(supervisor, "ASK_AGAIN", 0.2)
    monkeypatch.setattr(child_process, "GRACE", 0.4)
    parts = [part("redis", SLEEPS), part("worker", DEAF)]
    with Supervisor(parts, said.append) as it:
        for each in parts:
            it.start(each)
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
        it.run()
    assert not any(each.alive for each in parts)
    assert said == []


def test_the_death_of_our_own_parent_counts_as_a_signal(said):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with Supervisor([], said.append, end_with=gone.pid) as it:
        it.run()
    assert it.stopping
