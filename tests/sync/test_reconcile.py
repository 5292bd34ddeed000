"""Reconciliation: every kind of drift is found, none falsely; the buttons settle it; then both sides are equal."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from backoffice.models import (
    Account,
    Bill,
    Contact,
    Drift,
    Item,
    Link,
    Payment,
    PullRun,
    Settled,
    SyncJob,
    TaxRate,
    TrackingOption,
)
from backoffice.sync.reconciliation import reconcile
from backoffice.sync.reconciliation.drift import open_drift
from tests.databases import EITHER
from tests.sync.conftest import Book
from tests.sync.documents.conftest import Papers
from tests.sync.drifting import Twelve, carry_out, drifts, run, settle

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)


@pytest.fixture
def sandbox_size() -> dict[str, Any]:
    return {"contacts": 300, "items": 40, "documents": 60}


@pytest.fixture
def twelve(book: Book) -> Twelve:
    return Twelve(Papers(book))


def test_both_sides_are_equal_after_an_update(twelve: Twelve) -> None:
    found = run(twelve.book)
    assert drifts(twelve.book) == {}
    assert found.differences == 0
    counts = {kind: n for each in found.lists for kind, n in each.counts.items()}
    assert all(each["ours"] == each["theirs"] for each in counts.values())
    assert (counts["contact"]["theirs"], counts["item"]["theirs"]) == (302, 40)
    assert all(each.complete for each in found.lists)


def test_all_twelve_are_found_and_nothing_else(twelve: Twelve) -> None:
    expected = twelve.seed()
    found = run(twelve.book)
    assert {key: row.name for key, row in drifts(twelve.book).items()} == expected
    assert found.differences == len(expected) == 12
    assert open_drift(twelve.session, twelve.book.connection)["contact"] == 5
    job = twelve.session.scalars(select(SyncJob).order_by(SyncJob.id.desc()).limit(1)).one()
    assert any("12 differences" in note for note in job.notes)


def test_a_reconciliation_overwrites_nothing(twelve: Twelve) -> None:
    def everything() -> list[Any]:
        """Records, links and bookmarks as they stand."""
        kept = [Contact, Item, Account, TaxRate, TrackingOption, Bill, Payment, Link, PullRun]
        return [twelve.session.execute(select(model.table()).order_by("id")).all() for model in kept]

    twelve.seed()
    before = everything()
    twelve.book.theirs.forget_calls()
    run(twelve.book)
    assert everything() == before
    assert twelve.book.theirs.writes() == []


def test_the_first_button_of_each_settles_it_and_then_both_sides_are_equal(twelve: Twelve) -> None:
    expected = twelve.seed()
    run(twelve.book)
    for row in drifts(twelve.book).values():
        settle(twelve.book, row)
    assert open_drift(twelve.session, twelve.book.connection)["bill"] == 2  # until the job has done it
    carry_out(twelve.book)
    twelve.papers.push()
    assert run(twelve.book).differences == 0
    assert drifts(twelve.book) == {}
    rows = twelve.session.scalars(select(Drift).where(Drift.because_id.is_(None))).all()
    settled = {(row.kind, row.cause.value): row.settled for row in rows}
    assert settled == {**dict.fromkeys(expected, Settled.THEIRS), ("contact", "changed_here"): Settled.OURS}
    twelve.session.expire_all()
    assert (twelve.voided.voided, twelve.payment.archived, twelve.old.archived) == (True, True, True)
    assert twelve.of_old.contact_id == twelve.supplier.id
    assert twelve.session.scalars(select(Bill).filter_by(name="THERE-1")).one().total == Decimal("5.75")
    assert twelve.book.theirs.contact(expected["contact", "changed_here"])["EmailAddress"] == "behind@here.example"


def test_it_costs_what_was_estimated(twelve: Twelve) -> None:
    book = twelve.book
    expected = reconcile.estimate(book.session, book.connection, book.provider)
    book.theirs.forget_calls()
    found = run(book)
    assert (found.calls, sum(book.theirs.calls().values())) == (expected, expected) == (11, 11)
