"""One house on each database for the short form of all scenarios: what one leaves behind, the next one meets."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from tests.faults.desk import Desk
from tests.faults.house import House

COMPANIES = 3


class Houses(dict[str, tuple[House, list[Desk]]]):
    """Each built when it is first asked for."""

    def __init__(self, paths: pytest.TempPathFactory) -> None:
        self._paths = paths

    def __missing__(self, sort: str) -> tuple[House, list[Desk]]:
        house = House(self._paths.mktemp("house") / sort, sort, companies=COMPANIES, web=2).start()
        self[sort] = house, [Desk(house, Random(number), number) for number in range(COMPANIES)]
        return self[sort]


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Houses]:
    """Closed behind the last scenario: what is left open looks for work every second, beside all other tests."""
    made = Houses(tmp_path_factory)
    yield made
    for house, _ in made.values():
        house.close()
