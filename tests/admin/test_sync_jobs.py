"""The page of jobs: what is listed, told live, cancelled, tried again and begun."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from backoffice.clock import now
from backoffice.models import (
    Company,
    Connection,
    Contact,
    JobState,
    SyncJob,
)
from tests.admin.conftest import Browser, Db, a_job, a_record, integrate


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
    waits = a_job(
        session, connection, JobState.PENDING, waiting_for="the minute limit", due_at=now() + timedelta(seconds=9)
    )
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


def test_update_on_a_list_starts_one_job(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    for _ in range(2):
        shown = browser.post(f"/c/{company.id}/items/update/", follow=True)
    job = session.query(SyncJob).one()
    assert (job.kinds, job.title, job.user_id is not None) == (["item"], "Update", True)
    assert "is under way already" in shown.text
