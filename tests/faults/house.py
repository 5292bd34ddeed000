"""One copy of everything: database, Redis, played Xero and the processes of the application, with us on every line."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests
from cryptography.fernet import Fernet
from flask import Flask
from redis import Redis
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.orm import sessionmaker

from backoffice import clock
from backoffice.app import create_app
from backoffice.config import Settings
from backoffice.database import keyring
from backoffice.embedded_redis import EmbeddedRedis, runtime_directory
from backoffice.extensions import db
from backoffice.models import Grant, Role, new_company
from backoffice.providers.consents import Consents
from backoffice.providers.grants import token_set
from backoffice.queue import doorbell
from backoffice.sandbox.xero.server import Sandbox
from backoffice.sync import linking
from backoffice.sync.provider import Organisation
from backoffice.user_commands import new_user
from tests.faults.programs import AHEAD, Program, until
from tests.faults.proxy import Proxy, Rules
from tests.faults.relay import Relay
from tests.running_demo import free_port
from tests.servers import PostgreSQL

#: Everything that a deployment waits for, made short, in seconds.
TIMES = {
    "LEASE_SECONDS": "3",
    "SWEEP_SECONDS": "1",
    "RETRY_SECONDS": "0.2,0.5,1",
    "CONNECT_TIMEOUT": "0.5",
    "READ_TIMEOUT": "1.5",
    "WEBHOOK_SECONDS": "0",
}
ROOMY = {"XERO_MINUTE_LIMIT": "1000000", "XERO_DAY_LIMIT": "1000000", "SIGN_IN_LIMIT": "10000 per minute"}
#: A PostgreSQL that is killed keeps what it has committed.
DURABLE = {"synchronous_commit": "on"}
#: Three pages of contacts to begin with; what is read again because it is new comes in as few as may be.
PAGE_SIZE = 20
SIZE: dict[str, Any] = {"contacts": 45, "items": 4, "documents": 3}
LIMITS: dict[str, Any] = {"minute_limit": 1_000_000, "day_limit": 1_000_000, "app_minute_limit": 1_000_000}
#: How long everything may take to come to rest, in seconds: far more than it does.
PATIENCE = 90.0
EMAIL = "ana@example.com"
#: What a person has not been told to look at and nobody is at: work that is still to be done.
UNREST = """
SELECT (SELECT count(*) FROM sync_job WHERE state IN ('pending', 'running'))
     + (SELECT count(*) FROM sync_attempt WHERE state = 'open')
     + (SELECT count(*) FROM link WHERE wanted_revision > synced_revision AND refusal IS NULL AND NOT paused
           AND (blocked_kind IS NULL OR blocked_kind <> 'match'))
