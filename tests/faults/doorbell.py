"""Redis is emptied, is started again without its data, or is away for a while."""

from __future__ import annotations

import shutil
import signal
import time

from redis import Redis

from backoffice import child_process
from tests.faults.house import House
from tests.faults.scenario import Scenario, Stage

#: A minute, by the measure of the other times, in seconds.
AWAY = 4.0
JOBS = "SELECT id FROM sync_job"


def emptied(house: House) -> None:
    with Redis.from_url(house.redis.url) as redis:
        redis.flushall()


def restarted(house: House) -> None:
    """Killed, and started again with nothing on its disk."""
    assert house.redis.process is not None
    house.redis.process.send_signal(signal.SIGKILL)
    child_process.stop(house.redis.process)
    shutil.rmtree(house.redis.directory)
    house.redis.start()


def away(house: House) -> None:
    for relay in (house.relay, house.web_relay):
        relay.cut()
    time.sleep(AWAY)
    for relay in (house.relay, house.web_relay):
        relay.mend()


WAYS = (emptied, restarted, away)


def play(stage: Stage) -> None:
    house, chance = stage.house, stage.chance
    for number in range(stage.times):
        for _ in range(chance.randrange(1, 4)):
            stage.desk.act()
        stage.desk.act_there()
        asked = stage.desk.update() if chance.random() < 0.5 else None
        time.sleep(chance.random() * 0.4)
        before = {row[0] for row in house.sql(JOBS)}
        WAYS[number % len(WAYS)](house)
        stage.injected(WAYS[number % len(WAYS)].__name__)
        stage.desk.act()
        stage.expect(before <= {row[0] for row in house.sql(JOBS)}, "every job is still listed")
        stage.expect(house.rest(), "every pending change is delivered")
        if asked is not None:
            state = house.one("SELECT state FROM sync_job WHERE id = :id", id=asked)
            stage.expect(state == "completed", f"a job asked for before is done, not {state}")


SCENARIO = Scenario(
    name="doorbell",
    fault="Redis emptied; restarted without its data; away for a minute (4 s by these times)",
    bar="every job still listed, every pending change delivered",
    play=play,
    times=24,
    few=3,
)
