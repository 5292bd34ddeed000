"""Children that do not outlive their parent, with the system's help and with the guard of other systems."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backoffice import child_process

GUARDED = [False, True] if sys.platform == "linux" else [True]


def wait_for(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.parametrize("guarded", GUARDED)
def test_a_child_ends_when_its_parent_is_killed(tmp_path, guarded):
    note = tmp_path / "pid"
    child = f"import os, pathlib, time; pathlib.Path({str(note)!r}).write_text(str(os.getpid())); time.sleep(60)"
    code = f"""
import sys, time
from backoffice import child_process
child_process.start([sys.executable, "-c", {child!r}], guarded={guarded})
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code])
    assert wait_for(lambda: note.exists() and note.read_text())
    pid = int(note.read_text())
    assert lives(pid)
    parent.kill()
    parent.wait()
    assert wait_for(lambda: not lives(pid))


@pytest.mark.parametrize("guarded", GUARDED)
def test_a_child_is_asked_to_end_and_its_answer_is_passed_on(tmp_path, guarded):
    code = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(7)); print('up', flush=True); time.sleep(60)"
    )
    with (tmp_path / "log").open("wb") as log:
        process = child_process.start([sys.executable, "-c", code], log=log, guarded=guarded)
    assert wait_for(lambda: "up" in (tmp_path / "log").read_text())
    child_process.stop(process)
    assert process.returncode == 7


@pytest.mark.parametrize("guarded", GUARDED)
def test_a_child_that_does_not_listen_is_killed(tmp_path, guarded):
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    with (tmp_path / "log").open("wb") as log:
        process = child_process.start([sys.executable, "-c", code], log=log, guarded=guarded)
    assert wait_for(lambda: "up" in (tmp_path / "log").read_text())
    child_process.stop(process, grace=0.2)
    assert process.returncode == -signal.SIGKILL
