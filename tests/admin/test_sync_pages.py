"""The pages of jobs, queue, integrations and matches."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from backoffice.clock import now
from backoffice.errors import ConfigurationError, ConsentError
from backoffice.models import (
    Company,
    Connection,
    ConnectionState,
    Contact,
    History,
    JobState,
    Link,
    Match,
    Role,
    SyncJob,
    TaxMapping,
    TaxRate,
    Work,
)
from backoffice.sync.provider import Consent, Finding, Granted, Organisation
from tests.admin.conftest import Browser, Db, a_record, integrate


def a_job(session: Db, connection: Connection, state: JobState, **values: Any) -> SyncJob:
    job = SyncJob(
        company_id=connection.company_id,
        connection_id=connection.id,
        state=state,
        **{"work": Work.UPDATE, "kinds": ["contact"], "title": "Update", **values},
    )
    session.add(job)
    session.commit()
    return job


# Jobs.


def test_jobs_are_listed_by_state(session: Db, connection: Connection, browser: Browser) -> None:
    for state in JobState:
        a_job(session, connection, state, title=f"Job {state.value}")
    for state in JobState:
        text = browser.says(f"/c/{connection.company_id}/sync-jobs/?tab={state.value}")
        assert [other for other in JobState if f"Job {other.value}" in text] == [state]


def test_a_job_with_refusals_stays_under_failed_until_they_are_settled(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    job = a_job(session, connection, JobState.COMPLETED, refused=1)
    link = integrate(session, connection, a_record(session, Contact, company))
    link.refusal, link.refusal_cause, link.synced_by_id = "Too long.", "name", job.id
    session.commit()
    failed = f"/c/{company.id}/sync-jobs/?tab=failed"
    assert "Completed with 1 refused" in browser.says(failed)
    browser.post(f"/c/{company.id}/sync-queue/retry/", {"link": link.id})
    assert "Completed with 1 refused" not in browser.says(failed)


def test_nothing_changed_is_said_in_words(session: Db, connection: Connection, browser: Browser) -> None:
    job = a_job(session, connection, JobState.COMPLETED, unchanged=500)
    text = browser.says(f"/c/{connection.company_id}/sync-jobs/details/?id={job.id}")
    assert "No objects need to be updated" in text


def test_progress_is_told_to_the_page(session: Db, connection: Connection, browser: Browser) -> None:
    doing = {"text": "Bringing in contacts", "done": 6000, "total": 10_000}
    running = a_job(session, connection, JobState.RUNNING, progress=doing, calls=7)
    waits = a_job(session, connection, JobState.PENDING, waiting_for="the minute limit", due_at=now() + timedelta(seconds=9))
    ids = f"{running.id},{waits.id},x,99999999999999999999"
    told = browser.get(f"/c/{connection.company_id}/sync-jobs/progress/?ids={ids}").get_json()["jobs"]
    first, second = sorted(told, key=lambda job: job["id"])
    assert (first["text"], first["done"], first["total"], first["calls"]) == ("Bringing in contacts", 6000, 10_000, 7)
    assert (second["text"], second["until"]) == ("Waiting for Xero’s minute limit", waits.due_at.isoformat())


def test_another_companys_job_is_nowhere(
    session: Db, connection: Connection, elsewhere: Company, browser: Browser
) -> None:
    job = a_job(session, connection, JobState.PENDING)
    assert browser.get(f"/c/{elsewhere.id}/sync-jobs/progress/?ids={job.id}").get_json() == {"jobs": []}
    assert browser.get(f"/c/{elsewhere.id}/sync-jobs/details/?id={job.id}").status_code == 404
    for verb in ("retry", "cancel", "accept-empty"):
        assert browser.post(f"/c/{elsewhere.id}/sync-jobs/{verb}/", {"id": job.id}).status_code == 404


def test_a_job_is_cancelled_tried_again_and_taken_at_its_word(
    session: Db, connection: Connection, browser: Browser
) -> None:
    place = f"/c/{connection.company_id}/sync-jobs"
    job = a_job(session, connection, JobState.PENDING)
    browser.post(f"{place}/cancel/", {"id": job.id})
    session.refresh(job)
    assert job.state is JobState.CANCELLED
    browser.post(f"{place}/retry/", {"id": job.id})
    assert session.query(SyncJob).filter_by(state=JobState.PENDING).count() == 1
    asking = a_job(session, connection, JobState.FAILED, question="Items", kinds=["item"], reason="It came back empty.")
    assert "They are really gone" in browser.says(f"{place}/details/?id={asking.id}")
    browser.post(f"{place}/accept-empty/", {"id": asking.id})
    assert session.query(SyncJob).order_by(SyncJob.id.desc()).first().accept_empty == ["Items"]  # type: ignore[union-attr]


def test_retry_all(session: Db, connection: Connection, browser: Browser) -> None:
    for _ in range(3):
        a_job(session, connection, JobState.FAILED)
    browser.post(f"/c/{connection.company_id}/sync-jobs/retry-all/")
    assert session.query(SyncJob).filter_by(state=JobState.PENDING).count() == 1


@pytest.mark.parametrize(
    ("data", "started"),
    [
        ({"kind": ["contact", "item"], "when": "now"}, True),
        ({"kind": ["contact"], "when": "later", "at": "2999-01-01T02:00"}, True),
        ({"kind": [], "when": "now"}, False),
        ({"kind": ["nonsense"], "when": "now"}, False),
        ({"kind": ["contact"], "when": "later", "at": "soon"}, False),
        ({"kind": ["contact"], "when": "later", "at": "2001-01-01T00:00"}, False),
        ({"kind": ["contact"], "when": "later", "at": "0001-01-01T00:00"}, False),
    ],
)
def test_a_new_job_on_demand(
    data: dict[str, Any], started: bool, session: Db, connection: Connection, browser: Browser
) -> None:
    answer = browser.post(f"/c/{connection.company_id}/sync-jobs/new/", data)
    assert answer.status_code == (303 if started else 200)
    assert session.query(SyncJob).count() == int(started)


def test_update_on_a_list_starts_one_job(session: Db, company: Company, connection: Connection, browser: Browser) -> None:
    for _ in range(2):
        shown = browser.post(f"/c/{company.id}/items/update/", follow=True)
    job = session.query(SyncJob).one()
    assert (job.kinds, job.title, job.user_id is not None) == (["item"], "Update", True)
    assert "is under way already" in shown.text


# Queue.


def test_the_queue_says_why_and_lets_a_person_decide(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    records = [a_record(session, Contact, company, name=f"Contact {i}") for i in range(3)]
    links = [session.query(Link).filter_by(record_id=r.id).one() for r in records]
    links[0].refusal, links[0].refusal_cause, links[0].refusal_column = "The e-mail is not one.", "email", "email"
    links[1].blocked_kind, links[1].blocked_record_id = "contact", records[0].id
    session.commit()
    place = f"/c/{company.id}/sync-queue/"
    text = browser.says(place)
    assert f'/suppliers/edit/?id={records[0].id}#email"' in text
    assert "Blocked by contact Contact 0" in text
    assert "Contact 1" not in browser.says(f"{place}?state=refused&kind=contact&cause=email")
    assert "Say why" in browser.post(f"{place}skip/", {"link": links[0].id}, follow=True).text
    browser.post(f"{place}skip/", {"link": links[0].id, "reason": "not ours"})
    session.expire_all()
    assert (links[0].pending, links[0].refusal) == (False, None)
    assert session.query(History).filter_by(action="skipped").one().new == "not ours"


def test_one_cause_is_tried_again_together(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    links = [integrate(session, connection, a_record(session, Contact, company, name=f"C{i}")) for i in range(4)]
    for number, link in enumerate(links):
        link.refusal, link.refusal_cause = "No.", "email" if number else "name"
    session.commit()
    browser.post(f"/c/{company.id}/sync-queue/retry-cause/", {"cause": "email"})
    session.expire_all()
    assert [link.refusal for link in links] == ["No.", None, None, None]


@pytest.mark.parametrize("odd", ["state=x", "kind=x", "cause=%00", "page=-1", "page=99999999999999999999", "state=%00"])
def test_no_address_breaks_the_sync_pages(odd: str, connection: Connection, browser: Browser) -> None:
    for page in ("sync-queue", "sync-jobs", "matches", "integrations"):
        assert browser.says(f"/c/{connection.company_id}/{page}/?tab=x&{odd}")


# Integrations.


class PlayedProvider:
    """An accounting system whose sign-in goes as the test says."""

    key, name, paged = "xero", "Xero", frozenset({"Contacts"})

    def __init__(self, real: Any) -> None:
        self.mappers, self.ended = real.mappers, list[str]()
        self.organisations: tuple[Organisation, ...] = (Organisation("o-1", "One Ltd", "c-1"),)
        self.error: Exception | None = None
        self.missing: str | None = None

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
        return Granted(0, self.organisations)

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


def test_several_organisations_are_asked_about(
    xero: PlayedProvider, company: Company, administrator: Browser
) -> None:
    xero.organisations = (Organisation("o-1", "One Ltd"), Organisation("o-2", "Two Ltd"))
    begin(administrator, company)
    text = administrator.says("/oauth/xero/callback?state=st&code=c")
    assert ("One Ltd" in text, "Two Ltd" in text, "Which organisation is" in text) == (True, True, True)
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
    assert "Unlink Demo Company" in administrator.says(f"{place}/disconnect/")
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


# Matches.


@pytest.fixture
def doubt(session: Db, company: Company, connection: Connection) -> Link:
    """One record that may be two of theirs, and one that is like nothing there."""
    link = None
    for name in ("Acme", "Brand new"):
        record = a_record(session, Contact, company, name=name)
        link = link or session.query(Link).filter_by(record_id=record.id).one()
    assert link
    for one in ("t-1", "t-2"):
        payload = {"ContactID": one, "Name": "ACME", "EmailAddress": f"{one}@b.nz", "ContactStatus": "ACTIVE"}
        session.add(
            Match(connection_id=connection.id, resource="Contacts", link_id=link.id, external_id=one,
                  payload=payload, matched_by="name")
        )  # fmt: skip
    session.commit()
    return link


def test_nothing_is_sent_before_a_person_has_seen_it(
    session: Db, company: Company, connection: Connection, doubt: Link, browser: Browser
) -> None:
    place = f"/c/{company.id}/matches/"
    text = browser.says(place)
    assert ("In doubt" in text, "Would be created in Xero" in text, "t-2@b.nz" in text) == (True, True, True)
    new = session.query(Link).filter(Link.id != doubt.id).one()
    browser.post(place, {f"choice-{doubt.id}": "t-2", f"listed-{new.id}": "1"})
    session.expire_all()
    chosen = {match.external_id: match.chosen for match in session.query(Match)}
    assert chosen == {"t-1": False, "t-2": True}
    assert (new.paused, connection.push_confirmed_at is not None) == (True, True)


def test_a_choice_that_was_not_offered_is_none(
    session: Db, company: Company, connection: Connection, doubt: Link, browser: Browser
) -> None:
    browser.post(f"/c/{company.id}/matches/", {f"choice-{doubt.id}": "somebody else's"})
    assert {match.chosen for match in session.query(Match)} == {None}


# Tax-rate mappings, settings, companies.


def test_a_mapping_takes_only_a_rate_of_its_side_and_company(
    session: Db, company: Company, elsewhere: Company, browser: Browser
) -> None:
    sales = a_record(session, TaxRate, company, name="On income", for_sales=True)
    alien = a_record(session, TaxRate, elsewhere, name="Alien", for_sales=True)
    place = f"/c/{company.id}/tax-mappings"
    look_up = browser.get(f"{place}/ajax/lookup/?name=tax_rate&query=&side=sales").get_json()
    assert [row[0] for row in look_up] == [sales.id]
    assert browser.get(f"{place}/ajax/lookup/?name=tax_rate&query=&side=purchases").get_json() == []
    data = {"code": "GST", "name": "GST", "rate": "15", "side": "sales"}
    assert "is not for purchases" in browser.post(f"{place}/new/", {**data, "side": "purchases", "tax_rate": sales.id}).text
    browser.post(f"{place}/new/", {**data, "tax_rate": sales.id})
    mapping = session.query(TaxMapping).one()
    assert mapping.tax_rate_id == sales.id
    assert "there can be only one" in browser.post(f"{place}/new/", data).text
    browser.post(f"{place}/edit/?id={mapping.id}", {**data, "tax_rate": alien.id})
    session.refresh(mapping)
    assert mapping.tax_rate_id != alien.id
    assert browser.post(f"/c/{elsewhere.id}/tax-mappings/delete/", {"id": mapping.id}).status_code == 404
    browser.post(f"{place}/delete/", {"id": mapping.id})
    assert session.query(TaxMapping).count() == 0


def test_settings_of_a_company(session: Db, company: Company, administrator: Browser) -> None:
    place = f"/c/{company.id}/settings/"
    administrator.post(place, {"conflict_winner": "ours", "nightly_at": "03:30"})
    text = administrator.says(place)
    assert 'value="03:30"' in text
    assert "This was not saved." in administrator.post(place, {"conflict_winner": "x", "nightly_at": "late"}).text


def test_companies_are_added_and_changed(session: Db, company: Company, administrator: Browser) -> None:
    administrator.post("/companies/new", {"name": "Third Ltd", "time_zone": "Pacific/Auckland"})
    third = session.query(Company).filter_by(name="Third Ltd").one()
    assert "There is no such time zone" in administrator.post("/companies/new", {"name": "X", "time_zone": "Mars"}).text
    told = administrator.post("/companies/new", {"name": "Third Ltd", "time_zone": "UTC"})
    assert "There is a company called Third Ltd already." in told.text
    administrator.post(f"/companies/edit?id={third.id}", {"name": "Third Limited", "time_zone": "UTC"})
    session.refresh(third)
    assert (third.name, third.time_zone) == ("Third Limited", "UTC")


def test_a_viewer_sees_no_buttons(
    session: Db, company: Company, connection: Connection, browser_as: Callable[[Role], Browser]
) -> None:
    viewer = browser_as(Role.VIEWER)
    record = a_record(session, Contact, company)
    for page in ("suppliers/", f"suppliers/details/?id={record.id}", "integrations/", "sync-queue/", "sync-jobs/"):
        text = viewer.says(f"/c/{company.id}/{page}")
        assert text.count('method="post"') == 1, page  # signing out
