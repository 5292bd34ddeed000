"""The client against the sandbox: what it asks, what it makes of answers, and what it does when there are none."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

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
from backoffice.models import Connection, ConnectionState, Contact
from backoffice.providers.xero.client import XeroClient
from backoffice.providers.xero.contact import ContactMapper
from backoffice.providers.xero.kinds import MAPPERS
from backoffice.providers.xero.provider import Xero
from backoffice.sandbox.xero.faults import Fault
from backoffice.sandbox.xero.server import Sandbox
from tests.providers.conftest import again, connect, consent

CONTACTS = ContactMapper()
Office = Callable[..., Any]


@pytest.fixture
def database_url(databases: Any, tmp_path: Path) -> str:
    """One sort is enough here: the wire is the same whatever keeps the tokens."""
    url: str = databases["sqlite"].new(tmp_path)
    return url


@pytest.fixture
def client(xero: Xero, connection: Connection) -> XeroClient:
    return xero._client(connection, urgent=True)


@pytest.fixture
def office(sandbox: Sandbox, connection: Connection) -> Office:
    """What a person does in Xero: `office("POST", "contacts", {...})`."""

    def do(method: str, path: str, body: Any = None) -> Any:
        url = f"{sandbox.url}/_sandbox/organisations/{connection.external_id}/{path}"
        answer = requests.request(method, url, json=body, timeout=5)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    return do


def payload(name: str, **values: Any) -> dict[str, Any]:
    return CONTACTS.dump(Contact(**{"name": name, "archived": False, **values}))


def created(client: XeroClient, name: str, **values: Any) -> dict[str, Any]:
    (outcome,) = client.send(CONTACTS, "create", [payload(name, **values)], str(uuid4()))
    assert outcome.payload is not None, outcome
    return outcome.payload


# --- reading --------------------------------------------------------------------------------------


def test_pages_newest_first(settings: Settings, redis: Redis, sessions: Any, connection: Connection) -> None:
    xero = Xero(settings.model_copy(update={"page_size": 5}), redis, sessions)
    client = xero._client(connection, urgent=True)
    pages = [client.page("Contacts", number) for number in (1, 2, 3, 4)]
    assert [len(page.rows) for page in pages] == [5, 5, 2, 0]
    assert (pages[0].page_count, pages[0].item_count, client.calls) == (3, 12, 4)
    versions = [CONTACTS.version(row) for page in pages for row in page.rows]
    assert versions == sorted(versions, reverse=True)


def test_archived_contacts_are_read_too(client: XeroClient, office: Office) -> None:
    key = client.page("Contacts", 1).rows[0]["ContactID"]
    office("POST", f"contacts/{key}/archive")
    rows = {row["ContactID"]: row for row in client.page("Contacts", 1).rows}
    assert len(rows) == 12
    assert CONTACTS.load(rows[key])["archived"] is True


def test_only_what_changed_since(client: XeroClient, sandbox: Sandbox, office: Office) -> None:
    sandbox.world.clock.advance(600)
    start = client.page("Contacts", 1).provider_time
    assert client.page("Contacts", 1, since=start).rows == []
    sandbox.world.clock.advance(600)
    created(client, "Later")
    changed = client.page("Contacts", 1, since=start).rows
    assert [row["Name"] for row in changed] == ["Later"]
    assert client.page("Contacts", 1, since=start + timedelta(hours=1)).rows == []


@pytest.mark.parametrize("mapper", MAPPERS, ids=lambda mapper: mapper.kind)
def test_every_list_is_read_and_loads(client: XeroClient, xero: Xero, mapper: Any) -> None:
    page = client.page(mapper.resource, 1) if mapper.resource in xero.paged else client.whole(mapper.resource)
    rows = [row for each in page.rows for row in mapper.rows(each)]
    assert rows
    assert len({mapper.external_id(row) for row in rows}) == len(rows)
    for row in rows:
        assert set(mapper.load(row)) | {ref.column for ref in mapper.refs} == mapper.model.synced_columns()


def test_prices_come_with_four_decimals(client: XeroClient, office: Office) -> None:
    office("POST", "items", {"Code": "EXACT", "SalesDetails": {"UnitPrice": 0.1235}})
    row = next(row for row in client.whole("Items").rows if row["Code"] == "EXACT")
    assert row["SalesDetails"]["UnitPrice"] == Decimal("0.1235")


def test_rows_by_their_ids(client: XeroClient, xero: Xero, sandbox: Sandbox) -> None:
    rows = client.page("Contacts", 1).rows
    wanted = [row["ContactID"] for row in rows[:3]]
    assert {
        row["ContactID"] for row in client.by_ids("Contacts", [*wanted, "00000000-0000-0000-0000-00000000000a"])
    } == {*wanted}
    assert client.by_ids("Contacts", []) == ()
    assert client.calls == 2
    many = [f"00000000-0000-0000-0000-{n:012}" for n in range(xero.ids_per_call)]
    assert client.by_ids("Contacts", many) == []
    option = client.whole("TrackingCategories").rows[0]["Options"][0]["TrackingOptionID"]
    assert len(client.by_ids("TrackingCategories", [option])) == 1


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("Plain Ltd", "S-1"),
        ("Plain Ltd", None),
        ('The "Quoted" Company', None),
        ('"Quoted" from the start', None),
        ("Back\\slash", None),
        ("Ünïcödé & Søn #1 + 50%", 'N"1'),
        ("Long " + "n" * 250, None),
    ],
)
def test_one_of_ours_is_found_again(client: XeroClient, office: Office, name: str, number: str | None) -> None:
    made = created(client, name, number=number)
    created(client, "Plain", number="S")
    assert [row["ContactID"] for row in client.find(CONTACTS, payload(name, number=number))] == [made["ContactID"]]
    office("POST", f"contacts/{made['ContactID']}/archive")
    assert [row["ContactID"] for row in client.find(CONTACTS, payload(name, number=number))] == [made["ContactID"]]
    assert client.find(CONTACTS, payload("Somebody else", number="other")) == []


def test_nothing_to_look_for_is_no_call(client: XeroClient) -> None:
    assert client.find(CONTACTS, {"Name": "", "ContactNumber": ""}) == ()
    assert client.calls == 0


# --- writing --------------------------------------------------------------------------------------


def test_created_and_read_back(client: XeroClient) -> None:
    ours = Contact(
        name="Acme",
        number="S-1",
        email="a@example.com",
        street="PO Box 7\nLevel 2",
        city="Oamaru",
        phone="+64 (3) 434 7000",
        country="New Zealand",
        archived=False,
    )
    (outcome,) = client.send(CONTACTS, "create", [CONTACTS.dump(ours)], "a key")
    assert outcome.payload is not None
    values = CONTACTS.load(outcome.payload)
    assert {name: values[name] for name in ("name", "number", "email", "street", "city", "phone")} == {
        name: getattr(ours, name) for name in ("name", "number", "email", "street", "city", "phone")
    }
    assert CONTACTS.version(outcome.payload) == CONTACTS.version(
        client.by_ids("Contacts", [outcome.payload["ContactID"]])[0]
    )


def test_updated_without_wiping_what_is_not_ours(client: XeroClient, office: Office) -> None:
    made = office(
        "POST",
        "contacts",
        {
            "Name": "Acme",
            "Addresses": [{"AddressType": "STREET", "AddressLine1": "1 Store Lane"}],
            "Phones": [{"PhoneType": "FAX", "PhoneNumber": "1"}],
            "EmailAddress": "old@example.com",
        },
    )[0]
    sent = {**payload("Acme", city="Oamaru"), "ContactID": made["ContactID"]}
    (outcome,) = client.send(CONTACTS, "update", [sent], "a key")
    assert outcome.payload is not None
    there = office("GET", f"contacts/{made['ContactID']}")
    assert "EmailAddress" not in there
    assert {(each["AddressType"], each.get("AddressLine1"), each.get("City")) for each in there["Addresses"]} == {
        ("STREET", "1 Store Lane", None),
        ("POBOX", None, "Oamaru"),
    }
    assert {"PhoneType": "FAX", "PhoneNumber": "1"} in there["Phones"]


def test_each_of_a_batch_has_its_own_outcome(client: XeroClient) -> None:
    created(client, "Taken")
    batch = [payload("First"), payload("taken"), payload("<odd>"), payload("Last", number="S-9")]
    outcomes = client.send(CONTACTS, "create", batch, "one key")
    assert [outcome.payload and outcome.payload["Name"] for outcome in outcomes] == ["First", None, None, "Last"]
    assert [outcome.refusal and outcome.refusal.cause for outcome in outcomes] == [
        None,
        "name_taken",
        "name_invalid",
        None,
    ]
    assert "already assigned" in (outcomes[1].refusal.raw if outcomes[1].refusal else "")


def test_an_archived_contact_is_not_edited(client: XeroClient, office: Office) -> None:
    made = created(client, "Old")
    office("POST", f"contacts/{made['ContactID']}/archive")
    (outcome,) = client.send(CONTACTS, "update", [{**payload("New"), "ContactID": made["ContactID"]}], "a key")
    assert outcome.refusal is not None
    assert outcome.refusal.cause == "archived_there"


def test_archived_from_here(client: XeroClient) -> None:
    made = created(client, "Old")
    sent = {**payload("Old", archived=True), "ContactID": made["ContactID"]}
    (outcome,) = client.send(CONTACTS, "update", [sent], "a key")
    assert outcome.payload is not None
    assert CONTACTS.gone(outcome.payload) == "archived"


@pytest.mark.parametrize("kind", ["cut-after", "truncated", "empty-body", "html"])
def test_sent_again_under_its_key_it_is_done_once(client: XeroClient, sandbox: Sandbox, kind: str) -> None:
    sandbox.world.faults.add(Fault(kind, method="PUT"))
    with pytest.raises(UnansweredError) as caught:
        client.send(CONTACTS, "create", [payload("Once")], "the key")
    assert caught.value.status == (None if kind == "cut-after" else 200)
    (outcome,) = client.send(CONTACTS, "create", [payload("Once")], "the key")
    assert outcome.payload is not None
    assert len(client.find(CONTACTS, payload("Once"))) == 1


@pytest.mark.parametrize(("kind", "status"), [("500", 500), ("503", 503), ("cut-before", None)])
def test_a_write_that_failed_somehow_is_unanswered(
    client: XeroClient, sandbox: Sandbox, kind: str, status: Any
) -> None:
    sandbox.world.faults.add(Fault(kind, method="PUT"))
    with pytest.raises(UnansweredError) as caught:
        client.send(CONTACTS, "create", [payload("Maybe")], "the key")
    assert caught.value.status == status
    assert client.find(CONTACTS, payload("Maybe")) == []


def test_an_answer_for_others_is_no_answer(client: XeroClient, sandbox: Sandbox) -> None:
    sandbox.world.faults.add(Fault("empty-list", method="PUT"))
    with pytest.raises(UnansweredError) as caught:
        client.send(CONTACTS, "create", [payload("Mine")], "the key")
    assert caught.value.status == 200


def test_a_token_that_ends_during_a_write(client: XeroClient, sandbox: Sandbox) -> None:
    sandbox.world.clock.advance(1801)
    (outcome,) = client.send(CONTACTS, "create", [payload("Once")], "the key")
    assert outcome.payload is not None
    assert [write["idempotency_key"] for write in sandbox.world.stats.writes] == ["the key", "the key"]
    assert (client.calls, sandbox.world.stats.token_calls["refresh_token"]) == (2, 1)


def test_a_key_used_for_something_else(client: XeroClient) -> None:
    client.send(CONTACTS, "create", [payload("One")], "the key")
    with pytest.raises(RejectedError):
        client.send(CONTACTS, "create", [payload("Two")], "the key")


# --- trouble --------------------------------------------------------------------------------------


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
