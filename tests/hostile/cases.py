"""How many cases a fuzz test runs: a few in the suite, always the same; many, and other ones, in `make fuzz`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, Verbosity, settings

Test = TypeVar("Test", bound=Callable[..., object])
#: By how much `make fuzz` asks for more than the suite does.
TIMES = int(os.environ.get("FUZZ_TIMES", "0"))


def cases(few: int) -> Callable[[Test], Test]:
    """So many cases in the suite, and so many more at large."""
    return settings(
        max_examples=few * max(TIMES, 1),
        derandomize=not TIMES,
        database=None,
        deadline=None,
        print_blob=True,
        verbosity=Verbosity.normal,
        suppress_health_check=list(HealthCheck),
    )
