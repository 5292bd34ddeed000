"""Who gets where: every address with every method, tried by everybody, against what the views say of themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from flask import Flask, current_app
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import select
from werkzeug.test import TestResponse

from backoffice.admin.audience import Open, audience
from backoffice.admin.routes import Route, routes, table
from backoffice.admin.security import SIGNED_OUT, STALE
from backoffice.models import Company, Role, User, reach
from tests.admin.conftest import TOKEN, Browser, Db

PAGE = Path(__file__).parents[2] / "docs" / "routes.md"
#: Somebody of each sort, and somebody to whom the company is closed.
ROLES = {"anonymous": None, "viewer": Role.VIEWER, "operator": Role.OPERATOR, "administrator": Role.ADMINISTRATOR}
OUTSIDER = "outsider"


class Visitor:
    """Asks with one session, however that is answered: who is signed out by one request is in again for the next."""

    def __init__(self, app: Flask, company: Company, browser: Browser | None) -> None:
        client = browser.client if browser else app.test_client()
        found = TOKEN.search(client.get("/account/" if browser else "/sign-in").text)
        assert found
        kept = client.get_cookie(app.config["SESSION_COOKIE_NAME"])
        assert kept
        self.token, self._cookie = found.group(1), f"{kept.key}={kept.value}"
        self._app, self._company = app, company

    def asks(self, route: Route, token: bool = True) -> TestResponse:
        filled = {"company": self._company.id, "key": "xero", "export_type": "csv", "token": "x", "filename": "app.css"}
        rule = next(one for one in self._app.url_map.iter_rules(route.endpoint) if one.rule == route.address)
        built = rule.build({name: filled[name] for name in rule.arguments})
        assert built
        data = {"csrf_token": self.token} if token and route.method != "GET" else None
        client = self._app.test_client(use_cookies=False)
        answer = client.open(built[1], method=route.method, data=data, headers={"Cookie": self._cookie})
        answer.get_data()
        answer.close()  # a file stays open else
        return answer

    def outcome(self, route: Route, answer: TestResponse) -> str:
        """What came of a request, as the table has it; a page of the house may ask which company is meant."""
        to_sign_in = answer.status_code == 303 and answer.location.startswith("/sign-in")
        if (to_sign_in and not self._told(answer)) or answer.text == SIGNED_OUT:
            return "sign in"
        if answer.status_code == 403:
            return "refused"
        if route.of_company and answer.status_code == 404 and "There is no such company here." in answer.text:
            return "no such company"
        assert answer.status_code < 500
        assert STALE[0] not in answer.text
        return "let in"

    def _told(self, answer: TestResponse) -> bool:
        """Whether the page of signing in is to say what was done; the guard, which does nothing, leaves it nothing."""
        kept = SimpleCookie(answer.headers["Set-Cookie"])[self._app.config["SESSION_COOKIE_NAME"]].value
        signer = SecureCookieSessionInterface().get_signing_serializer(self._app)
        assert signer
        return "_flashes" in signer.loads(kept)


@pytest.fixture
def visitor(
    app: Flask, session: Db, company: Company, elsewhere: Company, browser_as: Callable[[Role], Browser]
) -> Callable[[str], Visitor]:
    def visit(name: str) -> Visitor:
        role = Role.OPERATOR if name == OUTSIDER else ROLES[name]
        if name == OUTSIDER:
            reach.choose(session, session.scalars(select(User).where(User.role == role)).one(), [elsewhere.id])
            session.commit()
        return Visitor(app, company, browser_as(role) if role else None)

    return visit


@contextmanager
def answered_behind_the_guards(app: Flask) -> Iterator[None]:
    """Let every request end where its view would begin: who gets that far is let in."""
    guards = app.before_request_funcs[None]
    guards.append(lambda: "let in")
    try:
        yield
    finally:
        guards.pop()


def expected(route: Route, name: str) -> str:
    """What the table promises somebody."""
    if name == OUTSIDER and route.of_company:
        return "no such company"
    role = Role.OPERATOR if name == OUTSIDER else ROLES[name]
    return "let in" if route.admits(role) else "refused" if role else "sign in"


@pytest.mark.parametrize("name", [*ROLES, OUTSIDER])
def test_everybody_gets_where_the_table_says_and_nowhere_else(
    name: str, app: Flask, company: Company, visitor: Callable[[str], Visitor]
) -> None:
    somebody = visitor(name)
    with answered_behind_the_guards(app):
        found = {(route.method, route.address): somebody.outcome(route, somebody.asks(route)) for route in routes(app)}
    assert found == {(route.method, route.address): expected(route, name) for route in routes(app)}
    assert len(found) > 500


def test_no_page_of_the_house_names_a_company_that_is_closed(
    app: Flask, company: Company, visitor: Callable[[str], Visitor]
) -> None:
    outsider = visitor(OUTSIDER)
    house = [route for route in routes(app) if not route.of_company]
    assert [route.address for route in house if company.name in outsider.asks(route).text] == []


@pytest.mark.parametrize("name", ["anonymous", "administrator"])
def test_every_post_needs_the_token_of_its_session(name: str, app: Flask, visitor: Callable[[str], Visitor]) -> None:
    somebody = visitor(name)
    posts = [route for route in routes(app) if route.method == "POST" and route.who is not Open.MACHINES]
    assert len(posts) > 200
    assert {route.address for route in posts if somebody.asks(route, token=False).status_code != 400} == set()


def test_every_view_says_for_whom_it_is(app: Flask) -> None:
    assert [route.address for route in routes(app) if route.who is None] == []


def test_a_view_that_does_not_say_it_is_for_nobody(administrator: Browser) -> None:
    """The guard reads what the table reads; the page below says nothing."""
    app = administrator.client.application
    kept = app.view_functions["healthz"]
    assert audience("healthz", kept, "GET") is Open.MACHINES
    app.view_functions["healthz"] = silent
    try:
        assert audience("healthz", silent, "GET") is None
        assert administrator.get("/healthz").status_code == 403
    finally:
        app.view_functions["healthz"] = kept


def silent() -> str:
    return current_app.name


def test_the_page_of_routes_is_current(app: Flask) -> None:
    assert PAGE.read_text() == table(app), "run `make routes`"
