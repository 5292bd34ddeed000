"""A worker dies, at every step of a push and of a pull; another takes over, and everything is there once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count

import pytest
from flask import Flask

from backoffice import clock
from backoffice.config import Settings
from backoffice.models import JobState, LinkState, SyncJob, Work
from backoffice.providers.limits import SLOT_SECONDS
from backoffice.sync import jobs
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
    silent_until = clock.now() + timedelta(seconds=max(book.shop.settings.lease_seconds, SLOT_SECONDS) + 1)
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
