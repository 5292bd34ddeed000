"""What Xero delivers to a webhook: signatures over the very bytes, and bodies of every shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from backoffice import clock
from backoffice.providers.xero.contact import ContactMapper
from backoffice.providers.xero.webhooks import notices, signature_of, signed
from backoffice.sync.provider import Notices, Notified

KEY = "dGhpcyBpcyBhIGtleQ=="
TENANT = "c2cc9b6e-9458-4c7d-93cc-f02b81b0594f"
ROW = "717f2bfc-c6d4-41fd-b238-3f2f0c0cf777"
EVENT = {
    "resourceUrl": f"https://api.xero.com/api.xro/2.0/Contacts/{ROW}",
    "resourceId": ROW,
    "tenantId": TENANT,
    "tenantType": "ORGANISATION",
    "eventCategory": "CONTACT",
    "eventType": "Update",
    "eventDateUtc": "2024-06-21T01:15:39.902",
}
TOLD = Notified(TENANT, "Contacts", ROW, datetime(2024, 6, 21, 1, 15, 39, 902000, UTC))


@pytest.fixture(autouse=True)
def november() -> Iterator[None]:
    clock.use(lambda: datetime(2026, 11, 21, 10, 0, tzinfo=UTC))
    yield
    clock.use()


def said(*events: Any) -> Notices:
    return notices(json.dumps({"events": list(events), "firstEventSequence": 1, "entropy": "S0m3"}).encode())


def test_the_signature_is_over_the_bytes_as_they_came() -> None:
    raw = b'{"events":[],"firstEventSequence": 0,"lastEventSequence": 0, "entropy": "S0m3r4Nd0mt3xt"}'
    good = signature_of(raw, KEY).decode()
    assert signed(raw, good, KEY)
    assert not signed(json.dumps(json.loads(raw)).encode(), good, KEY)
    assert not signed(raw, good[:-2] + "A=", KEY)
    assert not signed(raw, good, KEY[:-1])


@pytest.mark.parametrize("signature", ["", "none", "\udce4", "ü" * 44, "A" * 100_000])
def test_what_is_no_signature(signature: str) -> None:
    assert not signed(b"{}", signature, KEY)


def test_an_example_of_the_specification() -> None:
    assert said(EVENT) == Notices((TOLD,))


@pytest.mark.parametrize(
    ("category", "resource"), [("contact", "Contacts"), ("INVOICE", "Invoices"), ("CreditNote", "CreditNotes")]
)
def test_the_categories_however_they_are_written(category: str, resource: str) -> None:
    (notice,) = said({**EVENT, "eventCategory": category}).told
    assert notice.resource == resource


@pytest.mark.parametrize("moment", ["2024-06-21T01:15:39.902Z", "2024-06-21T13:15:39.902+12:00"])
def test_times_that_name_their_zone(moment: str) -> None:
    assert said({**EVENT, "eventDateUtc": moment, "resourceId": ROW.upper()}).told == (TOLD,)


@pytest.mark.parametrize(
    "change",
    [
        {"eventCategory": "SUBSCRIPTION"},
        {"eventCategory": 7},
        {"eventCategory": None},
        {"resourceId": "9" * 100_000},
        {"resourceId": '") OR true OR ("'},
        {"resourceId": [ROW]},
        {"tenantId": {"a": 1}},
        {"tenantId": TENANT + "\n"},
        {"eventDateUtc": None},
        {"eventDateUtc": 17},
        {"eventDateUtc": "yesterday"},
        {"eventDateUtc": "0001-01-01T00:00:00"},
        {"eventDateUtc": "0001-01-01T00:00:00+14:00"},
        {"eventDateUtc": "9999-12-31T23:59:59-14:00"},
        {"eventDateUtc": "2026-11-21T12:00:00"},  # two hours from now would hide all that comes before
    ],
)
def test_an_odd_event_is_counted_and_the_others_are_taken(change: dict[str, Any]) -> None:
    assert said({**EVENT, **change}, EVENT) == Notices((TOLD,), odd=1)


@pytest.mark.parametrize("event", [None, 7, "event", [], {}])
def test_what_is_no_event(event: Any) -> None:
    assert said(event) == Notices((), odd=1)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nothing",
        b"\xff\xfe",
        b"[]",
        b'"events"',
        b'{"events": {}}',
        b'{"events": null}',
        b"[" * 100_000,
        b'{"events": [' + b"9" * 10_000 + b"]}",
    ],
)
def test_what_makes_no_sense_tells_nothing(raw: bytes) -> None:
    assert notices(raw) == Notices((), odd=1)


def test_an_intent_to_receive_says_nothing() -> None:
    assert said() == Notices(())


def test_a_version_that_is_as_new_as_a_change_knows_it() -> None:
    mapper, moment = ContactMapper(), TOLD.changed_at
    version = mapper.version({"UpdatedDateUTC": f"/Date({round(moment.timestamp() * 1000)}+0000)/"})
    older = mapper.version({"UpdatedDateUTC": f"/Date({round(moment.timestamp() * 1000) - 1}+0000)/"})
    assert mapper.knows(version, moment)
    assert not mapper.knows(older, moment)
    assert not mapper.knows(mapper.version({"Name": "without a time"}), moment)
    assert not mapper.knows("2024-06-21T01:15:39", moment), "without its zone it says nothing"
    assert not mapper.knows("never came", moment)
    assert not mapper.knows("", moment)
