"""What nobody heard an answer to, and what was set aside: found out before anything newer is sent, and never undone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from backoffice import clock
from backoffice.models import JobState, LinkState, SyncAttempt, SyncJob, Work
from backoffice.models.contact import Contact
from backoffice.sync import jobs
from backoffice.sync.run import LOST_WORKERS
from tests.sync.conftest import Book
from tests.sync.dying import dies


@pytest.fixture
def sandbox_size() -> dict[str, int]:
    return {"contacts": 6, "items": 3}


def active(book: Book) -> dict[str, Any]:
    return next(row for row in book.theirs.contacts() if row["ContactStatus"] == "ACTIVE")


def edit(book: Book, contact: Contact, city: str) -> None:
    contact.city = city
    book.session.commit()


def kills_its_workers(book: Book, app: Flask) -> None:
    """Each worker dies right after its request arrived there, until it is set aside."""
    job, _ = jobs.request(book.session, book.connection, Work.PUSH, ["contact"], title="On save")
    job_id = job.id
    book.session.rollback()
    assert dies(app.extensions["settings"], job_id, 1, around_writes=True)
    for lost in range(1, LOST_WORKERS + 1):
        values = {"lease_until": clock.now() - timedelta(seconds=1), "lost_workers": lost}
        book.session.execute(update(SyncJob).values(**values))
        book.session.commit()
    job = book.until_done(book.session.get_one(SyncJob, job_id, populate_existing=True))
    assert (job.state, job.refused) == (JobState.COMPLETED, 1)


def settled(book: Book, contact: Contact, city: str) -> None:
    assert book.until_done(book.push()).state is JobState.COMPLETED
    book.session.refresh(contact)
    assert contact.city == city
    assert len(book.theirs.named(contact.name)) == 1
    assert city in str(book.theirs.contact(contact.name)["Addresses"])
    assert book.link_of(contact).state is LinkState.INTEGRATED
    assert not book.waiting()


def test_an_edit_of_what_was_set_aside_arrives_although_it_had_been_created(book: Book, app: Flask) -> None:
    contact = book.add(name="Set Aside Ltd", city="First")
    kills_its_workers(book, app)
    assert book.link_of(contact).state is LinkState.REFUSED
    edit(book, contact, "Second")
    settled(book, contact, "Second")


def test_an_edit_of_what_was_set_aside_arrives_although_an_earlier_one_had(book: Book, app: Flask) -> None:
    contact = book.contact(active(book)["Name"])
    edit(book, contact, "First")
    kills_its_workers(book, app)
    assert book.link_of(contact).state is LinkState.REFUSED
    edit(book, contact, "Second")
    settled(book, contact, "Second")


def test_a_request_that_arrives_late_overwrites_nothing_that_was_sent_after_it(book: Book) -> None:
    contact = book.contact(active(book)["Name"])
    edit(book, contact, "First")
    book.theirs.fault("cut-before", method="POST", path="/Contacts")
    job = book.push()
    assert book.link_of(contact).state is LinkState.UNCONFIRMED
    late = book.session.scalars(select(SyncAttempt)).one()
    payloads, key = [item.payload for item in late.items], late.idempotency_key
    edit(book, contact, "Second")
    assert book.until_done(job).state is JobState.COMPLETED
    mapper = next(mapper for mapper in book.provider.mappers if mapper.kind == "contact")
    client = book.provider.client(book.connection, urgent=True)
    book.session.rollback()
    client.send(mapper, "update", payloads, key)
    settled(book, contact, "Second")


def test_what_somebody_changed_there_since_is_not_overwritten_by_a_repetition(book: Book) -> None:
    row = active(book)
    contact = book.contact(row["Name"])
    edit(book, contact, "Ours")
    book.theirs.fault("cut-before", method="POST", path="/Contacts")
    job = book.push()
    book.theirs.edit(row["ContactID"], EmailAddress="theirs@there.example")
    assert book.until_done(job).state is JobState.COMPLETED
    assert book.theirs.contact(row["Name"])["EmailAddress"] == "theirs@there.example"
    assert len(book.theirs.writes()) == 1, "the one that did not arrive"
