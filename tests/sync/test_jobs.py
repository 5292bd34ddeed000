"""Sync jobs: one at a time for a connection, asked for once, handed back and taken over without a trace."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import sessionmaker

from backoffice import clock, foreground
from backoffice.errors import LeaseLostError
from backoffice.extensions import db
from backoffice.models import Connection, ConnectionState, Contact, JobState, LinkState, SyncJob, Urgency, Work
from backoffice.queue import doorbell
from backoffice.sync import jobs, lease, pending
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
    first, second = asked(book), asked(book, due_at=clock.now())
    assert first.id != second.id
    first_id, second_id = first.id, second.id
    assert lease.claim(book.session, first_id, 30) is not None
    assert lease.claim(book.session, second_id, 30) is None
    assert jobs.next_ring(book.session, book.connection_id) == second_id


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
    assert jobs.due_jobs(book.session) == []


def test_a_cancelled_job_keeps_what_was_done(book: Book) -> None:
    job = asked(book)
    job.cancel_requested = True
    book.session.commit()
    assert book.run(job).state is JobState.CANCELLED


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


def test_a_hundred_saves_are_few_requests(book: Book) -> None:
    from jobs import push

    for contact in book.contacts()[:20]:
        contact.city = "Saved"
        book.session.commit()
    for _ in range(20):
        push(book.connection_id)
    assert len(book.theirs.writes()) <= 1
    held = book.session.scalar(select(func.count()).select_from(Contact).where(Contact.city == "Saved"))
    assert held == 20


def test_the_states_of_links_are_counted_by_kind(book: Book) -> None:
    found = pending.counts(book.session, book.connection)
    assert set(found) == {"contact", "item", "account", "tracking", "tracking_option", "tax_rate"}
    assert sum(found["contact"].values()) == len(book.contacts())
    standing = foreground.status(book.session)
    assert standing[0]["records"]["integrated"] == sum(states[LinkState.INTEGRATED] for states in found.values())
