"""Single sign-on, with an identity provider that really answers: who gets in, who does not, and what each is told."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from flask import Flask, Response
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import select
from werkzeug.test import TestResponse

from backoffice import clock
from backoffice.app import create_app
from backoffice.config import Settings
from backoffice.errors import ConfigurationError
from backoffice.models import Company, Role, SignInRules, User
from tests.admin.conftest import PASSWORD, TOKEN, Browser, Db, sign_in
from tests.databases import hang_up
from tests.hostile.attack import VALUE, assert_well, encoded
from tests.hostile.cases import cases
from tests.identity_provider import CLIENT_ID, PUBLIC_AS_SECRET, SECRET, IdentityProvider, a_key, identity_provider

AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
OPERATOR = "operator@example.com"
LABEL = "Example Identity"


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    clock.use(lambda: AT)
    yield
    clock.use()


@pytest.fixture(scope="module")
def serving() -> Iterator[IdentityProvider]:
    with identity_provider() as provider:
        yield provider


@pytest.fixture
def provider(serving: IdentityProvider) -> IdentityProvider:
    """One where the operator is signed in."""
    fresh = IdentityProvider(serving.issuer)
    serving.__dict__.update(fresh.__dict__)
    serving.claims = {"sub": "s-1", "email": OPERATOR, "email_verified": True}
    return serving


@pytest.fixture
def settings(settings: Settings, serving: IdentityProvider) -> Settings:
    changed = {"oidc_issuer": serving.issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": SecretStr(SECRET)}
    return settings.model_copy(update={**changed, "oidc_label": LABEL, "sign_in_limit": "100 per minute"})


def go(client: FlaskClient, path: str = "/sign-in/elsewhere") -> str:
    """Off to the identity provider; the way back, with its answer."""
    there = client.get(path)
    assert there.status_code == 303
    answer = requests.get(there.location, allow_redirects=False, timeout=5)
    assert answer.status_code == 302, answer.text
    back = urlsplit(answer.headers["Location"])
    return f"{back.path}?{back.query}"


def come_in(client: FlaskClient, path: str = "/sign-in/elsewhere") -> TestResponse:
    return client.get(go(client, path))


def told(client: FlaskClient, answer: TestResponse) -> str:
    """What the page of signing in says to whom it did not let in."""
    assert (answer.status_code, urlsplit(answer.location).path) == (303, "/sign-in")
    text = client.get(answer.location).text
    assert f"You are not signed in with {LABEL}." in text
    assert client.get("/companies/").status_code == 303
    return html.unescape(text)


def someone(session: Db, role: Role) -> User:
    session.rollback()
    return session.scalars(select(User).where(User.role == role)).one()


def test_who_is_known_by_a_verified_address_comes_in(
    app: Flask, session: Db, company: Company, provider: IdentityProvider
) -> None:
    client = app.test_client()
    assert f"Sign in with {LABEL}" in client.get("/sign-in").text
    provider.claims["email"] = OPERATOR.upper()
    assert come_in(client).location == "/"
    assert "Operator" in client.get("/companies/").text
    user = someone(session, Role.OPERATOR)
    assert (user.identity_issuer, user.identity_subject) == (provider.issuer, "s-1")
    assert user.signed_in_at is not None


ANSWERS = st.lists(
    st.tuples(st.sampled_from(["code", "state", "error", "error_description", "iss", "scope"]), VALUE), max_size=6
)


@cases(40)
@given(bent=ANSWERS, ours=st.booleans())
def test_whatever_comes_back_lets_nobody_in_and_breaks_nothing(
    app: Flask, company: Company, provider: IdentityProvider, bent: list[tuple[str, str]], ours: bool
) -> None:
    app.extensions["redis"].flushdb()  # where sign-in is counted
    client = app.test_client()
    query = {"state": parse_qs(urlsplit(go(client)).query)["state"]} if ours else {}
    for name, value in bent:
        query.setdefault(name, []).append(value)
    assert_well(client.get("/sign-in/elsewhere/back", query_string=encoded(query)), frozenset({""}))
    assert client.get("/companies/").status_code == 303


def test_the_account_counts_from_then_on_and_not_the_address(
    app: Flask, session: Db, company: Company, provider: IdentityProvider
) -> None:
    assert come_in(app.test_client()).location == "/"
    provider.claims.update(email="renamed@example.com", email_verified=False)
    client = app.test_client()
    assert come_in(client).location == "/"
    assert "Operator" in client.get("/companies/").text
    provider.claims = {"sub": "s-2", "email": OPERATOR, "email_verified": True}
    client = app.test_client()
    assert "with another account there before" in told(client, come_in(client))
    assert someone(session, Role.OPERATOR).identity_subject == "s-1"


def test_an_administrator_lets_another_account_in(
    app: Flask, session: Db, administrator: Browser, provider: IdentityProvider
) -> None:
    assert come_in(app.test_client()).location == "/"
    user = someone(session, Role.OPERATOR)
    assert "an account there is theirs" in administrator.says(f"/users/person?id={user.id}")
    administrator.post("/users/identity/forget", {"id": user.id})
    provider.claims["sub"] = "s-2"
    assert come_in(app.test_client()).location == "/"
    assert someone(session, Role.OPERATOR).identity_subject == "s-2"


def test_who_was_invited_needs_no_password(
    app: Flask, session: Db, administrator: Browser, provider: IdentityProvider
) -> None:
    new = {"name": "New", "email": "new@example.com", "role": "viewer", "reach": "all"}
    link = re.search(r"/welcome/[\w-]+", administrator.post("/users/new", new).text)
    assert link
    provider.claims.update(sub="s-9", email="new@example.com")
    client = app.test_client()
    assert app.test_client().get(link.group()).status_code == 200
    assert come_in(client).location == "/"
    assert "You have no password here" in client.get("/account/").text
    row = administrator.says("/users/").split("new@example.com")[1].split("</tr>")[0]
    assert "Active" in row
    assert app.test_client().get(link.group()).status_code == 404, "whoever finds the link gets in by it no more"


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"email": "nobody@example.com"}, "Nobody here has the e-mail address nobody@example.com."),
        ({"email_verified": False}, "does not vouch for operator@example.com"),
        ({"email_verified": None}, "does not vouch for operator@example.com"),
        ({"email": None}, "has no e-mail address"),
        ({"email": "a\0@b.example"}, "an answer that does not fit"),
        ({"sub": "s\0"}, "an answer that does not fit"),
        ({"nonce": "another"}, "an answer that does not fit"),
        ({"nonce": None}, "an answer that does not fit"),
        ({"iss": "https://elsewhere.example"}, "an answer that does not fit"),
        ({"aud": "another client"}, "an answer that does not fit"),
        ({"aud": [CLIENT_ID, "another"], "azp": "another"}, "an answer that does not fit"),
        ({"exp": 1}, "an answer that does not fit"),
        ({"sub": ""}, "an answer that does not fit"),
        ({"sub": None}, "an answer that does not fit"),
        ({"sub": "x" * 256}, "an answer that does not fit"),
        ({"email": ["a"]}, "an answer that does not fit"),
    ],
)
def test_what_the_token_says_is_held_against_what_was_asked(
    claims: dict[str, Any], said: str, app: Flask, company: Company, provider: IdentityProvider
) -> None:
    provider.token, client = claims, app.test_client()
    provider.place = {"userinfo_endpoint": ""}
    assert said in told(client, come_in(client))


def test_an_issuer_may_end_in_a_slash(app: Flask, session: Db, company: Company, provider: IdentityProvider) -> None:
    """Some write it so in one place and not in the other; the token has it as the provider has."""
    provider.place, provider.token = {"issuer": f"{provider.issuer}/"}, {"iss": f"{provider.issuer}/"}
    assert come_in(app.test_client()).location == "/"
    assert someone(session, Role.OPERATOR).identity_issuer == provider.issuer


@pytest.mark.parametrize("sort", ["another key", "public key as a secret", "no signature"])
def test_a_token_counts_only_with_the_providers_own_signature(
    sort: str, app: Flask, company: Company, provider: IdentityProvider
) -> None:
    made: dict[str, tuple[dict[str, Any], Any]] = {
        "another key": ({"alg": "RS256", "kid": "one"}, a_key("two")),
        "public key as a secret": ({"alg": "HS256", "kid": "one"}, PUBLIC_AS_SECRET),
        "no signature": ({"alg": "none"}, None),
    }
    provider.header, provider.signing_key = made[sort]
    client = app.test_client()
    assert "an answer that does not fit" in told(client, come_in(client))


@pytest.mark.parametrize(
    ("path", "answer", "said"),
    [
        ("/.well-known/openid-configuration", ("gone", 502), "cannot be reached just now"),
        ("/.well-known/openid-configuration", ("<html>", 200), "cannot be reached just now"),
        ("/.well-known/openid-configuration", ("[]", 200), "an answer that does not fit"),
        ("/token", ('{"error": "invalid_grant"}', 400), "turned the sign-in down"),
        ("/token", ("oops", 500), "cannot be reached just now"),
        ("/token", ('{"access_token": "x", "token_type": "Bearer"}', 200), "an answer that does not fit"),
        ("/token", ('{"id_token": "a.b.c"}', 200), "an answer that does not fit"),
        ("/keys", ("{}", 200), "an answer that does not fit"),
        ("/keys", ('{"keys": []}', 200), "an answer that does not fit"),
        ("/keys", ('{"keys": [{"kty": "odd"}]}', 200), "an answer that does not fit"),
        ("/token", Response(status=302, headers={"Location": "/keys"}), "cannot be reached just now"),
    ],
)
def test_an_identity_provider_that_goes_wrong_is_said_in_words(
    path: str, answer: Any, said: str, app: Flask, company: Company, provider: IdentityProvider
) -> None:
    client = app.test_client()
    instead = answer if isinstance(answer, Response) else Response(*answer)
    if path.startswith("/.well"):
        provider.answers[path] = instead
        assert said in told(client, client.get("/sign-in/elsewhere?next=/companies/"))
        return
    back = go(client)
    provider.answers[path] = instead
    assert said in told(client, client.get(back))


def test_an_identity_provider_that_cannot_be_reached(app: Flask, company: Company, provider: IdentityProvider) -> None:
    for place in ({"issuer": "https://elsewhere.example"}, {"token_endpoint": "http://elsewhere.example/token"}):
        provider.place, client = place, app.test_client()
        assert "an answer that does not fit" in told(client, client.get("/sign-in/elsewhere"))
    provider.place, client = {"token_endpoint": "http://127.0.0.1:9/token"}, app.test_client()
    assert "cannot be reached just now" in told(client, come_in(client))


@pytest.mark.parametrize(
    ("denial", "said"), [("access_denied", "did not agree"), ("server_error", "turned the sign-in down")]
)
def test_who_cancels_is_told_so(
    denial: str, said: str, app: Flask, company: Company, provider: IdentityProvider
) -> None:
    provider.denial, client = denial, app.test_client()
    assert said in told(client, come_in(client))


def test_an_answer_counts_once_and_in_the_browser_that_asked(
    app: Flask, company: Company, provider: IdentityProvider
) -> None:
    client, other = app.test_client(), app.test_client()
    back = go(client)
    assert "not begun in this browser" in told(other, other.get(back))
    assert client.get(back).location == "/"
    again = app.test_client()
    assert "not begun in this browser" in told(again, again.get("/sign-in/elsewhere/back?code=x&state=y"))
    assert "not begun in this browser" in told(again, again.get("/sign-in/elsewhere/back"))


def test_the_address_is_asked_for_where_the_token_does_not_hold_it(
    app: Flask, company: Company, provider: IdentityProvider
) -> None:
    provider.token = {"email": None, "email_verified": None}
    provider.told = {"sub": "s-1", "email": OPERATOR, "email_verified": "true"}
    assert come_in(app.test_client()).location == "/"
    provider.told["sub"], client = "s-7", app.test_client()
    assert "an answer that does not fit" in told(client, come_in(client))


def test_the_clocks_may_differ_by_two_minutes(app: Flask, company: Company, provider: IdentityProvider) -> None:
    assert come_in(app.test_client()).location == "/"
    seconds, client = int(AT.timestamp()), app.test_client()
    provider.token = {"iat": seconds + 100, "exp": seconds - 100}
    assert come_in(client).location == "/"
    provider.token = {"iat": seconds + 600, "exp": seconds + 900}
    client = app.test_client()
    assert "an answer that does not fit" in told(client, come_in(client))


def test_a_deactivated_person_stays_out(
    app: Flask, session: Db, administrator: Browser, provider: IdentityProvider
) -> None:
    administrator.post("/users/deactivate", {"id": someone(session, Role.OPERATOR).id})
    client = app.test_client()
    assert "operator@example.com can no longer sign in here." in told(client, come_in(client))


@pytest.mark.parametrize(
    ("wanted", "given"), [("/companies/", "/companies/"), ("//evil.example", "/"), ("https://evil", "/")]
)
def test_where_a_person_wanted_to_go_survives(
    wanted: str, given: str, app: Flask, company: Company, provider: IdentityProvider
) -> None:
    assert come_in(app.test_client(), f"/sign-in/elsewhere?next={wanted}").location == given
    provider.denial, client = "access_denied", app.test_client()
    refused = come_in(client, f"/sign-in/elsewhere?next={wanted}")
    assert ("next=/companies/" in refused.location) == (given == "/companies/")


def test_a_session_holds_nothing_from_before(app: Flask, company: Company, provider: IdentityProvider) -> None:
    client = app.test_client()
    before = TOKEN.search(client.get("/sign-in").text)
    with client.session_transaction() as kept:
        kept["planted"] = "by somebody else"
    come_in(client)
    after = TOKEN.search(client.get("/account/").text)
    with client.session_transaction() as kept:
        assert "planted" not in kept
        assert "sign_ons" not in kept
    assert before
    assert after
    assert before.group(1) != after.group(1)


def test_a_role_that_is_changed_ends_that_session_too(
    app: Flask, session: Db, administrator: Browser, provider: IdentityProvider
) -> None:
    client = app.test_client()
    come_in(client)
    assert client.get("/companies/").status_code == 200
    administrator.post("/users/role", {"id": someone(session, Role.OPERATOR).id, "role": "viewer"})
    assert client.get("/companies/").status_code == 303


def test_no_transaction_is_open_while_it_is_asked(
    app: Flask, session: Db, company: Company, provider: IdentityProvider
) -> None:
    """Every page it serves meanwhile finds the database free to be written."""
    written = []

    def write() -> None:
        user = someone(session, Role.VIEWER)
        user.name = f"{user.name}!"
        session.commit()
        written.append(1)

    client = app.test_client()
    back = go(client)
    provider.meanwhile = write
    assert client.get(back).location == "/"
    assert len(written) == 3


# Single sign-on only.


@pytest.fixture
def boss(app: Flask, session: Db, company: Company, provider: IdentityProvider) -> Browser:
    """An administrator who came from the identity provider."""
    provider.claims.update(sub="s-boss", email="administrator@example.com")
    browser = Browser(app.test_client())
    assert come_in(browser.client).location == "/"
    return browser


def test_single_sign_on_alone_is_asked_by_somebody_who_came_by_it(
    app: Flask, session: Db, administrator: Browser, boss: Browser
) -> None:
    operator, another = Browser(app.test_client()), Browser(app.test_client())
    for somebody in (operator, another):
        assert sign_in(somebody.client, OPERATOR).location == "/"
    refused = administrator.post("/signing-in/", {"single_sign_on": "y"})
    assert f"Sign in with {LABEL} yourself first" in refused.text
    assert session.get(SignInRules, 1) is None
    assert boss.post("/signing-in/", {"single_sign_on": "y"}).status_code == 303
    assert boss.get("/companies/").status_code == 200
    out = operator.client.get("/companies/")
    assert (out.status_code, out.location) == (303, "/sign-in")
    assert another.get("/account/second-factor/").location == "/sign-in"
    page = app.test_client().get("/sign-in").text
    assert 'name="password"' not in page
    assert f"Sign in with {LABEL}" in page


def test_no_password_is_taken_then_by_any_door(app: Flask, session: Db, boss: Browser) -> None:
    client = app.test_client()
    token = TOKEN.search(client.get("/sign-in").text)
    assert token
    answer = boss.post("/users/reset", {"id": someone(session, Role.OPERATOR).id})
    link = answer.text.split('value="http://localhost:8000')[1].split('"')[0]
    assert boss.post("/signing-in/", {"single_sign_on": "y"}).status_code == 303
    given = {"csrf_token": token.group(1), "email": "viewer@example.com", "password": PASSWORD}
    assert client.post("/sign-in", data=given).status_code == 403
    assert client.get(link).location == "/sign-in"
    chosen = {"csrf_token": token.group(1), "password": "four words are good", "again": "four words are good"}
    assert client.post(link, data=chosen).location == "/sign-in"
    assert client.get("/companies/").status_code == 303
    assert (
        "/welcome/"
        not in boss.post("/users/new", {"name": "N", "email": "n@example.com", "role": "viewer", "reach": "all"}).text
    )


def test_passwords_are_taken_where_the_identity_provider_is_set_up_no_more(
    session: Db, settings: Settings, boss: Browser
) -> None:
    """Whoever runs the deployment has taken it away: nobody could come in else."""
    boss.post("/signing-in/", {"single_sign_on": "y"})
    alone = create_app(settings.model_copy(update={"oidc_issuer": ""}))
    alone.testing = True
    client = alone.test_client()
    assert "Sign in with" not in client.get("/sign-in").text
    assert sign_in(client, OPERATOR).location == "/"
    assert client.get("/companies/").status_code == 200
    assert client.get("/sign-in/elsewhere").status_code == 404
    hang_up(alone)
    alone.extensions["redis"].close()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"oidc_client_id": ""}, "OIDC_CLIENT_ID"),
        ({"oidc_client_secret": SecretStr("")}, "OIDC_CLIENT_SECRET"),
        ({"oidc_issuer": "http://identity.example"}, "https://"),
    ],
)
def test_settings_that_do_not_fit_are_said_at_the_start(wrong: dict[str, Any], said: str, settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match=said):
        settings.model_copy(update=wrong).completed()


def test_no_secret_stands_on_a_page(boss: Browser) -> None:
    for path in ("/signing-in/", "/users/", "/account/"):
        assert SECRET not in boss.says(path)
