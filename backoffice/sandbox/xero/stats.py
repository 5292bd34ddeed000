"""What was asked of the sandbox: calls by endpoint, writes with their keys, bytes; for tests that count."""

from __future__ import annotations

import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

ID = re.compile(r"^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$", re.IGNORECASE)


def endpoint(path: str) -> str:
    """The path with its ids replaced, without the prefix of the accounting API."""
    parts = path.removeprefix("/api.xro/2.0").strip("/").split("/")
    return "/".join("{id}" if ID.match(part) else part for part in parts)


@dataclass
class Stats:
    """Counts since the last reset."""

    calls: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    token_calls: Counter[str] = field(default_factory=Counter)
    writes: list[dict[str, Any]] = field(default_factory=list)
    bytes_out: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def asked(self, method: str, path: str, key: str | None) -> None:
        """Note a call as it arrives, before anything can go wrong with it."""
        with self._lock:
            self.calls[f"{method} {endpoint(path)}"] += 1
            if path.startswith("/api.xro/") and method != "GET":
                self.writes.append({"method": method, "path": path, "idempotency_key": key})

    def token(self, grant: str) -> None:
        with self._lock:
            self.token_calls[grant] += 1

    def answered(self, status: int, size: int) -> None:
        with self._lock:
            self.statuses[status] += 1
            self.bytes_out += size

    def reset(self) -> None:
        with self._lock:
            for counter in (self.calls, self.statuses, self.token_calls, self.writes):
                counter.clear()
            self.bytes_out = 0

    def shown(self) -> dict[str, Any]:
        with self._lock:
            return {
                "calls": dict(self.calls),
                "total": self.calls.total(),
                "statuses": {str(status): count for status, count in self.statuses.items()},
                "token_calls": dict(self.token_calls),
                "writes": list(self.writes),
                "bytes_out": self.bytes_out,
            }
