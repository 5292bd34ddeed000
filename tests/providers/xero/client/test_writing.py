"""The client writes: one outcome for each, once, and never a guess."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.errors import (
    RejectedError,
    UnansweredError,
)
from backoffice.providers.xero.client import XeroClient
from backoffice.sandbox.xero.faults import Fault
from backoffice.sandbox.xero.server import Sandbox
from tests.providers.xero.client.conftest import CONTACTS, Office, created, payload


def test_created_and_read_back(client: XeroClient) -> None:
    ours = {
        "name": "Acme",
        "number": "S-1",
        "email": "a@example.com",
        "street": "PO Box 7\nLevel 2",
        "city": "Oamaru",
        "phone": "+64 (3) 434 7000",
        "country": "New Zealand",
    }
    (outcome,) = client.send(CONTACTS, "create", [payload(**ours)], "a key")
    assert outcome.payload is not None
    values = CONTACTS.load(outcome.payload)
    assert {name: values[name] for name in ("name", "number", "email", "street", "city", "phone")} == {
        name: ours[name] for name in ("name", "number", "email", "street", "city", "phone")
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
