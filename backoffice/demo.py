"""The demo: everything that makes up a back office, with a Xero to play with, from one command."""

from __future__ import annotations

import errno
import fcntl
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import click

from backoffice import child_process, embedded_redis
from backoffice.config import Settings
from backoffice.embedded_redis import EmbeddedRedis
from backoffice.errors import BackofficeError, ConfigurationError
from backoffice.supervisor import Part, Supervisor

ROOT = Path(__file__).parent.parent
DIRECTORY = ROOT / ".demo"
HOST = "127.0.0.1"
COMPANY = "Demo Company"
ADMINISTRATOR = "admin@example.com"
#: How long everything may take until it answers, in seconds.
PATIENCE = 60.0
#: How long a port may stay taken by what a killed demo leaves behind, in seconds.
PORT_PATIENCE = 2.0


class DemoError(BackofficeError):
    """The demo cannot run here."""


@dataclass(frozen=True)
class Demo:
    """A demo with its data in `directory`."""

    directory: Path = DIRECTORY
    port: int = 8000
    sandbox_port: int = 8001

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://localhost:{self.sandbox_port}"

    def run(self, end_with: int | None = None) -> None:
        """Start everything, and keep it up until a signal comes, or until our parent `end_with` is gone.

        Raises: DemoError or ConfigurationError before anything is started, PartFailedError when it does not stay up.
        """
        embedded_redis.binary()
        with claimed(self.directory):
            for port, option in ((self.port, "--port"), (self.sandbox_port, "--sandbox-port")):
                check_port(port, option)
            redis = EmbeddedRedis(self.directory / "redis")
            os.environ.update(self._environment(redis))
            with Supervisor(self._parts(redis), click.echo, end_with) as supervisor:
                self._start(supervisor)
                supervisor.run()
                click.echo("Stopping.")

    def reset(self) -> None:
        """Forget everything."""
        if self.directory.exists():
            with claimed(self.directory):
                shutil.rmtree(self.directory)
        click.echo("The demo starts from nothing the next time.")

    def _start(self, supervisor: Supervisor) -> None:
        redis, sandbox, *ours = supervisor.parts
        for part in (redis, sandbox):
            supervisor.start(part)
        password = prepare()
        if password:
            click.echo(f"\n  First start: sign in as {ADMINISTRATOR} with the password {password} (shown only now)")
        for part in ours:
            if not supervisor.stopping:
                supervisor.start(part)
        if supervisor.wait_until(self._healthy, PATIENCE):
            click.echo(self._welcome())
        elif not supervisor.stopping:
            raise DemoError(f"The demo does not answer; the files in {self.directory / 'log'} say why.")

    def _healthy(self) -> bool:
        return answers(self.port, "/readyz") == 200 and bool(answers(self.sandbox_port, "/"))

    def _welcome(self) -> str:
        return f"""
  Back office   {self.url}   (sign in as {ADMINISTRATOR})
  Played Xero   {self.sandbox_url}

  Try: link {COMPANY} to Xero on its Integrations page and watch the first sync under Sync jobs; edit a
  supplier and find the edit in the played Xero; change one there and press Update here. Then write a purchase
  order, approve it, make its bill, and pay that in the played Xero. Changes there arrive by themselves once its
  page Webhooks has the address {self.url}/webhooks/xero, and Integrations here has its key.

  Ctrl-C stops everything. Data and logs are kept in {self.directory}; `make demo-reset` clears them.
"""

    def _environment(self, redis: EmbeddedRedis) -> dict[str, str]:
        """Settings of the demo only: none of the caller's own deployment may shine through."""
        ours = {
            "data_dir": str(self.directory),
            "redis_url": redis.url,
            "public_url": self.url,
            "xero_client_id": "demo-client",
            "xero_client_secret": "demo-secret",
            "xero_authorize_url": f"{self.sandbox_url}/identity/connect/authorize",
            "xero_token_url": f"{self.sandbox_url}/connect/token",
            "xero_revocation_url": f"{self.sandbox_url}/connect/revocation",
            "xero_connections_url": f"{self.sandbox_url}/connections",
            "xero_api_url": f"{self.sandbox_url}/api.xro/2.0",
            "xero_app_url": self.sandbox_url,
        }
        return {name.upper(): ours.get(name, "") for name in Settings.model_fields}

    def _parts(self, redis: EmbeddedRedis) -> list[Part]:
        (self.directory / "log").mkdir(exist_ok=True)

        def start_redis() -> subprocess.Popen[bytes]:
            redis.start()
            assert redis.process is not None
            return redis.process

        sandbox = ["sandbox", "xero", "--port", str(self.sandbox_port), "--data", str(self.directory / "xero")]
        return [
            Part("embedded Redis", start_redis, redis.directory / "redis.log"),
            self._part("played Xero", sandbox),
            self._part("web application", ["web", "--host", HOST, "--port", str(self.port), "--processes", "1"]),
            # A killed worker takes its fork with it; asked to end, it would finish the job first.
            self._part("worker", ["worker"], signal.SIGKILL),
            self._part("scheduler", ["scheduler"]),
        ]

    def _part(self, name: str, arguments: list[str], death_signal: signal.Signals = signal.SIGTERM) -> Part:
        path = self.directory / "log" / f"{name.replace(' ', '-').lower()}.log"
        path.unlink(missing_ok=True)

        def start() -> subprocess.Popen[bytes]:
            with path.open("ab") as log:
                command = [sys.executable, "-m", "backoffice.cli", *arguments]
                return child_process.start(command, log=log, death_signal=death_signal)

        return Part(name, start, path)


def prepare() -> str | None:
    """Migrate the database; where nobody can sign in yet, make a company and an administrator.

    Returns the administrator's password, the only time it is known.
    """
    from sqlalchemy import select

    from backoffice import schema
    from backoffice.app import create_app
    from backoffice.extensions import db
    from backoffice.models import Role, User, new_company
    from backoffice.user_commands import new_user

    app = create_app(screens=False)
    with app.app_context():
        schema.upgrade()
        password = None
        if db.session.scalar(select(User.id).limit(1)) is None:
            new_company(db.session(), COMPANY)
            password = new_user(db.session(), ADMINISTRATOR, "Administrator", Role.ADMINISTRATOR)
            db.session.commit()
        db.session.remove()
        db.engine.dispose()
    return password


@contextmanager
def claimed(directory: Path) -> Iterator[None]:
    """The directory, with nobody else's demo in it. Raises: DemoError."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DemoError(f"{directory} cannot be written to: {error.strerror}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DemoError(f"A demo is already running with the data in {directory}.") from error
    else:
        yield
    finally:
        os.close(lock)


def check_port(port: int, option: str) -> None:
    """Raises: DemoError when another program has the port."""
    if not within(PORT_PATIENCE, lambda: is_free(port)):
        raise DemoError(f"Port {port} is taken by another program: end it, or choose another port with {option}.")


def is_free(port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise ConfigurationError(f"Port {port} cannot be used: {error.strerror}.") from error
            return False
    return True


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether something becomes so in time."""
    deadline = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < deadline:
        Event().wait(0.1)
    return met


def answers(port: int, path: str) -> int | None:
    """The status of a page, or None while nobody answers."""
    connection = http.client.HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
