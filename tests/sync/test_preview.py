"""Preview: it says what an Update then does, and changes nothing; what is chosen is done, the rest stays offered."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from backoffice import clock
from backoffice.database import Base
from backoffice.errors import RateLimitedError
from backoffice.models import (
    Bill,
    Foreseen,
    History,
    JobState,
    Link,
    LinkState,
    Preview,
    PreviewAnswer,
    PreviewRow,
    PullRun,
    SyncAttempt,
    SyncAttemptItem,
    SyncJob,
    TrackingOption,
    Winner,
)
from backoffice.models.preview import OFFERED
from backoffice.past.pruning import prune
from backoffice.sync.previews import apply, preview
from tests.databases import EITHER
from tests.sync.conftest import Book
from tests.sync.documents.conftest import DAY, Papers
from tests.sync.dying import dies
from tests.sync.moving import MovingProvider
from tests.sync.test_interleavings import Hooked

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)

#: What a preview may write: itself, its job, and what the provider said is left of its limits.
ITS_OWN = {"preview", "preview_row", "preview_answer", "sync_job"}
BUDGET = {"day_left", "minute_left", "budget_at"}


@pytest.fixture(autouse=True)
def real_clock() -> Iterator[None]:
    yield
    clock.use()


@pytest.fixture
def papers(book: Book) -> Papers:
    return Papers(book)


def asked(book: Book, *kinds: str, push_only: bool = False) -> SyncJob:
    every = [mapper.kind for mapper in book.provider.mappers]
    return preview.ask(book.session, book.connection, kinds or every, push_only=push_only, user_id=None)


def taken(book: Book, *kinds: str, push_only: bool = False) -> Preview:
    job = book.run(asked(book, *kinds, push_only=push_only))
    assert job.state is JobState.COMPLETED, job.reason
    return book.session.scalars(select(Preview).where(Preview.sync_job_id == job.id)).one()


def rows(book: Book, one: Preview, outgoing: bool | None = None) -> list[PreviewRow]:
    query = select(PreviewRow).where(PreviewRow.preview_id == one.id).execution_options(populate_existing=True)
    found = book.session.scalars(query.order_by(PreviewRow.id)).all()
    return [row for row in found if outgoing in (None, row.outgoing)]


def named(book: Book, one: Preview, name: str) -> PreviewRow:
    (found,) = [row for row in rows(book, one) if row.name == name]
    return found


def applied(book: Book, one: Preview, *names: str) -> SyncJob:
    chosen = [named(book, one, name).id for name in names]
    job = apply.apply_chosen(book.session, one, PreviewRow.id.in_(chosen), user_id=None)
    assert job is not None
    job = book.run(job)
    assert job.state is JobState.COMPLETED, job.reason
    return job


def dump(book: Book) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table that a preview has to leave alone."""
    found = {}
    book.session.rollback()
    for table in Base.metadata.sorted_tables:
        if table.name not in ITS_OWN:
            columns = [column for column in table.c if column.name not in BUDGET]
            found[table.name] = sorted((tuple(row) for row in book.session.execute(select(*columns))), key=repr)
    book.session.rollback()
    return found


def edit_item(book: Book, number: int, **fields: Any) -> str:
    shelf = book.theirs.shelf("Items")
    body = {**shelf.bodies()[number], **fields}
    row = shelf.get(body["ItemID"])
    assert row is not None
    shelf.put(replace(row, body=body))
    return str(body["Name"])


def bill_there(papers: Papers, number: str, contact_id: str, **more: Any) -> dict[str, Any]:
    line = {"Description": "Paint", "Quantity": 3, "UnitAmount": 7, "AccountCode": "300"}
    body = {"Type": "ACCPAY", "InvoiceNumber": number, "Contact": {"ContactID": contact_id}, "Date": DAY.isoformat()}
    return papers.office("invoices").add({**body, "DueDate": "2026-12-01", "LineItems": [line], **more})


