"""How many cases a fuzz test runs: a few in the suite, always the same; many, and other ones, in `make fuzz`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

from hypothesis import HealthCheck, settings

#: By how much `make fuzz` asks for more than the suite does.
TIMES = int(os.environ.get("FUZZ_TIMES", "0"))
#: By the name of a test, how many cases this process has tried to their end.
TRIED: Counter[str] = Counter()


def budget(few: int) -> settings:
    """So many cases in the suite, and a multiple of them at large."""
    return settings(
        max_examples=few * max(TIMES, 1),
        derandomize=not TIMES,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


def cases(few: int) -> Callable[[Any], Any]:
    """A test of so many cases, each one counted."""

    def decorated(test: Any) -> Any:
        inner = test.hypothesis.inner_test

        @wraps(inner)
        def counted(*args: Any, **kwargs: Any) -> Any:
            inner(*args, **kwargs)
            TRIED[inner.__name__] += 1

        test.hypothesis.inner_test = counted
        return budget(few)(test)

    return decorated
