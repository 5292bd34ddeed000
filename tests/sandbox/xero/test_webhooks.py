"""Webhooks of apps: intent to receive, what is an event, how it is delivered, tried again and given up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from backoffice.sandbox.xero.server import Sandbox
from tests.sandbox.xero.callers import Api, Papers
from tests.sandbox.xero.receiver import Receiver, Taken

CLIENT = "demo-client"
HOOK = f"webhooks/{CLIENT}"
Control = Callable[..., Any]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def hook(control: Control, receiver: Receiver) -> dict[str, Any]:
    """A webhook that is delivered to when the test says so."""
    made: dict[str, Any] = control("PUT", HOOK, {"address": receiver.url, "held": True})
    receiver.key = made["key"]
    assert control("POST", f"{HOOK}/intent") == {"problem": ""}
    receiver.drain()
    return made


def told(deliveries: list[Taken]) -> list[tuple[str, str]]:
    return [(event["eventCategory"], event["eventType"]) for each in deliveries for event in each.events]


def test_the_intent_to_receive_is_signed_well_once_and_badly_more_often(
    control: Control, receiver: Receiver, hook: dict[str, Any]
) -> None:
    assert control("POST", f"{HOOK}/intent") == {"problem": ""}
    deliveries = receiver.drain()
    assert sorted(each.signed(hook["key"]) for each in deliveries) == [False, False, False, True]
    assert {each.json["firstEventSequence"] for each in deliveries} == {0}
    assert all(each.events == [] for each in deliveries)
    assert b'"firstEventSequence": 0,"lastEventSequence": 0, ' in deliveries[0].body


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((200, b"", {}), "Response to incorrectly signed payload not 401"),
        ((401, b"", {}), "Response not 200 OK: 401"),
    ],
)
def test_a_receiver_that_does_not_check_is_not_delivered_to(
    control: Control, receiver: Receiver, api: Api, answer: tuple[int, bytes, dict[str, str]], problem: str
) -> None:
    receiver.key = control("PUT", HOOK, {"address": receiver.url, "held": True})["key"]
    receiver.answer = lambda taken: answer
    assert control("POST", f"{HOOK}/intent")["problem"] == problem
    control("POST", "organisations/1/contacts", {"Name": "Unheard Ltd"})
    (shown,) = control("GET", "webhooks")
    assert (shown["status"], shown["waiting"]) == ("new", 0)


@pytest.mark.parametrize(
    ("body", "headers", "problem"),
    [(b"thanks", {}, "Response contained a body"), (b"", {"Set-Cookie": "a=b"}, "Response contained a cookie")],
)
def test_a_good_answer_is_an_empty_one(
    control: Control, receiver: Receiver, hook: dict[str, Any], body: bytes, headers: dict[str, str], problem: str
) -> None:
    receiver.answer = lambda taken: (receiver.well(taken)[0], body, headers)
    assert control("POST", f"{HOOK}/intent") == {"problem": problem}


def test_an_address_that_nobody_answers_at(control: Control, hook: dict[str, Any]) -> None:
    control("PUT", HOOK, {"address": "http://localhost:1/webhooks/xero", "held": True})
    assert "Nobody could be reached" in control("POST", f"{HOOK}/intent")["problem"]


@pytest.mark.parametrize("address", ["", "ftp://localhost/", "localhost:8000/webhooks/xero", "http://"])
def test_what_is_no_address(sandbox: Sandbox, address: str) -> None:
    answer = requests.put(f"{sandbox.url}/_sandbox/{HOOK}", json={"address": address}, timeout=5)
    assert answer.status_code == 400


def test_what_is_an_event(
    control: Control, receiver: Receiver, hook: dict[str, Any], api: Api, bills: Papers, sales: Papers
) -> None:
    bill = bills.make(Status="AUTHORISED", InvoiceNumber="B-1")
    sales.make(Status="AUTHORISED")
    control("POST", "organisations/1/items", {"Code": "P-1"})
    control("POST", f"organisations/1/invoices/{bill['InvoiceID']}/pay")
    note = {"Type": "ACCPAYCREDIT", "Contact": bill["Contact"], "LineItems": bill["LineItems"]}
    control("POST", "organisations/1/creditnotes", note)
    contact = bill["Contact"]["ContactID"]
    control("POST", f"organisations/1/contacts/{contact}/archive")
    control("PATCH", f"organisations/1/contacts/{contact}", {"IsSupplier": False})  # moves no stamp
    control("POST", f"{HOOK}/deliver")
    (delivery,) = receiver.drain()
    assert delivery.signed(hook["key"])
    supplier, *documents, note_made, archived = delivery.events
    assert told([delivery])[1:4] == [("INVOICE", "CREATE"), ("INVOICE", "CREATE"), ("INVOICE", "UPDATE")]
    assert (supplier["eventType"], archived["eventType"]) == ("CREATE", "UPDATE")
    assert supplier["resourceId"] == archived["resourceId"] == contact
    first = documents[0]
    assert first["resourceId"] == documents[2]["resourceId"] == bill["InvoiceID"]
    assert first["tenantId"] == api.tenant
    assert first["resourceUrl"].endswith(f"/api.xro/2.0/Invoices/{bill['InvoiceID']}")
    assert note_made["data"] == {"Type": "ACCPAYCREDIT", "Status": "DRAFT"}
    assert "Z" not in first["eventDateUtc"]
    assert len(first["eventDateUtc"]) == len("2024-06-21T01:15:39.902")


def test_deliveries_mix_organisations_and_leave_out_those_not_connected(
    control: Control, receiver: Receiver, hook: dict[str, Any], connect: Callable[..., Api]
) -> None:
    connect(organisations=["1"])
    control("POST", "organisations/2/contacts", {"Name": "Unheard Ltd"})
    connect(organisations=["2"])
    for organisation in ("1", "2"):
        control("POST", f"organisations/{organisation}/contacts", {"Name": "Rata Press"})
    control("POST", f"{HOOK}/deliver")
    (delivery,) = receiver.drain()
    assert len({event["tenantId"] for event in delivery.events}) == len(delivery.events) == 2
    assert (delivery.json["firstEventSequence"], delivery.json["lastEventSequence"]) == (1, 2)
    entropies = {each.json["entropy"] for each in [delivery, *again(control, receiver)]}
    assert len(entropies) == 1, "a repeated delivery is the same, byte by byte"


def again(control: Control, receiver: Receiver) -> list[Taken]:
    control("POST", f"{HOOK}/repeat", {"last": 1})
    return receiver.drain()


def test_only_the_chosen_categories_are_told_of(
    control: Control, receiver: Receiver, hook: dict[str, Any], api: Api, bills: Papers
) -> None:
    control("PUT", HOOK, {"address": receiver.url, "categories": ["CONTACT"], "held": True})
    assert control("POST", f"{HOOK}/intent") == {"problem": ""}
    receiver.drain()
    bills.make()
    control("POST", "organisations/1/contacts", {"Name": "Kowhai Press"})
    control("POST", f"{HOOK}/deliver")
    assert told(receiver.drain()) == [("CONTACT", "CREATE")] * 2, "the supplier of the bill, and the other one"


def test_what_fails_is_tried_ever_more_rarely_and_given_up_after_a_day(
    control: Control, receiver: Receiver, hook: dict[str, Any], api: Api, sandbox: Sandbox
) -> None:
    control("POST", "clock", {"set": "2026-11-21T10:00:00+00:00", "fixed": True})
    control("POST", "organisations/1/contacts", {"Name": "Rata Press"})
    receiver.answer = lambda taken: (500, b"", {})
    waits = []
    while (shown := control("GET", "webhooks")[0])["status"] == "ok":
        (made,) = control("POST", f"{HOOK}/deliver")
        assert made["problem"] == "Response not 200 OK: 500"
        due = control("GET", "webhooks")[0]["due"]
        waits.append(due / 1000 - sandbox.world.clock.seconds())
        control("POST", "clock", {"advance": waits[-1]})
    assert waits == sorted(waits)
    assert len(waits) < 20
    assert shown["waiting"] == 1, "it is kept"
    receiver.answer = receiver.well
    assert control("POST", f"{HOOK}/intent") == {"problem": ""}
    receiver.drain()
    control("POST", f"{HOOK}/deliver")
    assert told(receiver.drain()) == [("CONTACT", "CREATE")]


def test_events_are_delivered_by_themselves(
    control: Control, receiver: Receiver, hook: dict[str, Any], api: Api
) -> None:
    control("PATCH", HOOK, {"held": False})
    control("POST", "organisations/1/contacts", {"Name": "Rata Press"})
    assert receiver.taken.get(timeout=30).events[0]["eventType"] == "CREATE"


def test_shuffled_deliveries(control: Control, receiver: Receiver, hook: dict[str, Any], api: Api) -> None:
    control("POST", "organisations/1/contacts", [{"Name": f"Number {n}"} for n in range(30)])
    made = control("POST", f"{HOOK}/deliver", {"size": 7, "shuffle": True})
    assert [each["events"] for each in made] == [7, 7, 7, 7, 2]
    ids = [event["resourceId"] for each in receiver.drain() for event in each.events]
    assert len(set(ids)) == 30


def test_the_page_registers_shows_the_key_and_what_was_delivered(
    sandbox: Sandbox, control: Control, receiver: Receiver, api: Api
) -> None:
    page = f"{sandbox.url}/webhooks"
    with requests.Session() as browser:
        form = {"address": receiver.url, "category": ["CONTACT", "INVOICE", "CREDITNOTE"]}
        said = browser.post(f"{page}/{CLIENT}", data=form).text
        assert "Intent to receive required" in said
        receiver.key = control("GET", "webhooks")[0]["key"]
        assert receiver.key in said.replace("&#43;", "+")
        assert "Intent to receive: OK" in browser.post(f"{page}/{CLIENT}/intent").text
        browser.post(f"{page}/{CLIENT}/hold")
        control("POST", "organisations/1/contacts", {"Name": "Rata Press"})
        assert "1 event waits" in browser.get(page).text
        assert "Deliveries made: 1." in browser.post(f"{page}/{CLIENT}/deliver").text
        assert "Deliveries repeated: 1." in browser.post(f"{page}/{CLIENT}/repeat").text
        assert "not saved" in browser.post(f"{page}/{CLIENT}", data={"address": "javascript:alert(1)"}).text
        browser.post(f"{page}/{CLIENT}/remove")
        assert browser.post(f"{page}/{CLIENT}/intent").status_code == 404
        assert browser.post(f"{page}/nobody", data=form).status_code == 404
    assert control("GET", "webhooks") == []
