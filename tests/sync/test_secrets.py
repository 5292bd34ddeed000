"""The main flows with every log captured, down to DEBUG and past no censor: no secret that exists then stands in it."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import select

from backoffice import mail
from backoffice.admin.audience import public
from backoffice.clock import now
from backoffice.config import Settings
from backoffice.extensions import db
from backoffice.models import Authorisation, Receiver, Role, User
from backoffice.models.user import new_invitation, set_password
from backoffice.notifying import deliveries, signature
from backoffice.sandbox.xero.server import Sandbox
from tests.databases import application
from tests.mail_server import PostOffice, mail_server
from tests.notifying.receiver import Desk, listening
from tests.sync.conftest import Book, sync_first

PASSWORD = "correct horse battery staple"
SIGNING_KEY = "the-signing-key-of-the-webhook"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture(params=["sqlite"])
def database_url(request: pytest.FixtureRequest, databases: dict[str, object]) -> Iterator[str]:
    """One is enough: what is logged is the same on both."""
    from tests.databases import lent

    yield from lent(databases[request.param])  # type: ignore[arg-type]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={
            "encryption_keys": (SecretStr(Fernet.generate_key().decode()),),
            "metrics_token": SecretStr("the-token-of-prometheus"),
            "trusted_proxies": 1,
            "mail_from": "books@harbour.example",
            "smtp_host": "127.0.0.1",
            "smtp_security": "none",
            "smtp_user": "harbour",
            "smtp_password": SecretStr("the password"),
        }
    )


def with_extras(record: logging.LogRecord) -> bool:
    record.extras = str(vars(record))
    return True


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that anybody logs, as it comes."""
    text, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(text)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(extras)s", defaults={"extras": ""}))
    handler.addFilter(with_extras)
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield text
    root.removeHandler(handler)
    root.setLevel(before)


def test_no_secret_stands_in_a_log(settings: Settings, sandbox: Sandbox, log: io.StringIO) -> None:
    secrets = [PASSWORD, SIGNING_KEY]
    with mail_server(PostOffice(), sign_in=True) as office, listening(Desk(answers=[500])) as desk:
        settings = settings.model_copy(update={"smtp_port": office.port})
        with application(settings) as app:
            secrets += at_the_desk(app)
            with app.app_context():
                secrets += in_the_engine(app, sandbox, desk)
    names = ("secret_key", "xero_client_secret", "metrics_token", "smtp_password")
    secrets += [getattr(settings, name).get_secret_value() for name in names]
    secrets += [key.get_secret_value() for key in settings.encryption_keys]
    said = log.getvalue()
    assert said.count("call") > 5, "the calls are there"
    assert "answered" in said
    assert len(secrets) > 14
    assert [secret for secret in secrets if secret in said] == []


def at_the_desk(app: Flask) -> list[str]:
    """Sign in wrongly and rightly, follow an invitation, keep a key, come back from a consent, fail; all secrets."""
    app.testing = False  # a failure is logged and shown, as in a deployment
    with app.app_context():
        ana, ben = (User(email=f"{name}@example.com", name=name, role=Role.ADMINISTRATOR) for name in ("ana", "ben"))
        set_password(ana, PASSWORD)
        db.session.add_all([ana, ben])
        invitation = new_invitation(ben)
        db.session.commit()
    client = app.test_client()
    tokens = [sign_in(client, "wrong horse battery"), sign_in(client, PASSWORD)]
    client.get(f"/welcome/{invitation}")
    client.get(f"/welcome/{invitation}/more")
    post(client, "/webhooks/xero/key/", {"signing_key": SIGNING_KEY})
    client.post("/webhooks/xero", data=b"{}", headers={"x-xero-signature": "c2lnbmF0dXJlLW9mLXhlcm8="})
    client.get("/oauth/xero/callback?code=the-code-of-xero&state=the-state-of-xero")
    client.get("/metrics", headers={"Authorization": "Bearer the-wrong-token"})
    client.get("/healthz", headers={"X-Request-Id": "from-the-proxy"})
    app.view_functions["auth.sign_in"], kept = fails, app.view_functions["auth.sign_in"]
    assert client.get("/sign-in?next=a-private-address").status_code == 500
    app.view_functions["auth.sign_in"] = kept
    cookie = client.get_cookie("backoffice_session")
    assert cookie is not None
    others = [
        "wrong horse battery",
        "c2lnbmF0dXJlLW9mLXhlcm8=",
        "the-code-of-xero",
        "the-state-of-xero",
        "a-private-address",
    ]
    return [invitation, cookie.value, "the-wrong-token", *tokens, *others]


@public
def fails() -> str:
    raise RuntimeError("planted")


def sign_in(client: FlaskClient, password: str) -> str:
    return post(client, "/sign-in", {"email": "ana@example.com", "password": password}, page="/sign-in")


def post(client: FlaskClient, path: str, data: dict[str, str], page: str = "/account/") -> str:
    found = TOKEN.search(client.get(page).text)
    assert found
    client.post(path, data={"csrf_token": found.group(1), **data})
    return found.group(1)


def in_the_engine(app: Flask, sandbox: Sandbox, desk: Desk) -> list[str]:
    """Link, sync, push, renew the token, meet a refusal of it, write a letter, deliver; what was secret."""
    book = Book(app, sandbox)
    sync_first(book)
    book.add(name="Acme Ltd")
    book.push()
    kept = book.session.scalars(select(Authorisation)).one()
    before = kept.access_token
    kept.expires_at = now()  # so that it is renewed
    book.session.commit()
    book.update("contact")
    book.session.expire_all()
    secret = signature.new_secret()
    receiver = Receiver(company_id=book.company_id, address=desk.url, secret=secret)
    book.session.add(receiver)
    book.session.flush()
    made = deliveries.put_test(book.session, receiver)
    letter = mail.Letter(["ana@example.com"], "Hello", "Hello", "Back office")
    sent = mail.put(book.session, app.extensions["settings"], letter, "a-token", None, about=book.company)
    book.session.commit()
    assert sent is not None
    assert mail.send(book.session, app.extensions["settings"], sent.id) is not None
    deliveries.deliver(book.session, app.extensions["settings"], made)
    after = book.session.scalars(select(Authorisation)).one().access_token
    given = desk.arrived[0].headers["webhook-signature"]
    return [before, after, secret.removeprefix("whsec_"), given.removeprefix("v1,")]
