"""A company in step with a played Xero, people of every role, and a way back to how it was before each attack."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, make_url
from werkzeug.serving import make_server

from backoffice.config import Settings
from backoffice.extensions import db
from backoffice.models import Company, Role
from backoffice.sandbox.xero.server import Sandbox
from tests.admin.conftest import PASSWORD, TOKEN, a_person, quick_passwords
from tests.databases import EITHER, SORTS, Databases, Kept, hang_up, lent
from tests.hostile.cases import TIMES, TRIED
from tests.hostile.doors import Walker
from tests.mail_server import PostOffice, mail_server
from tests.sync.conftest import Book, consented, sync_first, xero_settings

#: Whether there is time for both sorts of database.
AT_LARGE = TIMES > 0


@pytest.fixture(params=SORTS if AT_LARGE else EITHER)
def database_url(request: pytest.FixtureRequest, databases: dict[str, Databases]) -> Iterator[str]:
    """An empty, migrated database; each sort where there is time."""
    yield from lent(databases[request.param])


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A small played Xero without limits."""
    sandbox = Sandbox(contacts=12, items=4, minute_limit=1_000_000, day_limit=1_000_000).start()
    consented(sandbox)
    sandbox.world.mark()
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="session")
def office() -> Iterator[PostOffice]:
    """Where documents are mailed to."""
    with mail_server(PostOffice()) as office:
        yield office


@pytest.fixture
def settings(settings: Settings, sandbox: Sandbox, office: PostOffice) -> Settings:
    mail = {"smtp_host": "127.0.0.1", "smtp_port": office.port, "smtp_security": "none", "mail_from": "a@house.example"}
    return settings.model_copy(update={**xero_settings(sandbox), **mail, "sign_in_limit": "1000000 per minute"})


@dataclass(frozen=True)
class Beginning:
    """How everything stands before an attack; what is long stays out of the words of a failure."""

    rows: Kept = field(repr=False)
    company_id: int
    #: The id of the organisation it is linked to.
    organisation: str
    #: By role, the cookie of a person who is signed in, and the token of that session's forms.
    people: dict[Role, tuple[str, str]] = field(repr=False)

    def company(self) -> Company:
        """The company, in the session of the context that is pushed."""
        return db.session.get_one(Company, self.company_id)


class Estate:
    """The application under attack; `begin_again` undoes what the last one did."""

    def __init__(self, app: Flask, sandbox: Sandbox, databases: Databases) -> None:
        self.app, self.sandbox = app, sandbox
        self._databases, self._url = databases, app.extensions["settings"].database_url
        self._written = False
        with app.app_context():
            event.listen(db.engine, "before_cursor_execute", self._look)

    def prepare(self) -> Beginning:
        """Bring in what the played Xero holds, let people in, and look for the doors."""
        with self.app.app_context():
            book = Book(self.app, self.sandbox)
            sync_first(book)
            db.session.add_all([a_person(f"{role.value}@example.com", role) for role in Role])
            db.session.commit()
            company_id, organisation = book.company_id, book.connection.external_id
        people = {role: self._signed_in(role) for role in Role}
        hang_up(self.app)
        self.sandbox.world.mark()
        return Beginning(self._databases.keep(self._url), company_id, organisation, people)

    def begin_again(self, beginning: Beginning) -> None:
        """Put every row back, here and there, if one was written."""
        if not self._written:
            return
        hang_up(self.app)
        self._databases.refill(self._url, beginning.rows)
        self.sandbox.world.go_back()
        self.app.extensions["redis"].flushdb()
        self._written = False

    def rows(self) -> Kept:
        """Every row, as the database keeps it."""
        return self._databases.keep(self._url)

    def client(self, person: tuple[str, str] | None) -> FlaskClient:
        """A browser of its own, signed in as that person."""
        client = self.app.test_client()
        if person is not None:
            client.set_cookie(self.app.config["SESSION_COOKIE_NAME"], person[0])
        return client

    def _signed_in(self, role: Role) -> tuple[str, str]:
        client = self.app.test_client()
        token = TOKEN.search(client.get("/sign-in").text)
        assert token
        who = {"email": f"{role.value}@example.com", "password": PASSWORD, "csrf_token": token.group(1)}
        assert client.post("/sign-in", data=who).status_code == 303
        token = TOKEN.search(client.get("/account/").text)
        cookie = client.get_cookie(self.app.config["SESSION_COOKIE_NAME"])
        assert token
        assert cookie
        return cookie.value, token.group(1)

    def _look(self, _connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        self._written |= not statement.lstrip().upper().startswith(("SELECT", "PRAGMA"))


@pytest.fixture(scope="session")
def walks() -> list[Walker]:
    """The walk that was taken in this process; the doors are the same on every database."""
    return []


@pytest.fixture
def walk(estate: Estate, beginning: Beginning, walks: list[Walker]) -> Walker:
    """All that an administrator finds."""
    if not walks:
        client = estate.client(beginning.people[Role.ADMINISTRATOR])
        walks.append(Walker(estate.app, client).walk(beginning.company_id))
    return walks[0]


@pytest.fixture
def address(estate: Estate, beginning: Beginning) -> Iterator[str]:
    """Where the application listens, on a socket."""
    server = make_server("127.0.0.1", 0, estate.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def beginnings() -> dict[str, Beginning]:
    """By the sort of database, what each attack of this process begins with."""
    return {}


@pytest.fixture
def estate(app: Flask, sandbox: Sandbox, databases: dict[str, Databases], settings: Settings) -> Estate:
    return Estate(app, sandbox, databases[make_url(settings.database_url).get_backend_name()])


@pytest.fixture
def beginning(estate: Estate, beginnings: dict[str, Beginning], settings: Settings) -> Beginning:
    sort = make_url(settings.database_url).get_backend_name()
    if sort not in beginnings:
        beginnings[sort] = estate.prepare()
    estate._written = True
    estate.begin_again(beginnings[sort])
    return beginnings[sort]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """At large, say how many cases were tried, as a table."""
    if TIMES:
        rows = [f"| {name.removeprefix('test_').replace('_', ' ')} | {TRIED[name]:,} |" for name in sorted(TRIED)]
        table = ["| what | cases |", "|---|---|", *rows, f"| in all | {TRIED.total():,} |"]
        terminalreporter.write_line("\n".join(table))


__all__ = ["quick_passwords"]
