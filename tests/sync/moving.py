"""A list that moves while it is read: a client whose calls change the other side, in an order the test chooses."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from threading import Lock
from typing import Any

#: How many pages the engine may have under way.
WINDOW = 5


class MovingClient:
    """Stands before a real client; edits rows there between pages, and answers pages in flight in any order.

    What is asked for together is read at once, shuffled, with edits in between, so that a test has no luck.
    """

    def __init__(self, client: Any, edit: Callable[[], None], chance: Random, shuffled: bool) -> None:
        self._client, self._edit, self._chance, self._shuffled = client, edit, chance, shuffled
        self._lock = Lock()
        self._answers: dict[tuple[Any, int], Any] = {}
        self._pages: dict[Any, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def page(self, resource: str, number: int, since: Any = None) -> Any:
        with self._lock:
            key = (since, number)
            if key not in self._answers:
                self._read(resource, number, since)
            return self._answers.pop(key)

    def _read(self, resource: str, number: int, since: Any) -> None:
        last = min(number + WINDOW - 1, self._pages.get(since, number)) if self._shuffled and number > 1 else number
        numbers = [n for n in range(number, last + 1) if (since, n) not in self._answers]
        self._chance.shuffle(numbers)
        for each in numbers:
            page = self._client.page(resource, each, since)
            self._answers[since, each] = page
            self._pages[since] = page.page_count or each
            self._edit()


class MovingProvider:
    """A provider whose clients move the list they read."""

    in_flight: int

    def __init__(self, provider: Any, wrap: Callable[[Any], Any]) -> None:
        self._provider, self._wrap = provider, wrap

    def __getattr__(self, name: str) -> Any:
        return getattr(self._provider, name)

    def client(self, connection: Any, urgent: bool) -> Any:
        return self._wrap(self._provider.client(connection, urgent))
