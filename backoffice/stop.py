"""Whether this process was asked to end. Long work looks between two pages or batches, and hands itself back."""

from __future__ import annotations

_requested = False


def request() -> None:
    """Remember it; safe in a signal handler."""
    global _requested
    _requested = True


def requested() -> bool:
    return _requested
