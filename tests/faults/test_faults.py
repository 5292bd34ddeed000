"""The fault test in short: every fault a few times, on one of the databases. `make faults` does it in full."""

from __future__ import annotations

from random import Random

import pytest

from tests.faults.conftest import Houses
from tests.faults.scenario import Scenario, Stage
from tests.faults.table import SCENARIOS

pytestmark = pytest.mark.slow

SEED = 1
#: By turns.
PLAYED = [(each, each.sorts[number % len(each.sorts)]) for number, each in enumerate(SCENARIOS)]


@pytest.mark.parametrize(("scenario", "sort"), PLAYED, ids=[f"{each.name}-{sort}" for each, sort in PLAYED])
def test_nothing_is_lost_and_nothing_doubled(houses: Houses, scenario: Scenario, sort: str) -> None:
    house, desks = houses[sort]
    stage = Stage(house, Random(SEED), scenario.few, desks[: scenario.companies])
    scenario.play(stage)
    stage.judge()
    assert stage.found.times >= scenario.few
    assert (stage.found.lost, stage.found.doubled, stage.found.missed) == ([], [], []), f"seed {SEED}"
