"""The door for deliveries, from outside; and the card that says how they went."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from backoffice.database import keyring
from backoffice.models import Company, Connection, JobState, Notice, Role, StartedBy, Webhook, Work
from backoffice.providers.xero.webhooks import signature_of
from backoffice.queue import doorbell
from tests.admin.conftest import Browser, Db, a_job

KEY = "x7Jd+3tWp/9sRr1mKq=="
TENANT = "c2cc9b6e-9458-4c7d-93cc-f02b81b0594f"
OTHER = "00000000-9458-4c7d-93cc-f02b81b0594f"
DOOR = "/webhooks/xero"


def event(**changes: Any) -> dict[str, Any]:
    return {
        "resourceUrl": "https://api.xero.com/api.xro/2.0/Contacts/717f2bfc-c6d4-41fd-b238-3f2f0c0cf777",
        "resourceId": "717f2bfc-c6d4-41fd-b238-3f2f0c0cf777",
        "tenantId": TENANT,
        "tenantType": "ORGANISATION",
        "eventCategory": "CONTACT",
        "eventType": "UPDATE",
        "eventDateUtc": "2024-06-21T01:15:39.902",
        **changes,
    }


def body_of(*events: Any) -> bytes:
    return b'{"events":' + json.dumps(events).encode() + b',"firstEventSequence": 1, "entropy": "S0m3r4Nd0mt3xt"}'


@pytest.fixture
def xero(session: Db, connection: Connection, administrator: Browser, company: Company) -> Connection:
    """The linked organisation, and the key kept here."""
    connection.external_id = TENANT
    session.commit()
    administrator.post(f"/c/{company.id}/webhooks/xero/key/", {"signing_key": f" {KEY}\n"})
    session.expire_all()
    return connection


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    """Xero, who has no session."""
    return app.test_client()


@pytest.fixture
def deliver(stranger: FlaskClient) -> Callable[..., TestResponse]:
    def send(raw: bytes, signature: str | None = None, **more: Any) -> TestResponse:
        given = signature_of(raw, KEY).decode() if signature is None else signature
        return stranger.post(DOOR, data=raw, headers={"x-xero-signature": given}, **more)

    return send


Deliver = Callable[..., TestResponse]


def counts(session: Db) -> tuple[int, int, int, int]:
    session.expire_all()
    hook = session.scalars(select(Webhook)).one()
    return hook.delivered, hook.refused, hook.unknown, hook.odd


def waiting(session: Db) -> int:
    session.rollback()
    return session.scalar(select(func.count()).select_from(Notice).where(Notice.pending)) or 0


def test_a_signed_delivery_is_answered_with_nothing(session: Db, xero: Connection, deliver: Deliver) -> None:
    answer = deliver(body_of(event()))
    assert (answer.status_code, answer.data) == (200, b"")
    assert not {"set-cookie", "content-type", "location"} & {name.lower() for name, _ in answer.headers}
    assert (waiting(session), counts(session)) == (1, (1, 0, 0, 0))
    assert len(doorbell.queue()) == 1
    deliver(body_of(event(eventDateUtc="2024-06-21T01:15:40.000")))
    assert (waiting(session), len(doorbell.queue())) == (1, 1), "one ring for a burst"


@pytest.mark.parametrize("signature", ["", "A" * 44, "ä", KEY])
def test_a_forged_delivery_is_refused(session: Db, xero: Connection, deliver: Deliver, signature: str) -> None:
    answer = deliver(body_of(event()), signature)
    assert (answer.status_code, answer.data) == (401, b"")
    assert "set-cookie" not in answer.headers
    assert (waiting(session), counts(session), len(doorbell.queue())) == (0, (0, 1, 0, 0), 0)


def test_no_signature_at_all(session: Db, xero: Connection, stranger: FlaskClient) -> None:
    assert stranger.post(DOOR, data=body_of(event())).status_code == 401


def test_without_a_key_all_is_refused_and_counted(session: Db, company: Company, deliver: Deliver) -> None:
    assert deliver(body_of()).status_code == 401
    assert deliver(body_of(), signature_of(body_of(), "").decode()).status_code == 401
    assert counts(session) == (0, 2, 0, 0)


def test_an_intent_to_receive(session: Db, xero: Connection, deliver: Deliver) -> None:
    raw = b'{"events":[],"firstEventSequence": 0,"lastEventSequence": 0, "entropy": "S0m3r4Nd0mt3xt"}'
    good = signature_of(raw, KEY).decode()
    answers = [deliver(raw, signature).status_code for signature in (good[1:], good, "b" + good[1:], good.lower())]
    assert answers == [401, 200, 401, 401]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff",
        b"[" * 50_000,
        b"null",
        b'{"events": 7}',
        body_of(7, None, [], "x"),
        body_of(event(resourceId="9" * 200_000)),
        body_of(event(eventDateUtc=10**400)),
        body_of(event(eventCategory="SUBSCRIPTION", tenantType="APPLICATION")),
        body_of(event(tenantId=None)),
        body_of({key: value for key, value in event().items() if key != "resourceId"}),
    ],
)
def test_whatever_is_signed_is_taken_however_odd(session: Db, xero: Connection, deliver: Deliver, raw: bytes) -> None:
    assert deliver(raw).status_code == 200
    assert (waiting(session), counts(session)[3] > 0) == (0, True)


def test_a_delivery_that_is_far_too_large(session: Db, xero: Connection, deliver: Deliver) -> None:
    answer = deliver(b" " * (5 * 1024 * 1024))
    assert (answer.status_code, answer.data) == (413, b"")


def test_strangers_are_counted(session: Db, xero: Connection, deliver: Deliver) -> None:
    other = event(tenantId=OTHER)
    assert deliver(body_of(other, event(), other)).status_code == 200
    assert (waiting(session), counts(session)) == (1, (1, 0, 2, 0))


def test_an_organisation_that_is_unlinked_is_noted_and_nobody_rings(
    session: Db, xero: Connection, deliver: Deliver
) -> None:
    xero.active = False
    session.commit()
    assert deliver(body_of(event())).status_code == 200
    assert (waiting(session), counts(session)[2], len(doorbell.queue())) == (1, 0, 0)


def test_nothing_that_guards_the_pages_stands_in_the_way(
    session: Db, xero: Connection, app: Flask, administrator: Browser, deliver: Deliver
) -> None:
    limit = int(app.extensions["settings"].sign_in_limit.split()[0])
    assert {deliver(body_of()).status_code for _ in range(limit * 3)} == {200}
    raw = body_of(event())  # and a session that comes along is not looked at
    answer = administrator.client.post(DOOR, data=raw, headers={"x-xero-signature": signature_of(raw, KEY).decode()})
    assert (answer.status_code, "set-cookie" in answer.headers) == (200, False)


def test_the_address_with_a_slash_behind_it(session: Db, xero: Connection, stranger: FlaskClient) -> None:
    signature = signature_of(body_of(), KEY).decode()
    assert stranger.post(f"{DOOR}/", data=body_of(), headers={"x-xero-signature": signature}).status_code == 200


def test_nobody_elses_door(stranger: FlaskClient, company: Company) -> None:
    assert stranger.post("/webhooks/nobody", data=b"{}").status_code == 404


# --- the card ---------------------------------------------------------------------------------------


def test_the_card_says_where_to_deliver_and_how_it_went(
    session: Db, xero: Connection, company: Company, administrator: Browser, deliver: Deliver
) -> None:
    page = f"/c/{company.id}/integrations/"
    text = administrator.says(page)
    assert "http://localhost:8000/webhooks/xero" in text
    assert "Xero itself cannot reach this address" in text
    assert ("set <time" in text, "Nothing delivered yet" in text, KEY in text) == (True, True, False)
    deliver(body_of(event(), event(tenantId=OTHER), {}))
    deliver(body_of(), "forged")
    text = administrator.says(page)
    assert ("1 in all" in text, "1, last <time" in text, "1 change of a sort" in text) == (True, True, True)
    assert "Items, accounts" in text
    assert "every night at 02:00" in text


def test_the_key_is_replaced_and_removed_and_never_shown(
    session: Db, xero: Connection, company: Company, administrator: Browser, deliver: Deliver
) -> None:
    place, raw = f"/c/{company.id}/webhooks/xero/key/", body_of(event())
    answer = administrator.post(place, {"signing_key": "another-key"}, follow=True)
    assert ("The signing key is kept." in answer.text, "another-key" in answer.text) == (True, False)
    assert deliver(raw).status_code == 401
    assert deliver(raw, signature_of(raw, "another-key").decode()).status_code == 200
    stored = session.scalar(select(func.count()).select_from(Webhook).where(Webhook.table().c.signing_key.is_(None)))
    assert stored == 0
    assert "is refused from now on" in administrator.post(f"{place}remove/", follow=True).text
    assert deliver(raw, signature_of(raw, "another-key").decode()).status_code == 401


@pytest.mark.parametrize("given", ["", "   ", "two words", "schlüssel", "k" * 501, "a\x00b"])
def test_what_is_no_key(
    session: Db, company: Company, connection: Connection, administrator: Browser, given: str
) -> None:
    answer = administrator.post(f"/c/{company.id}/webhooks/xero/key/", {"signing_key": given}, follow=True)
    assert "That is no signing key." in answer.text
    assert session.scalar(select(Webhook.id)) is None


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_administrators_keep_keys(
    company: Company, connection: Connection, browser_as: Callable[[Role], Browser], role: Role
) -> None:
    browser = browser_as(role)
    assert "signing_key" not in browser.says(f"/c/{company.id}/integrations/")
    for action in ("", "remove/"):
        assert browser.post(f"/c/{company.id}/webhooks/xero/key/{action}", {"signing_key": KEY}).status_code == 403


def test_the_key_is_encrypted(session: Db, xero: Connection) -> None:
    raw = session.connection().exec_driver_sql("SELECT signing_key FROM webhook").scalar_one()
    assert KEY not in raw


def test_a_provider_that_there_is_not(company: Company, connection: Connection, administrator: Browser) -> None:
    assert administrator.post(f"/c/{company.id}/webhooks/nobody/key/", {"signing_key": KEY}).status_code == 404


def test_a_burst_in_one_delivery_is_folded(session: Db, xero: Connection, deliver: Deliver) -> None:
    ids = [f"717f2bfc-c6d4-41fd-b238-{n:012d}" for n in range(2_000)]
    assert deliver(body_of(*(event(resourceId=each) for each in ids + ids))).status_code == 200
    assert waiting(session) == len(ids)


def test_its_jobs_say_who_asked_for_them(
    session: Db, company: Company, connection: Connection, administrator: Browser
) -> None:
    told = {"work": Work.NOTICES, "started_by": StartedBy.WEBHOOK, "title": "Changed in Xero"}
    job = a_job(session, connection, JobState.COMPLETED, **told)
    for page in ("sync-jobs/", f"sync-jobs/details/?id={job.id}"):
        text = administrator.says(f"/c/{company.id}/{page}")
        assert ("Changed in Xero" in text, "when told of changes" in text) == (True, True)


def test_a_lost_key_is_said_and_deliveries_wait_with_the_provider(
    xero: Connection, company: Company, administrator: Browser, deliver: Deliver
) -> None:
    keyring.load((Fernet.generate_key().decode(),))
    assert deliver(body_of(event())).status_code == 503
    assert "missing from ENCRYPTION_KEYS" in administrator.says(f"/c/{company.id}/integrations/")
    administrator.post(f"/c/{company.id}/webhooks/xero/key/", {"signing_key": KEY})
    assert deliver(body_of(event())).status_code == 200
