"""Ten thousand webhook deliveries, doubled, late, out of order and forged: `make bench`. Asserts calls, no time.

python -m tests.benchmarks.webhooks [--deliveries 10000] [--database URL]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from random import Random
from time import process_time

from backoffice import clock
from tests.benchmarks.bench import a_book, row
from tests.sync.conftest import sync_first
from tests.sync.hook import Hook
from tests.sync.storm import LISTS, Storm


def storm(database: str, deliveries: int) -> None:
    """Every second some deliveries, a worker beside them, and a minute's calls held against its changed rows."""
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        url = database or f"sqlite:///{directory / 'backoffice.db'}"
        with a_book(directory, url, contacts=300, items=20, documents=60) as book:
            sync_first(book)
            raging = Storm(book, Hook(book.sandbox), book.app.test_client(), Random(7))
            started = process_time()
            raging.rage(deliveries, each_second=12)
            raging.calm_down()
            report(raging, process_time() - started)
    clock.use()


def report(raging: Storm, seconds: float) -> None:
    counted = raging.counted()
    assert (counted.delivered, counted.refused) == (raging.signed, raging.forged), "every forgery is refused"
    assert max(raging.worst(name) for name in LISTS) <= 1, "more calls in a minute than its rows fill"
    assert raging.differing() == [], "here is not what is there"
    row(
        "deliveries",
        "of them forged, all refused",
        "calls",
        "worst minute, of what it may",
        "each, ms of CPU",
        "CPU in all, s",
    )
    row("---:", "---:", "---", "---", "---:", "---:")
    calls = " · ".join(f"{name} {sum(raging.calls[name])}" for name in LISTS)
    worst = " · ".join(f"{raging.worst(name):.2f}" for name in LISTS)
    row(raging.made, raging.forged, calls, worst, f"{1000 * raging.seconds / raging.made:.1f}", f"{seconds:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=10_000)
    parser.add_argument("--database", default="")
    given = parser.parse_args()
    storm(given.database, given.deliveries)


if __name__ == "__main__":
    main()
