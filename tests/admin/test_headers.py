"""What every answer carries, generated from the URL map; and what stands in production alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.http import parse_cookie

from backoffice.config import Settings
from backoffice.models import Company, Role
from backoffice.web import WebServer
from tests.admin.conftest import PASSWORD, TOKEN, Browser, sign_in
from tests.admin.test_access import addresses
from tests.databases import application

OWN = "https://books.example"
EVERYWHERE = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
Deployment = Callable[..., FlaskClient]


@pytest.fixture
def deployment(settings: Settings) -> Iterator[Deployment]:
    """The application as it runs in production, with these settings changed."""
    made = []

    def deployed(**changes: object) -> FlaskClient:
        keys = {"encryption_keys": (SecretStr("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),), "public_url": OWN}
        manager = application(settings.model_copy(update={**keys, **changes}))
        app = manager.__enter__()
        made.append(manager)
        return app.test_client()

    yield deployed
    for manager in made:
        manager.__exit__(None, None, None)


def test_every_answer_carries_the_headers(app: Flask, company: Company, administrator: Browser) -> None:
    seen = 0
    for path in [*addresses(app, company, "GET"), "/sign-in", "/healthz", "/static/app.css", "/welcome/x", "/nowhere"]:
        headers = administrator.client.get(path, buffered=True).headers
        assert {name: headers.get(name) for name in EVERYWHERE} == EVERYWHERE, path
        assert "geolocation=()" in headers["Permissions-Policy"], path
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, path
        assert "script-src 'self'" in policy or "script-src" not in policy, path
        assert "frame-ancestors 'none'" in policy or "inline" not in headers.get("Content-Disposition", ""), path
        assert headers["Cache-Control"] in ("no-store", "no-cache"), path
        seen += 1
    assert seen > 100


def test_in_production_a_cookie_stays_on_its_line_and_its_host(company: Company, deployment: Deployment) -> None:
    answer = deployment().get("/sign-in", base_url=OWN)
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert next(iter(parse_cookie(cookie))) == "__Host-backoffice_session"
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie


def test_on_ones_own_machine_a_cookie_is_still_kept_from_scripts_and_strangers(app: Flask, company: Company) -> None:
    (cookie,) = app.test_client().get("/sign-in").headers.getlist("Set-Cookie")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}


HOSTS = {
    "books.example": 200,
    "BOOKS.example:443": 200,
    "evil.example": 421,
    "books.example.evil.example": 421,
    "10.0.0.7:8000": 421,
    "[::1": 421,
    "a b": 421,
    "": 421,
}


def test_in_production_a_request_names_the_deployment(company: Company, deployment: Deployment) -> None:
    client = deployment()
    for host, status in HOSTS.items():
        answer = client.get("/sign-in", base_url=OWN, headers={"Host": host})
        assert answer.status_code == status, host
        assert (f"This is reached at {OWN} only." in answer.text) == (status == 421), host


def test_a_method_that_no_door_takes_is_refused_to_strangers_too(app: Flask, company: Company) -> None:
    client = app.test_client()
    for path in ("/healthz", "/webhooks/xero", "/companies/", "/sign-out"):
        answer = client.open(path, method="TRACE")
        assert (answer.status_code, "Allow" in answer.headers) == (405, True), path


def test_machines_may_ask_by_number(company: Company, deployment: Deployment) -> None:
    assert deployment().get("/healthz", base_url="http://10.0.0.7:8000").status_code == 200


@pytest.mark.parametrize(("proxies", "status"), [(0, 421), (1, 200)])
def test_only_as_many_proxies_are_believed_as_there_are(
    proxies: int, status: int, company: Company, deployment: Deployment
) -> None:
    told = {"X-Forwarded-Host": "books.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "9.9.9.9"}
    answer = deployment(trusted_proxies=proxies).get("/sign-in", base_url="http://inner:8000", headers=told)
    assert answer.status_code == status


@pytest.mark.parametrize("proxies", [0, 1])
def test_nobody_escapes_the_throttle_by_claiming_to_be_others(
    proxies: int, company: Company, deployment: Deployment
) -> None:
    client = deployment(trusted_proxies=proxies)
    token = TOKEN.search(client.get("/sign-in", base_url=OWN).text)
    assert token
    form = {"csrf_token": token.group(1), "email": "x@example.com", "password": "wrong"}
    answers = []
    for number in range(11):
        claimed = {"X-Forwarded-For": f"10.0.0.{number}, 9.9.9.9", "X-Forwarded-Host": "books.example", "Referer": OWN}
        answers.append(client.post("/sign-in", data=form, base_url=OWN, headers=claimed).status_code)
    assert answers == [401] * 10 + [429]


def test_the_server_takes_no_word_of_a_proxy_by_itself() -> None:
    server = WebServer({"forwarded_allow_ips": ""})
    assert list(server.cfg.forwarded_allow_ips) == []


def test_a_session_that_was_planted_is_not_the_one_that_is_signed_in(app: Flask, company: Company) -> None:
    planted = app.test_client()
    before = TOKEN.search(planted.get("/sign-in").text)
    cookie = planted.get_cookie("backoffice_session")
    assert before
    assert cookie
    victim = app.test_client()
    victim.set_cookie("backoffice_session", cookie.value)
    assert sign_in(victim, f"{Role.OPERATOR.value}@example.com", PASSWORD).status_code == 303
    assert planted.get("/companies/").status_code == 303
    form = {"csrf_token": before.group(1), "name": "x"}
    assert victim.post("/account/", data=form).status_code == 400
