"""The database goes away in the middle of a job: PostgreSQL is restarted, SQLite is locked by somebody else."""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from contextlib import closing

from backoffice.extensions import db
from tests.faults.house import DURABLE, House
from tests.faults.programs import until
from tests.faults.proxy import Exchange
from tests.faults.scenario import Scenario, Stage

#: How long SQLite is locked: longer than a lease, and once for longer than anybody waits for a lock, in seconds.
LOCKED, LONGER = 3.0, 22.0
#: Every so many times it is the longer one.
SELDOM = 10
PATIENCE = 30.0
STATE = "SELECT state FROM sync_job WHERE id = :id"


def play(stage: Stage) -> None:
    house, desk = stage.house, stage.desk
    for _ in stage.tries():
        away, back, met = threading.Event(), threading.Event(), stage.chance.random() < 0.5

        def fault(exchange: Exchange, away: threading.Event = away, back: threading.Event = back) -> None:
            """The database goes while a request is on the line, and is back before it is answered, or after."""
            answer = exchange.forward()
            away.set()
            back.wait(PATIENCE)
            exchange.answer(answer)

        writes = stage.chance.random() < 0.6

        def matches(exchange: Exchange, writes: bool = writes) -> bool:
            return exchange.writes is writes

        house.rules.add(fault, matches, skip=stage.chance.choice((0, 1)))
        desk.act()
        desk.act_there()
        asked = desk.update()

        def told(away: threading.Event = away, asked: int = asked) -> bool:
            return away.is_set() or house.one(STATE, id=asked) == "completed"

        until(PATIENCE, told)
        if not away.is_set():
            house.rules.clear()  # it had no such call to make
            continue
        _go(house, stage.found.times % SELDOM == SELDOM - 1, back if met else None)
        back.set()
        stage.injected()
        stage.expect(house.rest(), "the job is taken up again")
        state = house.one(STATE, id=asked)
        stage.expect(state == "completed", f"a job whose database went away is done in the end, not {state}")


def _go(house: House, long: bool, early: threading.Event | None) -> None:
    """Away and back; with `early` the answer comes while it is away."""
    if house.postgresql is None:
        with closing(sqlite3.connect(str(house.url.database), timeout=PATIENCE, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            if early:
                early.set()
            time.sleep(LONGER if long else LOCKED)
            other.execute("ROLLBACK")
    else:
        house.postgresql.end(signal.SIGQUIT if long else signal.SIGINT)  # a crash, or the usual stop
        if early:
            early.set()
            time.sleep(0.3)
        house.postgresql.serve(**DURABLE)
    with house.app.app_context():
        db.engine.dispose()


SCENARIO = Scenario(
    name="database-gone",
    fault="PostgreSQL stopped and crashed in the middle of a job; SQLite locked by somebody else",
    bar="the job resumes, nothing half written",
    play=play,
    times=24,
    few=1,
)
