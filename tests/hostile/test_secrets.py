"""What is secret stands nowhere in clear: on no page, in no row, in no log, and in nothing that goes through Redis."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import select

from backoffice.config import Settings
from backoffice.extensions import db
from backoffice.models import Authorisation, Role, User
from backoffice.models.user import new_invitation
from backoffice.queue import doorbell
from backoffice.sync import webhook
from tests.admin.conftest import PASSWORD
from tests.hostile.attack import encoded
from tests.hostile.conftest import Beginning, Estate
from tests.hostile.doors import Walker
from tests.hostile.poison import KINDS
from tests.hostile.test_their_rows import update

KEY = "the-webhooks-key-of-this-test"
TOTP = "THESECRETOFTHISTESTSAUTHENTICATOR"
RENEWING = ("the-refresh-token-of-this-test", "the-one-before-it")


@pytest.fixture
def secrets(estate: Estate, beginning: Beginning, settings: Settings) -> list[str]:
    """All that this deployment has to keep to itself."""
    with estate.app.app_context():
        tokens = [each.access_token for each in db.session.scalars(select(Authorisation))]
    kept = [settings.secret_key, settings.xero_client_secret, *estate.app.extensions["settings"].encryption_keys]
    return [*tokens, *(each.get_secret_value() for each in kept), PASSWORD]


def in_redis(redis: Any) -> Iterator[bytes]:
    """All keys and values, unpacked where they are packed."""
    for key in redis.scan_iter():
        yield key
        values = list(redis.hgetall(key).values()) if redis.type(key) == b"hash" else [redis.dump(key) or b""]
        for value in values:
            yield value
            with suppress(zlib.error):
                yield zlib.decompress(value)


def test_no_page_shows_a_secret(walk: Walker, secrets: list[str]) -> None:
    assert len(walk.pages) > 100
    assert [one for one in secrets for page in walk.pages if one in page] == []


def test_no_row_holds_a_secret_in_clear(estate: Estate, beginning: Beginning, secrets: list[str]) -> None:
    with estate.app.app_context():
        webhook.keep_key(db.session(), estate.app.extensions["providers"]["xero"], KEY)
        user = db.session.scalars(select(User).limit(1)).one()
        token, user.totp_secret = new_invitation(user), TOTP
        for each in db.session.scalars(select(Authorisation)):
            each.refresh_token, each.previous_refresh_token = RENEWING
        db.session.commit()
    rows = b"".join(estate.rows().values())
    assert b"Demo Company" in rows
    assert [one for one in (*secrets, KEY, token, TOTP, *RENEWING) if one.encode() in rows] == []


def test_nothing_that_is_written_on_the_way_holds_a_secret(
    estate: Estate, beginning: Beginning, secrets: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    client = estate.client(beginning.people[Role.ADMINISTRATOR])
    with client.session_transaction() as kept:
        kept["consents"] = {"a-state": ["xero", "the-verifier-of-this-test", beginning.company_id]}
    client.get("/oauth/xero/callback", query_string=encoded({"state": ["a-state"], "code": ["the-code-of-this-test"]}))
    client.post("/webhooks/xero", data=b"{}", headers={"x-xero-signature": "the-signature-of-this-test"})
    with estate.app.app_context():
        doorbell.ring("run", update(estate, beginning, KINDS[0]).id)
    sent = b"\n".join(in_redis(estate.app.extensions["redis"]))
    assert b"jobs.run" in sent
    said = "".join(capfd.readouterr()) + sent.decode("latin-1")
    more = ["the-verifier-of-this-test", "the-code-of-this-test", "the-signature-of-this-test"]
    assert [one for one in (*secrets, *more) if one in said] == []
