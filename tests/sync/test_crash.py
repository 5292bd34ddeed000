"""A worker dies, at every step of a push and of a pull; another takes over, and everything is there once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from backoffice import clock
from backoffice.config import Settings
from backoffice.models import Account, Bill, BillLine, JobState, LinkState, Payment, Status, SyncJob, Work
from backoffice.sync import jobs
from backoffice.sync.run import LOST_WORKERS
from tests.sync.conftest import Book
from tests.sync.dying import dies


@pytest.fixture
def sandbox_size() -> dict[str, int]:
    return {"contacts": 25, "items": 3}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"page_size": 6})


@pytest.fixture(autouse=True)
def real_clock() -> Iterator[None]:
    yield
    clock.use()


#: Every step is died at, in as many tests as run side by side; on PostgreSQL, where each takes longer, every third.
PARTS = 3


def steps(book: Book, part: int) -> Iterator[int]:
    return count(part * PARTS if book.session.get_bind().dialect.name == "postgresql" else part, PARTS)


def taken_over(book: Book, job_id: int) -> SyncJob:
    """What the sweep does when the lease of a silent worker has run out, and with it the slots of its calls."""
    settings = book.shop.settings
    silent_until = clock.now() + timedelta(seconds=max(settings.lease_seconds, settings.slot_seconds) + 1)
    clock.use(lambda: silent_until)
    job = book.session.get_one(SyncJob, job_id, populate_existing=True)
    if job.state is JobState.RUNNING:
        assert job_id in jobs.due_jobs(book.session)
    if job.open:
        job = book.until_done(job)
    clock.use()
    return job


@pytest.mark.parametrize("part", range(PARTS))
def test_a_worker_dies_at_any_step_of_a_push_and_nothing_is_doubled_or_lost(book: Book, app: Flask, part: int) -> None:
    edited = next(row for row in book.theirs.contacts() if row["ContactStatus"] == "ACTIVE")
    for step in steps(book, part):
        created = book.add(name=f"Created {step}")
        changed = book.contact(edited["Name"])
        changed.city = f"City {step}"
        book.session.commit()
        job, _ = jobs.request(book.session, book.connection, Work.PUSH, ["contact"], title="On save")
        job_id = job.id
        book.session.rollback()
        died = dies(app.extensions["settings"], job_id, step)
        job = taken_over(book, job_id)
        assert job.state is JobState.COMPLETED, (step, job.reason, job.waiting_for)
        assert len(book.theirs.named(f"Created {step}")) == 1, step
        assert f"City {step}" in str(book.theirs.contact(edited["Name"])["Addresses"]), step
        assert book.link_of(created).state is LinkState.INTEGRATED
        assert not book.waiting()
        if not died:
            break
    assert step > 20, "a push has more steps than that"
    assert len(book.contacts()) == len(book.theirs.contacts())


@pytest.mark.parametrize("part", range(PARTS))
def test_a_worker_dies_at_any_step_of_a_pull_and_everything_comes_in(book: Book, app: Flask, part: int) -> None:
    rows = book.theirs.contacts()
    for step in steps(book, part):
        for number, row in enumerate(rows):
            book.theirs.edit(row["ContactID"], EmailAddress=f"{number}-{step}@there.example")
        book.theirs.forget_calls()
        job, _ = jobs.request_update(book.session, book.connection, ["contact"], user_id=None)
        job_id = job.id
        book.session.rollback()
        died = dies(app.extensions["settings"], job_id, step)
        job = taken_over(book, job_id)
        assert job.state is JobState.COMPLETED, (step, job.reason, job.waiting_for)
        emails = {contact.email for contact in book.contacts()}
        assert emails == {f"{number}-{step}@there.example" for number in range(len(rows))}, step
        if not died:
            break
    assert step > 20, "a pull of five pages has more steps than that"
    assert book.theirs.writes() == []


def test_a_record_that_kills_every_worker_is_set_aside_and_the_rest_goes_on(book: Book, app: Flask) -> None:
    poison = book.add(name="Poison")
    job, _ = jobs.request(book.session, book.connection, Work.PUSH, ["contact"], title="On save")
    job_id = job.id
    book.session.rollback()
    for _ in range(LOST_WORKERS):
        assert dies(app.extensions["settings"], job_id, 0, around_writes=True)
        book.session.execute(update(SyncJob).values(lease_until=clock.now() - timedelta(seconds=1)))
        book.session.commit()
    good = book.add(name="Good")
    job = taken_over(book, job_id)
    assert (job.state, job.lost_workers, job.refused) == (JobState.COMPLETED, 0, 1)
    assert "set aside" in job.notes[0]
    assert (book.link_of(poison).state, book.link_of(poison).refusal_cause) == (LinkState.REFUSED, "doubtful")
    assert book.link_of(good).state is LinkState.INTEGRATED
    assert not book.waiting()


def test_a_job_that_kills_every_worker_before_it_sends_anything_is_set_aside(book: Book, app: Flask) -> None:
    job, _ = jobs.request_update(book.session, book.connection, ["contact"], user_id=None)
    job_id = job.id
    book.session.rollback()
    for _ in range(LOST_WORKERS):
        assert dies(app.extensions["settings"], job_id, 4)
        book.session.execute(update(SyncJob).values(lease_until=clock.now() - timedelta(seconds=1)))
        book.session.commit()
    job = taken_over(book, job_id)
    assert (job.state, job.reason) == (
        JobState.FAILED,
        "It stopped its worker again and again, and was set aside.",
    )


def bill_with_payment(book: Book, number: int) -> tuple[Any, Any, Any]:
    """A new supplier, a bill of theirs over 20.00, and a payment of half of it."""
    contact = book.add(name=f"Supplier {number}")
    bank = book.session.query(Account).filter_by(account_type="BANK", archived=False).first()
    assert bank is not None
    day = dt.date(2026, 11, 2)
    line = BillLine(
        description="Rope", quantity=Decimal(2), unit_price=Decimal(10), account_code="300", tax_code="NONE"
    )
    about = {"company_id": book.company_id, "date": day}
    bill = Bill(**about, contact=contact, name=f"B-{number}", due_date=day, status=Status.APPROVED, lines=[line])
    book.session.add(bill)
    book.session.flush()
    payment = Payment(**about, name=f"P-{number}", bill_id=bill.id, account_id=bank.id, amount=Decimal(10))
    book.session.add(payment)
    book.session.commit()
    return contact, bill, payment


#: Before a request that writes, after it, and after its outcome is put down; for each of three requests.
AROUND_WRITES = 9


def test_a_worker_dies_around_any_write_of_a_bill_and_its_payment_and_each_is_there_once(
    book: Book, app: Flask
) -> None:
    """On PostgreSQL only where it matters most: after a request, before its outcome is put down."""
    postgresql = book.session.get_bind().dialect.name == "postgresql"
    for step in range(1, AROUND_WRITES, 3) if postgresql else range(AROUND_WRITES):
        records = bill_with_payment(book, step)
        kinds = ["contact", "bill", "payment"]
        job, _ = jobs.request(book.session, book.connection, Work.PUSH, kinds, title="On save")
        job_id = job.id
        book.session.rollback()
        assert dies(app.extensions["settings"], job_id, step, around_writes=True), step
        job = taken_over(book, job_id)
        assert (job.state, job.refused) == (JobState.COMPLETED, 0), (step, job.reason, job.waiting_for)
        assert len(book.theirs.named(f"Supplier {step}")) == 1, step
        bills = [body for body in book.theirs.shelf("Invoices").bodies() if body["InvoiceNumber"] == f"B-{step}"]
        assert [(body["Total"], body["AmountPaid"], body["AmountDue"]) for body in bills] == [(20.0, 10.0, 10.0)], step
        paid = [body for body in book.theirs.shelf("Payments").bodies() if body.get("Reference") == f"P-{step}"]
        assert len(paid) == 1, step
        assert {book.link_of(record).state for record in records} == {LinkState.INTEGRATED}, step
        assert not book.waiting()
        book.session.refresh(records[1])
        assert records[1].amount_due == Decimal(10), step
