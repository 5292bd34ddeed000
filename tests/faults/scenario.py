"""What a row of the table is: a fault, how often it is injected, its bar, and the stage that it is played on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from random import Random

from tests.faults.desk import Desk
from tests.faults.house import House
from tests.faults.judge import judge

#: How often a fault may be tried: so often in any case, and so often for each time that it is to be injected.
SPARE, EACH = 20, 5


@dataclass
class Found:
    """What came of a scenario: how often the fault was injected, what was counted, and every bar that was missed."""

    times: int = 0
    counted: Counter[str] = field(default_factory=Counter)
    #: The longest that something took, in seconds.
    slowest: dict[str, float] = field(default_factory=dict)
    judged: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not (self.lost or self.doubled or self.missed)


class Stage:
    """A house with people in it, for one scenario, and what is found."""

    def __init__(self, house: House, chance: Random, times: int, desks: Iterable[Desk]) -> None:
        self.house, self.chance, self.times = house, chance, times
        self.desks = list(desks)
        self.found = Found()

    @property
    def desk(self) -> Desk:
        return self.desks[0]

    def tries(self) -> Iterator[int]:
        """One try after the other until the fault was injected as often as asked.

        A fault may miss its moment; one that never finds it is a bar missed.
        """
        for number in range(SPARE + EACH * self.times):
            if self.found.times >= self.times:
                return
            yield number
        self.expect(False, f"the fault found its moment {self.times} times, not {self.found.times}")

    def expect(self, met: object, bar: str) -> None:
        """Put down a bar that was missed."""
        if not met:
            self.found.missed.append(bar)

    def injected(self, what: str = "") -> None:
        self.found.times += 1
        if what:
            self.found.counted[what] += 1

    def took(self, what: str, seconds: float) -> None:
        self.found.slowest[what] = max(seconds, self.found.slowest.get(what, 0.0))

    def judge(self) -> None:
        """Take every fault away, press Update until all is at rest, and hold both sides against what people did."""
        house = self.house
        house.rules.clear()
        for relay in (house.relay, house.web_relay):
            relay.mend()
        for thorough in (False, True):
            for desk in self.desks:
                desk.update(thorough)
            self.expect(house.rest(), "all work is done when the faults are over")
        for desk in self.desks:
            verdict = judge(desk)
            self.found.judged += verdict.judged
            self.found.lost += verdict.lost
            self.found.doubled += verdict.doubled
            self.found.missed += verdict.unrest


@dataclass(frozen=True)
class Scenario:
    """A row of the table. `times` is how often in full, over all copies; `few` is the short form's."""

    name: str
    fault: str
    bar: str
    play: Callable[[Stage], None]
    times: int
    few: int
    companies: int = 1
    #: Of how many processes the web server consists; 0 where none is needed.
    web: int = 0
    #: Into how many copies the full form is split, half of them on each database.
    copies: int = 2
    sorts: tuple[str, ...] = ("sqlite", "postgresql")