"""
_numbers = itertools.count(1)


class House:
    """A deployment on this machine: three workers, two schedulers, a web server; everything else is its own too."""

    def __init__(self, directory: Path, sort: str, companies: int = 1, workers: int = 3, web: int = 0) -> None:
        self.directory, self.sort, self.companies = directory, sort, companies
        self.redis = EmbeddedRedis(directory / "redis")
        self.rules = Rules()
        self.sandbox = Sandbox(directory / "xero", organisations=companies, **SIZE, **LIMITS)
        self.postgresql = PostgreSQL(f"house-{next(_numbers)}-") if sort == "postgresql" else None
        self.port, self._web_processes = free_port(), web
        self.password = ""
        self.ahead = 0.0
        self.connections: list[int] = []
        self._names = [f"worker {n + 1}" for n in range(workers)] + ["scheduler 1", "scheduler 2"]
        self._names += ["web"] if web else []
        self.programs: dict[str, Program] = {}
        self._lines: dict[str, Proxy] = {}

    # --- up and down -----------------------------------------------------------------------------

    def start(self) -> House:
        """Start everything, link the companies and wait for their first sync."""
        (self.directory / "log").mkdir(parents=True)
        self.redis.start()
        self.relay, self.web_relay = self._relay(), self._relay()
        self.sandbox.start()
        self.url = self._database_url()
        self.engine: Engine = create_engine(self.url, pool_pre_ping=True, isolation_level="AUTOCOMMIT")
        self.environment = self._environment()
        migrate = self._program("migrate", ["migrate"])
        migrate.start()
        assert migrate.join() == 0, migrate.log.read_text()
        settings = Settings(**{name.lower(): value for name, value in self.environment.items()})  # type: ignore[arg-type]
        self.app: Flask = create_app(settings, screens=False)
        self._link()
        for name in self._names:
            self.programs[name] = self._program(name, self._command(name))
            self.programs[name].start()
        self.rest()
        return self

    def close(self) -> None:
        """End everything."""
        for program in self.programs.values():
            if program.alive:
                program.kill()
        for line in self._lines.values():
            line.stop()
        self.sandbox.stop()
        for relay in (self.relay, self.web_relay):
            relay.close()
        self.redis.stop()
        with self.app.app_context():
            db.session.remove()
            db.engine.dispose()
        self.engine.dispose()
        self.app.extensions["redis"].close()
        if self.postgresql:
            self.postgresql.stop()

    def _relay(self) -> Relay:
        socket: str = Redis.from_url(self.redis.url).connection_pool.connection_kwargs["path"]
        return Relay(runtime_directory() / f"relay-{os.getpid()}-{next(_numbers)}.sock", Path(socket))

    def _database_url(self) -> URL:
        if self.postgresql is None:
            return make_url(f"sqlite:///{self.directory / 'backoffice.db'}")
        self.postgresql.start(**DURABLE)
        return make_url(self.postgresql.url).set(drivername="postgresql+psycopg")

    def _environment(self) -> dict[str, str]:
        ours = {
            "DATA_DIR": str(self.directory),
            "DATABASE_URL": self.url.render_as_string(hide_password=False),
            "REDIS_URL": self.relay.url,
            "SECRET_KEY": "a secret for tests, and for tests only",
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "PUBLIC_URL": f"http://localhost:{self.port}",
            "XERO_CLIENT_ID": "demo-client",
            "XERO_CLIENT_SECRET": "demo-secret",
            "PAGE_SIZE": str(PAGE_SIZE),
        }
        return {**ours, **TIMES, **ROOMY, **addresses(self.sandbox.url)}

    def _program(self, name: str, arguments: list[str]) -> Program:
        line = self._lines[name] = Proxy(name, self.sandbox.url, self.rules)
        environment = {**self.environment, **addresses(line.url), "HOME": str(self.directory)}
        if name == "web":
            environment["REDIS_URL"] = self.web_relay.url
        return Program(name, arguments, environment, self.directory / "log" / f"{name.replace(' ', '-')}.log")

    def _command(self, name: str) -> list[str]:
        if name == "web":
            return ["web", "--port", str(self.port), "--processes", str(self._web_processes), "--threads", "4"]
        return [name.split()[0]]

    def _link(self) -> None:
        wanted = [str(number + 1) for number in range(self.companies)]
        answer = requests.post(f"{self.sandbox.url}/_sandbox/tokens", json={"organisations": wanted}, timeout=30)
        consented: dict[str, Any] = answer.json()
        with self.desk():
            session, tokens = db.session(), token_set(consented["token"])
            self.password = new_user(session, EMAIL, "Ana", Role.ADMINISTRATOR)
            session.commit()
            consents = Consents("xero", sessionmaker(db.engine))
            subject = str(tokens.claims()["xero_userid"])
            authorisation = consents.store("demo-client", subject, Grant.AUTHORISATION_CODE, tokens)
            for one in consented["connections"]:
                company = new_company(session, one["tenantName"])
                session.commit()
                there = Organisation(one["tenantId"], one["tenantName"], one["id"])
                provider = self.app.extensions["providers"]["xero"]
                connection, _ = linking.link(session, provider, company.id, there, authorisation, user_id=None)
                self.connections.append(connection.id)

    # --- looking and waiting ----------------------------------------------------------------------

    @contextmanager
    def desk(self) -> Iterator[None]:
        """The application in this process, for a person who edits: another house may have been at work before."""
        settings: Settings = self.app.extensions["settings"]
        keyring.load(tuple(key.get_secret_value() for key in settings.encryption_keys))
        doorbell.connect(self.app.extensions["redis"])
        clock.use(self._now)
        try:
            with self.app.app_context():
                yield
        finally:
            clock.use()

    def _now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def set_ahead(self, seconds: float) -> None:
        """Let the clock of the application's machine go so much ahead, and start its processes again under it."""
        self.ahead = seconds
        for program in self.programs.values():
            program.kill()
            program.environment[AHEAD] = str(seconds)
            program.start()

    def sql(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Rows straight from our database; no word of the application is taken for it."""
        with self.engine.connect() as connection:
            found = connection.execute(text(statement), values)
            return [tuple(row) for row in found] if found.returns_rows else []

    def one(self, statement: str, **values: Any) -> Any:
        """The first value of the first row."""
        rows = self.sql(statement, **values)
        return rows[0][0] if rows else None

    @property
    def workers(self) -> list[Program]:
        return [program for name, program in self.programs.items() if name.startswith("worker")]

    def tend(self) -> None:
        """What a supervisor does: start again what has ended."""
        for program in self.programs.values():
            program.start()

    def until(self, condition: Callable[[], object], seconds: float = PATIENCE) -> bool:
        """Wait for something, and keep every process up meanwhile."""

        def met() -> bool:
            self.tend()
            return bool(condition())

        return until(seconds, met, step=0.05)

    @property
    def resting(self) -> bool:
        """Whether nothing is left to do."""
        return bool(self.one(UNREST) == 0)

    def rest(self) -> bool:
        """Wait until nothing is left to do."""
        return self.until(lambda: self.resting)


def addresses(url: str) -> dict[str, str]:
    """The settings that say where Xero is."""
    return {
        "XERO_AUTHORIZE_URL": f"{url}/identity/connect/authorize",
        "XERO_TOKEN_URL": f"{url}/connect/token",
        "XERO_REVOCATION_URL": f"{url}/connect/revocation",
        "XERO_CONNECTIONS_URL": f"{url}/connections",
        "XERO_API_URL": f"{url}/api.xro/2.0",
        "XERO_APP_URL": url,
    }
