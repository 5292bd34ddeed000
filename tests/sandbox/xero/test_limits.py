"""The four limits and what their refusals look like."""

from __future__ import annotations

import threading

import pytest

from backoffice.sandbox.xero.clock import Clock
from backoffice.sandbox.xero.limits import Limits
from backoffice.sandbox.xero.settings import Settings


@pytest.fixture
def api(api, sandbox):
    """The clock stands: no window ends by itself."""
    sandbox.world.clock.set(sandbox.world.clock.now(), fixed=True)
    return api


def test_what_is_left_is_said_with_every_answer(api):
    first, second = (api.get("Organisation").headers for _ in range(2))
    for name in ("X-DayLimit-Remaining", "X-MinLimit-Remaining", "X-AppMinLimit-Remaining"):
        assert int(second[name]) == int(first[name]) - 1


def test_the_minute_is_a_fixed_window(api, sandbox, control):
    control("PATCH", "settings", {"minute_limit": 3})
    assert [api.get("Organisation").status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = api.get("Organisation")
    assert refused.content == b""
    assert "Content-Type" not in refused.headers
    assert refused.headers["X-Rate-Limit-Problem"] == "minute"
    assert refused.headers["X-MinLimit-Remaining"] == "0"
    wait = int(refused.headers["Retry-After"])
    assert 1 <= wait <= 60
    sandbox.world.clock.advance(wait)
    assert api.get("Organisation").status_code == 200
    assert control("GET", "stats")["refused"] == {"minute": 2}


def test_the_day_ends_at_the_end_of_its_window(api, sandbox, control):
    control("PATCH", "settings", {"day_limit": 1})
    assert [api.get("Organisation").status_code for _ in range(2)] == [200, 429]
    refused = api.get("Organisation")
    assert refused.headers["X-Rate-Limit-Problem"] == "day"
    sandbox.world.clock.advance(int(refused.headers["Retry-After"]))
    control("DELETE", "stats")
    token = control("POST", "tokens", {})["token"]["access_token"]
    assert api.get("Organisation", {"Authorization": f"Bearer {token}"}).status_code == 200


def test_refused_calls_count_too(api, control):
    control("PATCH", "settings", {"minute_limit": 1, "day_limit": 3})
    problems = [api.get("Organisation").headers.get("X-Rate-Limit-Problem") for _ in range(4)]
    assert problems == [None, "minute", "minute", "day"]


def test_the_app_has_a_minute_of_its_own(api, control):
    control("PATCH", "settings", {"app_minute_limit": 1})
    assert api.get("Organisation").status_code == 200
    assert api.get("Organisation").headers["X-Rate-Limit-Problem"] == "appminute"


def test_organisations_have_limits_of_their_own(api, connect, control):
    control("PATCH", "settings", {"minute_limit": 1})
    assert [api.get("Organisation").status_code for _ in range(2)] == [200, 429]
    assert connect(organisations=["2"]).get("Organisation").status_code == 200


def test_windows_begin_at_a_second_of_their_own():
    clock = Clock()
    clock.set(clock.now(), fixed=True)
    limits = Limits(Settings(minute_limit=0), clock)
    refused = [limits.enter(name, "app") for name in ("one", "two", "three", "four")]
    assert len({one.retry_after for one in refused if one}) > 1


def test_a_sixth_at_the_same_time_is_refused_without_a_time_to_wait(api, connect, control, sandbox):
    control("POST", "faults", {"kind": "slow", "seconds": 60, "count": 5})
    statuses = []
    callers = [connect() for _ in range(5)]
    threads = [
        threading.Thread(target=lambda one=one: statuses.append(one.get("Items").status_code)) for one in callers
    ]
    for thread in threads:
        thread.start()
    while sandbox.world.limits.in_flight() < 5:
        pass
    refused = api.get("Organisation")
    control("DELETE", "faults")
    for thread in threads:
        thread.join()
    assert refused.status_code == 429
    assert refused.headers["X-Rate-Limit-Problem"] == "concurrent"
    assert "Retry-After" not in refused.headers
    assert statuses == [200] * 5
    stats = control("GET", "stats")
    assert (stats["max_in_flight"], stats["in_flight"], stats["refused"]) == (5, 0, {"concurrent": 1})
