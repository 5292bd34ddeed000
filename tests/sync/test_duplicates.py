"""Likely duplicates among what jobs bring in: never held up, compared before the job ends, listed."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from backoffice.models import Contact, Duplicate, JobState
from backoffice.models.duplicate import stale
from backoffice.sync.duplicates import likely
from tests.databases import EITHER
from tests.sync.conftest import Book

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)

#: What tells two apart besides their names.
BARE = {"TaxNumber": "", "BankAccountDetails": "", "AccountNumber": ""}


def pairs(book: Book) -> set[frozenset[str]]:
    names = {contact.id: contact.name for contact in book.contacts()}
    open_ones = book.session.scalars(select(Duplicate).filter_by(answered_at=None))
    return {frozenset((names[one.first_id], names[one.second_id])) for one in open_ones}


def test_what_a_pull_brings_in_is_listed_and_never_held_up(book: Book) -> None:
    before = likely(book.session, book.company_id).get("contact", 0)
    book.session.rollback()
    book.theirs.add("Kiwi Steel", **BARE)
    book.theirs.add("KIWI STEEL Ltd", **BARE)
    assert book.update("contact").state is JobState.COMPLETED
    assert {"Kiwi Steel", "KIWI STEEL Ltd"} in pairs(book)
    assert likely(book.session, book.company_id) == {"contact": before + 1}
    assert list(stale(book.session, book.company_id, 10)) == []


def test_a_pair_goes_with_the_change_there_that_ends_it(book: Book) -> None:
    before = pairs(book)
    book.session.rollback()
    book.theirs.add("Kiwi Steel", **BARE)
    twin = book.theirs.add("KIWI STEEL Ltd", **BARE)
    book.update("contact")
    assert len(pairs(book)) == len(before) + 1
    book.session.rollback()
    book.theirs.edit(twin, ContactStatus="ARCHIVED")
    book.update("contact")
    assert pairs(book) == before


def test_one_made_here_is_compared_with_those_of_theirs_at_once(book: Book) -> None:
    book.theirs.add("Kiwi Steel", **BARE)
    book.update("contact")
    made = book.add(name="Kiwi-Steel GmbH")
    assert {"Kiwi Steel", "Kiwi-Steel GmbH"} in pairs(book)
    assert book.session.scalar(select(Contact.id).where(Contact.id == made.id)) == made.id
