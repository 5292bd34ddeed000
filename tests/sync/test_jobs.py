"""Sync jobs: one at a time for a connection, asked for once, handed back and taken over without a trace."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import sessionmaker

from backoffice import clock, foreground
from backoffice.database import keyring
from backoffice.errors import LeaseLostError
from backoffice.extensions import db
from backoffice.models import Connection, ConnectionState, Contact, JobState, LinkState, SyncJob, Urgency, Work
from backoffice.queue import doorbell
from backoffice.sync import freshness, jobs, lease, pending
from tests.sync.conftest import Book
from tests.sync.moving import MovingProvider

KINDS = ["contact"]


@pytest.fixture(autouse=True)
def real_clock() -> Iterator[None]:
    yield
    clock.use()


def asked(book: Book, **more: Any) -> SyncJob:
    job, _ = jobs.request_update(book.session, book.connection, KINDS, user_id=None, **more)
    return job


def test_fifty_presses_are_one_job(book: Book, app: Flask) -> None:
    def press(_: int) -> int:
        with app.app_context():
            connection = db.session.get_one(Connection, book.connection_id)
            return jobs.request_update(db.session(), connection, KINDS, user_id=None)[0].id

    book.session.rollback()
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(press, range(50)))
    assert len(ids) == 1


def test_a_press_while_it_runs_makes_the_job_look_once_more(book: Book) -> None:
    job = asked(book)
    seen: list[int] = []

    class Pressing:
        """Somebody presses Update while the first page is on its way."""

        def __init__(self, client: Any) -> None:
            self._client = client

        def __getattr__(self, name: str) -> Any:
            return getattr(self._client, name)

        def page(self, *args: Any) -> Any:
            page = self._client.page(*args)
            seen.append(len(page.rows))
            if len(seen) == 1:
                again, new = jobs.request_update(book.session, book.connection, KINDS, user_id=None)
                assert (again.id, new) == (job_id, False)
                book.session.rollback()
                row = book.theirs.contacts()[0]
                book.theirs.edit(row["ContactID"], EmailAddress="between@two.looks")
            return page

    job_id = job.id
    book.shop = replace(book.shop, providers={"xero": MovingProvider(book.provider, Pressing)})
    job = book.run(job)
    assert job.state is JobState.COMPLETED
    assert len(seen) == 2
    assert "between@two.looks" in {contact.email for contact in book.contacts()}


def test_only_one_job_of_a_connection_runs_at_a_time(book: Book) -> None:
    first, second = asked(book), asked(book, thorough=True)
    assert first.id != second.id
    first_id, second_id = first.id, second.id
    assert jobs.due_jobs(book.session) == [first_id]  # one ring a connection
    assert lease.claim(book.session, first_id, 30) is not None
    assert lease.claim(book.session, second_id, 30) is None
    assert jobs.due_jobs(book.session) == []  # its end rings for the second
    assert jobs.next_ring(book.session, book.connection_id) == second_id


def test_a_round_rings_for_the_most_urgent_of_many_connections(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MOST", 2)
    found = []
    for number in range(3):
        other = Connection(company_id=book.company_id, provider="xero", external_id=f"other-{number}", active=False)
        other.organisation, other.state = "Other", ConnectionState.CONNECTED
        book.session.add(other)
        book.session.flush()
        urgency = Urgency.PERSON if number == 2 else Urgency.BACKGROUND
        job, _ = jobs.request(book.session, other, Work.UPDATE, ["contact"], title="Update", urgency=urgency)
        found.append(job.id)
    assert jobs.due_jobs(book.session) == [found[2], found[0]]


@pytest.mark.parametrize(
    ("under_way", "asked_for", "is_new"),
    [
        (Work.UPDATE, Work.PUSH, False),
        (Work.UPDATE, Work.RECONCILE, True),
        (Work.UPDATE, Work.PREVIEW, True),
        (Work.UPDATE, Work.NOTICES, True),
        (Work.PUSH, Work.UPDATE, True),
        (Work.RECONCILE, Work.SETTLE, True),
        (Work.SETTLE, Work.SETTLE, False),
        (Work.APPLY, Work.APPLY, True),
    ],
)
def test_a_job_that_is_under_way_does_what_its_work_covers(
    book: Book, under_way: Work, asked_for: Work, is_new: bool
) -> None:
    first, _ = jobs.request(book.session, book.connection, under_way, ["contact", "item"], title="First")
    second, new = jobs.request(book.session, book.connection, asked_for, ["contact"], title="Second")
    assert (new, second.id == first.id, second.work is asked_for or not new) == (is_new, not is_new, True)


def test_a_reconciliation_that_is_under_way_is_not_done_twice(book: Book) -> None:
    for work, again in ((Work.RECONCILE, False), (Work.SETTLE, True)):
        job, _ = jobs.request(book.session, book.connection, work, ["contact"], title="First")
        assert lease.claim(book.session, job.id, 30) is not None
        jobs.request(book.session, book.connection, work, ["contact"], title="Second")
        book.session.refresh(job)
        assert job.look_again is again
        jobs.cancel(book.session, job)
        job.state = JobState.CANCELLED
        book.session.commit()


def test_a_job_is_claimed_once_and_again_when_its_worker_goes_silent(book: Book) -> None:
    job_id = asked(book).id
    first = lease.claim(book.session, job_id, 30)
    assert first is not None
    assert lease.claim(book.session, job_id, 30) is None
    later = clock.now() + timedelta(seconds=31)
    clock.use(lambda: later)
    assert jobs.due_jobs(book.session) == [job_id]
    second = lease.claim(book.session, job_id, 30)
    assert second is not None
    assert second.fence == first.fence + 1
    with pytest.raises(LeaseLostError):
        first.write(book.session, created=99)
    second.write(book.session)
    book.session.commit()
    assert book.session.get_one(SyncJob, job_id).created == 0


def test_a_worker_that_was_stopped_too_long_writes_nothing_when_it_wakes(book: Book) -> None:
    """Its late page is fenced off: the transaction that carries it is undone."""
    job = asked(book)
    job_id = job.id
    book.theirs.edit(book.theirs.contacts()[0]["ContactID"], EmailAddress="late@page.example")
    sessions = sessionmaker(db.engine)

    class Sleepy:
        """While the answer is on its way, another worker takes the job over."""

        def __init__(self, client: Any) -> None:
            self._client = client

        def __getattr__(self, name: str) -> Any:
            return getattr(self._client, name)

        def page(self, *args: Any) -> Any:
            page = self._client.page(*args)
            later = clock.now() + timedelta(seconds=60)
            clock.use(lambda: later)
            with sessions() as session:
                assert lease.claim(session, job_id, 30) is not None
            return page

    book.shop = replace(book.shop, providers={"xero": MovingProvider(book.provider, Sleepy)})
    job = book.run(job)
    assert job.state is JobState.RUNNING, "it belongs to the other worker now"
    assert "late@page.example" not in {contact.email for contact in book.contacts()}


def test_a_backfill_gives_way_to_a_person(book: Book) -> None:
    backfill = asked(book, urgency=Urgency.BACKGROUND, title="Backfill")
    person, _ = jobs.request(
        book.session, book.connection, Work.UPDATE, ["item"], title="Update", urgency=Urgency.PERSON
    )
    backfill_id, person_id = backfill.id, person.id
    book.session.rollback()
    assert book.run(backfill).state is JobState.PENDING
    assert jobs.next_ring(book.session, book.connection_id) == person_id
    assert book.run(book.session.get_one(SyncJob, person_id)).state is JobState.COMPLETED
    assert book.run(book.session.get_one(SyncJob, backfill_id)).state is JobState.COMPLETED


@pytest.mark.parametrize("limit", ["minute", "day"])
def test_a_dry_budget_puts_the_job_back_until_it_is_filled(book: Book, limit: str) -> None:
    book.theirs.fault(limit, path="/Contacts")
    job = book.run(asked(book))
    assert job.state is JobState.PENDING
    assert job.due_at > clock.now()
    assert job.waiting_for
    assert "limit" in job.waiting_for
    assert job.calls == 1, "the call that was turned away counts too"
    assert jobs.due_jobs(book.session) == []


def test_a_job_cancelled_while_it_runs_keeps_what_was_done_and_does_no_more(book: Book) -> None:
    for number in range(60):
        book.session.add(Contact(company_id=book.company_id, name=f"Supplier {number:03}"))
    book.session.commit()
    job, _ = jobs.request(book.session, book.connection, Work.PUSH, KINDS, title="On save")
    job_id = job.id

    class Cancelling:
        """Somebody presses Cancel while the first batch is on its way."""

        def __init__(self, client: Any) -> None:
            self._client = client

        def __getattr__(self, name: str) -> Any:
            return getattr(self._client, name)

        def send(self, *args: Any) -> Any:
            answer = self._client.send(*args)
            jobs.cancel(book.session, book.session.get_one(SyncJob, job_id))
            book.session.rollback()
            return answer

    book.shop = replace(book.shop, providers={"xero": MovingProvider(book.provider, Cancelling)})
    job = book.run(job)
    assert (job.state, job.sent) == (JobState.CANCELLED, 50)
    assert len(book.theirs.writes()) == 1
    assert book.waiting()


def test_a_failed_job_is_taken_up_again_in_its_own_row(book: Book) -> None:
    book.theirs.fault("empty-list", path="/Items")
    job, _ = jobs.request_update(book.session, book.connection, ["item"], user_id=None)
    job = book.run(job)
    assert job.state is JobState.FAILED
    again = jobs.retry(book.session, job, None)
    assert again.id == job.id
    job = book.run(again)
    assert (job.state, job.reason, job.question) == (JobState.COMPLETED, None, None)


def test_an_outage_of_hours_does_not_end_a_job(book: Book) -> None:
    book.theirs.fault("500", path="/Contacts", count=12)
    job = book.until_done(asked(book), tries=13)
    assert job.state is JobState.COMPLETED


def test_a_list_is_up_to_date_since_its_own_last_update_only(book: Book) -> None:
    first = freshness.last_update(book.session, book.connection_id, ["contact"])
    book.update("item")
    book.push()
    assert freshness.last_update(book.session, book.connection_id, ["contact"]) == first
    assert freshness.last_update(book.session, book.connection_id, ["item"]) != first


def test_a_pending_job_is_cancelled_at_once(book: Book) -> None:
    job = asked(book)
    jobs.cancel(book.session, job)
    assert job.state is JobState.CANCELLED


def test_a_job_that_stops_its_worker_again_and_again_is_set_aside(book: Book) -> None:
    job_id = asked(book).id
    for _ in range(6):
        assert lease.claim(book.session, job_id, 30) is not None
        later = clock.now() + timedelta(seconds=31)
        clock.use(partial(lambda moment: moment, later))
    job = book.run(book.session.get_one(SyncJob, job_id))
    assert job.state is JobState.FAILED
    assert job.reason
    assert "set aside" in job.reason


def test_an_organisation_that_is_gone_stops_the_job_and_loses_nothing(book: Book) -> None:
    contact = book.contacts()[0]
    contact.city = "Kept"
    book.session.commit()
    book.theirs.fault("forbidden", count=None)
    for connection in book.theirs.world.store.rows("SELECT id FROM connection"):
        book.theirs.world.store.change("DELETE FROM connection WHERE id = ?", connection)
    job = book.run(asked(book))
    assert job.state is JobState.FAILED
    assert book.connection.state is ConnectionState.NEEDS_RECONNECTING
    assert book.connection.problem
    assert book.link_of(contact).pending
    calls = sum(book.theirs.calls().values())
    book.run(asked(book))
    assert sum(book.theirs.calls().values()) == calls, "nothing loops"


def test_no_call_is_made_inside_a_transaction(book: Book) -> None:
    """Every call finds the job's session at rest."""
    checked: list[str] = []

    class Watching:
        def __init__(self, client: Any) -> None:
            self._client = client

        def __getattr__(self, name: str) -> Any:
            found = getattr(self._client, name)
            if callable(found):
                assert not book.session.in_transaction(), name
                checked.append(name)
            return found

    book.add(name="New Ltd")
    contact = book.contacts()[0]
    contact.city = "Edited"
    book.session.commit()
    book.theirs.fault("cut-after", method="PUT", path="/Contacts")
    book.shop = replace(book.shop, providers={"xero": MovingProvider(book.provider, Watching)})
    job = book.until_done(book.run(asked(book)))
    assert job.state is JobState.COMPLETED
    assert {"page", "by_ids", "send"} <= set(checked)


