"""A client for an organisation of the played Xero, and the office of the people who work in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast
from uuid import uuid4

import pytest
import requests

from backoffice.models import Connection, Contact
from backoffice.providers.xero.client import XeroClient
from backoffice.providers.xero.contact import ContactMapper
from backoffice.providers.xero.provider import Xero
from backoffice.sandbox.xero.server import Sandbox
from backoffice.sync.books import Books
from tests.databases import Databases

CONTACTS = ContactMapper()
Office = Callable[..., Any]


@pytest.fixture
def database_url(databases: dict[str, Databases]) -> Iterator[str]:
    """One sort is enough here: the wire is the same whatever keeps the tokens."""
    url = databases["sqlite"].new()
    yield url
    databases["sqlite"].give_back(url)


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
    """A contact as it is sent; nothing of the books is asked for it."""
    return CONTACTS.dump(Contact(**{"name": name, "archived": False, **values}), cast(Books, None))


def created(client: XeroClient, name: str, **values: Any) -> dict[str, Any]:
    (outcome,) = client.send(CONTACTS, "create", [payload(name, **values)], str(uuid4()))
    assert outcome.payload is not None, outcome
    return outcome.payload
