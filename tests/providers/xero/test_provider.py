"""Xero as the rest of the application knows it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests
from pydantic import SecretStr
from redis import Redis
from sqlalchemy.orm import Session, sessionmaker

from backoffice.config import Settings
from backoffice.errors import Ending
from backoffice.models import Authorisation, Connection
from backoffice.providers import PROVIDERS, providers_of
from backoffice.providers.xero.endings import LOST
from backoffice.providers.xero.provider import Xero
from backoffice.sandbox.xero.faults import Fault
from backoffice.sandbox.xero.server import Sandbox
from backoffice.sync.mapper import push_order
from backoffice.sync.provider import Provider
from tests.providers.conftest import again, connect, consent


def test_every_provider_is_registered_by_its_key(settings: Settings, redis: Redis, sessions: Any) -> None:
    providers = providers_of(settings, redis, sessions)
    assert list(providers) == [provider.key for provider in PROVIDERS]
    kept: Provider = providers["xero"]
    assert push_order(kept.mappers)
    assert kept.paged <= {mapper.resource for mapper in kept.mappers}


def test_the_organisation_as_it_is_now(xero: Xero, connection: Connection, sandbox: Sandbox) -> None:
    there = requests.get(f"{sandbox.url}/_sandbox/organisations", timeout=5).json()[0]
    found = xero.organisation(connection)
    assert (found.external_id, found.name, found.base_currency) == (there["id"], there["name"], there["currency"])
    assert found.short_code == there["short_code"]
    assert found.country
    assert ZoneInfo(found.time_zone).key == found.time_zone
    assert found.consent_id == connection.consent_id
    assert sandbox.world.stats.calls["GET Organisation"] == 1


def test_the_way_to_a_record(xero: Xero, connection: Connection, settings: Settings) -> None:
    assert xero.record_url(connection, "contact", "an id") is None
    connection.short_code = "!Ab1/c"
    there = f"{settings.xero_app_url}/app/!Ab1%2Fc/contacts/contact/an%20id"
    assert xero.record_url(connection, "contact", "an id") == there
    assert xero.record_url(connection, "tax_rate", "OUTPUT2") is None


# --- tested -----------------------------------------------------------------------------------------


def test_all_is_well(xero: Xero, connection: Connection) -> None:
    finding = xero.test(connection)
    assert finding.ok
    assert connection.organisation in finding.what


@pytest.mark.parametrize(
    ("kind", "word", "todo"),
    [
        ("500", "does not work", "try again later"),
        ("503", "does not work", "try again later"),
        ("cut-before", "cannot be reached", "try again later"),
        ("html", "makes no sense", "XERO_API_URL"),
        ("minute", "minute limit", r"goes on in \d+ seconds"),
        ("day", "day limit", r"goes on in \d+ hours"),
        ("forbidden", "does not allow", "Xero says"),
    ],
)
def test_what_stands_in_the_way(
    xero: Xero,
    connection: Connection,
    sandbox: Sandbox,
    advance: Callable[[float], None],
    kind: str,
    word: str,
    todo: str,
) -> None:
    noon = sandbox.world.clock.now().replace(hour=12, minute=0, second=0) + timedelta(days=1)
    advance((noon - sandbox.world.clock.now()).total_seconds())
    sandbox.world.faults.add(Fault(kind, path="Organisation"))
    finding = xero.test(connection)
    assert not finding.ok
    assert word in finding.what
    assert re.search(todo, finding.todo)


def test_organisation_gone(xero: Xero, connection: Connection, sandbox: Sandbox) -> None:
    requests.delete(f"{sandbox.url}/_sandbox/connections", timeout=5)
    assert (xero.test(connection).what, xero.test(connection).todo) == LOST[Ending.ORGANISATION_GONE]


def test_wrong_credentials(
    settings: Settings, redis: Redis, sessions: Any, connection: Connection, advance: Any
) -> None:
    advance(1800)
    wrong = Xero(settings.model_copy(update={"xero_client_secret": SecretStr("wrong")}), redis, sessions)
    finding = wrong.test(connection)
    assert "XERO_CLIENT_SECRET" in finding.what
    assert "runs this deployment" in finding.todo


def test_a_scope_is_missing(settings: Settings, redis: Redis, sessions: Any, sandbox: Sandbox) -> None:
    narrow = Xero(
        settings.model_copy(update={"xero_scopes": "openid offline_access accounting.contacts"}), redis, sessions
    )
    finding = narrow.test(connect(sessions, consent(narrow)))
    assert (finding.what, finding.todo) == LOST[Ending.SCOPE_MISSING]


def test_redis_is_away(settings: Settings, sessions: Any, connection: Connection) -> None:
    with Redis.from_url("redis://127.0.0.1:1") as nowhere:
        finding = Xero(settings, nowhere, sessions).test(connection)
    assert "Redis" in finding.todo


# --- ended ------------------------------------------------------------------------------------------


def connections(sandbox: Sandbox) -> list[str]:
    """Those of our application, by id."""
    found = requests.get(f"{sandbox.url}/_sandbox/connections", timeout=5).json()
    return [each["id"] for each in found if each["client"] == "demo-client"]


def revocations(sandbox: Sandbox) -> int:
    return sandbox.world.stats.token_calls["revocation"]


def test_one_of_two_is_unlinked(xero: Xero, sessions: sessionmaker[Session], sandbox: Sandbox) -> None:
    first = connect(sessions, consent(xero, organisation=1), "First")
    second = connect(sessions, consent(xero, organisation=2), "Second")
    before = connections(sandbox)
    xero.disconnect(first)
    assert first.consent_id in before
    assert first.consent_id not in connections(sandbox)
    assert second.consent_id in connections(sandbox)
    assert revocations(sandbox) == 0
    assert xero.test(second).ok


def test_the_last_one_takes_the_consent_with_it(
    xero: Xero, connection: Connection, sessions: sessionmaker[Session], sandbox: Sandbox
) -> None:
    xero.disconnect(connection)
    assert connections(sandbox) == []
    assert revocations(sandbox) == 1
    with sessions() as session:
        assert session.get_one(Authorisation, connection.authorisation_id).ended
    assert not xero.test(connection).ok
    with sessions.begin() as session:
        session.get_one(Connection, connection.id).active = False
    assert connect(sessions, consent(xero), "Again").authorisation_id == connection.authorisation_id
    assert xero.test(again(sessions, connection)).ok


def test_unlinking_with_a_token_that_has_ended_over_there(xero: Xero, connection: Connection, sandbox: Sandbox) -> None:
    sandbox.world.clock.advance(1801)
    xero.disconnect(connection)
    assert connections(sandbox) == []
    assert revocations(sandbox) == 1


def test_unlinking_what_has_ended_already(xero: Xero, connection: Connection, sandbox: Sandbox) -> None:
    requests.post(f"{sandbox.url}/_sandbox/revoke", json={}, timeout=5)
    xero.disconnect(connection)
    xero.disconnect(connection)


def test_xero_did_not_hear_of_it(xero: Xero, connection: Connection, sandbox: Sandbox, sessions: Any) -> None:
    sandbox.world.faults.add(Fault("500", path="/connect/revocation"))
    xero.disconnect(connection)
    assert connections(sandbox) == []
    with sessions() as session:
        assert session.get_one(Authorisation, connection.authorisation_id).ended
