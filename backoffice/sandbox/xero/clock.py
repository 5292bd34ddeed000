"""The sandbox's one clock: the real one, moved by an offset, or standing still; and Xero's ways to write a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MS_DATE = re.compile(r"^/Date\((-?\d+)([+-]\d{4})?\)/$")


class Clock:
    """Tells the time to everything here: tokens, limits, windows, stamps."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._fixed: datetime | None = None
        self._source: Callable[[], datetime] | None = None

    def now(self) -> datetime:
        if self._source is not None:
            return self._source()
        return self._fixed or datetime.now(UTC) + self._offset

    def seconds(self) -> float:
        return self.now().timestamp()

    def milliseconds(self) -> int:
        return round(self.now().timestamp() * 1000)

    @property
    def fixed(self) -> bool:
        return self._fixed is not None

    def set(self, moment: datetime, *, fixed: bool = False) -> None:
        """Show `moment` from now on; stand still there, or go on from there."""
        self._fixed = moment if fixed else None
        self._offset = moment - datetime.now(UTC)

    def follow(self, source: Callable[[], datetime]) -> None:
        """Show what another clock shows, until the reset."""
        self._source = source

    def advance(self, seconds: float) -> None:
        step = timedelta(seconds=seconds)
        self._offset += step
        if self._fixed:
            self._fixed += step

    def reset(self) -> None:
        self._fixed, self._offset, self._source = None, timedelta(), None


def ms_date(milliseconds: int, *, offset: bool = True) -> str:
    """The time as the accounting API writes it, some fields without the offset."""
    return f"/Date({milliseconds}{'+0000' if offset else ''})/"


def read_ms_date(text: str) -> int | None:
    found = MS_DATE.match(text)
    return int(found.group(1)) if found else None


def iso_seven_digits(milliseconds: int) -> str:
    """The time as /connections writes it: UTC, no Z, seven digits of a second."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06d}0"


def read_modified_since(text: str) -> int | None:
    """The milliseconds of an If-Modified-Since: plain UTC, ISO 8601 with an offset, or RFC 1123. None if it is neither.

    Xero reads whole seconds only, so a fraction is cut off.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1000
