"""The pages of undoing a job: what it would do, who may, and what became of it."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from backoffice.clock import now
from backoffice.models import (
    Account,
    Alert,
    Author,
    Company,
    Connection,
    Contact,
    JobState,
    Payment,
    Role,
    SyncJob,
    Undo,
    writing_as,
)
from backoffice.models.leased import GIVEN_UP
from jobs import JOBS, sweep
from tests.admin.conftest import Browser, Db, a_job, a_record, integrate


def place(company: Company, rest: str = "") -> str:
    return f"/c/{company.id}/undo/{rest}"


@pytest.fixture
def job(session: Db, company: Company, connection: Connection) -> SyncJob:
    """One that has changed two contacts and an account, and made a contact."""
    job = a_job(session, connection, JobState.COMPLETED, title="Nightly")
    acme, other = (a_record(session, Contact, company, name=name, phone="1") for name in ("Acme Ltd", "Other Ltd"))
    account = a_record(session, Account, company, name="Sales")
    with writing_as(Author(sync_job_id=job.id)):
        acme.phone, acme.city, other.phone, account.name = "2", "Wellington", "2", "Income"
        session.add(Contact(company_id=company.id, name="Newcomer"))
        session.commit()
    for record in (acme, other, account):
        integrate(session, connection, record)
    return job


def shown(text: str) -> str:
    return " ".join(html.unescape(text).split())


def test_a_jobs_page_leads_to_undoing_it(session: Db, company: Company, job: SyncJob, browser: Browser) -> None:
    text = browser.says(f"/c/{company.id}/sync-jobs/details/?id={job.id}")
    assert "Undo what this job changed here" in text
    assert f"/c/{company.id}/undo/?job={job.id}" in text
    idle = a_job(session, session.get_one(Connection, job.connection_id), JobState.COMPLETED)
    assert "Undo" not in browser.says(f"/c/{company.id}/sync-jobs/details/?id={idle.id}")
    assert "This job changed nothing here." in browser.says(place(company, f"?job={idle.id}"))


def test_the_preview_says_what_would_be_and_what_would_not(
    session: Db, company: Company, job: SyncJob, browser: Browser
) -> None:
    text = shown(browser.says(place(company, f"?job={job.id}")))
    assert "3 values brought back, 1 record archived, 1 value left." in text
    assert "3 records will be sent to Xero. What is archived here is archived there, too." in text
    assert "Sales comes from Xero" not in text
    assert "Income comes from Xero and is changed there." in text
    session.expire_all()
    assert {contact.phone for contact in session.query(Contact).filter(Contact.phone.is_not(None))} == {"2"}


def test_undoing_is_asked_for_once_and_done_by_a_worker(
    app: Flask, session: Db, company: Company, job: SyncJob, browser: Browser
) -> None:
    answer = browser.post(place(company), {"job": job.id}, follow=True)
    assert "Waits for a worker" in answer.text
    assert "is being undone already" in browser.post(place(company), {"job": job.id}, follow=True).text
    row = session.query(Undo).one()
    with app.app_context():
        sweep()
        JOBS["undo"](row.id)
    session.expire_all()
    text = shown(browser.says(place(company, f"result/?id={row.id}")))
    assert "3 values brought back, 1 record archived, 1 value left." in text
    assert "Income comes from Xero and is changed there." in text
    assert (row.done, row.changed, row.archived) == (4, 3, 1)
    found = {contact.name: (contact.phone, contact.city, contact.archived) for contact in session.query(Contact)}
    assert found == {
        "Acme Ltd": ("1", None, False),
        "Other Ltd": ("1", None, False),
        "Newcomer": (None, None, True),
    }
    again = shown(browser.says(place(company, f"?job={job.id}")))
    assert "Undone</a> by Operator" in again
    assert "0 values brought back" in again


def test_one_that_was_given_up_says_so_and_what_to_do(
    session: Db, company: Company, job: SyncJob, browser: Browser
) -> None:
    given_up = Undo(company_id=company.id, sync_job_id=job.id, ended_at=now(), reason=GIVEN_UP, records=4, done=1)
    session.add(given_up)
    session.commit()
    text = shown(browser.says(place(company, f"result/?id={given_up.id}")))
    assert ("The job was only partly undone." in text, GIVEN_UP in text, "<progress" in text) == (True, True, False)
    assert "Undone in part" in browser.says(place(company, f"?job={job.id}"))


def test_a_payment_into_changed_hands_is_left_until_somebody_has_looked(
    app: Flask, session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    job = a_job(session, connection, JobState.COMPLETED)
    payment = a_record(session, Payment, company)
    before = payment.amount
    with writing_as(Author(sync_job_id=job.id)):
        payment.amount = before / 2
        session.commit()
    about = {"kind": Contact.kind, "record_id": payment.document.contact_id, "column": "bank_account"}
    alert = Alert(company_id=company.id, **about, old="12-3456", new="66-6666")
    session.add(alert)
    session.commit()
    assert "somebody has to acknowledge that first" in browser.says(place(company, f"?job={job.id}"))
    assert undone(app, session, company, job, browser) == (0, 1)
    assert payment.amount == before / 2
    browser.post(f"/c/{company.id}/alerts/acknowledge/", {"id": alert.id})
    assert undone(app, session, company, job, browser) == (1, 0)
    assert payment.amount == before


def undone(app: Flask, session: Db, company: Company, job: SyncJob, browser: Browser) -> tuple[int, int]:
    """How many records were changed by undoing a job, and how many values were left."""
    browser.post(place(company), {"job": job.id})
    row = session.query(Undo).order_by(Undo.id.desc()).first()
    assert row is not None
    with app.app_context():
        JOBS["undo"](row.id)
    session.expire_all()
    return row.changed, row.left


def test_a_job_under_way_is_not_undone(session: Db, company: Company, connection: Connection, browser: Browser) -> None:
    running = a_job(session, connection, JobState.RUNNING)
    assert "still under way" in browser.says(place(company, f"?job={running.id}"))
    assert "still under way" in browser.post(place(company), {"job": running.id}, follow=True).text
    assert session.query(Undo).count() == 0


def test_viewers_look_and_undo_nothing(
    session: Db, company: Company, job: SyncJob, browser_as: Callable[[Role], Browser]
) -> None:
    viewer = browser_as(Role.VIEWER)
    text = viewer.says(place(company, f"?job={job.id}"))
    assert "Undo it" not in text
    assert viewer.post(place(company), {"job": job.id}).status_code == 403
    assert session.query(Undo).count() == 0


def test_another_companys_job_and_undoing_are_nowhere(
    session: Db, elsewhere: Company, job: SyncJob, browser: Browser
) -> None:
    undo = Undo(company_id=job.company_id, sync_job_id=job.id)
    session.add(undo)
    session.commit()
    assert browser.get(place(elsewhere, f"?job={job.id}")).status_code == 404
    assert browser.post(place(elsewhere), {"job": job.id}).status_code == 404
    assert browser.get(place(elsewhere, f"result/?id={undo.id}")).status_code == 404


@pytest.mark.parametrize("odd", ["job=x", "job=", "job=99999999999999999999", "id=%00"])
def test_no_address_breaks_the_pages(odd: Any, company: Company, browser: Browser) -> None:
    for rest in ("", "result/"):
        assert browser.get(place(company, f"{rest}?{odd}")).status_code == 404
