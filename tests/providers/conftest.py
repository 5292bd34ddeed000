"""A Xero to talk to, settings that lead to it, and a company that is linked."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from pydantic import SecretStr
from redis import Redis
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

from backoffice import clock
from backoffice.config import Settings
from backoffice.database import keyring, prepare_sqlite
from backoffice.models import Company, Connection
from backoffice.providers.xero.provider import Xero
from backoffice.sandbox.xero.server import Sandbox
from backoffice.sync.provider import Granted

REDIRECT = "http://localhost:8000/oauth/xero/callback"
KEY = base64.urlsafe_b64encode(b"thirty-two letters for the tests").decode()
ANA, TOM = "ana@demo.example", "tom@demo.example"


@pytest.fixture(scope="session")
def small_sandbox() -> Iterator[Sandbox]:
    """A small Xero with two organisations, no delay and limits that nobody meets by chance."""
    with Sandbox(organisations=2, contacts=12, items=5, minute_limit=5000, day_limit=50_000) as sandbox:
        sandbox.world.mark()
        yield sandbox


@pytest.fixture
def sandbox(small_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The same for every test, and at its beginning for each."""
    yield small_sandbox
    small_sandbox.world.go_back()


@pytest.fixture
def settings(database_url: str, redis_url: str, sandbox: Sandbox) -> Settings:
    return settings_for(database_url, redis_url, sandbox.url)


def settings_for(database_url: str, redis_url: str, url: str, **more: Any) -> Settings:
    """The settings of a deployment whose Xero is at `url`."""
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        encryption_keys=(SecretStr(KEY),),
        xero_client_id="demo-client",
        xero_client_secret=SecretStr("demo-secret"),
        xero_authorize_url=f"{url}/identity/connect/authorize",
        xero_token_url=f"{url}/connect/token",
        xero_revocation_url=f"{url}/connect/revocation",
        xero_connections_url=f"{url}/connections",
        xero_api_url=f"{url}/api.xro/2.0",
        xero_app_url=url,
        xero_minute_limit=5000,
        xero_day_limit=50_000,
        **more,
    )


@pytest.fixture
def sessions(database_url: str) -> Iterator[sessionmaker[Session]]:
    made = sessions_for(database_url)
    yield made
    made.kw["bind"].dispose()


def sessions_for(database_url: str) -> sessionmaker[Session]:
    """Plain short sessions, as the application hands them to its providers."""
    engine = create_engine(database_url)
    prepare_sqlite(engine)
    keyring.load((KEY,))
    return sessionmaker(engine, expire_on_commit=False)


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as redis:
        yield redis


@pytest.fixture
def xero(settings: Settings, redis: Redis, sessions: sessionmaker[Session]) -> Xero:
    return Xero(settings, redis, sessions)


@pytest.fixture
def advance(sandbox: Sandbox) -> Iterator[Callable[[float], None]]:
    """Move our clock and Xero's on together, by so many seconds."""

    def move(seconds: float) -> None:
        sandbox.world.clock.advance(seconds)
        clock.use(sandbox.world.clock.now)

    yield move
    clock.use()


def visit(url: str, email: str = ANA, organisation: int = 1, decision: str = "allow") -> str:
    """What a person does in a browser: sign in, choose, allow. Returns the address they come back to."""
    root = "{0.scheme}://{0.netloc}".format(urlsplit(url))
    with requests.Session() as browser:
        browser.post(f"{root}/identity/sign-in", data={"email": email, "password": "play"}, timeout=5)
        chosen = browser.get(f"{root}/_sandbox/organisations", timeout=5).json()[organisation - 1]["id"]
        form = {"decision": decision, "organisation": chosen}
        answer = browser.post(url, data=form, allow_redirects=False, timeout=5)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def consent(xero: Xero, **choices: Any) -> Granted:
    """Link from the first click to the tokens."""
    begun = xero.begin(REDIRECT)
    return xero.finish(REDIRECT, visit(begun.url, **choices), begun.state, begun.verifier)


def connect(sessions: sessionmaker[Session], granted: Granted, name: str = "Acme") -> Connection:
    """A company of ours, linked to the first organisation of a consent."""
    organisation = granted.organisations[0]
    with sessions.begin() as session:
        company = Company(name=name)
        session.add(company)
        session.flush()
        connection = Connection(
            company_id=company.id,
            authorisation_id=granted.authorisation_id,
            provider="xero",
            external_id=organisation.external_id,
            consent_id=organisation.consent_id,
            organisation=organisation.name,
        )
        session.add(connection)
    return connection


@pytest.fixture
def connection(xero: Xero, sessions: sessionmaker[Session]) -> Connection:
    """A company that is linked, by a person who went through the pages."""
    return connect(sessions, consent(xero))


def again(sessions: sessionmaker[Session], row: Any) -> Any:
    """A row as it stands now."""
    with sessions() as session:
        return session.get_one(type(row), row.id)
