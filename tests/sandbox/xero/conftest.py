"""A sandbox for each test, over a real socket and as good as new, and callers that are signed in to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from backoffice.sandbox.xero.server import Sandbox
from tests.sandbox.xero.callers import Api, Browser


@pytest.fixture(scope="session")
def played() -> Iterator[Sandbox]:
    """The one sandbox of this process."""
    with Sandbox(contacts=30, items=10, minute_limit=1000) as sandbox:
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
