"""Every row of the table, in its order."""

from __future__ import annotations

from tests.faults import doorbell, killed, paused, unanswered, web_killed
from tests.faults.scenario import Scenario

SCENARIOS: tuple[Scenario, ...] = (
    killed.SCENARIO,
    paused.SCENARIO,
    unanswered.SCENARIO,
    doorbell.SCENARIO,
    web_killed.SCENARIO,
)
