"""A sandbox for each test, over a real socket and as good as new, and callers that are signed in to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import urllib3
from xero_python.accounting import AccountingApi
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token, TokenApi

from backoffice.sandbox.xero.server import Sandbox
from tests.sandbox.xero.callers import Api, Browser, Papers


@pytest.fixture(scope="session")
def played() -> Iterator[Sandbox]:
    """The one sandbox of this process."""
    with Sandbox(contacts=30, items=10, documents=0, minute_limit=1000) as sandbox:
        sandbox.world.mark()
        yield sandbox


@pytest.fixture
def sandbox(played: Sandbox) -> Iterator[Sandbox]:
    """A sandbox as good as new."""
    yield played
    played.world.go_back()


@pytest.fixture
def control(sandbox: Sandbox) -> Callable[..., Any]:
    """`control("POST", "faults", {...})`: the controls; an answer that is an error fails the test."""

    def call(method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{sandbox.url}/_sandbox/{path}", json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    return call


@pytest.fixture
def connect(sandbox: Sandbox, control: Callable[..., Any]) -> Iterator[Callable[..., Api]]:
    """`connect(scope=...)`: a caller with a consent of its own."""
    made: list[Api] = []

    def call(**wanted: Any) -> Api:
        answer = control("POST", "tokens", wanted)
        made.append(Api(sandbox.url, answer["token"], answer["connections"]))
        return made[-1]

    yield call
    for api in made:
        api.session.close()


@pytest.fixture
def api(connect: Callable[..., Api]) -> Api:
    return connect()


@pytest.fixture
def browser(sandbox: Sandbox) -> Iterator[Browser]:
    """Ana, not signed in yet."""
    with requests.Session() as session:
        yield Browser(sandbox.url, session)


@pytest.fixture
def ana(browser: Browser) -> Browser:
    """Ana, signed in."""
    assert browser.sign_in().status_code == 302
    return browser


@pytest.fixture
def supplier(control: Callable[..., Any]) -> str:
    """The id of a new contact, neither supplier nor customer yet."""
    return str(
        control("POST", "organisations/1/contacts", {"Name": "Rata Press", "ContactNumber": "RP-1"})[0]["ContactID"]
    )


LINE = {"Description": "Paper", "Quantity": 10, "UnitAmount": 10, "AccountCode": "300"}


@pytest.fixture
def orders(api: Api, supplier: str) -> Papers:
    return Papers(api, "PurchaseOrders", {"Contact": {"ContactID": supplier}, "LineItems": [LINE]})


@pytest.fixture
def bills(api: Api, supplier: str) -> Papers:
    """Bills of ten times ten and 15 % tax: 115 in all."""
    about = {"Type": "ACCPAY", "Contact": {"ContactID": supplier}, "DueDate": "2026-12-20", "LineItems": [LINE]}
    return Papers(api, "Invoices", about)


@pytest.fixture
def sales(api: Api, supplier: str) -> Papers:
    """Sales invoices of 115 in all."""
    line = {**LINE, "AccountCode": "200"}
    about = {"Type": "ACCREC", "Contact": {"ContactID": supplier}, "DueDate": "2026-12-20", "LineItems": [line]}
    return Papers(api, "Invoices", about)


@pytest.fixture
def client(sandbox: Sandbox, api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiClient]:
    """The SDK, pointed at the sandbox, without the retries that it makes by itself."""
    monkeypatch.setattr(TokenApi, "refresh_token_url", f"{sandbox.url}/connect/token")
    monkeypatch.setattr(TokenApi, "revoke_token_url", f"{sandbox.url}/connect/revocation")
    monkeypatch.setattr(Configuration, "_default", None)  # else the first test's arguments win for ever
    token = OAuth2Token(client_id="demo-client", client_secret="demo-secret")
    held = {**api.token, "scope": api.token["scope"].split()}
    client = ApiClient(Configuration(oauth2_token=token), pool_threads=1)
    client.oauth2_token_getter(lambda: held)
    client.oauth2_token_saver(held.update)
    retries = urllib3.util.Retry(0, respect_retry_after_header=False)
    client.rest_client.pool_manager.connection_pool_kw["retries"] = retries
    yield client
    client.rest_client.pool_manager.clear()


@pytest.fixture
def accounting(client: ApiClient, sandbox: Sandbox) -> AccountingApi:
    return AccountingApi(client, base_url=f"{sandbox.url}/api.xro/2.0")
