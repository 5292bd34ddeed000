"""Settling drift: what was chosen is done once, by the job that was asked for it, and said only where it was done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from backoffice.errors import ConflictError
from backoffice.models import CompanySettings, Contact, Drift, JobState, Reconciliation, Settled, SyncJob
from backoffice.sync import jobs, pending
from backoffice.sync.reconciliation import missing
from backoffice.sync.reconciliation.settling import Way
from tests.databases import EITHER
from tests.sync.conftest import Book
from tests.sync.documents.conftest import Papers
from tests.sync.drifting import Twelve, asked, carry_out, drifts, run, settle, silently
from tests.sync.moving import MovingProvider

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)

THERE = "silent@there.example"


@pytest.fixture
def sandbox_size() -> dict[str, Any]:
    return {"contacts": 12, "items": 3}


@pytest.fixture
def twelve(book: Book) -> Twelve:
    return Twelve(Papers(book))


@pytest.fixture
def contact(twelve: Twelve) -> Contact:
    """One that was edited there without a time; the reconciliation has found it."""
    silently(twelve, twelve.contacts[0], THERE)
    run(twelve.book)
    return twelve.contacts[0]


@pytest.fixture
def row(twelve: Twelve, contact: Contact) -> Drift:
    return drifts(twelve.book)["contact", "edited_silently"]


def last_job(twelve: Twelve) -> SyncJob:
    return twelve.session.query(SyncJob).order_by(SyncJob.id.desc()).limit(1).one()


def end(twelve: Twelve) -> SyncJob:
    """End the job that was to settle, before anybody took it up."""
    (job,) = asked(twelve.book)
    jobs.cancel(twelve.session, job)
    return job


def when_asked(book: Book, do: Callable[[], None]) -> None:
    """Do something while rows are read by their ids, once."""
    left = [do]

    class Asked:
        def __init__(self, client: Any) -> None:
            self._client = client

        def __getattr__(self, name: str) -> Any:
            return getattr(self._client, name)

        def by_ids(self, *args: Any, **more: Any) -> Any:
            answer = self._client.by_ids(*args, **more)
            if left:
                left.pop()()
            return answer

    book.shop = replace(book.shop, providers={"xero": MovingProvider(book.provider, Asked)})


def test_no_other_job_carries_out_what_was_chosen(twelve: Twelve, contact: Contact, row: Drift) -> None:
    before = contact.email
    settle(twelve.book, row, Way.TAKE)
    job = end(twelve)
    run(twelve.book)
    twelve.session.expire_all()
    assert (contact.email, row.settled, row.in_hand) == (before, None, False)
    twelve.book.run(jobs.retry(twelve.session, job, None))
    twelve.session.expire_all()
    assert (contact.email, row.settled) == (THERE, Settled.THEIRS)


def test_what_differs_otherwise_since_has_to_be_chosen_again(twelve: Twelve, contact: Contact, row: Drift) -> None:
    before = contact.email
    settle(twelve.book, row, Way.TAKE)
    job = end(twelve)
    silently(twelve, contact, "again@there.example")
    run(twelve.book)
    twelve.book.run(jobs.retry(twelve.session, job, None))
    twelve.session.expire_all()
    assert (contact.email, row.settled, row.taking_id) == (before, None, None)


def test_an_update_closes_what_a_job_that_ended_was_to_settle(twelve: Twelve, contact: Contact, row: Drift) -> None:
    settle(twelve.book, row, Way.TAKE)
    end(twelve)
    contact.email = "mine@here.example"
    twelve.session.commit()
    twelve.papers.push()
    twelve.session.expire_all()
    assert row.settled is Settled.BY_ITSELF


def test_what_was_edited_here_meanwhile_is_not_called_theirs(twelve: Twelve, contact: Contact, row: Drift) -> None:
    settle(twelve.book, row, Way.TAKE)
    contact.first_name = "Edited here"
    twelve.session.commit()
    carry_out(twelve.book)
    twelve.session.expire_all()
    assert (row.settled, row.taking_id, contact.email == THERE) == (None, None, False)
    assert any("was not taken: it was changed here meanwhile" in note for note in last_job(twelve).notes)


def test_what_the_settings_do_not_send_is_not_called_settled(twelve: Twelve, contact: Contact, row: Drift) -> None:
    settings = twelve.session.scalars(select(CompanySettings)).one()
    settings.paused_kinds = ["contact"]
    twelve.session.commit()
    with pytest.raises(ConflictError, match="is not sent"):
        settle(twelve.book, row, Way.SEND)
    twelve.session.rollback()
    assert row.settled_at is None


def test_what_is_paused_is_not_called_theirs(twelve: Twelve, contact: Contact, row: Drift) -> None:
    settle(twelve.book, row, Way.TAKE)
    pending.pause(twelve.session, twelve.book.link_of(contact), "by hand")
    twelve.session.commit()
    carry_out(twelve.book)
    twelve.session.expire_all()
    assert (row.settled, contact.email == THERE) == (None, False)


def test_what_is_left_while_the_job_reads_it_is_left(twelve: Twelve, contact: Contact, row: Drift) -> None:
    before = contact.email
    settle(twelve.book, row, Way.TAKE)
    (job,) = asked(twelve.book)
    when_asked(twelve.book, lambda: settle(twelve.book, row, Way.LEAVE))
    assert twelve.book.run(job).state is JobState.COMPLETED
    twelve.session.expire_all()
    assert (contact.email, row.settled, row.left_at is None) == (before, None, False)


def test_what_belongs_to_a_paused_kind_keeps_what_was_said_of_it(twelve: Twelve, row: Drift) -> None:
    settle(twelve.book, row, Way.LEAVE)
    twelve.papers.settings(paused_kinds=["contact"])
    run(twelve.book)
    twelve.session.expire_all()
    assert row.settled is None
    twelve.papers.settings(paused_kinds=[])
    assert run(twelve.book).differences == 0


def test_more_missing_than_is_looked_for_is_never_called_equal(twelve: Twelve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing, "LOOKED_FOR", 1)
    first, second, _ = (body["ItemID"] for body in twelve.book.theirs.shelf("Items").bodies())
    twelve.office("items").delete(first)
    assert (run(twelve.book).differences, run(twelve.book).complete) == (1, True)
    row = drifts(twelve.book)["item", "deleted_there"]
    twelve.office("items").delete(second)
    found: Reconciliation = run(twelve.book)
    twelve.session.expire_all()
    assert (row.settled, found.complete) == (None, False)
    notes = last_job(twelve).notes
    assert any("too many to look for" in note for note in notes)
    assert not any("equal" in note or "kept moving" in note for note in notes)
