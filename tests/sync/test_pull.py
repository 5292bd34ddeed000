"""Pull: everything comes in, nothing moves without a reason, nothing is lost while a list moves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from backoffice import clock
from backoffice.extensions import db
from backoffice.models import (
    Account,
    History,
    Item,
    JobState,
    Link,
    LinkState,
    TaxRate,
    TrackingCategory,
    TrackingOption,
)
from backoffice.sandbox.xero.shelf import Selection
from backoffice.sync import jobs, pending
from tests.questions import questions

#: Contacts, items, accounts, tracking, tax rates; orders, invoices (with bills), credit notes (with allocations),
#: prepayments, overpayments, payments. None of them tells about another, so each is asked.
LISTS = 11


@pytest.fixture(autouse=True)
def real_clock() -> Iterator[None]:
    yield
    clock.use()


def test_the_first_sync_brings_in_every_list(book) -> None:
    assert len(book.contacts()) == len(book.theirs.contacts())
    for model, resource in ((Item, "Items"), (Account, "Accounts"), (TaxRate, "TaxRates")):
        held = book.session.scalar(select(func.count()).select_from(model))
        assert held == len(book.theirs.shelf(resource).bodies()), resource
    assert book.session.scalar(select(func.count()).select_from(TrackingOption))
    states = set(book.session.scalars(select(Link.state)))
    assert states <= {LinkState.INTEGRATED, LinkState.GONE}


def test_an_update_with_nothing_changed_costs_one_call_a_list_and_writes_nothing(book) -> None:
    before = book.session.scalar(select(func.count()).select_from(History))
    job = book.update()
    assert (job.state, job.changed_nothing) == (JobState.COMPLETED, True)
    assert job.calls == LISTS
    assert sum(book.theirs.calls().values()) == LISTS
    assert book.session.scalar(select(func.count()).select_from(History)) == before


def test_an_update_with_nothing_changed_asks_the_database_little(book) -> None:
    with questions(db.engine) as asked:
        job = book.update()
    assert job.changed_nothing
    assert len(asked) <= 200, len(asked)


def test_what_is_edited_there_is_edited_here(book) -> None:
    name = book.theirs.contacts()[3]["Name"]
    book.theirs.edit(book.theirs.contact(name)["ContactID"], EmailAddress="new@there.example")
    job = book.update("contact")
    contact = book.contact(name)
    assert contact.email == "new@there.example"
    assert (job.updated, job.created) == (1, 0)
    assert book.link_of(contact).state is LinkState.INTEGRATED
    assert book.history(contact)[-1].sync_job_id == job.id


def test_a_pull_makes_no_echo(book) -> None:
    book.theirs.edit(book.theirs.contacts()[3]["ContactID"], EmailAddress="new@there.example")
    book.update("contact")
    assert not book.waiting()
    assert book.theirs.writes() == []


def test_what_vanished_from_a_whole_list_is_archived_here_with_the_reason(book) -> None:
    shelf = book.theirs.shelf("Items")
    gone = shelf.bodies()[0]
    shelf.remove(gone["ItemID"])
    job = book.update("item")
    item = book.session.scalars(select(Item).where(Item.code == gone["Code"])).one()
    assert item.archived
    assert job.archived == 1
    assert book.link_of(item).state is LinkState.GONE
    assert "no longer in Xero" in str(book.history(item)[-1].new)


def test_what_vanished_while_it_was_paused_stays_until_it_is_resumed(book) -> None:
    shelf = book.theirs.shelf("Items")
    gone = shelf.bodies()[0]
    item = book.session.scalars(select(Item).where(Item.code == gone["Code"])).one()
    pending.pause(book.session, book.link_of(item), "on hold")
    book.session.commit()
    shelf.remove(gone["ItemID"])
    book.update("item")
    book.session.refresh(item)
    assert (item.archived, book.link_of(item).gone) == (False, None)
    pending.resume(book.session, book.link_of(item))
    book.session.commit()
    book.update("item")
    book.session.refresh(item)
    assert (item.archived, book.link_of(item).gone) == (True, "deleted")


def test_an_empty_list_where_rows_were_asks_a_person_and_changes_nothing(book) -> None:
    book.theirs.fault("empty-list", path="/Items")
    job = book.update("item")
    assert (job.state, job.question) == (JobState.FAILED, "Items")
    assert not any(book.session.scalars(select(Item.archived)))


def test_an_empty_paged_list_where_rows_were_asks_a_person_too_when_it_is_read_from_its_beginning(book) -> None:
    book.theirs.fault("empty-list", path="/Contacts")
    job, _ = jobs.request_update(book.session, book.connection, ["contact"], user_id=None, thorough=True)
    job = book.run(job)
    assert (job.state, job.question) == (JobState.FAILED, "Contacts")
    assert not any(contact.archived for contact in book.contacts())
    job = book.run(jobs.accept_empty(book.session, job, None))
    assert job.state is JobState.COMPLETED


def test_a_row_that_makes_no_sense_is_set_aside_and_the_rest_goes_on(book) -> None:
    rows = book.theirs.contacts()
    book.theirs.edit(rows[0]["ContactID"], Addresses="no list at all")
    book.theirs.edit(rows[1]["ContactID"], EmailAddress="fine@there.example")
    job = book.update("contact")
    assert job.state is JobState.COMPLETED
    assert book.contact(rows[1]["Name"]).email == "fine@there.example"
    assert any(rows[0]["ContactID"] in note for note in job.notes)


def test_marks_that_move_without_a_time_come_with_the_thorough_reading_of_the_night(book) -> None:
    row = next(body for body in book.theirs.contacts() if not body.get("IsSupplier"))
    three_hours = timedelta(hours=3)
    later = clock.now() + three_hours
    book.theirs.world.clock.advance(three_hours.total_seconds())
    clock.use(lambda: later)
    book.update("contact")
    book.theirs.edit(row["ContactID"], stamp=False, IsSupplier=True)
    book.update("contact")
    assert not book.contact(row["Name"]).is_supplier
    job, _ = jobs.request_update(book.session, book.connection, ["contact"], user_id=None, thorough=True)
    job = book.run(job)
    assert (job.state, job.updated) == (JobState.COMPLETED, 1)
    assert book.contact(row["Name"]).is_supplier
    assert not book.waiting()


@pytest.mark.parametrize("options", ["no list", [None], [{"Name": "No id"}], None])
def test_options_that_make_no_sense_do_not_stop_their_category(book, options) -> None:
    category = book.theirs.shelf("TrackingCategories").rows(Selection())[0]
    category.body["Options"] = options
    category.body["Name"] = "Renamed"
    book.theirs.shelf("TrackingCategories").put(category)
    job = book.update("tracking")
    assert job.state is JobState.COMPLETED, job.reason
    assert "Renamed" in set(book.session.scalars(select(TrackingCategory.name)))


def test_contacts_archived_there_are_kept_and_say_so(book) -> None:
    row = next(body for body in book.theirs.contacts() if body["ContactStatus"] == "ACTIVE")
    book.theirs.edit(row["ContactID"], ContactStatus="ARCHIVED")
    book.update("contact")
    contact = book.contact(row["Name"])
    assert contact.archived
    assert book.link_of(contact).state is LinkState.GONE
