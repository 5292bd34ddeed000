"""Drift: what is none, what is done about each, what is left until it changes; and calls that others need."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update

from backoffice import clock
from backoffice.models import (
    Allocation,
    Bill,
    Connection,
    Contact,
    Drift,
    Invoice,
    Item,
    JobState,
    PurchaseOrder,
    Side,
    Treatment,
)
from backoffice.sync import pending
from backoffice.sync.reconciliation import reconcile
from backoffice.sync.reconciliation.settling import Way
from tests.databases import EITHER
from tests.sync.conftest import Book
from tests.sync.documents.conftest import Papers
from tests.sync.drifting import Twelve, carry_out, drifts, run, settle

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)


@pytest.fixture
def sandbox_size() -> dict[str, Any]:
    return {"contacts": 12, "items": 3}


@pytest.fixture
def twelve(book: Book) -> Twelve:
    return Twelve(Papers(book))


@pytest.fixture(autouse=True)
def real_clock() -> Iterator[None]:
    yield
    clock.use()


def test_what_comes_with_another_difference_is_shown_and_settled_with_it(twelve: Twelve) -> None:
    twelve.seed()
    run(twelve.book)
    found = drifts(twelve.book)
    rows = twelve.session.scalars(select(Drift).where(Drift.because_id.is_not(None))).all()
    with_it = {(row.name, row.because_id) for row in rows}
    assert with_it == {
        ("PAID-1", found["payment", "deleted_there"].id), ("OLD-1", found["contact", "merged_there"].id),
    }  # fmt: skip
    settle(twelve.book, found["payment", "deleted_there"])
    carry_out(twelve.book)
    twelve.session.refresh(twelve.paid)
    assert (twelve.paid.amount_paid, twelve.payment.archived) == (Decimal(0), True)
    assert ("PAID-1", None) not in {(row.name, row.settled) for row in twelve.session.scalars(select(Drift))}


def test_an_update_makes_equal_what_it_sees_and_the_report_says_so(twelve: Twelve) -> None:
    twelve.seed()
    run(twelve.book)
    twelve.book.update()
    unseen = {("contact", "edited_silently"), ("contact", "marks_moved"), ("contact", "changed_here")}
    assert set(drifts(twelve.book)) == unseen
    assert run(twelve.book).differences == len(unseen)


def test_what_is_left_is_remembered_until_it_changes_again(twelve: Twelve) -> None:
    twelve.seed()
    run(twelve.book)
    row = drifts(twelve.book)["contact", "edited_silently"]
    settle(twelve.book, row, Way.LEAVE)
    assert run(twelve.book).differences == 11
    contact = twelve.session.get_one(Contact, row.record_id)
    twelve.office("contacts").edit_silently(twelve.key(contact), {"EmailAddress": "again@there.example"})
    assert run(twelve.book).differences == 12
    assert drifts(twelve.book)["contact", "edited_silently"].differences[0]["theirs"] == "again@there.example"


def test_what_waits_or_is_paused_is_no_drift(twelve: Twelve) -> None:
    waiting, paused, *_ = twelve.contacts
    for contact in (waiting, paused):
        twelve.office("contacts").edit_silently(twelve.key(contact), {"EmailAddress": "there@there.example"})
    link = twelve.book.link_of(paused)
    link.paused = True
    waiting.phone = "12345"
    twelve.session.commit()
    found = run(twelve.book)
    (counts,) = [each.counts["contact"] for each in found.lists if "contact" in each.counts]
    assert counts["explained"] == {"waiting": 1, "paused": 1}
    assert found.differences == 0


def test_what_the_settings_leave_out_is_no_drift(twelve: Twelve) -> None:
    twelve.papers.settings(bring_in_from=dt.date(2030, 1, 1), bring_in_payments=False)
    twelve.office("invoices").add(twelve.bill_there())
    assert run(twelve.book).differences == 0


def test_what_was_unlinked_by_hand_is_no_drift(twelve: Twelve) -> None:
    row_of = twelve.contacts[0]
    twelve.office("contacts").archive(twelve.key(row_of))
    run(twelve.book)
    settle(twelve.book, drifts(twelve.book)["contact", "archived_there"], Way.UNLINK)
    assert run(twelve.book).differences == 0
    assert twelve.book.link_of(row_of).paused


def test_a_voided_bill_is_created_again(twelve: Twelve) -> None:
    before = twelve.key(twelve.voided)
    twelve.office("invoices").act(before, "void")
    run(twelve.book)
    settle(twelve.book, drifts(twelve.book)["bill", "voided_there"], Way.CREATE)
    twelve.papers.push()
    twelve.session.expire_all()
    assert twelve.key(twelve.voided) not in (before, "")
    assert twelve.papers.there(twelve.voided)["Status"] == "AUTHORISED"
    assert run(twelve.book).differences == 0


def test_a_bill_changed_behind_the_engine_is_sent_or_taken(twelve: Twelve) -> None:
    line = twelve.changed.lines[0]
    for way, left in ((Way.TAKE, "Rope"), (Way.SEND, "Behind")):
        table = line.table()
        change = update(table).where(table.c.id == line.id).values(description="Behind")
        twelve.session.connection().execute(change)
        twelve.session.commit()
        run(twelve.book)
        row = drifts(twelve.book)["bill", "changed_here"]
        assert "Behind" in row.differences[0]["ours"]
        settle(twelve.book, row, way)
        carry_out(twelve.book)
        twelve.papers.push()
        twelve.session.expire_all()
        shown = twelve.papers.there(twelve.changed)["LineItems"][0]["Description"]
        assert (twelve.changed.lines[0].description, shown) == (left, left)
        assert run(twelve.book).differences == 0


@pytest.mark.parametrize("way", [Way.TAKE, Way.SEND])
def test_a_sent_bill_that_was_edited_there_silently_is_taken_or_overwritten(twelve: Twelve, way: Way) -> None:
    twelve.office("invoices").edit_silently(twelve.key(twelve.changed), {"Reference": "theirs"})
    run(twelve.book)
    settle(twelve.book, drifts(twelve.book)["bill", "edited_silently"], way)
    carry_out(twelve.book)
    twelve.papers.push()
    twelve.session.expire_all()
    held = "theirs" if way is Way.TAKE else "as it was"
    assert (twelve.changed.reference, twelve.papers.there(twelve.changed)["Reference"]) == (held, held)
    assert run(twelve.book).differences == 0


def test_a_mapping_that_moved_since_a_bill_was_sent_is_no_drift(twelve: Twelve) -> None:
    bill = twelve.papers.bill(twelve.papers.line(Bill, account_code=None), name="DEFAULT-1")
    twelve.papers.settings(expense_account="300")
    twelve.papers.push()
    assert twelve.papers.state(bill) == "integrated"
    twelve.papers.settings(expense_account="310")
    assert run(twelve.book).differences == 0


def test_it_waits_for_calls_to_spare_and_says_so(twelve: Twelve) -> None:
    connection = twelve.session.get_one(Connection, twelve.book.connection_id)
    connection.day_left, connection.budget_at = twelve.book.provider.day_reserve - 1, clock.now()
    twelve.session.commit()
    twelve.book.theirs.forget_calls()
    job, _ = reconcile.request_reconciliation(twelve.session, twelve.book.connection, ["contact"])
    job = twelve.book.run(job)
    assert (job.state, "spare calls" in str(job.waiting_for)) == (JobState.PENDING, True)
    assert job.due_at > clock.now() + timedelta(hours=2)
    assert twelve.book.theirs.calls() == {}


def test_one_that_waits_for_calls_holds_no_push_up(twelve: Twelve) -> None:
    connection = twelve.session.get_one(Connection, twelve.book.connection_id)
    connection.day_left, connection.budget_at = twelve.book.provider.day_reserve - 1, clock.now()
    twelve.session.commit()
    job, _ = reconcile.request_reconciliation(twelve.session, twelve.book.connection, ["contact"])
    twelve.book.run(job)
    twelve.supplier.email = "edited@here.example"
    twelve.session.commit()
    assert pending.left_behind(twelve.session) == [twelve.book.connection_id]


def test_a_second_request_finds_the_first(twelve: Twelve) -> None:
    kinds = ["contact"]
    first, new = reconcile.request_reconciliation(twelve.session, twelve.book.connection, kinds)
    second, again = reconcile.request_reconciliation(twelve.session, twelve.book.connection, kinds)
    assert (first.id, new, again) == (second.id, True, False)


def test_whatever_was_sent_is_equal_before_and_after_it_is_read_again(book: Book) -> None:
    papers = Papers(book)
    odd = {
        "phone": "0800 CALL ME",
        "mobile": "+64 (21) 123 456",
        "street": "One\nTwo\n\nFour",
        "country": "New Zealand",
    }
    party, plain = papers.party("Papers Ltd"), book.add(name="Odd Ltd", **odd)
    item = book.session.scalars(select(Item).where(Item.is_purchased).limit(1)).one()
    line = papers.line
    papers.order(line(PurchaseOrder, unit_price=Decimal("1.2345"), quantity=Decimal("3.5")), contact=plain)
    papers.order(line(PurchaseOrder, item_code=item.code, description=None), delivery_address="There\nand there")
    papers.bill(line(Bill), line(Bill, description="Only words", unit_price=Decimal(0), account_code=None), name="B-1")
    papers.bill(line(Bill, unit_price=Decimal("0.3333")), treatment=Treatment.INCLUSIVE, name="B-2")
    papers.invoice(line(Invoice, discount=Decimal("12.5")), line(Invoice, quantity=Decimal("0.1")))
    paid = papers.bill(name="B-3", contact=party)
    note = papers.credit_note(side=Side.PURCHASES, contact=party, name="CN-1")
    papers.push()
    papers.pay(paid, "3.00")
    allocation = {"company_id": book.company_id, "credit_note_id": note.id, "bill_id": paid.id, "date": paid.date}
    book.session.add(Allocation(**allocation, amount=Decimal("2.00")))
    book.session.commit()
    assert papers.push().refused == 0
    for _ in range(2):
        found = run(book)
        marks = ("contact", "marks_moved")  # our own documents made it a supplier and a customer there
        assert {key: row.differences for key, row in drifts(book).items() if key != marks} == {}
        assert all(n["ours"] == n["theirs"] for each in found.lists for n in each.counts.values())
        book.update()


def test_nothing_of_a_paused_kind_is_taken_and_a_person_may_choose_again(twelve: Twelve) -> None:
    contact = twelve.contacts[0]
    twelve.office("contacts").edit_silently(twelve.key(contact), {"EmailAddress": "silent@there.example"})
    run(twelve.book)
    row = drifts(twelve.book)["contact", "edited_silently"]
    settle(twelve.book, row)
    twelve.papers.settings(paused_kinds=["contact"])
    carry_out(twelve.book)
    twelve.session.expire_all()
    assert (row.taking_id, row.settled_at) == (None, None)
    assert contact.email != "silent@there.example"
