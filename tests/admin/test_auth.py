"""Signing in, passwords, invitations, and who may still come in afterwards."""

from __future__ import annotations

import re

import pytest
from argon2 import Type, extract_parameters
from flask import Flask
from sqlalchemy import select

from backoffice.config import Settings
from backoffice.models import Company, Role, User
from backoffice.models.user import _hasher as real_hasher
from tests.admin.conftest import PASSWORD, TOKEN, Browser, Db, sign_in

ANA = "administrator@example.com"


def someone(session: Db, role: Role) -> User:
    session.rollback()
    found = session.scalar(select(User).where(User.email == f"{role.value}@example.com"))
    assert found
    return found


def test_a_password_costs_work_to_guess() -> None:
    """The other tests hash with as little work as there can be."""
    cost = extract_parameters(real_hasher().hash(PASSWORD))
    assert (cost.type, cost.time_cost >= 3, cost.memory_cost >= 64 * 1024) == (Type.ID, True, True)


def test_signing_in_and_out(app: Flask, company: Company) -> None:
    browser = Browser(app.test_client())
    assert sign_in(browser.client, f" {ANA.upper()} ").location == "/"
    assert browser.get("/").location == f"/c/{company.id}/"
    assert browser.post("/sign-out").location == "/sign-in"
    assert browser.get("/companies/").status_code == 303


@pytest.mark.parametrize(
    ("email", "password"), [(ANA, "wrong"), ("nobody@example.com", PASSWORD), ("", ""), ("\0", "\0")]
)
def test_what_does_not_fit_is_told_alike(app: Flask, company: Company, email: str, password: str) -> None:
    answer = sign_in(app.test_client(), email, password)
    assert answer.status_code == 401
    assert "E-mail address and password do not fit." in answer.text


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("/companies/", "/companies/"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil", "/"),
        ("/a\nb", "/"),
    ],
)
def test_nobody_is_sent_elsewhere(app: Flask, company: Company, wanted: str, given: str) -> None:
    assert sign_in(app.test_client(), ANA, next=wanted).location == given


def test_guessing_is_slowed_down(app: Flask, settings: Settings, company: Company) -> None:
    client = app.test_client()
    answers = [sign_in(client, ANA, "wrong").status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]
    assert "tried too often" in sign_in(client, ANA).text


def test_a_deactivated_person_is_out_at_once(session: Db, browser: Browser, administrator: Browser) -> None:
    operator = someone(session, Role.OPERATOR)
    administrator.post("/users/deactivate", {"id": operator.id})
    assert browser.get("/companies/").status_code == 303
    assert sign_in(browser.client, operator.email).status_code == 401


def test_a_new_password_ends_every_other_session(app: Flask, company: Company, administrator: Browser) -> None:
    other = Browser(app.test_client())
    sign_in(other.client, ANA)
    fresh = {"present": PASSWORD, "password": "another long password", "again": "another long password"}
    assert administrator.post("/account/", fresh).status_code == 303
    assert administrator.get("/companies/").status_code == 200
    assert other.get("/companies/").status_code == 303
    assert sign_in(app.test_client(), ANA).status_code == 401
    assert sign_in(app.test_client(), ANA, "another long password").status_code == 303


@pytest.mark.parametrize(
    "wrong", [{"present": "no"}, {"password": "short", "again": "short"}, {"again": "something else here"}]
)
def test_a_password_is_not_changed_lightly(wrong: dict[str, str], administrator: Browser) -> None:
    fresh = {"present": PASSWORD, "password": "another long password", "again": "another long password", **wrong}
    answer = administrator.post("/account/", fresh)
    assert (answer.status_code, "The password was not changed." in answer.text) == (400, True)


