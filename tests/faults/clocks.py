"""The clocks of the application and of the provider are ten minutes apart, one way and then the other.

No clock is put back: first the provider's goes ahead, then the application's overtakes it, then they agree again.
"""

from __future__ import annotations

from tests.faults.scenario import Scenario, Stage

APART = 600.0


def play(stage: Stage) -> None:
    house = stage.house
    house.rest()
    house.sandbox.world.clock.advance(APART)
    _work(stage, "the provider's ahead", stage.times // 2)
    house.set_ahead(house.ahead + 2 * APART)
    _work(stage, "the application's ahead", stage.times - stage.times // 2)
    house.sandbox.world.clock.advance(APART)


def _work(stage: Stage, what: str, times: int) -> None:
    for _ in range(times):
        for _ in range(2):
            stage.desk.act()
            stage.desk.act_there()
        stage.desk.update()
        stage.expect(stage.house.rest(), f"all is done with {what}")
        stage.injected(what)


SCENARIO = Scenario(
    name="clocks",
    fault="the clocks of application and provider are 10 minutes apart, either way",
    bar="nothing lost",
    play=play,
    times=20,
    few=2,
)
