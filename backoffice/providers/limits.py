"""The provider's call limits, kept by all workers together over Redis. Nobody sleeps here: a dry budget raises.

Three limits hold for one organisation: calls in a minute, calls in a day, calls in flight. What the provider says in
its headers is the truth; our own count fills in between two answers and where it says nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import structlog
from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis import Redis
from redis.exceptions import RedisError

from backoffice.clock import now
from backoffice.errors import DependencyError, RateLimitedError

log = structlog.get_logger()

#: No provider closes for longer than a day.
LONGEST_WAIT = 86_400.0
#: What a provider may close; the last one for all its organisations together.
CLOSING = ("day", "minute", "concurrent", "app")
#: How long a day that we count as dry is left alone before a call finds out whether it still is, in seconds.
ASK_AGAIN = 900
#: What is taken for the end of the app-wide minute when its count is nought and nothing says when it ends.
APP_PAUSE = 15.0

#: KEYS: the slots. ARGV: now, until when, how many, whose. Answers 1 when a slot was free.
TAKE_SLOT = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[4])
redis.call('EXPIRE', KEYS[1], 3600)
return 1
"""


class ClockedStorage(RedisStorage):
    """Windows in Redis that go by our clock, so that a simulated day passes for them too."""

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        return bool(self.lua_acquire_moving_window([self.prefixed_key(key)], [_time(), limit, expiry, amount]))

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        window = self.lua_moving_window([self.prefixed_key(key)], [_time() - expiry, limit])
        return (float(window[0]), int(window[1])) if window else (_time(), 0)

    def entry(self, key: str, index: int) -> float | None:
        """When the call was made that is the `index`-th, counted from the newest; None where there are fewer."""
        found = cast(Redis, self.get_connection()).lindex(self.prefixed_key(key), index)
        return None if found is None else float(cast(bytes, found))


def _time() -> float:
    return now().timestamp()


@dataclass(frozen=True)
class Reading:
    """What is left of the minute's and of the day's calls, by our count, mended by the provider's."""

    minute_left: int
    day_left: int


@dataclass(frozen=True)
class Window:
    """One window: how many calls, how many of them are kept for people, how many make waking up worth it."""

    name: str
    item: RateLimitItem
    kept: int
    worth: int