def test_a_link_names_the_deployment_whatever_host_was_asked_for(app: Flask, session: Db, company: Company) -> None:
    client, evil = app.test_client(), "http://evil.example"

    def token(path: str) -> str:
        found = TOKEN.search(client.get(path, base_url=evil).text)
        assert found
        return found.group(1)

    signing_in = {"csrf_token": token("/sign-in"), "email": ANA, "password": PASSWORD}
    client.post("/sign-in", data=signing_in, base_url=evil)
    who = {"name": "New One", "email": "new@example.com", "role": "viewer"}
    for path, data in (("/users/reset", {"id": someone(session, Role.OPERATOR).id}), ("/users/new", who)):
        text = client.post(path, data={"csrf_token": token("/account/"), **data}, base_url=evil).text
        assert re.search(r'value="http://localhost:8000/welcome/[^"]+"', text), path
        assert "evil.example" not in text


def test_a_one_time_link_stands_on_its_answer_and_in_no_cookie(session: Db, administrator: Browser) -> None:
    operator = someone(session, Role.OPERATOR)
    who = {"name": "New One", "email": "new@example.com", "role": "viewer"}
    for path, data in (("/users/new", who), ("/users/reset", {"id": operator.id})):
        answer = administrator.post(path, data)
        assert (answer.status_code, answer.text.count("/welcome/")) == (200, 1), path
        with administrator.client.session_transaction() as kept:
            assert "welcome" not in str(dict(kept))
        assert "/welcome/" not in administrator.says("/users/")


def test_an_invitation_works_once(app: Flask, session: Db, administrator: Browser) -> None:
    shown = administrator.post(
        "/users/new", {"name": "New One", "email": "New@Example.com", "role": "operator"}, follow=True
    ).text
    found = re.search(r'value="http://localhost:8000(/welcome/[^"]+)"', shown)
    assert found
    assert found.group(1) not in administrator.says("/users/")
    client = app.test_client()
    token = TOKEN.search(client.get(found.group(1)).text)
    assert token
    chosen = {"csrf_token": token.group(1), "password": "four words are good", "again": "four words are good"}
    assert client.post(found.group(1), data=chosen).location == "/"
    assert client.get("/companies/").status_code == 200
    assert app.test_client().get(found.group(1)).status_code == 404
    assert session.scalar(select(User.role).where(User.email == "new@example.com")) is Role.OPERATOR


@pytest.mark.parametrize(
    "wrong",
    [{"email": "nobody"}, {"email": ANA}, {"name": ""}, {"name": "a\0b"}, {"role": "king"}, {"email": "a\0@b.nz"}],
)
def test_an_invitation_that_does_not_fit(wrong: dict[str, str], session: Db, administrator: Browser) -> None:
    answer = administrator.post("/users/new", {"name": "N", "email": "n@example.com", "role": "viewer", **wrong})
    assert (answer.status_code, len(session.scalars(select(User)).all())) == (200, 3)


def test_a_reset_ends_sessions_and_the_old_password(session: Db, browser: Browser, administrator: Browser) -> None:
    operator = someone(session, Role.OPERATOR)
    assert "/welcome/" in administrator.post("/users/reset", {"id": operator.id}, follow=True).text
    assert browser.get("/companies/").status_code == 303
    assert sign_in(browser.client, operator.email).status_code == 401


def test_the_last_administrator_stays(session: Db, administrator: Browser) -> None:
    ana = someone(session, Role.ADMINISTRATOR)
    for place, data in (("deactivate", {}), ("role", {"role": "viewer"})):
        told = administrator.post(f"/users/{place}", {"id": ana.id, **data}, follow=True)
        assert "The last administrator" in told.text
    ana = someone(session, Role.ADMINISTRATOR)
    assert (ana.role, ana.active) == (Role.ADMINISTRATOR, True)


def test_a_role_is_changed(session: Db, browser: Browser, administrator: Browser) -> None:
    operator = someone(session, Role.OPERATOR)
    administrator.post("/users/role", {"id": operator.id, "role": "viewer"})
    session.refresh(operator)
    assert operator.role is Role.VIEWER
    assert browser.get("/companies/").status_code == 303  # the session of the old role has ended
