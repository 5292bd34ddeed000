"""The page of jobs: what is listed, told live, cancelled, tried again and begun."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from backoffice.clock import now
from backoffice.models import (
    AttemptState,
    Company,
    Connection,
    Contact,
    JobState,
    Link,
    PullRun,
    StartedBy,
    SyncAttempt,
    SyncAttemptItem,
    SyncJob,
    Waiting,
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


def test_a_job_of_every_list_does_not_name_them_all(
    app: Flask, session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    every = [mapper.kind for mapper in app.extensions["providers"]["xero"].mappers]
    whole = a_job(session, connection, JobState.FAILED, kinds=every, ended_at=now(), reason="No.")
    part = a_job(session, connection, JobState.FAILED, kinds=["contact", "item"], ended_at=now(), reason="No.")
    overview = browser.says(f"/c/{company.id}/")
    assert ("Update (everything) failed" in overview, "Update (contacts, items) failed" in overview) == (True, True)
    for job, said in ((whole, ">everything</span>"), (part, ">contacts, items</span>")):
        assert said in overview
        assert said in browser.says(f"/c/{company.id}/sync-jobs/details/?id={job.id}").lower()


def test_lists_and_requests_are_called_as_everywhere_else(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    job = a_job(session, connection, JobState.COMPLETED, kinds=["tracking", "bill"], ended_at=now())
    for resource in ("TrackingCategories", "Invoices", "Gone"):
        session.add(PullRun(connection_id=connection.id, sync_job_id=job.id, resource=resource))
    link = integrate(session, connection, a_record(session, Contact, company))
    common = {"connection_id": connection.id, "sync_job_id": job.id, "resource": "Contacts", "action": "create"}
    attempt = SyncAttempt(idempotency_key="k", state=AttemptState.SETTLED, **common)
    item = {"position": 0, "kind": "contact", "record_id": link.record_id, "revision": 1, "payload": {}}
    attempt.items.append(SyncAttemptItem(link_id=link.id, **item))
    session.add(attempt)
    session.commit()
    text = browser.says(f"/c/{company.id}/sync-jobs/details/?id={job.id}")
    for said in ("Tracking categories, tracking options", "Bills, invoices", "Gone", "Create contacts"):
        assert f"<td>{said}</td>" in text, said


def test_what_was_left_of_the_calls_days_ago_is_not_said_to_be_left(
    session: Db, connection: Connection, browser: Browser
) -> None:
    connection.day_left, connection.minute_left, connection.budget_at = 4321, 53, now() - timedelta(days=2)
    job = a_job(session, connection, JobState.COMPLETED, ended_at=now())
    text = browser.says(f"/c/{connection.company_id}/sync-jobs/details/?id={job.id}")
    assert ("4,321" in text, text.count("not known yet")) == (False, 2)


def test_progress_is_told_to_the_page(session: Db, connection: Connection, browser: Browser) -> None:
    doing = {"text": "Bringing in contacts", "done": 6000, "total": 10_000}
    running = a_job(session, connection, JobState.RUNNING, progress=doing, calls=7)
    waits = a_job(
        session,
        connection,
        JobState.PENDING,
        waiting_kind=Waiting.LIMIT,
        waiting_for="the minute limit",
        due_at=now() + timedelta(seconds=9),
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
    session.refresh(job)
    assert job.state is JobState.CANCELLED  # what somebody cancelled is not done after all
    asking = a_job(session, connection, JobState.FAILED, question="Items", kinds=["item"], reason="It came back empty.")
    assert "They are really gone" in browser.says(f"{place}/details/?id={asking.id}")
    browser.post(f"{place}/accept-empty/", {"id": asking.id})
    session.refresh(asking)
    assert (asking.state, asking.accept_empty) == (JobState.PENDING, ["Items"])


def test_what_failed_is_tried_again_in_its_place(session: Db, connection: Connection, browser: Browser) -> None:
    place = f"/c/{connection.company_id}/sync-jobs"
    failed = a_job(session, connection, JobState.FAILED, reason="Xero did not answer.", created=5)
    done = a_job(session, connection, JobState.COMPLETED)
    for job in (failed, done):
        answer = browser.post(f"{place}/retry/", {"id": job.id})
        assert answer.location.endswith(f"/sync-jobs/details/?id={job.id}")
    session.expire_all()
    assert (failed.state, failed.reason, failed.created) == (JobState.PENDING, None, 5)
    assert (done.state, session.query(SyncJob).count()) == (JobState.COMPLETED, 2)
    assert "Retry" not in browser.says(f"{place}/details/?id={done.id}")


def test_a_job_that_left_refusals_is_tried_again_in_its_place(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    job = a_job(session, connection, JobState.COMPLETED, refused=1)
    link = integrate(session, connection, a_record(session, Contact, company))
    link.refusal, link.refusal_cause, link.synced_by_id = "Too long.", "name", job.id
    session.commit()
    browser.post(f"/c/{company.id}/sync-jobs/retry/", {"id": job.id})
    session.expire_all()
    assert (job.state, session.get_one(Link, link.id).refusal) == (JobState.PENDING, None)


def test_retry_all(session: Db, connection: Connection, browser: Browser) -> None:
    failed = [a_job(session, connection, JobState.FAILED) for _ in range(3)]
    others = [a_job(session, connection, state) for state in (JobState.COMPLETED, JobState.CANCELLED)]
    asking = a_job(session, connection, JobState.FAILED, question="Items")
    browser.post(f"/c/{connection.company_id}/sync-jobs/retry-all/")
    session.expire_all()
    assert {job.state for job in failed} == {JobState.PENDING}
    assert [job.state for job in others] == [JobState.COMPLETED, JobState.CANCELLED]
    assert (asking.state, session.query(SyncJob).count()) == (JobState.FAILED, 6)


@pytest.mark.parametrize(
    ("kind", "said", "shown"),
    [
        (Waiting.LIMIT, "the daily limit", "Waiting for Xero’s daily limit"),
        (Waiting.JOB, "a more urgent job", "Waiting for a more urgent job"),
        (Waiting.FAILURE, "Xero did not answer", "Xero did not answer"),
    ],
)
def test_what_a_job_waits_for_is_told_by_its_kind(
    kind: Waiting, said: str, shown: str, session: Db, connection: Connection, browser: Browser
) -> None:
    job = a_job(session, connection, JobState.PENDING, waiting_kind=kind, waiting_for=said)
    assert f">{shown}</span>" in browser.says(f"/c/{connection.company_id}/sync-jobs/details/?id={job.id}")


@pytest.mark.parametrize(
    ("started_by", "said"),
    [
        (StartedBy.SAVE, "by itself, on save"),
        (StartedBy.SCHEDULE, "by itself, on schedule"),
        (StartedBy.COMMAND, "from the command line"),
    ],
)
def test_who_asked_for_a_job_is_told_by_its_column(
    started_by: StartedBy, said: str, session: Db, connection: Connection, browser: Browser
) -> None:
    job = a_job(session, connection, JobState.COMPLETED, title="Nightly", started_by=started_by)
    place = f"/c/{connection.company_id}/sync-jobs"
    assert said in browser.says(f"{place}/?tab=completed")
    assert said in browser.says(f"{place}/details/?id={job.id}")


def test_a_settled_request_says_how(session: Db, connection: Connection, browser: Browser) -> None:
    job = a_job(session, connection, JobState.COMPLETED)
    common = {"connection_id": connection.id, "sync_job_id": job.id, "resource": "Contacts", "action": "create"}
    note = "Sent again under the same key."
    session.add(SyncAttempt(idempotency_key="k", state=AttemptState.SETTLED, note=note, **common))
    session.commit()
    text = browser.says(f"/c/{connection.company_id}/sync-jobs/details/?id={job.id}")
    assert (note in text, "looking it up" in text) == (True, False)


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
