"""Child processes that do not outlive the process that started them, however that one ends.

Linux does it by itself (PR_SET_PDEATHSIG). Elsewhere a small guard stands between the two: it holds one end of a
pipe whose other end only the parent has, and ends the child when the pipe closes.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO

PR_SET_PDEATHSIG = 1
#: How long a child may take to end after it was asked to, in seconds.
GRACE = 10.0

#: The parent's ends of the guards' pipes: they close when this process ends.
_held: list[int] = []


def start(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    log: IO[bytes] | int = subprocess.DEVNULL,
    death_signal: signal.Signals = signal.SIGTERM,
    user: str | None = None,
    keep: Sequence[int] = (),
    guarded: bool = sys.platform != "linux",
) -> subprocess.Popen[bytes]:
    """Start a command in a process group of its own, without input.

    `death_signal` is what it gets when this process dies (Linux only; a guard sends SIGTERM, then SIGKILL), `keep`
    are the file descriptors it inherits. Must be called on the main thread: Linux counts the death of the thread.
    """
    keep = list(keep)
    before: Callable[[], None] | None = None
    if guarded:
        read, write = os.pipe()
        _held.append(write)
        kept = ",".join(map(str, keep))
        command = [sys.executable, "-m", "backoffice.child_process", str(read), kept, *command]
        keep.append(read)
    else:
        before = _die_with_parent(os.getpid(), death_signal)
    process = subprocess.Popen(
        list(command),
        env=dict(environment) if environment is not None else None,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        user=user,
        pass_fds=keep,
        preexec_fn=before,  # noqa: PLW1509  only a system call that was looked up before the fork
    )
    if guarded:
        os.close(read)
    return process


def die_with_parent(parent: int, death_signal: signal.Signals) -> None:
    """Make this very process, just forked by `parent`, end with it. Does nothing where the system cannot."""
    if sys.platform == "linux":
        _die_with_parent(parent, death_signal)()


def stop(process: subprocess.Popen[bytes], grace: float = GRACE, ask: signal.Signals = signal.SIGTERM) -> None:
    """End a child: first politely, then not, with everything in its process group."""
    process.send_signal(ask)
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        kill_group(process)
        process.wait()


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a child and everything in its process group at once."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()


def _die_with_parent(parent: int, death_signal: signal.Signals) -> Callable[[], None]:
    prctl = ctypes.CDLL(None).prctl

    def before() -> None:
        prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return before


def guard(pipe: int, keep: Sequence[int], command: Sequence[str]) -> int:
    """Run a command until it ends, or end it when the other side of the pipe is gone."""
    child = subprocess.Popen(command, pass_fds=keep)

    def forward(number: int, _frame: object) -> None:
        child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, forward)

    def watch() -> None:
        os.read(pipe, 1)
        stop(child)

    threading.Thread(target=watch, daemon=True).start()
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(guard(int(sys.argv[1]), [int(part) for part in sys.argv[2].split(",") if part], sys.argv[3:]))