def test_a_save_rings_and_a_lost_ring_is_made_up_for_by_the_sweep(book: Book, app: Flask) -> None:
    from backoffice.queue import QUEUE
    from jobs import push, sweep

    redis = app.extensions["redis"]
    contact = book.contacts()[0]
    contact.city = "Rung For"
    book.session.commit()
    assert redis.llen(f"rq:queue:{QUEUE}") == 1
    redis.flushdb()
    sweep()
    assert doorbell.queue().jobs[0].func_name == "jobs.push"
    push(book.connection_id)
    assert not book.waiting()
    sweep()
    assert redis.llen(f"rq:queue:{QUEUE}") == 1, "nothing more to ring for"


def test_twenty_saves_are_one_request(book: Book) -> None:
    from jobs import push

    for contact in [contact for contact in book.contacts() if not contact.archived][:20]:
        contact.city = "Saved"
        book.session.commit()
    for _ in range(20):
        push(book.connection_id)
    assert len(book.theirs.writes()) == 1
    active = [row for row in book.theirs.contacts() if "Saved" in str(row["Addresses"])]
    assert len(active) == 20


def test_the_states_of_links_are_counted_by_kind(book: Book) -> None:
    found = pending.counts(book.session, book.connection)
    assert set(found) == {mapper.kind for mapper in book.provider.mappers if mapper.direction.comes}
    assert sum(found["contact"].values()) == len(book.contacts())
    standing = foreground.status(book.session)
    assert standing[0]["records"]["integrated"] == sum(states[LinkState.INTEGRATED] for states in found.values())


