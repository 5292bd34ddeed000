"""People, a linked company and another one, and a browser that signs in and sends the form's token."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from backoffice.config import Settings
from backoffice.models import (
    Account,
    Company,
    Connection,
    Contact,
    Item,
    JobState,
    Link,
    Record,
    Role,
    StartedBy,
    SyncJob,
    TaxRate,
    TrackingCategory,
    TrackingOption,
    User,
    Work,
    listen,
    new_company,
)
from backoffice.models import user as people
from backoffice.models.user import set_password
from backoffice.sync.mapper import routes
from tests.admin.papers import PIECES, a_piece
from tests.databases import EITHER, Databases, lent

PASSWORD = "correct horse battery"
Db = Session
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture(params=EITHER)
def database_url(request: pytest.FixtureRequest, databases: dict[str, Databases]) -> Iterator[str]:
    """An empty, migrated database. Screens say the same on either sort."""
    yield from lent(databases[request.param])


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever signs in does so through the same hash, made with as little work as it can be."""
    monkeypatch.setattr(people, "_hasher", quick_hasher)


@cache
def quick_hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Outside(Session):
    """A session of the tests, with the hooks of every session."""


listen(Outside)


def a_person(email: str, role: Role) -> User:
    """Somebody who can sign in."""
    user = User(email=email, name=email.split("@")[0].capitalize(), role=role)
    set_password(user, PASSWORD)
    return user


class Browser:
    """A test client that puts the token of its session into every form it sends."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def token(self) -> str:
        found = TOKEN.search(self.client.get("/account/").text)
        assert found
        return found.group(1)

    def post(self, path: str, data: dict[str, Any] | None = None, follow: bool = False) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self.token(), **(data or {})}, follow_redirects=follow)

    def says(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text


def sign_in(client: FlaskClient, email: str, password: str = PASSWORD, **more: str) -> TestResponse:
    found = TOKEN.search(client.get("/sign-in").text)
    assert found
    return client.post("/sign-in", data={"csrf_token": found.group(1), "email": email, "password": password, **more})


@cache
def engine_for(url: str) -> Engine:
    """Kept for the whole run with its compiled statements; its connections end with each test."""
    return create_engine(url)


@pytest.fixture
def session(app: Flask, settings: Settings) -> Iterator[Db]:
    """A look at the database from outside: an application context here would be shared by all the requests."""
    engine = engine_for(settings.database_url)
    info = {"routes": routes({key: provider.mappers for key, provider in app.extensions["providers"].items()})}
    with Outside(engine, info=info) as session:
        yield session
    engine.dispose()


@pytest.fixture
def company(session: Db) -> Company:
    company = new_company(session, "Harbour Supplies")
    session.add_all([a_person(f"{role.value}@example.com", role) for role in Role])
    session.commit()
    return company


@pytest.fixture
def elsewhere(session: Db, company: Company) -> Company:
    other = new_company(session, "Hill Supplies")
    session.commit()
    return other


@pytest.fixture
def connection(session: Db, company: Company) -> Connection:
    connection = Connection(
        company_id=company.id, provider="xero", external_id="t-1", organisation="Demo Company", short_code="!x"
    )
    session.add(connection)
    session.commit()
    return connection


@pytest.fixture
def browser_as(app: Flask, company: Company) -> Callable[[Role], Browser]:
    def signed_in(role: Role) -> Browser:
        client = app.test_client()
        assert sign_in(client, f"{role.value}@example.com").status_code == 303
        return Browser(client)

    return signed_in


@pytest.fixture
def browser(browser_as: Callable[[Role], Browser]) -> Browser:
    """A browser in which an operator is signed in."""
    return browser_as(Role.OPERATOR)


@pytest.fixture
def administrator(browser_as: Callable[[Role], Browser]) -> Browser:
    return browser_as(Role.ADMINISTRATOR)


def a_record(session: Db, model: type[Record], company: Company, **values: Any) -> Any:
    """One record of a kind, as little as it can be."""
    if model.kind in PIECES and not values.keys() - {"name"}:
        return a_piece(session, model, company, **values)
    least: dict[type[Record], dict[str, Any]] = {
        Contact: {"supplier_here": True, "customer_here": True},
        Item: {"code": "W-1"},
        Account: {"code": "200", "account_type": "REVENUE"},
        TaxRate: {"code": "OUTPUT2"},
    }
    if model is TrackingOption and "category_id" not in values:
        values["category_id"] = a_record(session, TrackingCategory, company, name="Region").id
    record = model(**{"company_id": company.id, "name": "Acme Ltd", **least.get(model, {}), **values})
    session.add(record)
    session.commit()
    return record


def integrate(session: Db, connection: Connection, record: Record) -> Link:
    """Say that a record is there as well."""
    link = session.scalar(select(Link).where(Link.kind == record.kind, Link.record_id == record.id))
    if link is None:
        link = Link(connection_id=connection.id, resource="R", kind=record.kind, record_id=record.id)
        session.add(link)
    link.external_id, link.wanted_revision, link.synced_revision = f"e-{record.id}", record.revision, record.revision
    session.commit()
    return link


def a_job(session: Db, connection: Connection, state: JobState, **values: Any) -> SyncJob:
    job = SyncJob(
        company_id=connection.company_id,
        connection_id=connection.id,
        state=state,
        **{"work": Work.UPDATE, "kinds": ["contact"], "title": "Update", "started_by": StartedBy.PERSON, **values},
    )
    session.add(job)
    session.commit()
    return job
