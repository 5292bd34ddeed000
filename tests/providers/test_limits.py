"""The provider's limits: kept by all processes together, told by the provider, never slept on."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from backoffice import clock
from backoffice.errors import DependencyError, RateLimitedError
from backoffice.providers.limits import ASK_AGAIN, Budget, Counts, Reading

#: How long a call in flight counts whose worker has died.
SLOT_SECONDS = 90


class Time:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def time() -> Iterator[Time]:
    time = Time()
    clock.use(time)
    yield time
    clock.use()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as redis:
        yield redis


def budget(redis: Redis, minute: int = 60, day: int = 5000, in_flight: int = 5, organisation: str = "one") -> Budget:
    limits = {"minute": minute, "day": day, "in_flight": in_flight}
    return Budget(Counts(redis), "xero", organisation, **limits, slot_seconds=SLOT_SECONDS)


def granted(budget: Budget, tries: int, urgent: bool) -> int:
    """How many of so many calls are let through."""
    count = 0
    for _ in range(tries):
        try:
            with budget.call(urgent):
                count += 1
        except RateLimitedError:
            pass
    return count


def refused(budget: Budget, urgent: bool = True) -> RateLimitedError:
    with pytest.raises(RateLimitedError) as caught, budget.call(urgent):
        pass
    return caught.value


def in_process(url: str, tries: int) -> int:
    with Redis.from_url(url) as redis:
        return granted(budget(redis, in_flight=5), tries, urgent=True)


def test_processes_together_never_pass_the_minute(redis_url: str) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        counts = pool.starmap(in_process, [(redis_url, 40)] * 4)
    assert sum(counts) <= 60
    with Redis.from_url(redis_url) as redis:
        assert sum(counts) + granted(budget(redis), 60, urgent=True) == 60


def test_the_minute_comes_round_again(redis: Redis, time: Time) -> None:
    limits = budget(redis, minute=12)
    assert granted(limits, 20, urgent=True) == 12
    error = refused(limits)
    assert (error.limit, error.retry_after) == ("minute", 60)
    time.advance(61)
    assert granted(limits, 20, urgent=True) == 12


def test_the_day_holds_after_the_minute(redis: Redis, time: Time) -> None:
    limits = budget(redis, minute=60, day=50)
    assert granted(limits, 60, urgent=True) == 50
    time.advance(61)
    error = refused(limits)
    assert (error.limit, error.retry_after) == ("day", ASK_AGAIN - 61)


def test_a_dry_day_is_asked_after_once_in_a_while(redis: Redis, time: Time) -> None:
    limits = budget(redis, day=50)
    granted(limits, 60, urgent=True)
    time.advance(ASK_AGAIN)
    assert granted(limits, 10, urgent=True) == 1
    limits.learn(minute_left=50, day_left=0, app_left=None)
    time.advance(ASK_AGAIN)
    with limits.call(urgent=True):
        pass
    limits.learn(minute_left=50, day_left=49, app_left=None)
    assert granted(limits, 60, urgent=True) == 49


def test_a_day_that_xero_ended_goes_on_when_xero_says(redis: Redis, time: Time) -> None:
    limits = budget(redis)
    limits.learn(minute_left=60, day_left=0, app_left=None)
    limits.close("day", 7200)
    time.advance(3600)
    assert refused(limits).retry_after == 3600
    limits.close("concurrent", 1)
    assert refused(limits).retry_after == 3600
    time.advance(3601)
    with limits.call(urgent=False):
        pass
    limits.learn(minute_left=60, day_left=4999, app_left=None)
    assert granted(limits, 40, urgent=False) == 40


def test_a_person_finds_room_that_a_backfill_left(redis: Redis, time: Time) -> None:
    limits = budget(redis)
    assert granted(limits, 60, urgent=False) == 55
    assert refused(limits, urgent=False).limit == "minute"
    assert granted(limits, 60, urgent=True) == 5


def test_some_of_the_day_is_kept_for_people(redis: Redis, time: Time) -> None:
    limits = budget(redis, minute=200, day=100)
    assert granted(limits, 200, urgent=False) == 98
    assert granted(limits, 200, urgent=True) == 2


def test_who_waits_for_the_minute_wakes_up_to_several_calls(redis: Redis, time: Time) -> None:
    limits = budget(redis)
    for _ in range(55):
        granted(limits, 1, urgent=False)
        time.advance(0.5)
    wait = refused(limits, urgent=False).retry_after
    assert wait is not None
    time.advance(wait + 0.01)
    assert granted(limits, 60, urgent=False) >= 10


def test_calls_in_flight(redis: Redis, time: Time) -> None:
    limits = budget(redis)
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(limits.call(urgent=False))
        assert refused(limits, urgent=False).limit == "concurrent"
        with limits.call(urgent=True):
            assert refused(limits, urgent=True).limit == "concurrent"
        assert granted(limits, 1, urgent=True) == 1
    assert granted(limits, 1, urgent=False) == 1


def test_a_call_that_fails_gives_its_slot_back(redis: Redis, time: Time) -> None:
    limits = budget(redis, in_flight=1)
    with pytest.raises(ZeroDivisionError), limits.call(urgent=True):
        raise ZeroDivisionError
    assert granted(limits, 1, urgent=True) == 1


def test_the_slot_of_a_dead_worker_ends_by_itself(redis: Redis, time: Time) -> None:
    limits = budget(redis, in_flight=1)
    held = limits.call(urgent=True)
    held.__enter__()
    assert refused(limits).limit == "concurrent"
    time.advance(SLOT_SECONDS + 1)
    assert granted(limits, 1, urgent=True) == 1


def test_a_dry_minute_takes_no_slot(redis: Redis, time: Time) -> None:
    limits = budget(redis, minute=2, in_flight=2)
    assert granted(limits, 10, urgent=True) == 2
    time.advance(61)
    assert granted(limits, 10, urgent=True) == 2


def test_organisations_do_not_share(redis: Redis, time: Time) -> None:
    assert granted(budget(redis, minute=3), 5, urgent=True) == 3
    assert granted(budget(redis, minute=3, organisation="two"), 5, urgent=True) == 3


@pytest.mark.parametrize(("limit", "other"), [("minute", False), ("day", False), ("concurrent", False), ("app", True)])
def test_what_one_is_told_holds_for_all(redis: Redis, time: Time, limit: str, other: bool) -> None:
    budget(redis).close(limit, 26)
    error = refused(budget(redis))
    assert (error.limit, error.retry_after) == (limit, 26)
    assert granted(budget(redis, organisation="two"), 1, urgent=True) == (0 if other else 1)
    time.advance(27)
    assert granted(budget(redis), 1, urgent=True) == 1


def test_nobody_is_closed_out_for_ever(redis: Redis, time: Time) -> None:
    budget(redis).close("day", 10**9)
    assert refused(budget(redis)).retry_after == 86_400


def test_the_providers_count_is_the_truth(redis: Redis, time: Time) -> None:
    limits = budget(redis)
    granted(limits, 1, urgent=True)
    limits.learn(minute_left=10, day_left=900, app_left=9000)
    assert limits.reading() == Reading(10, 900)
    assert granted(limits, 60, urgent=True) == 10


def test_an_older_count_of_the_provider_gives_nothing_back(redis: Redis, time: Time) -> None:
    limits = budget(redis)
    granted(limits, 30, urgent=True)
    limits.learn(minute_left=59, day_left=4999, app_left=None)
    assert limits.reading() == Reading(30, 4970)


def test_a_new_day_at_the_provider_is_a_new_day_here(redis: Redis, time: Time) -> None:
    limits = budget(redis)
    limits.learn(minute_left=60, day_left=100, app_left=None)
    time.advance(3600)
    limits.learn(minute_left=60, day_left=4990, app_left=None)
    assert limits.reading() == Reading(60, 4990)


def test_a_larger_plan_than_was_set_does_no_harm(redis: Redis, time: Time) -> None:
    limits = budget(redis, day=1000)
    limits.learn(minute_left=60, day_left=4990, app_left=None)
    assert limits.reading() == Reading(60, 1000)


def test_an_app_without_calls_left_pauses(redis: Redis, time: Time) -> None:
    budget(redis).learn(minute_left=60, day_left=5000, app_left=0)
    assert refused(budget(redis, organisation="two")).limit == "app"


def test_without_redis_nobody_calls() -> None:
    with Redis.from_url("redis://127.0.0.1:1") as redis:
        limits = budget(redis)
        with pytest.raises(DependencyError), limits.call(urgent=True):
            pass
        with pytest.raises(DependencyError):
            limits.reading()


def test_redis_lost_during_a_call_does_not_lose_the_answer(redis_url: str, time: Time) -> None:
    with Redis.from_url(redis_url) as redis:
        limits = budget(redis)
        with limits.call(urgent=True):
            where = redis.connection_pool.connection_kwargs
            where.update({"path": "/nowhere"} if "path" in where else {"port": 1})
            redis.connection_pool.disconnect()
        limits.learn(minute_left=1, day_left=1, app_left=0)
        limits.close("minute", 60)
