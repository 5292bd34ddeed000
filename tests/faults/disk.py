"""The disk is full (SQLite), or the database takes no writes (PostgreSQL): people are told, and it recovers."""

from __future__ import annotations

import resource
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from backoffice import outage
from backoffice.extensions import db
from tests.faults.browser import Browser
from tests.faults.house import House
from tests.faults.scenario import Scenario, Stage

#: What is left on the disk, in bytes: some writes go through, and then none.
LEFT = 96 * 1024
#: How long it stays so, in seconds: longer than a lease.
FULL = 3.0
#: Where a file may not grow, SQLite tells a failed write from a full disk; PostgreSQL hangs up on those it had.
PLAIN = {"sqlite": (outage.FULL, outage.AWAY), "postgresql": (outage.READ_ONLY, outage.AWAY)}
WRITABLE = "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE"
READ_ONLY = "ALTER DATABASE postgres SET default_transaction_read_only = {}"
HANG_UP = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'postgres' AND pid <> pg_backend_pid()"
)
KEPT = "SELECT count(*) FROM contact WHERE name = :name"


def play(stage: Stage) -> None:
    house, desk = stage.house, stage.desk
    browser = Browser(house, desk.company_id)
    for _ in stage.tries():
        desk.act()
        desk.act_there()
        desk.update()
        time.sleep(stage.chance.random() * 0.3)
        told = 0
        with _full(house):
            until = time.monotonic() + FULL
            while time.monotonic() < until:
                told += _write(stage, browser)
        stage.expect(told, "whoever saves is told in plain words")
        stage.injected()
        stage.expect(house.rest(), "it recovers by itself")


def _write(stage: Stage, browser: Browser) -> bool:
    """A person saves: what is said to be saved is, and what is not leaves nothing. Says whether it was refused."""
    name = stage.desk.name("Party")
    email = f"{name.lower().replace(' ', '.')}@here.example"
    answer = browser.post(f"{browser.place}/suppliers/new/", {"name": name, "email": email})
    if answer.status_code in (302, 303):
        stage.desk.note("contact", name, email=email)
        return False
    plain = answer.status_code == 503 and any(said in answer.text for said in PLAIN[stage.house.sort])
    stage.expect(plain, f"a plain message, and not a {answer.status_code}")
    stage.expect(stage.house.one(KEPT, name=name) == 0, "what was not saved left nothing behind")
    return True


@contextmanager
def _full(house: House) -> Iterator[None]:
    if house.postgresql is None:
        with _little_left(house):
            yield
        return
    house.sql(READ_ONLY.format("on"))
    house.sql(HANG_UP)
    try:
        yield
    finally:
        with house.engine.connect() as connection:
            for statement in (WRITABLE, READ_ONLY.format("off"), HANG_UP):
                connection.exec_driver_sql(statement)
        with house.app.app_context():
            db.engine.dispose()


@contextmanager
def _little_left(house: House) -> Iterator[None]:
    """No file of the application's processes may grow past a size: the system refuses, as a full disk does."""
    with closing(sqlite3.connect(str(house.url.database))) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    logs = max(program.log.stat().st_size for program in house.programs.values())
    _limit(house, logs + LEFT)
    try:
        yield
    finally:
        _limit(house, resource.RLIM_INFINITY)


def _limit(house: House, size: int) -> None:
    for program in house.programs.values():
        if program.alive:
            for pid in (program.pid, *program.children()):
                try:
                    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
                except ProcessLookupError:
                    continue


SCENARIO = Scenario(
    name="disk",
    fault="the disk full (SQLite); the database read-only (PostgreSQL)",
    bar="a plain message, nothing half written, recovers",
    play=play,
    times=12,
    few=1,
    web=1,
)
