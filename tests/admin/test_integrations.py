"""Linking a company through the browser, testing and unlinking it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from backoffice.clock import now
from backoffice.errors import ConfigurationError, ConsentError, Ending
from backoffice.models import (
    Authorisation,
    Company,
    Connection,
    ConnectionState,
    Contact,
    Deletion,
    JobState,
    Link,
    PullRun,
    SyncJob,
)
from backoffice.sync import linking
from backoffice.sync.provider import Consent, Finding, Granted, Organisation
from jobs import JOBS
from tests.admin.conftest import Browser, Db, a_job, a_record


class PlayedProvider:
    """An accounting system whose sign-in goes as the test says."""

    key, name, paged, minute_limit = "xero", "Xero", frozenset({"Contacts"}), 60
    notifies = frozenset[str]()

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


@pytest.mark.parametrize("far", ["begun", "done"])
def test_an_answer_for_a_company_that_is_deleted_links_nothing(
    far: str, app: Flask, xero: PlayedProvider, session: Db, company: Company, administrator: Browser
) -> None:
    xero.organisations = (Organisation("o-1", "One Ltd"), Organisation("o-2", "Two Ltd"))
    begin(administrator, company)
    text = administrator.says("/oauth/xero/callback?state=st&code=c")
    sealed = text.split('name="sealed" value="')[1].split('"')[0]
    administrator.post(f"/companies/delete/?id={company.id}", {"name": company.name})
    if far == "done":
        with app.app_context():
            JOBS["delete_company"](session.query(Deletion).one().id)
    session.expire_all()
    assert administrator.post("/oauth/choose", {"sealed": sealed, "organisation": "1"}).status_code == 303
    assert (session.query(Connection).count(), session.query(SyncJob).count()) == (0, 0)


def test_another_organisation_is_linked_only_when_the_first_one_is_not(
    xero: PlayedProvider, session: Db, company: Company, connection: Connection, administrator: Browser
) -> None:
    begin(administrator, company)
    text = administrator.client.get("/oauth/xero/callback?state=st&code=c", follow_redirects=True).text
    assert "This company is linked to Demo Company. Unlink that before you link One Ltd." in text
    assert session.query(Connection).count() == 1


def test_another_organisation_starts_a_new_book_only_when_somebody_says_so(
    xero: PlayedProvider, session: Db, company: Company, connection: Connection, administrator: Browser
) -> None:
    a_record(session, Contact, company, name="In The First Ltd")
    place = f"/c/{company.id}"
    administrator.post(f"{place}/integrations/disconnect/")
    begin(administrator, company)
    text = administrator.says("/oauth/xero/callback?state=st&code=c")
    assert ("One Ltd is another organisation" in text, "Nothing was changed yet." in text) == (True, True)
    assert session.query(Connection).count() == 1
    assert "In The First Ltd" in administrator.says(f"{place}/suppliers/")
    form = {"sealed": text.split('name="sealed" value="')[1].split('"')[0], "organisation": "1"}
    assert "Start a new book with One Ltd" in administrator.post("/oauth/choose", form).text
    assert session.query(Connection).count() == 1
    administrator.post("/oauth/choose", {**form, "another_book": "1"})
    assert "One Ltd" in administrator.says(f"{place}/integrations/")
    listed = administrator.says(f"{place}/suppliers/")
    assert ("In The First Ltd" in listed, '<span class="count">0</span>' in listed) == (False, True)
    record = session.query(Contact).execution_options(every_book=True).one()
    for path in (f"suppliers/details/?id={record.id}", f"suppliers/edit/?id={record.id}"):
        assert administrator.get(f"{place}/{path}").status_code in (302, 404), path
    assert "In The First Ltd" not in administrator.says(f"{place}/suppliers/export/csv/")

    administrator.post(f"{place}/integrations/disconnect/")
    xero.organisations = (Organisation("t-1", "Demo Company", "c-9"),)
    begin(administrator, company)
    text = administrator.says("/oauth/xero/callback?state=st&code=c")
    assert "Go back to the book of Demo Company" in text
    form = {"sealed": text.split('name="sealed" value="')[1].split('"')[0], "organisation": "1", "another_book": "1"}
    administrator.post("/oauth/choose", form)
    assert "In The First Ltd" in administrator.says(f"{place}/suppliers/")


def test_a_demo_company_that_was_reset_is_said_to_be_one(
    xero: PlayedProvider, session: Db, company: Company, connection: Connection, administrator: Browser
) -> None:
    connection.state, connection.lost_reason = ConnectionState.NEEDS_RECONNECTING, Ending.DEMO_GONE
    session.commit()
    xero.organisations = (Organisation("t-2", "Demo Company", "c-2"),)
    begin(administrator, company)
    text = administrator.says("/oauth/xero/callback?state=st&code=c")
    assert "It has the same name and another id" in text
    form = {"sealed": text.split('name="sealed" value="')[1].split('"')[0], "organisation": "1", "another_book": "1"}
    administrator.post("/oauth/choose", form)
    session.expire_all()
    assert {one.external_id: one.active for one in session.query(Connection)} == {"t-1": False, "t-2": True}


def test_a_connection_that_is_answered_for_again_goes_on(
    xero: PlayedProvider,
    session: Db,
    company: Company,
    connection: Connection,
    administrator: Browser,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection.state, connection.lost_reason = ConnectionState.NEEDS_RECONNECTING, Ending.ORGANISATION_CLOSED
    session.commit()
    monkeypatch.setattr(xero, "test", lambda _connection: Finding(True, "Xero answers for Demo Company."))
    told = administrator.post(f"/c/{company.id}/integrations/test/", {"url": "/companies/"}, follow=True).text
    assert ("Xero answers for Demo Company." in told, "Update started." in told) == (True, True)
    session.refresh(connection)
    assert connection.usable
    assert connection.lost_reason is None


def test_a_first_sync_says_how_much_is_left_and_reloads_the_page_at_its_end(
    xero: PlayedProvider, session: Db, company: Company, connection: Connection, administrator: Browser
) -> None:
    connection.minute_left, connection.day_left, connection.budget_at = 50, 4000, now()
    job = a_job(session, connection, JobState.RUNNING, kinds=["contact", "item"], title="First sync", calls=2)
    job.started_at, job.lease_until = now() - timedelta(seconds=4), now() + timedelta(minutes=1)
    run = PullRun(connection_id=connection.id, sync_job_id=job.id, resource="Contacts", next_page=7, page_count=10)
    session.add(run)
    session.commit()

    def said() -> str:
        answer = administrator.get(f"/c/{company.id}/sync-jobs/progress/?ids={job.id}")
        found: str = answer.get_json()["jobs"][0]["estimate"]
        return found

    assert "data-reload" in administrator.says(f"/c/{company.id}/integrations/")
    assert said().startswith("at least 5 calls to go · about 1")
    run.page_count = 210
    session.commit()
    assert said() == "at least 205 calls to go · about 3 min, since Xero allows 60 calls a minute"
    connection.day_left = 100
    session.commit()
    assert said() == "at least 205 calls to go · more than the 100 that are left today: it goes on tomorrow"


def test_what_was_left_of_the_calls_long_ago_is_not_said_to_be_left_now(
    session: Db, company: Company, connection: Connection, administrator: Browser
) -> None:
    connection.minute_left, connection.day_left, connection.budget_at = 53, 4321, now()
    session.commit()
    page, overview = f"/c/{company.id}/integrations/", f"/c/{company.id}/"
    assert "4,321 left today · 53 left this minute" in administrator.says(page)
    assert "4,321 left" in administrator.says(overview)
    connection.budget_at = now() - timedelta(minutes=2)
    session.commit()
    text = administrator.says(page)
    assert ("4,321 left today" in text, "left this minute" in text) == (True, False)
    connection.budget_at = now() - timedelta(days=2)
    session.commit()
    assert "left today" not in administrator.says(page)
    assert "4,321 left" not in administrator.says(overview)


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
    for again in ("disconnect", "test"):  # a second click, or another tab
        assert "Harbour Supplies is not linked." in administrator.post(f"{place}/{again}/", follow=True).text
    assert administrator.get(f"{place}/disconnect/").location.endswith(f"{place}/")


def test_a_lost_connection_is_said_on_every_page(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    connection.state, connection.problem = ConnectionState.NEEDS_RECONNECTING, "The consent has ended."
    session.commit()
    for page in ("", "suppliers/", "sync-jobs/", "settings/"):
        assert "Demo Company needs linking again." in browser.says(f"/c/{company.id}/{page}")


def test_the_ticked_kinds_are_updated(session: Db, company: Company, connection: Connection, browser: Browser) -> None:
    place = f"/c/{company.id}/integrations/update/"
    assert "Tick at least one" in browser.post(place, follow=True).text
    browser.post(place, {"kind": ["account", "tax_rate", "nonsense"]})
    assert set(session.query(SyncJob).one().kinds) == {"account", "tax_rate"}


def test_sync_now_stays_where_it_was_pressed(company: Company, connection: Connection, browser: Browser) -> None:
    overview = f"/c/{company.id}/"
    form = browser.says(overview).split("integrations/update/")[1].split("</form>")[0]
    assert f'name="url" value="{overview}' in form
    answer = browser.post(f"{overview}integrations/update/", {"kind": "account", "url": overview})
    assert answer.location == overview


def test_what_is_synchronised_is_read_from_the_mappers(company: Company, browser: Browser) -> None:
    text = browser.says(f"/c/{company.id}/what-is-synchronised/")
    assert "EmailAddress" in text
    assert "Comes in one way; changed there" in text


def test_what_is_set_aside_can_be_looked_at_and_its_contacts_copied(
    xero: PlayedProvider, session: Db, company: Company, elsewhere: Company, connection: Connection, browser: Browser
) -> None:
    contact = a_record(session, Contact, company, name="<b>In The First</b>", email="a@b.example", is_supplier=True)
    session.query(Link).filter_by(record_id=contact.id).one().synced_revision = 0
    linking.unlink(session, connection)
    played: Any = xero
    other, _ = linking.link(
        session, played, company.id, Organisation("o-1", "One Ltd"), xero.authorisation_id, None, True
    )
    place = f"/c/{company.id}/set-aside/?book={connection.id}"
    text = browser.says(place)
    assert ("The book of Demo Company" in text, "<b>In" in text) == (True, False)
    assert text.count("&lt;b&gt;In The First") == 2, "as a contact, and as what waited to be sent"
    assert "In The First" not in browser.says(f"{place}&search=nobody").split("<h2>Contacts</h2>")[1]
    assert "Tick at least one contact." in browser.post(place, {"rowid": ["x", "999"]}, follow=True).text
    told = browser.post(place, {"rowid": contact.id}, follow=True).text
    assert ("1 contact copied into the open book." in told, "here already" in told) == (True, True)
    assert "1 contact of the same name here already." in browser.post(place, {"rowid": contact.id}, follow=True).text
    session.expire_all()
    new = session.query(Contact).one()
    assert (new.id != contact.id, new.email, new.supplier_here, new.is_supplier) == (True, "a@b.example", True, False)
    link = session.query(Link).filter_by(record_id=new.id).one()
    assert (link.connection_id, link.pending) == (other.id, True)
    old = session.query(Contact).execution_options(every_book=True).filter_by(id=contact.id).one()
    assert old.book_id == connection.id
    for odd in (f"/c/{company.id}/set-aside/", f"/c/{company.id}/set-aside/?book={other.id}"):
        assert browser.get(odd).status_code == 404
    assert browser.get(f"/c/{elsewhere.id}/set-aside/?book={connection.id}").status_code == 404
