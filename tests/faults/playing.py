"""One scenario on one copy of everything, from its seed."""

from __future__ import annotations

import zlib
from pathlib import Path
from random import Random

from tests.faults.desk import Desk
from tests.faults.house import House
from tests.faults.scenario import Found, Scenario, Stage


def play(scenario: Scenario, directory: Path, sort: str, seed: int, times: int) -> Found:
    """Build a house, play in it, judge, and take it down."""
    house = House(directory, sort, companies=scenario.companies, web=scenario.web)
    try:
        house.start()
        chance = Random(zlib.crc32(f"{scenario.name} {sort} {seed}".encode()))
        desks = [Desk(house, Random(chance.random()), number) for number in range(scenario.companies)]
        stage = Stage(house, chance, times, desks)
        scenario.play(stage)
        stage.judge()
        return stage.found
    finally:
        house.close()