def busy(papers: Papers, seed: int) -> None:
    """What people did on both sides since the last Update."""
    book, chance = papers.book, random.Random(seed)
    there = chance.sample(book.theirs.contacts(), 8)
    for number, row in enumerate(there[:3]):
        book.theirs.edit(row["ContactID"], EmailAddress=f"new-{number}@there.example", TaxNumber=f"T-{seed}")
    book.theirs.edit(there[3]["ContactID"], ContactStatus="ARCHIVED")
    fresh = book.theirs.add(f"Fresh {seed} Ltd", EmailAddress=None)
    book.theirs.add(f"Both {seed} Ltd")
    items = book.theirs.shelf("Items")
    items.remove(items.bodies()[chance.randrange(6)]["ItemID"])
    edit_item(book, chance.randrange(6), Name=f"Renamed {seed}")
    for owner in (fresh, there[0]["ContactID"]):
        bill_there(papers, f"THEIRS-{seed}-{owner[-4:]}", owner, Status=chance.choice(("DRAFT", "AUTHORISED")))
    for row, city in ((there[chance.randrange(3)], "Edited on both sides"), (there[4], "Porirua")):
        contact = book.contact(row["Name"])
        contact.city = city
    book.session.commit()
    book.add(name=f"Both {seed} Ltd")
    supplier = book.add(name=f"Ours {seed} Ltd")
    book.add(name=f"Bad <{seed}> name")
    papers.bill(name=f"OURS-{seed}", contact=supplier)
    papers.bill(name=f"SMALL-{seed}", contact=book.contact(there[5]["Name"]))
    papers.bill(papers.line(Bill, account_code="NONE"), name=f"UNFIT-{seed}")
    papers.order(name=f"PO-{seed}-X", contact=book.contact(there[6]["Name"]))


Change = tuple[str, str, str | None, str | None]


def foreseen_here(found: list[PreviewRow]) -> set[Change]:
    return {
        (row.kind, each["column"], *_same(each["column"], each["from"], each["to"]))
        for row in found
        if row.action is not Foreseen.NEW
        for each in row.differences
    }


def done_here(book: Book, job: SyncJob, sent: dict[tuple[str, int], int]) -> set[Change]:
    query = select(History).where(History.sync_job_id == job.id, History.field.is_not(None))
    return {
        (one.kind, str(one.field), *_same(str(one.field), one.old, one.new))
        for one in book.session.scalars(query)
        if one.id <= sent.get((one.kind, one.record_id), one.id)
    }


def _same(column: str, old: str | None, new: str | None) -> tuple[str | None, str | None]:
    """Records are named in a preview, and numbered in the history."""
    return ("one", "another") if column.endswith("_id") else (old, new)


def events(book: Book, job: SyncJob, *actions: str) -> set[tuple[str, str]]:
    query = select(History).where(History.sync_job_id == job.id, History.action.in_(actions))
    models = {mapper.kind: mapper.model for mapper in book.provider.mappers}
    found = [one for one in book.session.scalars(query) if one.new != "created there"]
    return {(one.kind, book.session.get_one(models[one.kind], one.record_id).name) for one in found}


def of(found: list[PreviewRow], *actions: Foreseen) -> set[tuple[str, str]]:
    return {(row.kind, row.name) for row in found if row.action in actions}


def sent_by(book: Book, job: SyncJob) -> dict[tuple[str, int], SyncAttemptItem]:
    query = select(SyncAttemptItem).join(SyncAttempt).where(SyncAttempt.sync_job_id == job.id)
    return {(item.kind, item.record_id): item for item in book.session.scalars(query)}


