"""The one clock. Everything that asks for the time asks here, so that tests and simulations can set it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime


def _system() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _source()


def use(source: Callable[[], datetime] | None = None) -> None:
    """Read the time from `source` from now on; without one, from the system again."""
    global _source
    _source = source or _system
