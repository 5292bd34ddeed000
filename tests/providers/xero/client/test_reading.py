"""The client reads: pages, whole lists, ids, and one of ours by what it is known by."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from redis import Redis

from backoffice.config import Settings
from backoffice.models import Connection
from backoffice.providers.xero.client import XeroClient
from backoffice.providers.xero.kinds import MAPPERS
from backoffice.providers.xero.provider import Xero
from backoffice.sandbox.xero.server import Sandbox
from tests.providers.xero.client.conftest import CONTACTS, Office, created, payload
from tests.providers.xero.test_kinds import came_in


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


@pytest.mark.parametrize("mapper", [each for each in MAPPERS if each.direction.comes], ids=lambda mapper: mapper.kind)
def test_every_list_is_read_and_loads(client: XeroClient, xero: Xero, mapper: Any) -> None:
    page = client.page(mapper.resource, 1) if mapper.resource in xero.paged else client.whole(mapper.resource)
    rows = [row for each in page.rows for row in mapper.rows(each)]
    assert rows
    assert len({mapper.external_id(row) for row in rows}) == len(rows)
    for row in rows:
        assert set(mapper.load(row)) == came_in(mapper)
        assert set(mapper.names(row)) == {ref.column for ref in mapper.refs}


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
