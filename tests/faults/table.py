"""Every row of the table, in its order."""

from __future__ import annotations

from tests.faults import (
    answers,
    clocks,
    database_gone,
    disk,
    doorbell,
    killed,
    lists,
    paused,
    poison,
    together,
    tokens,
    unanswered,
    web_killed,
)
from tests.faults.scenario import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    killed.SCENARIO,
    paused.SCENARIO,
    unanswered.SCENARIO,
    doorbell.SCENARIO,
    database_gone.SCENARIO,
    web_killed.SCENARIO,
    tokens.SCENARIO,
    answers.SCENARIO,
    lists.SCENARIO,
    poison.SCENARIO,
    together.SCENARIO,
    clocks.SCENARIO,
    disk.SCENARIO,
)
