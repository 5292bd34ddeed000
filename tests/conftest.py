"""What every test may ask for: a database of each sort, a Redis, the application, a client; and what none may do.

`database_url` runs its test twice, on SQLite and on PostgreSQL; screens and documents, the most of all tests, on one of
them: the PostgreSQL that TEST_DATABASE_URL names, or SQLite. One PostgreSQL server serves the run and one Redis each of
its processes, unless TEST_DATABASE_URL and TEST_REDIS_URL name others. Every test gets a migrated, empty database of
its own, so what a process commits is seen by the others and gone after the test.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, sync_playwright
from pydantic import SecretStr
from redis import Redis

from backoffice.config import Settings
from backoffice.embedded_redis import EmbeddedRedis
from tests.databases import OWN_POSTGRESQL, SORTS, Applications, Databases, LazyDatabases, lent
from tests.servers import PostgreSQL

ROOT = Path(__file__).parent.parent
LOOPBACK = {"localhost", "127.0.0.1", "::1", "", None, b"localhost", b"127.0.0.1", b"::1"}
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_ON_MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")

_postgresql: PostgreSQL | None = None


def pytest_configure(config: pytest.Config) -> None:
    """Start PostgreSQL once, in the process that the others are started from."""
    global _postgresql
    sys.addaudithook(refuse_the_world)
    for name in Settings.model_fields:  # a deployment's own settings are none of the tests' business
        os.environ.pop(name.upper(), None)
    if "TEST_DATABASE_URL" in os.environ or hasattr(config, "workerinput") or config.option.collectonly:
        return
    _postgresql = PostgreSQL()
    _postgresql.start()
    os.environ[OWN_POSTGRESQL] = _postgresql.url


def pytest_unconfigure(config: pytest.Config) -> None:
    if _postgresql is not None:
        _postgresql.stop()


def refuse_the_world(event: str, arguments: tuple[Any, ...]) -> None:
    """No test talks to another machine, whatever library it uses."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if host not in LOOPBACK:
        raise RuntimeError(f"a test wants to talk to {host}; only this machine is allowed")


# --- databases ------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Databases]]:
    """What `database_url` takes its databases from."""
    made = LazyDatabases(tmp_path_factory)
    yield made
    for sort in made.values():
        sort.close()


@pytest.fixture(params=SORTS)
def database_url(request: pytest.FixtureRequest, databases: dict[str, Databases]) -> Iterator[str]:
    """An empty, migrated database; the test runs once on each sort."""
    yield from lent(databases[request.param])


# --- Redis ----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of this process's Redis: its own server, or its own number in the one that was named."""
    if named := os.environ.get("TEST_REDIS_URL"):
        number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        yield f"{named}?db={number}"
        return
    server = EmbeddedRedis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server.url
    server.stop()


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """An empty Redis."""
    with Redis.from_url(redis_server) as redis:
        redis.flushdb()
    return redis_server


# --- the application ------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the applications of this process keep their key."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def settings(database_url: str, redis_url: str, data_dir: Path) -> Settings:
    """The settings of `app`; a module overrides this fixture with `settings.model_copy(update=...)`."""
    return Settings(
        data_dir=data_dir,
        database_url=database_url,
        redis_url=redis_url,
        secret_key=SecretStr("a secret for tests, and for tests only"),
        xero_client_id="test-client",
        xero_client_secret=SecretStr("test-secret"),
    )


@pytest.fixture(scope="session")
def applications() -> Iterator[Applications]:
    """The applications of this process."""
    made = Applications()
    yield made
    made.close()


@pytest.fixture
def app(settings: Settings, applications: Applications, request: pytest.FixtureRequest) -> Iterator[Flask]:
    """The application, without a context pushed; tests of the engine and the models serve no screens."""
    without = ("models", "sync", "jobs", "providers")
    screens = not any(ROOT / "tests" / folder in request.path.parents for folder in without)
    with applications.lent(settings, screens) as app:
        yield app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without JavaScript, signed out."""
    return app.test_client()


# --- Chromium -------------------------------------------------------------------------------------


def find_chromium() -> str | None:
    """The browser to drive: CHROMIUM, else one on the PATH, else the usual place on macOS."""
    if named := os.environ.get("CHROMIUM"):
        return named
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    return found or (str(CHROMIUM_ON_MACOS) if CHROMIUM_ON_MACOS.exists() else None)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium, for Playwright's `executable_path`; a test that asks for it is marked `browser`."""
    found = find_chromium()
    assert found is not None
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """A Chromium, the one of this process: Playwright can be started once in each."""
    with sync_playwright() as playwright:
        quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
        browser = playwright.chromium.launch(executable_path=chromium, args=quiet)
        yield browser
        browser.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what drives a browser, and skip it where there is none."""
    missing = pytest.mark.skip(reason="no Chromium on this machine: install it, or name one in CHROMIUM")
    for item in items:
        if (ROOT / "tests" / "browser") in item.path.parents or "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
        if item.get_closest_marker("browser") and find_chromium() is None:
            item.add_marker(missing)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Where a browser is required (REQUIRE_BROWSER=1), a skipped browser test is a failed one."""
    report: Any = yield
    if report.skipped and item.get_closest_marker("browser") and os.environ.get("REQUIRE_BROWSER") == "1":
        report.outcome = "failed"
        report.longrepr = f"skipped, although a browser is required: {report.longrepr}"
    return report
