"""A list that is compared while it moves, or in several goes: nothing is reported falsely, nothing is read twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from sqlalchemy import func, select

from backoffice.config import Settings
from backoffice.models import (
    Cause,
    ComparedSeen,
    Connection,
    Drift,
    JobState,
    Reconciliation,
    SyncJob,
    Urgency,
    Waiting,
    Work,
)
from backoffice.sync import jobs
from backoffice.sync.reconciliation import reconcile
from tests.databases import EITHER
from tests.sync.conftest import Book
from tests.sync.moving import MovingClient, MovingProvider

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)

SEEDS = 4


@pytest.fixture
def sandbox_size() -> dict[str, int]:
    return {"contacts": 30, "items": 2}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"page_size": 6})


class Interrupted:
    """A client after each of whose pages something happens."""

    def __init__(self, client: Any, after: Callable[[str, int], None]) -> None:
        self._client, self._after = client, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def page(self, resource: str, number: int, since: Any = None) -> Any:
        page = self._client.page(resource, number, since)
        self._after(resource, number)
        return page


def start(book: Book, provider: Any = None) -> SyncJob:
    if provider is not None:
        book.shop = replace(book.shop, providers={"xero": provider})
    job, _ = reconcile.request_reconciliation(book.session, book.connection, ["contact"])
    return job


def meddling(book: Book, seed: int) -> tuple[MovingProvider, set[str]]:
    """A provider in whose list rows are edited, and made, while it is read; and which ones that was."""
    chance, touched = Random(seed), set[str]()
    ids = sorted(row["ContactID"] for row in book.theirs.contacts())

    def edit() -> None:
        for _ in range(chance.randint(0, 4)):
            touched.add(chance.choice(ids))
            book.theirs.edit(max(touched), EmailAddress=f"{seed}-{len(touched)}@there.example")
        if chance.random() < 0.2:
            touched.add(book.theirs.add(f"Made while it was read {seed} {len(touched)}"))

    return MovingProvider(book.provider, lambda client: MovingClient(client, edit, chance, True)), touched


def test_a_list_that_moves_shows_what_moved_and_nothing_else(book: Book) -> None:
    for seed in range(SEEDS):
        provider, touched = meddling(book, seed)
        job = book.until_done(start(book, provider))
        assert (job.state, job.reason) == (JobState.COMPLETED, None)
        found = book.session.scalars(select(Drift).where(Drift.settled_at.is_(None))).all()
        assert {row.external_id for row in found} <= touched, f"seed {seed}"
        assert {row.cause for row in found} <= {Cause.EDITED_THERE, Cause.MADE_THERE}
        book.shop = replace(book.shop, providers=book.app.extensions["providers"])
        book.update("contact")
        assert book.session.scalar(select(func.count()).select_from(Drift).where(Drift.waits())) == 0


def test_it_gives_way_between_two_pages_and_goes_on_where_it_stopped(book: Book) -> None:
    def somebody_comes(resource: str, number: int) -> None:
        if number == 3 and not urgent:
            urgent.append(1)
            with book.shop.sessions.begin() as session:
                person = jobs.request(
                    session,
                    session.get_one(Connection, book.connection_id),
                    Work.UPDATE,
                    ["item"],
                    title="Update",
                    urgency=Urgency.PERSON,
                )
                urgent.append(person[0].id)

    urgent: list[int] = []
    provider = MovingProvider(book.provider, lambda client: Interrupted(client, somebody_comes))
    provider.in_flight = 2  # one page at a time
    book.theirs.forget_calls()
    job = book.run(start(book, provider))
    assert (job.state, job.waiting_kind) == (JobState.PENDING, Waiting.JOB)
    book.run(book.session.get_one(SyncJob, urgent[1]))
    job = book.until_done(job)
    assert job.state is JobState.COMPLETED
    run = reconcile.last(book.session, book.connection)
    assert run is not None
    assert [(each.complete, each.counts["contact"]["theirs"]) for each in run.lists] == [(True, 30)]
    assert book.theirs.calls()["GET Contacts"] == 5 + 1  # each page once, and what changed since it was broken off
    assert book.session.scalar(select(func.count()).select_from(ComparedSeen)) == 0


def test_one_that_was_broken_off_for_good_leaves_nothing_behind(book: Book) -> None:
    def cancelled(resource: str, number: int) -> None:
        with book.shop.sessions.begin() as session:
            session.get_one(SyncJob, job_id).cancel_requested = True

    provider = MovingProvider(book.provider, lambda client: Interrupted(client, cancelled))
    job = start(book, provider)
    job_id = job.id
    assert book.run(job).state is JobState.CANCELLED
    book.shop = replace(book.shop, providers=book.app.extensions["providers"])
    assert book.run(start(book)).state is JobState.COMPLETED
    runs = book.session.scalars(select(Reconciliation)).all()
    assert [run.finished_at is not None for run in runs] == [True]


def test_an_empty_answer_is_asked_about_and_nothing_counts_as_deleted(book: Book) -> None:
    book.theirs.fault("empty-list", path="/Items")
    job, _ = reconcile.request_reconciliation(book.session, book.connection, ["item"])
    job = book.run(job)
    assert (job.state, job.question) == (JobState.FAILED, "Items")
    assert book.session.scalar(select(func.count()).select_from(Drift)) == 0


def test_a_row_that_makes_no_sense_is_no_drift_and_is_counted(book: Book) -> None:
    row = book.theirs.contacts()[0]
    book.theirs.edit(row["ContactID"], Addresses="no list at all")
    job = book.run(start(book))
    run = reconcile.last(book.session, book.connection)
    assert run is not None
    assert (job.state, run.differences) == (JobState.COMPLETED, 0)
    assert run.lists[0].counts["contact"]["explained"] == {"unreadable": 1}
