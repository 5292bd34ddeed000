"""The client in trouble: what it does when there is no answer, and when there is no way back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from redis import Redis
from sqlalchemy.orm import Session, sessionmaker

from backoffice.config import Settings
from backoffice.errors import (
    ConnectionLostError,
    RateLimitedError,
    RejectedError,
    TransientError,
    UnansweredError,
    UnreadableError,
)
from backoffice.models import Connection, ConnectionState
from backoffice.providers.xero.client import XeroClient
from backoffice.providers.xero.provider import Xero
from backoffice.sandbox.xero.faults import Fault
from backoffice.sandbox.xero.server import Sandbox
from tests.faults.mischief import dripped
from tests.faults.proxy import Proxy, Rules
from tests.providers.conftest import again, connect, consent
from tests.providers.xero.client.conftest import CONTACTS, payload


@pytest.mark.parametrize("kind", ["500", "503", "cut-before", "cut-after"])
def test_a_question_without_an_answer_is_asked_again(client: XeroClient, sandbox: Sandbox, kind: str) -> None:
    sandbox.world.faults.add(Fault(kind, path="Contacts"))
    with pytest.raises(TransientError) as caught:
        client.page("Contacts", 1)
    assert not isinstance(caught.value, UnansweredError)
    assert caught.value.retry_after == (300 if kind == "503" else None)
    assert sandbox.world.stats.calls["GET Contacts"] == 1


@pytest.mark.parametrize("kind", ["truncated", "html", "empty-body"])
def test_a_list_that_makes_no_sense(client: XeroClient, sandbox: Sandbox, kind: str) -> None:
    sandbox.world.faults.add(Fault(kind, path="Items"))
    with pytest.raises(UnreadableError):
        client.whole("Items")


def test_nobody_at_home(settings: Settings, redis: Redis, sessions: Any, connection: Connection) -> None:
    away = Xero(settings.model_copy(update={"xero_api_url": "http://127.0.0.1:1/api"}), redis, sessions)
    client = away._client(connection, urgent=True)
    with pytest.raises(TransientError) as caught:
        client.send(CONTACTS, "create", [payload("Never sent")], "the key")
    assert not isinstance(caught.value, UnansweredError)


def test_a_slow_answer_to_a_write_is_no_answer(
    settings: Settings, redis: Redis, sessions: Any, connection: Connection, sandbox: Sandbox
) -> None:
    hasty = Xero(settings.model_copy(update={"read_timeout": 0.1}), redis, sessions)._client(connection, urgent=True)
    sandbox.world.faults.add(Fault("slow", method="PUT", seconds=30))
    with pytest.raises(UnansweredError):
        hasty.send(CONTACTS, "create", [payload("Slow")], "the key")
    sandbox.world.faults.clear()


@pytest.mark.parametrize("writes", [False, True])
def test_an_answer_that_comes_byte_by_byte_is_no_answer_either(
    settings: Settings, redis: Redis, sessions: Any, connection: Connection, sandbox: Sandbox, writes: bool
) -> None:
    """Each piece comes in time, the whole would take for ever."""
    rules = Rules()
    rules.add(dripped, lambda exchange: exchange.writes is writes)
    line = Proxy("client", sandbox.url, rules)
    hasty = {"connect_timeout": 0.2, "read_timeout": 0.3, "xero_api_url": f"{line.url}/api.xro/2.0"}
    client = Xero(settings.model_copy(update=hasty), redis, sessions)._client(connection, urgent=True)
    with pytest.raises(UnansweredError if writes else TransientError):
        client.send(CONTACTS, "create", [payload("Slow")], "the key") if writes else client.whole("Items")
    line.stop()


@pytest.mark.parametrize(
    ("kind", "limit"), [("minute", "minute"), ("day", "day"), ("concurrent", "concurrent"), ("appminute", "app")]
)
def test_after_a_429_nobody_asks(
    client: XeroClient, xero: Xero, connection: Connection, sandbox: Sandbox, kind: str, limit: str
) -> None:
    sandbox.world.faults.add(Fault(kind, path="Items"))
    for each in (client, xero._client(connection, urgent=True)):
        with pytest.raises(RateLimitedError) as caught:
            each.whole("Items")
        assert caught.value.limit == limit
        assert caught.value.retry_after
    assert sandbox.world.stats.calls["GET Items"] == 1


def test_the_providers_count_is_heard(client: XeroClient, xero: Xero, connection: Connection, sandbox: Sandbox) -> None:
    sandbox.world.settings.minute_limit, sandbox.world.settings.day_limit = 60, 1000
    client.whole("Items")
    assert client.budget == (999, 59)
    reading = xero.reading(connection)
    assert (reading.day_left, reading.minute_left) == (999, 59)


def test_five_at_a_time_and_never_one_more(client: XeroClient, sandbox: Sandbox) -> None:
    sandbox.world.settings.latency_ms = 20

    def ask(_: int) -> str:
        try:
            client.page("Contacts", 1)
        except RateLimitedError as error:
            return error.limit
        return "done"

    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(ask, range(30)))
    assert found <= {"done", "concurrent"}
    assert "done" in found
    assert sandbox.world.limits.max_in_flight <= 5
    assert sandbox.world.stats.statuses[429] == 0


# --- the end of it ----------------------------------------------------------------------------------


def state(sessions: sessionmaker[Session], connection: Connection) -> ConnectionState:
    found: ConnectionState = again(sessions, connection).state
    return found


def test_removed_in_xero(client: XeroClient, connection: Connection, sessions: Any, sandbox: Sandbox) -> None:
    requests.delete(f"{sandbox.url}/_sandbox/connections", timeout=5)
    with pytest.raises(ConnectionLostError) as caught:
        client.whole("Items")
    assert caught.value.reason == "organisation_gone"
    assert state(sessions, connection) is ConnectionState.NEEDS_RECONNECTING
    assert "Link the company again" in again(sessions, connection).problem


def test_a_403_with_the_organisation_still_there(
    client: XeroClient, connection: Connection, sessions: Any, sandbox: Sandbox
) -> None:
    sandbox.world.faults.add(Fault("forbidden", path="Items"))
    with pytest.raises(RejectedError):
        client.whole("Items")
    assert state(sessions, connection) is ConnectionState.CONNECTED


def test_a_scope_that_was_not_asked_for(settings: Settings, redis: Redis, sessions: Any, sandbox: Sandbox) -> None:
    narrow = Xero(
        settings.model_copy(update={"xero_scopes": "openid offline_access accounting.settings"}), redis, sessions
    )
    connection = connect(sessions, consent(narrow))
    client = narrow._client(connection, urgent=True)
    with pytest.raises(ConnectionLostError) as caught:
        client.page("Contacts", 1)
    assert caught.value.reason == "scope_missing"
    assert sandbox.world.stats.token_calls["refresh_token"] == 0
    assert state(sessions, connection) is ConnectionState.NEEDS_RECONNECTING


def test_a_connection_that_was_never_authorised(xero: Xero, connection: Connection) -> None:
    connection.authorisation_id = None
    with pytest.raises(ConnectionLostError):
        xero.client(connection, urgent=True).whole("Items")
