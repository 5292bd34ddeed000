"""The second factor: set up, asked for, used once, lost, reset, asked of everybody."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from pyotp import TOTP
from sqlalchemy import func, select, text
from werkzeug.test import TestResponse

from backoffice import clock
from backoffice.config import Settings
from backoffice.database import keyring
from backoffice.models import Company, RecoveryCode, Role, User
from tests.admin.conftest import PASSWORD, TOKEN, Browser, Db, sign_in

OPERATOR = "operator@example.com"
SEALED = re.compile(r'name="sealed" value="([^"]+)"')
LETTERS = re.compile(r'class="letters">([A-Z2-7 ]+)<')
CODES = re.compile(r"<li><code>([a-z0-9-]{19})</code>")


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def later(self, **by: float) -> None:
        self.at += timedelta(**by)


@pytest.fixture(autouse=True)
def time() -> Iterator[Clock]:
    standing = Clock()
    clock.use(standing)
    yield standing
    clock.use()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"sign_in_limit": "100 per minute"})


def someone(session: Db, role: Role) -> User:
    session.rollback()
    return session.scalars(select(User).where(User.role == role)).one()


def now_shown(secret: str, steps: int = 0) -> str:
    """What an authenticator shows now, or so many codes away from now."""
    return TOTP(secret).at(clock.now(), counter_offset=steps)


def set_up(browser: Browser, **changed: str) -> tuple[str, TestResponse]:
    """Scan the picture and type the code; the secret, and the answer."""
    page = browser.says("/account/second-factor/")
    sealed, letters = SEALED.search(page), LETTERS.search(page)
    assert sealed
    assert letters
    assert 'src="data:image/svg+xml' in page
    secret = letters.group(1).replace(" ", "")
    form = {"sealed": sealed.group(1), "code": now_shown(secret), "present": PASSWORD, **changed}
    return secret, browser.post("/account/second-factor/", form)


@pytest.fixture
def secret(browser: Browser, time: Clock) -> str:
    """The operator has a second factor, set up a while ago."""
    made, answer = set_up(browser)
    assert answer.status_code == 200
    time.later(minutes=5)
    return made


def give(client: FlaskClient, code: str) -> TestResponse:
    """Type a code on the page that asks for it."""
    found = TOKEN.search(client.get("/sign-in/code").text)
    return client.post("/sign-in/code", data={"csrf_token": found.group(1) if found else "", "code": code})


def half_way(app: Flask, **more: str) -> FlaskClient:
    """A browser in which the operator's password was given."""
    client = app.test_client()
    assert sign_in(client, OPERATOR, **more).location == "/sign-in/code"
    return client


def inside(client: FlaskClient) -> bool:
    return client.get("/companies/").status_code == 200


def test_after_the_password_comes_the_code(app: Flask, secret: str) -> None:
    client = half_way(app, next="/companies/?sort=last")
    assert not inside(client)
    assert give(client, "000000").status_code == 401
    assert not inside(client)
    assert give(client, f" {now_shown(secret)[:3]} {now_shown(secret)[3:]} ").location == "/companies/?sort=last"
    assert inside(client)


def test_where_the_key_is_lost_a_recovery_code_still_lets_in(app: Flask, browser: Browser, time: Clock) -> None:
    _, answer = set_up(browser)
    code = re.findall(r"[a-z0-9]{4}(?:-[a-z0-9]{4}){3}", answer.text)[0]
    time.later(minutes=5)
    keyring.load((Fernet.generate_key().decode(),))
    client = half_way(app)
    said = give(client, "123456")
    assert said.status_code == 503
    assert "missing from ENCRYPTION_KEYS" in said.text
    assert give(client, code).status_code == 303
    assert inside(client)


@pytest.mark.parametrize("next_", ["//evil.example", "https://evil.example", "/\\evil"])
def test_nobody_is_sent_elsewhere(next_: str, app: Flask, secret: str) -> None:
    assert give(half_way(app, next=next_), now_shown(secret)).location == "/"


def test_a_code_counts_once_and_so_does_the_one_it_was_set_up_with(app: Flask, browser: Browser, time: Clock) -> None:
    made, _ = set_up(browser)
    assert give(half_way(app), now_shown(made)).status_code == 401
    time.later(seconds=30)
    assert give(half_way(app), now_shown(made)).location == "/"
    assert give(half_way(app), now_shown(made)).status_code == 401
    time.later(seconds=30)
    assert give(half_way(app), now_shown(made, -1)).status_code == 401
    assert give(half_way(app), now_shown(made)).location == "/"


