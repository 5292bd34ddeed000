"""The demo, really started: it serves, it survives the death of its parts, and it leaves nothing behind."""

from __future__ import annotations

import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from backoffice.demo import answers
from tests.running_demo import RunningDemo, free_port, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[RunningDemo]:
    demo = RunningDemo(tmp_path / "a path with spaces" / "data", tmp_path / "output")
    yield demo
    demo.process.terminate()
    demo.process.wait(30)


def test_serves_survives_and_leaves_nothing_behind(demo):
    demo.wait_until_it_serves()
    assert re.search(r"sign in as admin@example\.com with the password \S{12,}", demo.said)
    assert answers(demo.port, "/healthz") == 200
    assert answers(demo.sandbox_port, "/") is not None
    for part in ("web-application", "worker", "scheduler"):
        lines = (demo.directory / "log" / f"{part}.log").read_text().splitlines()
        assert all(json.loads(line)["timestamp"] for line in lines), (part, lines)
        assert bool(lines) == (part != "scheduler")

    second = subprocess.run(demo.command(), check=False, capture_output=True, text=True)
    assert second.returncode == 1
    assert "A demo is already running" in second.stderr

    worker = child(demo.process.pid, "worker")
    subprocess.run(["kill", "-9", str(worker)], check=True)
    wait_for(lambda: child(demo.process.pid, "worker") not in (None, worker), 10)
    assert "The worker ended (exit code -9) and is started again." in demo.said

    family = demo.family()
    assert len(family) >= 7
    demo.process.send_signal(signal.SIGTERM)
    assert demo.process.wait(20) == 0
    assert [process for process in family if lives(process)] == []

    # A second start keeps the data, and tells no password.
    demo.start()
    demo.wait_until_it_serves()
    assert "with the password" not in demo.said
    with sqlite3.connect(demo.directory / "backoffice.db") as database:
        assert database.execute("SELECT count(*) FROM company").fetchall() == [(1,)]
    database.close()

    # Killed, it takes everything with it.
    family = demo.family()
    demo.process.kill()
    demo.process.wait()
    wait_for(lambda: not any(map(lives, family)), 15)
    assert [process for process in family if lives(process)] == []

    assert subprocess.run(demo.command("--reset"), check=False, capture_output=True).returncode == 0
    assert not demo.directory.exists()


def test_a_taken_port_is_said_in_a_sentence_and_nothing_is_started(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run_demo("--data", str(tmp_path / "data"), "--port", str(port), "--sandbox-port", str(free_port()))
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"Error: Port {port} is taken by another program: end it, or choose another port with --port."
    )
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["lock"]


def test_a_directory_that_cannot_be_written_is_said_in_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    done = run_demo("--data", str(tmp_path / "file" / "data"))
    assert done.returncode == 1
    assert done.stderr.strip() == f"Error: {tmp_path}/file/data cannot be written to: Not a directory."


def run_demo(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "backoffice.cli", "demo", *options]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def child(parent: int, part: str) -> int | None:
    """The process that runs a part of the demo."""
    for process in psutil.Process(parent).children():
        with suppress(psutil.Error):  # it has just ended
            if f"backoffice.cli {part}" in " ".join(process.cmdline()):
                return process.pid
    return None


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
