"""Linking a company through the browser, testing and unlinking it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from backoffice.clock import now
from backoffice.errors import ConfigurationError, ConsentError
from backoffice.models import (
    Authorisation,
    Company,
    Connection,
    ConnectionState,
    Contact,
    SyncJob,
)
from backoffice.sync.provider import Consent, Finding, Granted, Organisation
from tests.admin.conftest import Browser, Db, a_record


class PlayedProvider:
    """An accounting system whose sign-in goes as the test says."""

    key, name, paged = "xero", "Xero", frozenset({"Contacts"})

    def __init__(self, real: Any) -> None:
        self.mappers, self.ended = real.mappers, list[str]()
        self.organisations: tuple[Organisation, ...] = (Organisation("o-1", "One Ltd", "c-1"),)
        self.error: Exception | None = None
        self.missing: str | None = None
        self.authorisation_id = 0
        self.certain = True

    def configured(self) -> str | None:
        return self.missing

    def begin(self, redirect_uri: str) -> Consent:
        if self.missing:
            raise ConfigurationError(self.missing)
        return Consent(f"https://login.xero.com/?redirect_uri={redirect_uri}&state=st", "st", "verifier")

    def finish(self, redirect_uri: str, answer: str, state: str, verifier: str) -> Granted:
        assert (answer.startswith(redirect_uri), state, verifier) == (True, "st", "verifier")
        if self.error:
            raise self.error
        return Granted(self.authorisation_id, self.organisations, self.certain)

    def test(self, connection: Connection) -> Finding:
        return Finding(False, f"{connection.organisation} is gone.", "Link it again.")

    def disconnect(self, connection: Connection) -> None:
        self.ended.append(connection.external_id)

    def record_url(self, connection: Connection, link_kind: str, external_id: str) -> str | None:
        return None


@pytest.fixture
def xero(app: Flask, session: Db, monkeypatch: pytest.MonkeyPatch) -> PlayedProvider:
    played = PlayedProvider(app.extensions["providers"]["xero"])
    monkeypatch.setitem(app.extensions["providers"], "xero", played)
    consent = Authorisation(provider="xero", client_id="c", subject="s", access_token="a", expires_at=now())
    session.add(consent)
    session.commit()
    played.authorisation_id = consent.id
    return played


def begin(browser: Browser, company: Company) -> None:
    answer = browser.post(f"/c/{company.id}/integrations/xero/connect/")
    assert answer.location.startswith("https://login.xero.com/")


def test_cancelled_consent_is_said_on_its_card(xero: PlayedProvider, company: Company, administrator: Browser) -> None:
    xero.error = ConsentError("You cancelled the sign-in; nothing was linked.")
    begin(administrator, company)
    answer = administrator.client.get("/oauth/xero/callback?state=st&error=access_denied", follow_redirects=True)
    assert "You cancelled the sign-in" in answer.text


def test_a_sign_in_that_was_not_begun_here_links_nothing(
    xero: PlayedProvider, session: Db, company: Company, administrator: Browser
) -> None:
    answer = administrator.get("/oauth/xero/callback?state=other&code=c")
    assert (answer.status_code, "not begun in this browser" in answer.text) == (400, True)
    assert session.query(Connection).count() == 0


def test_one_organisation_is_linked_at_once(
    xero: PlayedProvider, session: Db, company: Company, administrator: Browser
) -> None:
    begin(administrator, company)
    answer = administrator.client.get("/oauth/xero/callback?state=st&code=c", follow_redirects=True)
    assert "One Ltd is linked." in answer.text
    assert session.query(Connection).one().company_id == company.id
    assert session.query(SyncJob).one().title == "First sync"


def test_one_organisation_is_asked_about_when_nothing_says_that_it_was_chosen(
    xero: PlayedProvider, session: Db, company: Company, administrator: Browser
) -> None:
    xero.certain = False
    begin(administrator, company)
    text = administrator.says("/oauth/xero/callback?state=st&code=c")
    assert ("One Ltd" in text, "did not say which organisation was chosen" in text) == (True, True)
    assert ("linked to another organisation" in text, session.query(Connection).count()) == (False, 0)


def test_several_organisations_are_asked_about(
    xero: PlayedProvider, session: Db, company: Company, administrator: Browser
) -> None:
    xero.organisations = (Organisation("o-1", "One Ltd"), Organisation("o-2", "Two Ltd"))
    begin(administrator, company)
    text = administrator.says("/oauth/xero/callback?state=st&code=c")
    assert ("One Ltd" in text, "Two Ltd" in text, "Which organisation is" in text) == (True, True, True)
    sealed = text.split('name="sealed" value="')[1].split('"')[0]
    assert administrator.post("/oauth/choose", {"sealed": sealed, "organisation": "9"}).status_code == 303
    assert session.query(Connection).count() == 0
    administrator.post("/oauth/choose", {"sealed": sealed, "organisation": "2"})
    assert session.query(Connection).one().organisation == "Two Ltd"
    assert administrator.post("/oauth/choose", {"sealed": "forged", "organisation": "1"}).status_code == 400


def test_another_organisation_than_before_is_asked_about(
    xero: PlayedProvider, session: Db, company: Company, connection: Connection, administrator: Browser
) -> None:
    begin(administrator, company)
    text = administrator.says("/oauth/xero/callback?state=st&code=c")
    assert "linked to another organisation before" in text
    assert session.query(Connection).count() == 1


def test_what_is_not_set_up_says_who_must_act(xero: PlayedProvider, company: Company, administrator: Browser) -> None:
    xero.missing = "Whoever runs this deployment has to set XERO_CLIENT_ID."
    assert xero.missing in administrator.says(f"/c/{company.id}/integrations/")
    told = administrator.post(f"/c/{company.id}/integrations/xero/connect/", follow=True)
    assert "Xero cannot be linked yet." in told.text


def test_testing_and_unlinking(
    xero: PlayedProvider, session: Db, company: Company, connection: Connection, administrator: Browser
) -> None:
    place = f"/c/{company.id}/integrations"
    assert "Demo Company is gone." in administrator.post(f"{place}/test/", follow=True).text
    a_record(session, Contact, company)
    asked = administrator.says(f"{place}/disconnect/")
    assert ("Unlink Demo Company" in asked, "1 record waits until it is linked again" in asked) == (True, True)
    assert "Both sides keep their records" in administrator.post(f"{place}/disconnect/", follow=True).text
    session.expire_all()
    assert (connection.active, xero.ended) == (False, ["t-1"])


def test_a_lost_connection_is_said_on_every_page(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    connection.state, connection.problem = ConnectionState.NEEDS_RECONNECTING, "The consent has ended."
    session.commit()
    for page in ("", "suppliers/", "sync-jobs/", "settings/"):
        assert "Demo Company needs reconnecting." in browser.says(f"/c/{company.id}/{page}")


def test_the_ticked_kinds_are_updated(session: Db, company: Company, connection: Connection, browser: Browser) -> None:
    place = f"/c/{company.id}/integrations/update/"
    assert "Tick at least one" in browser.post(place, follow=True).text
    browser.post(place, {"kind": ["account", "tax_rate", "nonsense"]})
    assert set(session.query(SyncJob).one().kinds) == {"account", "tax_rate"}


def test_what_is_synchronised_is_read_from_the_mappers(company: Company, browser: Browser) -> None:
    text = browser.says(f"/c/{company.id}/what-is-synchronised/")
    assert "EmailAddress" in text
    assert "Comes in one way; changed there" in text