@pytest.mark.parametrize(("steps", "fits"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_clocks_may_differ_by_half_a_minute(steps: int, fits: bool, app: Flask, secret: str) -> None:
    assert (give(half_way(app), now_shown(secret, steps)).location == "/") is fits


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "\0", "x" * 50_000, "１２３４５６", "٣٤٥٦٧٨", "----"])
def test_what_is_no_code_is_refused_in_words(typed: str, app: Flask, secret: str) -> None:
    answer = give(half_way(app), typed)
    assert (answer.status_code, "That code does not fit." in answer.text) == (401, True)


def test_recovery_codes_let_in_once_each(app: Flask, session: Db, browser: Browser) -> None:
    codes = CODES.findall(set_up(browser)[1].text)
    assert (len(codes), len(set(codes))) == (10, 10)
    client = half_way(app)
    assert give(client, codes[3].upper().replace("-", " ")).location == "/"
    assert "9 are left" in client.get("/companies/").text
    assert give(half_way(app), codes[3]).status_code == 401
    assert give(half_way(app), codes[4]).location == "/"
    assert "8 recovery codes left" in client.get("/account/").text
    kept = session.scalars(select(RecoveryCode.digest)).all()
    assert not [one for one in kept if any(code.replace("-", "") in one for code in codes)]


def test_the_secret_is_kept_so_that_only_this_deployment_reads_it(session: Db, browser: Browser) -> None:
    made, answer = set_up(browser)
    raw = session.execute(text("SELECT totp_secret FROM user_account WHERE totp_secret IS NOT NULL")).scalar_one()
    assert made not in raw
    assert someone(session, Role.OPERATOR).totp_secret == made
    with browser.client.session_transaction() as kept:
        assert made not in str(dict(kept))
    assert CODES.findall(answer.text)
    assert not CODES.findall(browser.says("/account/second-factor/") + browser.says("/account/"))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"code": "000000"}, "That code does not fit."),
        ({"code": ""}, "That code does not fit."),
        ({"present": "not it"}, "That is not your current password."),
        ({"sealed": "x"}, "This picture was open too long."),
    ],
)
def test_it_is_not_set_up_lightly(wrong: dict[str, str], said: str, app: Flask, session: Db, browser: Browser) -> None:
    _, answer = set_up(browser, **wrong)
    assert (answer.status_code, said in answer.text) == (400, True)
    assert sign_in(app.test_client(), OPERATOR).location == "/"


def test_another_persons_picture_is_of_no_use(session: Db, browser: Browser, administrator: Browser) -> None:
    found = SEALED.search(administrator.says("/account/second-factor/"))
    assert found
    assert set_up(browser, sealed=found.group(1))[1].status_code == 400
    assert someone(session, Role.OPERATOR).totp_since is None


def test_setting_it_up_ends_the_sessions_that_were_begun_without(app: Flask, browser: Browser) -> None:
    other = app.test_client()
    sign_in(other, OPERATOR)
    set_up(browser)
    assert inside(browser.client)
    assert not inside(other)


def test_set_up_anew_the_old_one_and_its_codes_are_of_no_use(app: Flask, browser: Browser, time: Clock) -> None:
    old, answer = set_up(browser)
    old_codes = CODES.findall(answer.text)
    time.later(minutes=5)
    new, _ = set_up(browser)
    time.later(minutes=5)
    assert give(half_way(app), now_shown(old)).status_code == 401
    assert give(half_way(app), old_codes[0]).status_code == 401
    assert give(half_way(app), now_shown(new)).location == "/"


def test_it_is_turned_off_with_the_password(app: Flask, session: Db, browser: Browser, secret: str) -> None:
    browser.post("/account/second-factor/off/", {"present": "not it"})
    assert someone(session, Role.OPERATOR).totp_since is not None
    browser.post("/account/second-factor/off/", {"present": PASSWORD})
    assert sign_in(app.test_client(), OPERATOR).location == "/"
    assert session.scalar(select(func.count()).select_from(RecoveryCode)) == 0


def test_half_way_lasts_ten_minutes_and_ends_with_the_sessions(
    app: Flask, session: Db, secret: str, administrator: Browser, time: Clock
) -> None:
    late, ended = half_way(app), half_way(app)
    administrator.post("/users/role", {"id": someone(session, Role.OPERATOR).id, "role": "viewer"})
    assert ended.get("/sign-in/code").location == "/sign-in"
    assert "Sign in again." in ended.get("/sign-in").text
    third = half_way(app)
    time.later(minutes=11)
    for client in (late, third):
        assert client.get("/sign-in/code").location == "/sign-in"
        assert not inside(client)


