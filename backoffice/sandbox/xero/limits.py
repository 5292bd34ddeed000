"""Xero's four limits: per organisation five in flight, per minute and per day; per app and minute over all of them."""

from __future__ import annotations

import math
import threading
import zlib
from collections import Counter
from dataclasses import dataclass, field

from backoffice.sandbox.xero.clock import Clock
from backoffice.sandbox.xero.settings import Settings

MINUTE, DAY = 60, 86_400


@dataclass(frozen=True)
class Refused:
    """Which limit a call ran into; `retry_after` in seconds, None for the concurrent one."""

    problem: str
    retry_after: int | None


@dataclass
class Window:
    """Counts the calls of a fixed window that begins at a second of its own."""

    length: int
    start: int
    index: int = -1
    used: int = 0

    def roll(self, now: float) -> None:
        index = int((now - self.start) // self.length)
        if index != self.index:
            self.index, self.used = index, 0

    def seconds_left(self, now: float) -> int:
        return max(1, math.ceil(self.start + (self.index + 1) * self.length - now))


@dataclass
class Meter:
    """The counters of one organisation."""

    minute: Window
    day: Window
    in_flight: int = 0


@dataclass
class Limits:
    """Admits calls. A call that is refused for the minute or the day counts too; windows are fixed, not rolling."""

    settings: Settings
    clock: Clock
    max_in_flight: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    _meters: dict[str, Meter] = field(default_factory=dict)
    _apps: dict[str, Window] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, organisation: str, client: str) -> Refused | None:
        """Count a call and take a slot; whoever is let in must `leave`."""
        with self._lock:
            meter, app = self._meter(organisation), self._app(client)
            refused = self._judge(meter, app)
            if refused:
                self.refused[refused.problem] += 1
                return refused
            meter.in_flight += 1
            self.max_in_flight = max(self.max_in_flight, meter.in_flight)
            return None

    def leave(self, organisation: str) -> None:
        with self._lock:
            self._meters[organisation].in_flight -= 1

    def in_flight(self) -> int:
        with self._lock:
            return sum(meter.in_flight for meter in self._meters.values())

    def headers(self, organisation: str, client: str) -> dict[str, str]:
        with self._lock:
            meter, app = self._meter(organisation), self._app(client)
            left = {
                "X-DayLimit-Remaining": self.settings.day_limit - meter.day.used,
                "X-MinLimit-Remaining": self.settings.minute_limit - meter.minute.used,
                "X-AppMinLimit-Remaining": self.settings.app_minute_limit - app.used,
            }
            return {name: str(max(0, number)) for name, number in left.items()}

    def forced(self, problem: str, organisation: str) -> Refused:
        """The refusal that a fault switch asks for."""
        with self._lock:
            meter = self._meter(organisation)
            self.refused[problem] += 1
            now = self.clock.seconds()
            waits = {"minute": meter.minute, "appminute": meter.minute, "day": meter.day}
            return Refused(problem, waits[problem].seconds_left(now) if problem in waits else None)

    def reset(self) -> None:
        """Forget what was used, not what is in flight."""
        with self._lock:
            for meter in self._meters.values():
                meter.minute.used = meter.day.used = 0
            self._apps.clear()

    def reset_counts(self) -> None:
        with self._lock:
            self.max_in_flight = 0
            self.refused.clear()

    def _judge(self, meter: Meter, app: Window) -> Refused | None:
        now = self.clock.seconds()
        for window in (meter.minute, meter.day, app):
            window.used += 1
        if meter.day.used > self.settings.day_limit:
            return Refused("day", meter.day.seconds_left(now))
        if meter.minute.used > self.settings.minute_limit:
            return Refused("minute", meter.minute.seconds_left(now))
        if app.used > self.settings.app_minute_limit:
            return Refused("appminute", app.seconds_left(now))
        if meter.in_flight >= self.settings.concurrent_limit:
            return Refused("concurrent", None)
        return None

    def _meter(self, organisation: str) -> Meter:
        own = zlib.crc32(organisation.encode())
        meter = self._meters.setdefault(organisation, Meter(Window(MINUTE, own % MINUTE), Window(DAY, own % DAY)))
        now = self.clock.seconds()
        meter.minute.roll(now)
        meter.day.roll(now)
        return meter

    def _app(self, client: str) -> Window:
        window = self._apps.setdefault(client, Window(MINUTE, 0))
        window.roll(self.clock.seconds())
        return window
