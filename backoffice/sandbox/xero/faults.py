"""Fault switches: what goes wrong on purpose, on which calls, how often."""

from __future__ import annotations

import itertools
import threading
from dataclasses import asdict, dataclass, field
from typing import Any

LIMITS = ("minute", "day", "concurrent", "appminute")
KINDS = {
    "minute": "429 of the minute limit",
    "day": "429 of the day limit",
    "concurrent": "429 of the five in flight, without Retry-After",
    "appminute": "429 of the app's own minute limit",
    "500": "500 with an HTML page; remembered under the Idempotency-Key",
    "503": "503 with the text 'The Organisation is offline'",
    "slow": "answers after `seconds`, or as soon as the fault is cleared",
    "cut-before": "closes the connection without having done anything",
    "cut-after": "does what was asked, then closes the connection without an answer",
    "forbidden": "403: the organisation is gone",
    "unpaged": "ignores page and pageSize",
    "truncated": "200 with half of the JSON",
    "html": "200 with an HTML page",
    "empty-body": "200 with nothing in it",
    "empty-list": "200 with an empty list",
}


@dataclass
class Fault:
    """One switch. It acts on `count` calls (None: on all) after the first `skip` that match."""

    kind: str
    method: str = ""
    path: str = ""
    count: int | None = 1
    skip: int = 0
    seconds: float = 0
    text: str = ""
    id: int = 0
    hits: int = 0

    def matches(self, method: str, path: str) -> bool:
        return self.method.upper() in ("", method) and self.path.casefold() in path.casefold()


@dataclass
class Faults:
    """The switches that are on, in the order in which they were set."""

    _faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _released: threading.Event = field(default_factory=threading.Event)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def add(self, fault: Fault) -> Fault:
        if fault.kind not in KINDS:
            raise ValueError(f"no fault of the kind {fault.kind!r}; there are {', '.join(KINDS)}")
        with self._lock:
            fault.id = next(self._numbers)
            self._faults.append(fault)
            return fault

    def clear(self) -> None:
        """Switch all off; slow answers come at once."""
        with self._lock:
            self._faults.clear()
            self._released.set()
            self._released = threading.Event()

    def remove(self, fault_id: int) -> bool:
        with self._lock:
            before = len(self._faults)
            self._faults = [fault for fault in self._faults if fault.id != fault_id]
            return len(self._faults) < before

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def take(self, method: str, path: str) -> Fault | None:
        """The first switch that acts on this call, its count reduced."""
        with self._lock:
            for fault in self._faults:
                if not fault.matches(method, path) or fault.count == 0:
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.hits += 1
                if fault.count is not None:
                    fault.count -= 1
                return fault
            return None

    def wait(self, seconds: float) -> None:
        """What a slow answer does."""
        self._released.wait(seconds)
