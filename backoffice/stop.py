"""Whether this process was asked to end. Long work looks between two pages or batches, and hands itself back."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

_requested = False


def request() -> None:
    """Remember it; safe in a signal handler."""
    global _requested
    _requested = True


def requested() -> bool:
    return _requested


@contextmanager
def at_signals() -> Iterator[None]:
    """Remember it when a signal says so, within the block; whoever is at a terminal may press Ctrl-C twice."""

    def heard(number: int, _frame: object) -> None:
        request()
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.signal(number, heard) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