def written_before(book: Book, sent: dict[tuple[str, int], SyncAttemptItem]) -> dict[tuple[str, int], int]:
    """How far the history had come when each record was sent: what came after is the answer to it."""
    before = {}
    for kind, record_id in sent:
        mine = select(History).where(History.kind == kind, History.record_id == record_id).order_by(History.id)
        found = list(book.session.scalars(mine))
        mapper = next(each for each in book.provider.mappers if each.kind == kind)
        answers = mapper.theirs | mapper.standing
        while found and (found[-1].field in answers or found[-1].new == "created there"):
            found.pop()
        before[kind, record_id] = found[-1].id if found else 0
    return before


@pytest.mark.parametrize("seed", range(3))
def test_what_it_says_is_what_the_update_then_does(papers: Papers, seed: int) -> None:
    busy(papers, seed)
    says_what_is_done(papers.book)
    says_what_is_done(papers.book)  # what followed from the first one


def says_what_is_done(book: Book) -> None:
    """Take a preview, then update, and compare."""
    before, writes = dump(book), list(book.theirs.writes())
    one = taken(book)
    assert dump(book) == before
    assert book.theirs.writes() == writes
    here, there = rows(book, one, False), rows(book, one, True)
    job = book.update()
    assert job.state is JobState.COMPLETED, job.reason
    sent = sent_by(book, job)
    assert foreseen_here(here) == done_here(book, job, written_before(book, sent))
    assert of(here, Foreseen.NEW) == events(book, job, "created")
    assert of(here, Foreseen.LINKED) == events(book, job, "linked")
    assert of(here, Foreseen.ARCHIVED) >= events(book, job, "archived there")
    assert {(row.kind, row.record_id) for row in there if row.action.applies} == set(sent)
    assert len(of(there, Foreseen.NEW)) == sum(item.attempt.action == "create" for item in sent.values())
    refused = book.session.scalars(select(Link).where(Link.synced_by_id == job.id, Link.refusal.is_not(None))).all()
    foreseen = {(row.kind, row.record_id): row.reason for row in there if row.action is Foreseen.REFUSED}
    assert foreseen == {(link.kind, link.record_id): _found(link) for link in refused}
    assert one.calls == job.calls


def _found(link: Link) -> str:
    return " ".join(one["message"] for one in link.findings or ())


def test_it_changes_nothing_whatever_there_is_to_say(papers: Papers) -> None:
    """What waits or is in question is left as it is, and the numbers that we give are not used up."""
    book = papers.book
    busy(papers, 11)
    bill = papers.bill(name="SENT")
    papers.push()
    book.theirs.forget_calls()
    papers.office("invoices").edit(str(book.link_of(bill).external_id), {"Reference": "Changed there"})
    papers.pay(bill, "5")
    before = dump(book)
    one = taken(book)
    taken(book, push_only=True)
    assert dump(book) == before
    assert book.theirs.writes() == []
    waits = [row for row in rows(book, one) if row.action is Foreseen.WAITS]
    assert any("changed in Xero" in str(row.reason) for row in waits if row.kind == "bill")


def test_nothing_to_do_is_nothing_to_show(book: Book) -> None:
    one = taken(book)
    assert (rows(book, one), one.job.calls, one.calls) == ([], 11, 11)
    assert not one.job.changed_nothing or one.job.created == 0


def test_a_new_record_is_shown_with_all_that_it_holds(papers: Papers) -> None:
    book = papers.book
    owner = book.theirs.add("Fresh Ltd", EmailAddress="hello@fresh.example")
    bill_there(papers, "T-1", owner)
    one = taken(book)
    contact, bill = named(book, one, "Fresh Ltd"), named(book, one, "T-1")
    assert {"column": "email", "from": None, "to": "hello@fresh.example"} in contact.differences
    assert {"column": "contact_id", "from": None, "to": "Fresh Ltd"} in bill.differences
    assert {"column": "lines.1", "from": None, "to": "Paint"} in bill.differences
    assert (contact.record_id, bill.record_id) == (None, None)


