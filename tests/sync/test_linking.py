"""Unlinking, linking again, and another organisation: two books never mix, and the first one comes back as it was."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm.exc import StaleDataError

from backoffice.errors import ConflictError
from backoffice.imports.plan import Entry, Plan, Verdict
from backoffice.imports.sorts import SORTS
from backoffice.imports.write import write
from backoffice.models import (
    Account,
    Bill,
    Connection,
    ConnectionState,
    Contact,
    History,
    Item,
    JobState,
    Link,
    LinkState,
    PullRun,
    Side,
    StartedBy,
    SyncJob,
    TaxMapping,
    TaxRate,
    Work,
)
from backoffice.models.book import EVERY_BOOK
from backoffice.sandbox.xero import connections, organisations
from backoffice.sync import by_hand, linking, open_book
from backoffice.sync.open_book import tables
from backoffice.sync.provider import Finding, Organisation
from tests.imports.turn import a_turn
from tests.sync.conftest import Book, Theirs
from tests.sync.documents.conftest import Papers


def other_organisation(book: Book) -> Organisation:
    """The second organisation, into which the application was let just now."""
    world = book.sandbox.world
    found = organisations.every(world.store)[1]
    client = book.shop.settings.xero_client_id
    connections.connect(world, client, "", found.id, str(uuid.uuid4()))
    consent = next(one for one in connections.of(world, client, "") if one.organisation == found.id)
    return Organisation(found.id, found.name, consent.id)


def link_to(book: Book, organisation: Organisation, another_book: bool = True) -> SyncJob:
    """Unlink, link to another organisation, and do the first sync."""
    authorisation = book.connection.authorisation_id
    assert authorisation is not None
    connection, job = linking.link(
        book.session, book.provider, book.company_id, organisation, authorisation, None, another_book
    )
    book.linked_by(connection)
    job = book.run(job)
    assert job.state is JobState.COMPLETED, job.reason
    return job


def of(connection: Connection) -> Organisation:
    return Organisation(connection.external_id, connection.organisation, connection.consent_id)


def names(book: Book) -> set[str]:
    return {contact.name for contact in book.contacts()}


def held(book: Book) -> dict[str, list[tuple[object, ...]]]:
    """Every row that belongs to a book, as the database has it, but for the book it rests in."""
    found = {}
    for table in tables():
        columns = [column for column in table.c if column.name != "book_id"]
        mine = select(*columns).where(table.c.company_id == book.company_id, table.c.book_id.is_(None))
        found[table.name] = sorted(tuple(row) for row in book.session.execute(mine.order_by(table.c.id)))
    book.session.rollback()
    return found


def links(book: Book) -> list[tuple[object, ...]]:
    columns = (Link.id, Link.kind, Link.record_id, Link.external_id, Link.wanted_revision, Link.synced_revision)
    found = [
        tuple(row) for row in book.session.execute(select(*columns).where(Link.connection_id == book.connection_id))
    ]
    book.session.rollback()
    return sorted(found, key=str)


def test_the_same_organisation_takes_up_where_it_stopped_and_reads_nothing_twice(book: Book) -> None:
    before, linked = held(book), links(book)
    histories = book.session.scalar(select(func.count(History.id)))
    bookmarks = set(book.session.scalars(select(PullRun.id)))
    book.update()
    usual = book.theirs.calls()
    linking.unlink(book.session, book.connection)
    book.theirs.forget_calls()
    job = book.run(book.link())
    assert (job.state, job.created, job.updated, job.archived, job.sent) == (JobState.COMPLETED, 0, 0, 0, 0)
    assert {k: v for k, v in book.theirs.calls().items() if k in usual} == usual
    read = book.session.scalars(select(PullRun).where(PullRun.id.not_in(bookmarks), PullRun.sync_job_id == job.id))
    paged = [run for run in read if run.resource in book.provider.paged]
    assert paged
    assert all(run.since is not None for run in paged), "each list is read from its bookmark"
    assert sum(run.item_count or 0 for run in paged) == 0, "no row that did not change comes again"
    assert (held(book), links(book)) == (before, linked)
    assert book.session.scalar(select(func.count(History.id))) == histories


def test_another_organisation_is_noticed_before_anything_is_written(book: Book) -> None:
    other = other_organisation(book)
    with pytest.raises(ConflictError, match="Unlink that before"):
        link_to(book, other, another_book=True)
    book.session.rollback()
    linking.unlink(book.session, book.connection)
    before = held(book)
    with pytest.raises(linking.AnotherBookError):
        link_to(book, other, another_book=False)
    book.session.rollback()
    assert held(book) == before
    assert book.session.scalar(select(func.count(Connection.id))) == 1
    assert book.session.scalar(select(SyncJob.id).where(SyncJob.state == JobState.PENDING)) is None


def test_a_new_book_begins_empty_and_holds_only_what_is_in_its_organisation(book: Book) -> None:
    ours = book.add(name="Only Here Ltd")  # waits to be sent to the first organisation
    first = book.connection
    mine = names(book)
    accounts = set(book.session.scalars(select(Account.id)))
    linking.unlink(book.session, first)
    theirs_before = held(book)
    book.theirs.forget_calls()
    job = link_to(book, other_organisation(book))

    there = {row["Name"] for row in book.theirs.contacts()}
    assert names(book) == there
    assert "Only Here Ltd" not in there
    assert book.theirs.writes() == []
    assert (job.sent, job.refused, job.updated, job.archived) == (0, 0, 0, 0)
    assert book.connection.push_confirmed_at is not None, "nothing waits for a look"
    assert not accounts & set(book.session.scalars(select(Account.id))), "accounts of equal codes are others"
    assert book.session.scalar(select(Contact.id).where(Contact.id == ours.id)) is None
    resting = open_book.resting(book.session, book.company_id)
    assert resting == {first.id: {name: len(rows) for name, rows in theirs_before.items() if rows}}
    rows = book.session.execute(
        select(Contact.name).where(Contact.book_id == first.id), execution_options=EVERY_BOOK
    ).scalars()
    assert set(rows) == mine
    of_first = select(Link.record_id).where(Link.connection_id == first.id, Link.kind == "contact")
    of_second = select(Link.record_id).where(Link.connection_id == book.connection_id, Link.kind == "contact")
    assert not set(book.session.scalars(of_first)) & set(book.session.scalars(of_second))


def test_there_and_back_again_the_first_book_is_as_it_was(book: Book) -> None:
    first, demo = book.connection, book.theirs
    pending = book.contact(next(row["Name"] for row in demo.contacts() if row["ContactStatus"] == "ACTIVE"))
    rate = book.session.scalars(select(TaxRate).limit(1)).one()
    mapping = TaxMapping(company_id=book.company_id, code="G", name="GST", rate=15, side=Side.SALES)
    mapping.tax_rate_id = rate.id
    book.session.add(mapping)
    linking.unlink(book.session, first)
    pending.city = "Written While Apart"
    book.session.commit()
    before, linked = held(book), links(book)
    runs = set(book.session.scalars(select(PullRun.id)))

    link_to(book, other_organisation(book))
    second = book.connection
    in_second = book.add(name="In The Second Ltd")
    assert book.push().sent == 1
    other = TaxMapping(company_id=book.company_id, code="G", name="VAT", rate=20, side=Side.SALES)
    book.session.add(other)
    book.session.commit()
    second = book.connection
    linking.unlink(book.session, second)
    in_the_second = held(book)

    book.theirs = demo
    demo.forget_calls()
    connection, job = linking.link(
        book.session, book.provider, book.company_id, of(first), second.authorisation_id or 0, None, True
    )
    book.linked_by(connection)
    assert connection.id == first.id
    assert held(book) == before
    job = book.run(job)
    assert (job.state, job.created, job.updated, job.archived, job.sent) == (JobState.COMPLETED, 0, 0, 0, 0)
    assert demo.writes() == []
    assert [row[:4] for row in links(book)] == [row[:4] for row in linked]
    assert book.link_of(pending).state is LinkState.WAITING, "the pending change is not lost"
    read = book.session.scalars(select(PullRun).where(PullRun.id.not_in(runs), PullRun.connection_id == first.id))
    assert sum(run.item_count or 0 for run in read if run.resource in book.provider.paged) == 0
    assert "In The Second Ltd" not in names(book)
    assert book.session.scalar(select(Contact.id).where(Contact.id == in_second.id)) is None
    by_hand.choose(book.session, book.connection, {}, [])
    book.session.commit()
    book.update()
    assert "Written While Apart" in str(demo.contact(pending.name)["Addresses"])
    assert demo.named("In The Second Ltd") == []

    linking.unlink(book.session, book.connection)
    link_to(book, of(second))
    assert held(book) == in_the_second
    assert "In The Second Ltd" in names(book)


def test_what_rests_is_neither_found_by_its_code_nor_by_its_name(book: Book) -> None:
    code = book.session.scalars(select(Item.code)).first()
    bills = book.session.scalar(select(func.count(Bill.id)))
    assert bills
    linking.unlink(book.session, book.connection)
    other = other_organisation(book)
    Theirs(book.sandbox, other.external_id).shelf("Items")
    link_to(book, other)
    found = book.session.scalars(select(Item).where(Item.code == code)).all()
    assert all(item.book_id is None for item in found)
    assert len(found) <= 1
    live = {link.record_id for link in book.session.scalars(select(Link).where(Link.kind == "bill"))}
    shown = set(book.session.scalars(select(Bill.id)))
    assert shown <= live
    assert book.session.scalar(select(func.count()).select_from(Bill)) == len(shown)


def test_an_ended_organisation_is_let_go_when_another_book_is_begun(book: Book) -> None:
    first = book.connection
    first.state, first.problem = ConnectionState.NEEDS_RECONNECTING, "It is gone."
    book.session.commit()
    link_to(book, other_organisation(book))
    book.session.refresh(first)
    assert (first.active, first.state) == (False, ConnectionState.UNLINKED)
    assert first.problem is None


def test_a_book_is_not_changed_under_a_job_that_runs(book: Book) -> None:
    first = book.connection
    running = SyncJob(company_id=book.company_id, connection_id=first.id, work=Work.UPDATE, kinds=["contact"])
    running.title, running.started_by, running.state = "Update", StartedBy.PERSON, JobState.RUNNING
    book.session.add(running)
    linking.unlink(book.session, first)
    before = held(book)
    with pytest.raises(ConflictError, match="just ending"):
        link_to(book, other_organisation(book))
    book.session.rollback()
    assert held(book) == before


def test_what_was_planned_or_read_in_one_book_is_not_written_when_another_one_is_open(book: Book) -> None:
    papers, sort = Papers(book), SORTS["bill"]
    party = papers.party()
    days = {"date": date(2026, 11, 2), "due_date": date(2026, 12, 2)}
    bill = Bill(company_id=book.company_id, contact_id=party.id, name="FILE-1", lines=[papers.line(Bill)], **days)
    found = Plan(sort, [Entry(rows=[], title="FILE-1", verdict=Verdict.ADD, record=bill)])
    first = book.connection
    linking.unlink(book.session, first)
    link_to(book, other_organisation(book))
    assert write(book.session, found, book.company_id, a_turn(book.session, book.company_id, sort))["bad"] == 1
    party.city = "Edited on a page of the first book"
    with pytest.raises(StaleDataError, match="another book"):
        book.session.commit()
    book.session.rollback()
    written = select(Bill.id).where(Bill.name == "FILE-1").execution_options(**EVERY_BOOK)
    assert (book.session.scalar(written), book.link_of(party).connection_id) == (None, first.id)


# --- ends on the other side --------------------------------------------------------------------------


def close(book: Book, status: str) -> None:
    store = book.sandbox.world.store
    found = organisations.find(store, book.connection.external_id)
    assert found is not None
    organisations.rewrite(store, found, {"OrganisationStatus": status})


def remove(book: Book) -> None:
    book.sandbox.world.store.change("DELETE FROM connection")


def reset(book: Book) -> None:
    store = book.sandbox.world.store
    found = organisations.find(store, book.connection.external_id)
    assert found is not None
    organisations.rotate(store, found)


def finding_of(book: Book) -> Finding:
    """What a test of the connection finds, outside any transaction."""
    connection = book.connection
    book.session.refresh(connection)
    book.session.expunge(connection)
    book.session.rollback()
    found: Finding = book.provider.test(connection)
    return found


ENDS = {
    "organisation_gone": (remove, False, "removed"),
    "organisation_closed": (lambda book: close(book, "ARCHIVED"), False, "closed"),
    "demo_gone": (reset, True, "reset"),
}


@pytest.mark.parametrize("reason", ENDS)
def test_an_end_on_the_other_side_is_noticed_at_the_next_call_and_nothing_is_lost(book: Book, reason: str) -> None:
    end, demo, word = ENDS[reason]
    assert book.connection.demo, "the first organisation of the played Xero is a demo company"
    book.connection.demo = demo
    contact = book.contacts()[0]
    contact.city = "Kept"
    book.session.commit()
    end(book)
    job = book.update()
    assert (job.state, job.reason) == (JobState.FAILED, book.connection.problem)
    assert (book.connection.state, book.connection.lost_reason) == (ConnectionState.NEEDS_RECONNECTING, reason)
    assert word in (book.connection.problem or "")
    assert book.link_of(contact).state is LinkState.WAITING
    book.theirs.forget_calls()
    for _ in range(3):
        assert book.update().state is JobState.FAILED
    assert book.theirs.calls() == {}, "nothing is called any more"


def test_a_closed_organisation_that_is_opened_again_goes_on(book: Book) -> None:
    contact = next(contact for contact in book.contacts() if not contact.archived)
    contact.city = "Kept"
    book.session.commit()
    close(book, "ARCHIVED")
    assert book.update().state is JobState.FAILED
    assert not finding_of(book).ok
    close(book, "ACTIVE")
    assert finding_of(book).ok
    linking.revive(book.session, book.connection)
    assert book.connection.usable
    book.update()
    assert "Kept" in str(book.theirs.contact(contact.name)["Addresses"])


def test_a_reset_demo_company_is_another_organisation(book: Book) -> None:
    first = book.connection
    contact = next(contact for contact in book.contacts() if not contact.archived)
    contact.city = "Kept"
    book.session.commit()
    reset(book)
    book.update()
    again = organisations.every(book.sandbox.world.store)[0]
    client = book.shop.settings.xero_client_id
    connections.connect(book.sandbox.world, client, "", again.id, str(uuid.uuid4()))
    organisation = Organisation(again.id, again.name, connections.of(book.sandbox.world, client, "")[0].id)
    with pytest.raises(linking.AnotherBookError):
        link_to(book, organisation, another_book=False)
    book.session.rollback()
    job = link_to(book, organisation)
    assert (job.sent, book.theirs.writes()) == (0, [])
    assert job.created >= 30
    kept = select(Contact.city).where(Contact.id == contact.id)
    assert book.session.scalar(kept.execution_options(every_book=True)) == "Kept"
    assert book.session.scalar(kept) is None
    pending = select(Link).where(Link.connection_id == first.id, Link.record_id == contact.id, Link.kind == "contact")
    assert book.session.scalars(pending).one().pending


def test_unlinking_under_a_running_job_ends_it_cleanly_and_ends_one_connection_there(book: Book) -> None:
    first = book.connection
    for number in range(5):
        book.add(name=f"Waits {number}")
    told: list[str] = []

    def unlink_now(progress: dict[str, Any]) -> None:
        if told:
            return
        told.append(progress["text"])
        with book.shop.sessions() as other:
            connection = other.get_one(Connection, first.id)
            linking.unlink(other, connection)
            other.refresh(connection)
            other.expunge(connection)
        world = book.sandbox.world
        world.store.change("DELETE FROM connection WHERE id = ?", (connection.consent_id,))

    book.shop = replace(book.shop, watch=unlink_now)
    job = book.update()
    assert told
    assert (job.state, job.reason) == (JobState.CANCELLED, None)
    calls = sum(book.theirs.calls().values())
    book.session.expire_all()
    assert book.connection.state is ConnectionState.UNLINKED
    assert book.theirs.writes() == []
    assert all(link.pending for link in book.session.scalars(select(Link).where(Link.external_id.is_(None))))
    assert book.update().state is JobState.FAILED
    assert sum(book.theirs.calls().values()) == calls, "nothing is called any more"
