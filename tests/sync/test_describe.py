"""A company's zone: its organisation's, until a person chooses one."""

from __future__ import annotations

import pytest

from backoffice.sandbox.xero.organisations import find, rewrite
from tests.sync.conftest import Book


def moves(book: Book, zone: str) -> None:
    """The organisation goes by another clock from now on, and a day has passed since it was asked."""
    store = book.sandbox.world.store
    organisation = find(store, book.theirs.organisation)
    assert organisation is not None
    rewrite(store, organisation, {"Timezone": zone})
    book.connection.described_at = None
    book.session.commit()
    book.update("contact")


def test_a_company_follows_the_clock_of_its_organisation(book: Book) -> None:
    assert book.company.time_zone == "Pacific/Auckland"
    moves(book, "GMTSTANDARDTIME")
    assert book.company.time_zone == "Europe/London"
    assert book.company.planned_at is not None  # what was due by the old clock is not caught up


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_a_zone_that_a_person_chose_stays(book: Book, zone: str) -> None:
    book.company.time_zone, book.company.zone_chosen = zone, True
    moves(book, "GMTSTANDARDTIME")
    assert book.company.time_zone == zone


def test_what_makes_no_sense_changes_nothing(book: Book) -> None:
    moves(book, "MIDDLEEARTH")
    assert book.company.time_zone == "Pacific/Auckland"