@pytest.mark.parametrize(
    ("done", "stands"),
    [
        (["contact"], False),
        (["contact", "item"], False),
        (["tax_rate", "tracking_option"], True),  # more letters, and not the same
    ],
)
def test_a_failure_stands_until_a_later_update_did_its_kinds(done: list[str], stands: bool, book: Book) -> None:
    book.theirs.fault("html", path="/Contacts")
    failed = book.update("contact")
    assert failed.state is JobState.FAILED
    book.update(*done)
    standing = book.session.scalars(select(SyncJob.id).where(freshness.failed())).all()
    assert standing == ([failed.id] if stands else [])


def test_a_failure_is_made_good_by_its_own_work_or_an_update(book: Book) -> None:
    book.theirs.fault("html", path="/Contacts")
    failed = book.update("contact")
    book.push()
    assert book.session.scalars(select(SyncJob.id).where(freshness.failed())).all() == [failed.id]
    job = book.run(jobs.retry(book.session, failed, None))
    assert (job.state, book.session.scalars(select(SyncJob.id).where(freshness.failed())).all()) == (
        JobState.COMPLETED,
        [],
    )


def test_a_lost_key_stops_the_job_in_words_and_linking_again_goes_on(book: Book) -> None:
    waiting = book.add(name="Waits")
    keyring.load((Fernet.generate_key().decode(),))
    failed = book.update()
    assert (failed.state, failed.lost) == (JobState.FAILED, True)
    assert "missing from ENCRYPTION_KEYS" in str(failed.reason)
    assert not book.connection.usable
    assert pending.left_behind(book.session) == []  # nothing rings for it again and again
    book.session.rollback()
    assert book.until_done(book.link()).state is JobState.COMPLETED
    assert book.link_of(waiting).external_id is not None
