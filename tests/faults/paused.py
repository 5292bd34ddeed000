"""A worker that sleeps past its lease in the middle of a push, and wakes when another has done its work."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

from tests.faults.desk import Desk
from tests.faults.house import House
from tests.faults.programs import until
from tests.faults.proxy import Exchange
from tests.faults.scenario import Scenario, Stage

FENCE = "SELECT max(fence) FROM sync_job WHERE connection_id = :id AND state = 'running'"
OVERTAKEN = "another worker has taken this job over"
PATIENCE = 30.0
#: Longer than anybody who is awake holds SQLite's lock, in seconds.
AWAKE = 2.0


def play(stage: Stage) -> None:
    for _ in stage.tries():
        _put_to_sleep(stage, stage.desk)
        stage.expect(stage.house.rest(), "the work of a worker that sleeps is done by another")
    stage.expect(
        _overtaken(stage) >= stage.found.counted["woken"], "whoever wakes sees that another has taken the job over"
    )


def _put_to_sleep(stage: Stage, desk: Desk) -> None:
    """At the first request that writes: before it arrives, or when the answer is there."""
    house, arrives = stage.house, stage.chance.random() < 0.5
    sleeper: list[str] = []

    def taken_over() -> bool:
        fence = house.one(FENCE, id=desk.connection_id)
        return fence is None or fence > first

    def fault(exchange: Exchange) -> None:
        answer = exchange.forward() if arrives else None
        house.programs[exchange.caller].stop()
        sleeper.append(exchange.caller)
        until(PATIENCE, overtaken.copy)
        exchange.answer(answer or exchange.forward())

    overtaken: list[bool] = []
    house.rules.add(fault, lambda exchange: exchange.writes, skip=stage.chance.choice((0, 0, 1)))
    desk.act()
    if not house.until(lambda: sleeper or house.resting, PATIENCE) or not sleeper:
        house.rules.clear()
        overtaken.append(True)
        return  # it had fewer requests than that
    first = house.one(FENCE, id=desk.connection_id) or 0
    locked = _locked(house)
    if not locked:
        stage.expect(house.until(taken_over, PATIENCE), "a sleeping worker's job is taken over")
        time.sleep(stage.chance.random() * 0.3)  # anywhere in the other's work, or after it
        stage.injected("woken")
    overtaken.append(True)
    house.programs[sleeper[0]].wake()


def _locked(house: House) -> bool:
    """Whether it fell asleep with the one lock of SQLite, for which everybody waits until it wakes."""
    if house.postgresql is not None:
        return False  # which ends its transaction
    with closing(sqlite3.connect(str(house.url.database), timeout=AWAKE, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            return True
        other.execute("ROLLBACK")
    return False


def _overtaken(stage: Stage) -> int:
    """How often a worker said so in its log; the sleeper may still be about to."""

    def said() -> int:
        return sum(worker.log.read_text().count(OVERTAKEN) for worker in stage.house.workers)

    stage.house.until(lambda: said() >= stage.found.counted["woken"], 10)
    return said()


SCENARIO = Scenario(
    name="paused",
    fault="a worker is paused (SIGSTOP) past its lease and woken",
    bar="its late writes are fenced off; 0 doubled",
    play=play,
    times=20,
    few=1,
)
