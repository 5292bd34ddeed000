"""Linking: the way there and back, and every way in which it comes to nothing."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from pydantic import SecretStr
from redis import Redis
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, sessionmaker

from backoffice.config import Settings
from backoffice.errors import ConfigurationError, ConsentError, TransientError
from backoffice.models import Authorisation, Connection, ConnectionState, Grant
from backoffice.providers.xero.provider import Xero
from backoffice.sandbox.xero.faults import Fault
from backoffice.sandbox.xero.server import Sandbox
from tests.providers.conftest import REDIRECT, TOM, again, connect, consent, visit


def test_the_way_there_proves_who_comes_back(xero: Xero, settings: Settings) -> None:
    begun = xero.begin(REDIRECT)
    asked = {key: found[0] for key, found in parse_qs(urlsplit(begun.url).query).items()}
    digest = base64.urlsafe_b64encode(hashlib.sha256(begun.verifier.encode()).digest()).decode().rstrip("=")
    assert (asked["code_challenge"], asked["code_challenge_method"]) == (digest, "S256")
    assert (asked["state"], asked["redirect_uri"], asked["response_type"]) == (begun.state, REDIRECT, "code")
    assert asked["scope"] == settings.xero_scopes
    assert xero.begin(REDIRECT).state != begun.state


def test_a_consent_is_kept_encrypted(xero: Xero, sessions: sessionmaker[Session]) -> None:
    granted = consent(xero)
    with sessions() as session:
        row = session.get_one(Authorisation, granted.authorisation_id)
        raw = session.execute(text("SELECT access_token, refresh_token FROM authorisation")).one()
        assert row.refresh_token
        assert all(row.access_token not in part and row.refresh_token not in part for part in raw)
    assert "accounting.contacts" in row.scopes
    (organisation,) = granted.organisations
    assert organisation.external_id
    assert organisation.consent_id not in ("", organisation.external_id)
    assert organisation.name


def test_the_organisation_chosen_now_counts(xero: Xero, sandbox: Sandbox) -> None:
    first, second = consent(xero, organisation=1), consent(xero, organisation=2)
    assert len(second.organisations) == 1
    assert first.organisations[0].external_id != second.organisations[0].external_id


def test_the_same_person_has_one_set_of_tokens(xero: Xero, sessions: sessionmaker[Session]) -> None:
    first, second, other = consent(xero), consent(xero, organisation=2), consent(xero, email=TOM)
    assert first.authorisation_id == second.authorisation_id != other.authorisation_id
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Authorisation)) == 2


def test_consenting_again_revives_what_the_person_had_linked(xero: Xero, sessions: sessionmaker[Session]) -> None:
    connection = connect(sessions, consent(xero))
    with sessions.begin() as session:
        row = session.get_one(Connection, connection.id)
        row.state, row.problem = ConnectionState.NEEDS_RECONNECTING, "gone"
        session.get_one(Authorisation, connection.authorisation_id).ended = "gone"
    consent(xero, organisation=2)
    revived = again(sessions, connection)
    assert (revived.state, revived.problem) == (ConnectionState.CONNECTED, None)
    assert xero.test(revived).ok


def test_cancelled(xero: Xero) -> None:
    begun = xero.begin(REDIRECT)
    answer = visit(begun.url, decision="cancel")
    with pytest.raises(ConsentError, match="cancelled"):
        xero.finish(REDIRECT, answer, begun.state, begun.verifier)


def changed(answer: str, **values: str) -> str:
    parts = urlsplit(answer)
    query = {key: found[0] for key, found in parse_qs(parts.query).items()} | values
    return parts._replace(query=urlencode(query)).geturl()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"state": "forged"}, "not begun here"),
        ({"state": "", "error": "access_denied"}, "not begun here"),
        ({"state": "ünïcode"}, "not begun here"),
        ({"code": "forged"}, "too long or was used"),
        ({"code": ""}, "came to nothing"),
        ({"error": "server_error"}, "does not work just now"),
        ({"error": "brand_new"}, "brand_new"),
    ],
)
def test_an_answer_that_does_not_hold(xero: Xero, values: dict[str, str], words: str) -> None:
    begun = xero.begin(REDIRECT)
    answer = changed(visit(begun.url), **values)
    with pytest.raises(ConsentError, match=words):
        xero.finish(REDIRECT, answer, begun.state, begun.verifier)


def test_a_code_works_once(xero: Xero) -> None:
    begun = xero.begin(REDIRECT)
    answer = visit(begun.url)
    xero.finish(REDIRECT, answer, begun.state, begun.verifier)
    with pytest.raises(ConsentError, match="used before"):
        xero.finish(REDIRECT, answer, begun.state, begun.verifier)


def test_a_code_that_took_too_long(xero: Xero, advance: Any) -> None:
    begun = xero.begin(REDIRECT)
    answer = visit(begun.url)
    advance(301)
    with pytest.raises(ConsentError, match="too long"):
        xero.finish(REDIRECT, answer, begun.state, begun.verifier)


def test_somebody_elses_code_does_not_fit_our_verifier(xero: Xero) -> None:
    stolen, begun = xero.begin(REDIRECT), xero.begin(REDIRECT)
    answer = changed(visit(stolen.url), state=begun.state)
    with pytest.raises(ConsentError):
        xero.finish(REDIRECT, answer, begun.state, begun.verifier)


def test_a_consent_without_an_organisation(xero: Xero, sandbox: Sandbox) -> None:
    begun = xero.begin(REDIRECT)
    answer = visit(begun.url)
    sandbox.world.faults.add(Fault("empty-list", path="/connections"))
    with pytest.raises(ConsentError, match="larger plan"):
        xero.finish(REDIRECT, answer, begun.state, begun.verifier)


@pytest.mark.parametrize("kind", ["500", "503", "cut-before", "cut-after", "minute", "html", "empty-body", "truncated"])
def test_an_identity_server_in_trouble(xero: Xero, sandbox: Sandbox, kind: str) -> None:
    begun = xero.begin(REDIRECT)
    answer = visit(begun.url)
    sandbox.world.faults.add(Fault(kind, path="/connect/token"))
    with pytest.raises(TransientError):
        xero.finish(REDIRECT, answer, begun.state, begun.verifier)


def other(settings: Settings, redis: Redis, sessions: sessionmaker[Session], **values: Any) -> Xero:
    return Xero(settings.model_copy(update=values), redis, sessions)


def test_not_configured(settings: Settings, redis: Redis, sessions: sessionmaker[Session], xero: Xero) -> None:
    bare = other(settings, redis, sessions, xero_client_id="")
    assert xero.configured() is None
    assert "XERO_CLIENT_ID" in (bare.configured() or "")
    with pytest.raises(ConfigurationError, match="XERO_CLIENT_ID"):
        bare.begin(REDIRECT)


def test_secrets_do_not_travel_in_the_open(settings: Settings, redis: Redis, sessions: sessionmaker[Session]) -> None:
    open_one = other(settings, redis, sessions, xero_token_url="http://identity.example/connect/token")
    with pytest.raises(ConfigurationError, match="https://"):
        open_one.begin(REDIRECT)


def test_a_wrong_secret_is_a_matter_of_settings(
    settings: Settings, redis: Redis, sessions: sessionmaker[Session]
) -> None:
    wrong = other(settings, redis, sessions, xero_client_secret=SecretStr("wrong"))
    begun = wrong.begin(REDIRECT)
    with pytest.raises(ConfigurationError, match="XERO_CLIENT_SECRET"):
        wrong.finish(REDIRECT, visit(begun.url), begun.state, begun.verifier)


def test_a_custom_connection_needs_no_person(settings: Settings, redis: Redis, sessions: sessionmaker[Session]) -> None:
    secret = SecretStr("demo-custom-secret")
    custom = other(settings, redis, sessions, xero_client_id="demo-custom", xero_client_secret=secret)
    granted = custom.custom()
    connection = connect(sessions, granted)
    with sessions() as session:
        row = session.get_one(Authorisation, granted.authorisation_id)
        assert (row.grant, row.refresh_token) == (Grant.CLIENT_CREDENTIALS, None)
    assert custom.organisation(connection).base_currency


def test_an_app_that_may_not_be_custom(xero: Xero) -> None:
    with pytest.raises(ConfigurationError):
        xero.custom()


def test_nothing_secret_is_logged(xero: Xero, caplog: pytest.LogCaptureFixture, sessions: Any) -> None:
    with caplog.at_level("DEBUG"):
        granted = consent(xero)
    with sessions() as session:
        row = session.get_one(Authorisation, granted.authorisation_id)
        assert row.access_token not in caplog.text
        assert str(row.refresh_token) not in caplog.text