def test_what_would_be_sent_is_shown_field_by_field_against_what_is_there(papers: Papers) -> None:
    book = papers.book
    contact = book.contact(book.theirs.contacts()[2]["Name"])
    before, contact.city = contact.city, "Porirua"
    book.session.commit()
    supplier = book.add(name="Ours Ltd")
    papers.bill(name="B-1", contact=supplier)
    one = taken(book, push_only=True)
    assert named(book, one, contact.name).differences == [{"column": "city", "from": before, "to": "Porirua"}]
    bill = named(book, one, "B-1")
    assert {"column": "contact_id", "from": None, "to": "Ours Ltd"} in bill.differences
    assert (bill.outgoing, bill.action) == (True, Foreseen.NEW)
    job = papers.push()
    assert (job.sent, job.calls) == (3, one.calls)


def test_chosen_rows_only_and_the_rest_stays_offered(book: Book) -> None:
    first, second = book.theirs.contacts()[:2]
    for row in (first, second):
        book.theirs.edit(row["ContactID"], EmailAddress="new@there.example")
    item, other = edit_item(book, 1, Name="Renamed"), edit_item(book, 2, Name="Renamed too")
    gone = book.theirs.shelf("Items").bodies()[5]
    book.theirs.shelf("Items").remove(gone["ItemID"])
    mine, not_mine = book.add(name="Ours, chosen"), book.add(name="Ours, not chosen")
    one = taken(book)
    bookmarks = select(PullRun.id).order_by(PullRun.id)
    before = book.session.scalars(bookmarks).all()
    job = applied(book, one, first["Name"], item, mine.name, gone["Name"])
    assert (job.updated, job.sent, job.archived, job.created) == (2, 1, 1, 0)
    assert book.contact(first["Name"]).email == "new@there.example"
    assert book.contact(second["Name"]).email != "new@there.example"
    assert book.link_of(mine).state is LinkState.INTEGRATED
    assert book.link_of(not_mine).state is LinkState.WAITING
    assert book.session.scalars(bookmarks).all() == before, "what was not chosen is read by the next Update"
    offered = {row.name for row in rows(book, one) if row.open}
    assert offered == {second["Name"], other, not_mine.name}
    assert {row.name for row in rows(book, taken(book)) if row.action.applies} == offered
    assert apply.apply_chosen(book.session, one, PreviewRow.id.in_([named(book, one, item).id]), user_id=None) is None


def test_a_bill_of_a_new_supplier_brings_it_along_both_ways(papers: Papers) -> None:
    book = papers.book
    bill_there(papers, "T-1", book.theirs.add("Fresh Ltd"))
    ours = papers.bill(name="B-1", contact=book.add(name="Ours Ltd"))
    other = book.add(name="Not chosen")
    job = applied(book, taken(book), "T-1", "B-1")
    assert (job.created, job.sent) == (2, 2)
    assert book.contact("Fresh Ltd") is not None
    assert papers.state(ours) == "integrated"
    assert book.link_of(other).state is LinkState.WAITING


def test_what_comes_with_another_row_is_applied_with_it(book: Book) -> None:
    shelf = book.theirs.shelf("TrackingCategories")
    body = shelf.bodies()[0]
    row = shelf.get(body["TrackingCategoryID"])
    assert row is not None
    options = [{**body["Options"][0], "Name": "Renamed option"}, *body["Options"][1:]]
    shelf.put(replace(row, body={**body, "Options": options}))
    job = applied(book, taken(book), "Renamed option")
    assert job.updated == 1
    renamed = book.session.scalars(select(TrackingOption).where(TrackingOption.name == "Renamed option")).one()
    assert book.link_of(renamed).state is LinkState.INTEGRATED


def test_what_changed_meanwhile_is_taken_as_it_is_now(book: Book) -> None:
    row = book.theirs.contacts()[0]
    book.theirs.edit(row["ContactID"], EmailAddress="first@there.example")
    mine = book.add(name="Ours Ltd", city="First")
    one = taken(book)
    book.theirs.edit(row["ContactID"], EmailAddress="second@there.example")
    mine.city = "Second"
    book.session.commit()
    applied(book, one, row["Name"], "Ours Ltd")
    assert book.contact(row["Name"]).email == "second@there.example"
    assert "Second" in str(book.theirs.contact("Ours Ltd")["Addresses"])