class Counts:
    """All counts in one Redis, and the means to keep them, which are costly to load: each provider makes them once."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        pool = redis.connection_pool
        self.storage = ClockedStorage("redis://", connection_pool=pool, key_prefix="backoffice:limits")
        self.limiter = MovingWindowRateLimiter(self.storage)
        self.take_slot = redis.register_script(TAKE_SLOT)


class Budget:
    """The calls of one organisation. May be used from several threads and processes.

    A slot whose worker died is free again after `slot_seconds`; no call may last that long.
    """

    def __init__(
        self,
        counts: Counts,
        provider: str,
        organisation: str,
        *,
        minute: int,
        day: int,
        in_flight: int,
        slot_seconds: float,
    ) -> None:
        self._redis, self._storage, self._limiter = counts.redis, counts.storage, counts.limiter
        self._take_slot = counts.take_slot
        self._in_flight, self._slot_seconds = in_flight, slot_seconds
        self._ids = (provider, organisation)
        self._slots = f"backoffice:slots:{provider}:{organisation}"
        self._asked = f"backoffice:asked:{provider}:{organisation}"
        self._minute = Window("minute", RateLimitItemPerMinute(minute), kept=minute // 12, worth=max(1, minute // 6))
        self._day = Window("day", RateLimitItemPerDay(day), kept=day // 50, worth=max(1, day // 100))

    @contextmanager
    def call(self, urgent: bool) -> Iterator[None]:
        """Hold a slot for one call, which is counted whatever becomes of it.

        Raises: RateLimitedError at once when there is none to be had; DependencyError without Redis.
        """
        slot = uuid.uuid4().hex
        try:
            self._admit(slot, urgent)
        except RedisError as error:
            raise DependencyError("The count of calls cannot be reached just now.", retry_after=5) from error
        try:
            yield
        finally:
            self._free(slot)

    def _admit(self, slot: str, urgent: bool) -> None:
        self._check_open()
        allowed = self._in_flight if urgent else max(1, self._in_flight - 1)
        if not self._take_slot(keys=[self._slots], args=[_time(), _time() + self._slot_seconds, allowed, slot]):
            raise RateLimitedError("concurrent", 1)
        try:
            self._count(urgent)
        except (RateLimitedError, RedisError):
            self._free(slot)
            raise

    def _check_open(self) -> None:
        for limit, until in zip(CLOSING, self._redis.mget([self._closed(limit) for limit in CLOSING]), strict=True):
            if until is not None and (wait := float(cast(bytes, until)) - _time()) > 0:
                raise RateLimitedError(limit, wait)

    def _closed(self, limit: str) -> str:
        provider, organisation = self._ids
        return f"backoffice:closed:{provider}:{limit}" + ("" if limit == "app" else f":{organisation}")

    def _count(self, urgent: bool) -> None:
        minute, day = (0 if urgent else window.kept for window in (self._minute, self._day))
        if not self._has(self._minute, minute):
            raise self._dry(self._minute, minute)
        if dry := not self._has(self._day, day):
            self._ask_again()
        if not self._limiter.hit(self._day.item, *self._ids) and not dry:
            raise self._dry(self._day, 0)
        if not self._limiter.hit(self._minute.item, *self._ids):
            raise self._dry(self._minute, 0)

    def _has(self, window: Window, kept: int) -> bool:
        return self._limiter.test(window.item, *self._ids, cost=1 + kept)

    def _ask_again(self) -> None:
        """Let one call in a while pass a dry day: only an answer tells when the provider's own day began anew.

        Raises: RateLimitedError until it is time for that.
        """
        asked = self._redis.get(self._asked)
        since = _time() - float(cast(bytes, asked)) if asked is not None else 0.0
        if asked is None or since >= ASK_AGAIN:
            self._redis.set(self._asked, _time(), ex=2 * ASK_AGAIN)
        if since < ASK_AGAIN:
            raise RateLimitedError(self._day.name, ASK_AGAIN - since)

    def _dry(self, window: Window, kept: int) -> RateLimitedError:
        """Where no person waits, wait until several calls are free: for one at a time it would only ever wake up."""
        seconds = window.item.get_expiry()
        worth = window.worth if kept else 1
        index = max(0, window.item.amount - kept - worth)
        made = self._storage.entry(window.item.key_for(*self._ids), index)
        wait = (made if made is not None else _time()) + seconds - _time()
        return RateLimitedError(window.name, min(max(wait, 1), seconds))

    def _free(self, slot: str) -> None:
        try:
            self._redis.zrem(self._slots, slot)
        except RedisError:
            # The answer that has come is worth more; the slot ends by itself.
            log.warning("a slot could not be given back", organisation=self._ids[1])

    def close(self, limit: str, seconds: float) -> None:
        """The provider said no: nobody calls until then. `app` closes every organisation of the provider."""
        seconds = min(max(seconds, 0.001), LONGEST_WAIT)
        try:
            self._redis.set(self._closed(limit), _time() + seconds, px=int(seconds * 1000) + 1)
            if limit == self._day.name:  # when it opens again, the first call goes, however dry we count the day
                self._redis.set(self._asked, _time() + seconds - ASK_AGAIN, ex=int(seconds) + 2 * ASK_AGAIN)
        except RedisError:
            log.warning("a limit could not be told to the other workers", limit=limit)

    def learn(self, minute_left: int | None, day_left: int | None, app_left: int | None) -> None:
        """Mend our count by what the provider says is left after a call."""
        try:
            self._mend(self._minute, minute_left)
            self._mend(self._day, day_left)
        except RedisError:
            log.warning("the provider's count could not be kept", organisation=self._ids[1])
        if app_left == 0:
            self.close("app", APP_PAUSE)

    def _mend(self, window: Window, theirs: int | None) -> None:
        if theirs is None:
            return
        ours, theirs = self._left(window), min(theirs, window.item.amount)
        if window is self._day and theirs - ours > self._slack(ours):
            self._limiter.clear(window.item, *self._ids)
            self._redis.delete(self._asked)
            ours = window.item.amount
        if ours > theirs:
            self._limiter.hit(window.item, *self._ids, cost=ours - theirs)

    def _slack(self, ours: int) -> int:
        """How much more the provider may say is left than we count before it means that its day began anew.

        An answer may be older than the calls counted since: than those in flight when the day is dry, and at other
        times than two minutes' worth.
        """
        return self._in_flight if ours <= self._day.kept else 2 * self._minute.item.amount

    def _left(self, window: Window) -> int:
        return max(0, self._limiter.get_window_stats(window.item, *self._ids).remaining)

    def reading(self) -> Reading:
        """What is left now. Raises: DependencyError without Redis."""
        try:
            return Reading(self._left(self._minute), self._left(self._day))
        except RedisError as error:
            raise DependencyError("The count of calls cannot be reached just now.", retry_after=5) from error