def test_half_way_is_a_session_of_its_own(app: Flask, secret: str) -> None:
    client = app.test_client()
    client.get("/sign-in")
    with client.session_transaction() as kept:
        kept["planted"] = "by somebody else"
    sign_in(client, OPERATOR)
    with client.session_transaction() as kept:
        assert "planted" not in kept
        kept["planted"] = "again"
    give(client, now_shown(secret))
    with client.session_transaction() as kept:
        assert not {"planted", "half_way"} & set(kept)
    assert inside(client)


def test_a_link_for_a_new_password_passes_no_second_factor_by(
    app: Flask, session: Db, administrator: Browser, secret: str
) -> None:
    shown = administrator.post("/users/reset", {"id": someone(session, Role.OPERATOR).id}).text
    link = shown.split('value="http://localhost:8000')[1].split('"')[0]
    client = app.test_client()
    token = TOKEN.search(client.get(link).text)
    assert token
    chosen = {"csrf_token": token.group(1), "password": "four words are good", "again": "four words are good"}
    assert client.post(link, data=chosen).location == "/sign-in/code"
    assert not inside(client)
    assert give(client, now_shown(secret)).location == "/"


def test_guessing_codes_of_one_person_is_slowed_down_wherever_it_comes_from(app: Flask, secret: str) -> None:
    answers = []
    for number in range(11):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"10.0.0.{number}"
        sign_in(client, OPERATOR)
        answers.append(give(client, "000000").status_code)
    assert answers == [401] * 10 + [429]
    other = half_way(app)
    assert give(other, now_shown(secret)).status_code == 429


def test_an_administrator_resets_it_for_somebody_who_lost_all(
    app: Flask, session: Db, administrator: Browser, browser: Browser, secret: str
) -> None:
    operator = someone(session, Role.OPERATOR)
    assert "Reset it" in administrator.says(f"/users/person?id={operator.id}")
    assert "Second factor" in administrator.says("/users/")
    administrator.post("/users/second-factor/off", {"id": operator.id})
    assert not inside(browser.client)
    assert sign_in(app.test_client(), OPERATOR).location == "/"
    assert someone(session, Role.OPERATOR).totp_secret is None


def test_where_it_is_asked_of_everybody_there_is_no_way_round_setting_it_up(
    app: Flask, browser: Browser, administrator: Browser, time: Clock
) -> None:
    assert administrator.post("/signing-in/", {"second_factor": "y"}).status_code == 303
    for path in ("/companies/", "/c/1/suppliers/", "/account/", "/users/"):
        assert browser.get(path).location == "/account/second-factor/", path
    page = browser.says("/account/second-factor/")
    assert "This deployment asks everybody for one." in page
    found = TOKEN.search(page)
    assert found
    away = browser.client.post("/companies/sync", data={"csrf_token": found.group(1), "rowid": "1"})
    assert away.location == "/account/second-factor/"
    browser.token = lambda: found.group(1)  # type: ignore[method-assign]
    made, answer = set_up(browser)
    assert answer.status_code == 200
    assert inside(browser.client)
    time.later(minutes=1)
    assert give(half_way(app), now_shown(made)).location == "/"
    browser.post("/account/second-factor/off/", {"present": PASSWORD})
    assert "An administrator asks everybody for a second factor." in browser.says("/account/")
    assert sign_in(app.test_client(), OPERATOR).location == "/sign-in/code"


def test_a_person_can_leave_instead_of_setting_it_up(browser: Browser, administrator: Browser) -> None:
    administrator.post("/signing-in/", {"second_factor": "y"})
    found = TOKEN.search(browser.says("/account/second-factor/"))
    assert found
    assert browser.client.post("/sign-out", data={"csrf_token": found.group(1)}).location == "/sign-in"
    assert browser.get("/account/second-factor/").status_code == 303


def test_single_sign_on_alone_is_not_asked_where_there_is_none(administrator: Browser) -> None:
    answer = administrator.post("/signing-in/", {"single_sign_on": "y", "second_factor": "y"})
    assert (answer.status_code, "It is not set up:" in answer.text) == (200, True)
    assert administrator.get("/companies/").status_code == 200, "nothing of it was saved"


def test_who_changed_what_is_asked_stands_there(administrator: Browser, browser_as: Callable[[Role], Browser]) -> None:
    administrator.post("/signing-in/", {})
    page = administrator.says("/signing-in/")
    assert "by Administrator." in page
    assert "Nobody has one yet." in page
    assert browser_as(Role.OPERATOR).get("/signing-in/").status_code == 403


def test_the_account_says_how_it_stands(company: Company, browser: Browser) -> None:
    assert "Your password alone lets you in." in browser.says("/account/")
    set_up(browser)
    assert "10 recovery codes left" in browser.says("/account/")