def test_all_of_it_is_an_ordinary_update(book: Book) -> None:
    row = book.theirs.contacts()[0]
    book.theirs.edit(row["ContactID"], EmailAddress="new@there.example")
    one = taken(book, "contact")
    job = book.run(apply.apply_all(book.session, one, user_id=None))
    assert (job.title, job.updated, job.calls) == ("Update", 1, one.calls)
    assert not any(found.open for found in rows(book, one))


def test_what_a_failed_job_was_to_apply_is_offered_again(book: Book) -> None:
    book.theirs.edit(book.theirs.contacts()[0]["ContactID"], EmailAddress="new@there.example")
    one = taken(book)
    job = apply.apply_all(book.session, one, user_id=None)
    assert not any(found.open for found in rows(book, one))
    job.state = JobState.FAILED
    book.session.commit()
    assert all(found.open for found in rows(book, one))


def test_before_the_first_push_is_confirmed_it_shows_what_would_be_sent_and_sends_nothing(fresh_book: Book) -> None:
    book = fresh_book
    book.add(name="Ours Ltd")
    book.run(book.link())
    before = dump(book)
    update, push = taken(book), taken(book, push_only=True)
    assert named(book, update, "Ours Ltd").action is Foreseen.WAITS
    assert named(book, push, "Ours Ltd").action is Foreseen.NEW
    assert dump(book) == before
    job = apply.apply_chosen(book.session, push, PreviewRow.id.in_([named(book, push, "Ours Ltd").id]), user_id=None)
    assert job is not None
    assert (book.run(job).sent, book.theirs.writes()) == (0, [])
    assert "say first, under Matches" in job.notes[-1]
    book.session.expire_all()
    assert named(book, push, "Ours Ltd").open
    every = book.run(apply.apply_all(book.session, push, user_id=None))
    assert (every.sent, book.theirs.writes(), named(book, push, "Ours Ltd").open) == (0, [], True)


def test_a_first_sync_can_be_seen_before_it_is_done(fresh_book: Book) -> None:
    book = fresh_book
    first = book.link()
    one = taken(book)
    assert {row.action for row in rows(book, one)} == {Foreseen.NEW}
    assert book.contacts() == []
    first = book.run(first)
    assert first.created == len(rows(book, one))
    # The organisation itself is read once, whoever comes first.
    assert one.calls == first.calls


def test_what_was_read_is_not_read_again_when_a_limit_lifts(book: Book) -> None:
    calls: list[str] = []

    def hook(when: str, name: str, _: Any) -> None:
        if when == "before":
            calls.append(name)
            if len(calls) == 5:
                raise RateLimitedError(retry_after=0, limit="minute")

    book.shop = replace(book.shop, providers={"xero": MovingProvider(book.provider, lambda c: Hooked(c, hook))})
    job = book.until_done(asked(book))
    assert job.state is JobState.COMPLETED, job.reason
    assert len(calls) == 12
    assert book.session.scalars(select(PreviewAnswer)).all() == []


@pytest.mark.parametrize("step", [0, 4, 11, 19])
def test_a_worker_dies_and_the_next_one_goes_on_with_what_was_read(papers: Papers, app: Flask, step: int) -> None:
    book = papers.book
    busy(papers, 31)
    job_id = asked(book, "contact", "item").id
    before = dump(book)
    assert dies(app.extensions["settings"], job_id, step)
    silent_until = clock.now() + timedelta(seconds=book.shop.settings.lease_seconds + 1)
    clock.use(lambda: silent_until)
    job = book.until_done(book.session.get_one(SyncJob, job_id))
    assert job.state is JobState.COMPLETED, job.reason
    assert dump(book) == before
    one = book.session.scalars(select(Preview).where(Preview.sync_job_id == job_id)).one()
    assert rows(book, one)
    assert one.calls == book.update("contact", "item").calls


def test_a_record_that_is_the_same_is_linked_when_it_is_chosen(book: Book) -> None:
    for name in ("Both Ltd", "Both too Ltd"):
        book.theirs.add(name, EmailAddress="theirs@there.example")
        book.add(name=name)
    one = taken(book, "contact")
    assert of(rows(book, one), Foreseen.LINKED) == {("contact", "Both Ltd"), ("contact", "Both too Ltd")}
    applied(book, one, "Both Ltd")
    assert book.link_of(book.contact("Both Ltd")).state is LinkState.INTEGRATED
    assert book.contact("Both Ltd").email == "theirs@there.example"
    assert book.link_of(book.contact("Both too Ltd")).external_id is None


def test_where_ours_wins_it_says_what_stays_and_what_goes(papers: Papers) -> None:
    book = papers.book
    papers.settings(conflict_winner=Winner.OURS)
    row = book.theirs.contacts()[0]
    book.theirs.edit(row["ContactID"], EmailAddress="theirs@there.example")
    contact = book.contact(row["Name"])
    contact.email = "ours@here.example"
    book.session.commit()
    found = {row.action: row.differences for row in rows(book, taken(book, "contact"))}
    goes = {"column": "email", "from": "theirs@there.example", "to": "ours@here.example"}
    assert found[Foreseen.CHANGED] == [goes]
    assert found[Foreseen.OVERRULED] == [{"column": "email", "from": goes["from"], "to": goes["to"]}]


def test_an_empty_list_is_asked_about_and_nothing_is_said_to_be_archived(book: Book) -> None:
    book.theirs.fault("empty-list", path="/Items")
    before = dump(book)
    job = book.run(asked(book, "item"))
    assert (job.state, job.question) == (JobState.FAILED, "Items")
    assert dump(book) == before


def test_it_is_offered_for_a_day_and_then_let_go(book: Book) -> None:
    one = taken(book, "item")
    later = clock.now() + OFFERED + timedelta(minutes=1)
    offered = [one.offered]
    clock.use(lambda: later)
    assert [*offered, one.offered] == [True, False]
    prune(book.session)
    assert book.session.scalars(select(Preview)).all() == []


def test_one_that_is_being_taken_is_not_taken_twice(book: Book) -> None:
    assert asked(book, "item").id == asked(book, "item").id
    assert asked(book, "item", push_only=True).id != asked(book, "item").id


def test_a_job_that_applies_does_not_stand_in_for_an_update(book: Book) -> None:
    book.theirs.edit(book.theirs.contacts()[0]["ContactID"], EmailAddress="new@there.example")
    one = taken(book, "contact")
    job = apply.apply_chosen(book.session, one, PreviewRow.id.in_([rows(book, one)[0].id]), user_id=None)
    assert job is not None
    assert book.update("contact").id != job.id


def test_a_payment_of_a_new_bill_is_foreseen_with_it(papers: Papers) -> None:
    book = papers.book
    bill = papers.bill(name="B-1")
    papers.pay(bill, "10")
    one = taken(book)
    job = book.update()
    assert {(row.kind, row.action) for row in rows(book, one, True)} >= {("bill", Foreseen.NEW)}
    assert job.sent == sum(row.action.applies for row in rows(book, one, True))
    assert bill.amount_due == bill.total - Decimal(10)


def test_it_rings_for_nobody(papers: Papers, monkeypatch: pytest.MonkeyPatch) -> None:
    book = papers.book
    busy(papers, 21)
    rung: list[Any] = []
    monkeypatch.setattr("backoffice.queue.doorbell.ring", lambda *what, **_: rung.append(what))
    taken(book)
    assert rung == []
