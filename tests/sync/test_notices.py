"""What Xero tells by itself: folded, read with the fewest calls, and never lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from math import ceil
from typing import Any

import pytest
from sqlalchemy import func, select

import jobs as rung
from backoffice import clock
from backoffice.models import (
    Bill,
    CompanySettings,
    ConnectionState,
    JobState,
    Notice,
    Payment,
    SyncJob,
    Work,
)
from backoffice.sandbox.xero import webhooks
from backoffice.sandbox.xero.server import Sandbox
from backoffice.sync import linking, notice_board, notices
from tests.sync.conftest import Book
from tests.sync.hook import Hook
from tests.sync.moving import MovingProvider
from tests.sync.test_interleavings import Hooked

CONTACTS, INVOICES, NOTES, PAYMENTS = "GET Contacts", "GET Invoices", "GET CreditNotes", "GET Payments"


@pytest.fixture
def hook(book: Book, sandbox: Sandbox) -> Iterator[Hook]:
    yield Hook(sandbox)
    clock.use()


def deliver(book: Book, hook: Hook, size: int = webhooks.BATCH) -> list[tuple[bytes, str]]:
    """Take what Xero has to say, as the door does; returns the deliveries."""
    made = hook.messages(size)
    for body, signature in made:
        take(book, hook, body, signature)
    return made


def take(book: Book, hook: Hook, body: bytes, signature: str) -> int:
    notices = book.provider.notices(body, signature, hook.key)
    assert notices is not None
    _, strangers = notice_board.put_up(book.session, book.provider, notices.told)
    book.session.commit()
    return strangers


def read(book: Book) -> SyncJob | None:
    """What the ring leads to: the job, done if its time has come."""
    rung.notices(book.connection_id)
    job = book.session.scalars(select(SyncJob).where(SyncJob.work == Work.NOTICES).order_by(SyncJob.id.desc())).first()
    book.session.rollback()
    return job


def due(book: Book, hook: Hook) -> SyncJob:
    """Let the time of the job that waits come, and do it."""
    job = book.session.scalars(select(SyncJob).filter_by(work=Work.NOTICES, state=JobState.PENDING)).one()
    hook.pass_time(max(0.0, (job.due_at - clock.now()).total_seconds()))
    return book.run(job)


def pending(book: Book) -> int:
    found = book.session.scalar(select(func.count()).select_from(Notice).where(Notice.pending)) or 0
    book.session.rollback()
    return found


def change(book: Book, number: int, first: int = 0) -> list[str]:
    """Change so many contacts there; one more call makes one more change of each."""
    ids = sorted(body["ContactID"] for body in book.theirs.contacts())[first : first + number]
    for contact_id in ids:
        book.theirs.edit(contact_id, FirstName=f"Number {book.sandbox.world.clock.milliseconds()}")
    return ids


def grow(book: Book, number: int) -> None:
    for n in range(number):
        book.theirs.add(f"Grown {n}")


def open_jobs(book: Book) -> int:
    query = select(func.count()).select_from(SyncJob).where(SyncJob.work == Work.NOTICES)
    return book.session.scalar(query.where(SyncJob.state.in_(("pending", "running")))) or 0


def test_a_change_there_is_here_after_one_call(book: Book, hook: Hook) -> None:
    (contact_id,) = change(book, 1)
    book.theirs.edit(contact_id, Name="Kowhai Press")
    deliver(book, hook)
    waits = read(book)
    assert waits is not None
    assert (waits.state, book.theirs.calls()) == (JobState.PENDING, {}), "others have a moment to join it"
    job = due(book, hook)
    assert (job.state, job.updated, job.title) == (JobState.COMPLETED, 1, "Changed in Xero")
    assert book.theirs.calls() == {CONTACTS: 1}
    assert book.contact("Kowhai Press").first_name is not None
    assert (pending(book), open_jobs(book)) == (0, 0)


def test_a_new_contact_comes_in(book: Book, hook: Hook) -> None:
    book.theirs.add("Brand New Ltd")
    deliver(book, hook)
    read(book)
    assert due(book, hook).created == 1
    assert book.contact("Brand New Ltd").archived is False


def test_many_changes_are_read_forty_at_a_time(book: Book, hook: Hook) -> None:
    grow(book, 60)
    assert len(change(book, 85)) == 85
    deliver(book, hook)
    job = read(book)
    assert job is not None
    assert job.state is JobState.COMPLETED, "full calls wait for nothing"
    assert book.theirs.calls() == {CONTACTS: 3}
    assert pending(book) == 0


def test_what_follows_within_the_minute_is_gathered(book: Book, hook: Hook) -> None:
    change(book, 1)
    deliver(book, hook)
    read(book)
    due(book, hook)
    for first in (1, 2, 3):
        hook.pass_time(10)
        change(book, 1, first)
        deliver(book, hook)
        read(book)
    assert book.theirs.calls() == {CONTACTS: 1}
    assert due(book, hook).updated == 3
    assert book.theirs.calls() == {CONTACTS: 2}
    assert (pending(book), open_jobs(book)) == (0, 0)


def test_a_row_that_changes_all_the_time_is_read_once_a_minute(book: Book, hook: Hook) -> None:
    started = hook.moment
    for _ in range(30):
        (contact_id,) = change(book, 1)
        deliver(book, hook)
        read(book)
        hook.pass_time(5)
    assert book.theirs.calls()[CONTACTS] <= ceil((hook.moment - started) / timedelta(minutes=1))
    due(book, hook)
    assert pending(book) == 0
    last = book.theirs.shelf("Contacts").get(contact_id)
    assert last is not None
    assert book.contact(last.body["Name"]).first_name == last.body["FirstName"]


def test_forty_more_fill_a_call_within_the_minute(book: Book, hook: Hook) -> None:
    grow(book, 60)
    hook.messages()
    hook.pass_time(1)
    change(book, 1)
    deliver(book, hook)
    read(book)
    due(book, hook)
    hook.pass_time(5)
    book.theirs.forget_calls()
    change(book, 45)  # one of them was read just now, so 44 are new
    deliver(book, hook)
    job = read(book)
    assert job is not None
    assert book.theirs.calls() == {CONTACTS: 1}
    assert pending(book) == 5
    due(book, hook)
    assert book.theirs.calls() == {CONTACTS: 2}
    assert pending(book) == 0


def test_doubles_and_stragglers_say_nothing_new(book: Book, hook: Hook) -> None:
    contact_id, *_ = change(book, 3)
    early = deliver(book, hook, size=1)
    hook.pass_time(3)
    book.theirs.edit(contact_id, Name="Kowhai Press")
    deliver(book, hook)
    read(book)
    due(book, hook)
    book.theirs.forget_calls()
    for body, signature in [*reversed(early), *early]:
        hook.pass_time(61)
        take(book, hook, body, signature)
        read(book)
    assert (book.theirs.calls(), pending(book), open_jobs(book)) == ({}, 0, 0)


def test_a_change_while_the_row_is_read_goes_on_waiting(book: Book, hook: Hook) -> None:
    (contact_id,) = change(book, 1)
    deliver(book, hook)
    read(book)

    class Meddling:
        def __init__(self, client: Any) -> None:
            self._client = client

        def __getattr__(self, name: str) -> Any:
            return getattr(self._client, name)

        def by_ids(self, *asked: Any) -> Any:
            rows = self._client.by_ids(*asked)
            hook.pass_time(1)
            book.theirs.edit(contact_id, Name="Changed Meanwhile")
            with book.shop.sessions() as session:
                for body, signature in hook.messages():
                    notices = book.provider.notices(body, signature, hook.key)
                    notice_board.put_up(session, book.provider, notices.told)
                session.commit()
            return rows

    book.shop.providers["xero"] = MovingProvider(book.provider, Meddling)  # type: ignore[index]
    try:
        due(book, hook)
    finally:
        book.shop.providers["xero"] = book.provider  # type: ignore[index]
    assert (pending(book), open_jobs(book)) == (1, 1), "and a job will read it"
    due(book, hook)
    assert book.contact("Changed Meanwhile").id
    assert (pending(book), open_jobs(book)) == (0, 0)


def test_the_echo_of_our_own_change_costs_no_call_and_no_job(book: Book, hook: Hook) -> None:
    contact = book.contacts()[0]
    contact.email = "new@example.com"
    book.session.commit()
    book.push()
    book.theirs.forget_calls()
    assert deliver(book, hook)
    assert pending(book) == 1
    assert read(book) is None
    assert (book.theirs.calls(), pending(book)) == ({}, 0)


def test_what_an_update_has_read_already_costs_nothing(book: Book, hook: Hook) -> None:
    change(book, 3)
    deliver(book, hook)
    read(book)
    book.update()
    book.theirs.forget_calls()
    job = due(book, hook)
    assert (job.state, job.calls, book.theirs.calls(), pending(book)) == (JobState.COMPLETED, 0, {}, 0)


def test_the_same_change_by_somebody_else_after_ours_is_read(book: Book, hook: Hook) -> None:
    contact = book.contacts()[0]
    contact.email = "new@example.com"
    book.session.commit()
    book.push()
    hook.pass_time(1)
    book.theirs.edit(str(book.link_of(contact).external_id), Name="Renamed There")
    deliver(book, hook)
    read(book)
    due(book, hook)
    assert book.contact("Renamed There").id == contact.id


def an_open_bill(book: Book) -> Bill:
    """A bill made there of which something is due."""
    book.session.rollback()
    bills = book.session.scalars(select(Bill).where(Bill.amount_due > 0, Bill.their_status == "AUTHORISED"))
    found = bills.first()
    assert found is not None
    return found


def test_a_payment_there_brings_what_is_due_and_the_payment(book: Book, hook: Hook, sandbox: Sandbox) -> None:
    bill = an_open_bill(book)
    invoice_id, before = book.link_of(bill).external_id, payments(book)
    paid = sandbox.office("invoices").pay(str(invoice_id))
    deliver(book, hook)
    read(book)
    due(book, hook)
    assert book.theirs.calls() == {INVOICES: 1, PAYMENTS: 1}
    book.session.expire_all()
    assert (float(bill.amount_due or 0), payments(book) - before) == (0, 1)
    book.theirs.forget_calls()
    hook.pass_time(61)
    sandbox.office("payments").delete(paid["PaymentID"])
    deliver(book, hook)
    read(book)
    due(book, hook)
    assert book.theirs.calls() == {INVOICES: 1, PAYMENTS: 1}
    book.session.expire_all()
    assert (float(bill.amount_due or 0) > 0, payments(book)) == (True, before)


def payments(book: Book) -> int:
    query = select(func.count()).select_from(Payment).where(Payment.archived.is_(False))
    return book.session.scalar(query) or 0


def test_payments_from_before_the_start_are_not_asked_for_again_and_again(
    book: Book, hook: Hook, sandbox: Sandbox
) -> None:
    bill = an_open_bill(book)
    settings_of(book).bring_in_from = hook.moment.date() + timedelta(days=9)
    book.session.commit()
    sandbox.office("invoices").pay(str(book.link_of(bill).external_id))
    deliver(book, hook)
    read(book)
    due(book, hook)
    assert book.theirs.calls() == {INVOICES: 1}
    book.session.expire_all()
    assert float(bill.amount_due or 0) == 0


def test_a_bill_that_changes_without_money_moving_is_one_call(book: Book, hook: Hook, sandbox: Sandbox) -> None:
    bill = an_open_bill(book)
    sandbox.office("invoices").edit(str(book.link_of(bill).external_id), {"Reference": "Seen by the owner"})
    deliver(book, hook)
    read(book)
    due(book, hook)
    assert book.theirs.calls() == {INVOICES: 1}


def test_forty_credit_notes_are_one_call(book: Book, hook: Hook, sandbox: Sandbox) -> None:
    contact = {"ContactID": book.theirs.contacts()[0]["ContactID"]}
    line = {"Description": "Paper", "Quantity": 1, "UnitAmount": 5, "AccountCode": "200"}
    office = sandbox.office("creditnotes")
    for _ in range(40):
        office.add({"Type": "ACCRECCREDIT", "Contact": contact, "LineItems": [line]})
    deliver(book, hook)
    job = read(book)
    assert job is not None
    assert (job.state, job.created, book.theirs.calls()) == (JobState.COMPLETED, 40, {NOTES: 1})


def test_rows_that_are_not_there_are_asked_for_once(book: Book, hook: Hook) -> None:
    contact_id = book.theirs.add("Soon Gone Ltd")
    deliver(book, hook)
    book.theirs.shelf("Contacts").remove(contact_id)
    read(book)
    due(book, hook)
    assert (book.theirs.calls(), pending(book), open_jobs(book)) == ({CONTACTS: 1}, 0, 0)


def test_strangers_are_counted_and_what_is_not_linked_is_noted_and_not_read(book: Book, hook: Hook) -> None:
    change(book, 2)
    ((body, _),) = hook.messages()
    stranger = body.replace(book.theirs.organisation.encode(), b"0" * 8 + book.theirs.organisation[8:].encode())
    assert take(book, hook, stranger, webhooks.sign(stranger, hook.key)) == 2
    assert pending(book) == 0
    linking.unlink(book.session, book.connection)
    assert take(book, hook, body, webhooks.sign(body, hook.key)) == 0
    assert read(book) is None
    assert (pending(book), book.theirs.calls()) == (2, {})
    assert notices.unread(book.session, book.shop.providers) == []


def settings_of(book: Book) -> CompanySettings:
    return book.session.scalars(select(CompanySettings)).one()


def test_a_paused_company_is_not_read_until_it_goes_on(book: Book, hook: Hook) -> None:
    settings_of(book).paused = True
    book.session.commit()
    change(book, 2)
    deliver(book, hook)
    assert read(book) is None
    assert notices.unread(book.session, book.shop.providers) == []
    settings_of(book).paused = False
    book.session.commit()
    assert notices.unread(book.session, book.shop.providers) == [book.connection_id]
    read(book)
    due(book, hook)
    assert (pending(book), book.theirs.calls()) == (0, {CONTACTS: 1})


def test_a_paused_kind_waits_alone(book: Book, hook: Hook, sandbox: Sandbox) -> None:
    settings_of(book).paused_kinds = ["contact"]
    book.session.commit()
    bill = an_open_bill(book)
    sandbox.office("invoices").edit(str(book.link_of(bill).external_id), {"Reference": "Seen by the owner"})
    change(book, 1)
    deliver(book, hook)
    read(book)
    due(book, hook)
    assert (book.theirs.calls(), pending(book)) == ({INVOICES: 1}, 1)
    assert notices.unread(book.session, book.shop.providers) == []


def test_a_kind_that_is_paused_between_two_calls_goes_on_waiting(book: Book, hook: Hook) -> None:
    grow(book, 60)
    book.update()
    hook.pass_time(120)
    change(book, 60)
    deliver(book, hook)
    job = notices.ask(book.session, book.connection, book.provider, timedelta())

    def pause_contacts(when: str, name: str, _: Any) -> None:
        if (when, name) == ("after", "by_ids"):
            settings_of(book).paused_kinds = ["contact"]
            book.session.commit()

    book.shop = replace(
        book.shop, providers={"xero": MovingProvider(book.provider, lambda c: Hooked(c, pause_contacts))}
    )
    book.theirs.forget_calls()
    assert job is not None
    assert book.run(job).state is JobState.COMPLETED
    assert (book.theirs.calls(), pending(book)) == ({CONTACTS: 1}, 20)


def test_documents_that_nobody_brings_in_are_not_read(book: Book, hook: Hook, sandbox: Sandbox) -> None:
    for column in ("bring_in_bills", "bring_in_invoices"):
        setattr(settings_of(book), column, False)
    book.session.commit()
    known = an_open_bill(book)
    contact = {"ContactID": book.theirs.contacts()[0]["ContactID"]}
    line = {"Description": "Paper", "Quantity": 1, "UnitAmount": 5, "AccountCode": "200"}
    sandbox.office("invoices").add({"Type": "ACCREC", "Contact": contact, "LineItems": [line]})
    deliver(book, hook)
    assert read(book) is None
    hook.pass_time(1)
    sandbox.office("invoices").edit(str(book.link_of(known).external_id), {"Reference": "Followed all the same"})
    deliver(book, hook)
    read(book)
    due(book, hook)
    assert book.theirs.calls() == {INVOICES: 1}


def test_the_sweep_finds_what_nobody_rang_for(book: Book, hook: Hook) -> None:
    change(book, 1)
    deliver(book, hook)
    assert notices.unread(book.session, book.shop.providers) == [book.connection_id]
    read(book)
    assert notices.unread(book.session, book.shop.providers) == [], "a job will read it"
    due(book, hook)
    assert notices.unread(book.session, book.shop.providers) == []


def test_a_reading_that_failed_is_not_begun_again_at_once(book: Book, hook: Hook) -> None:
    change(book, 1)
    deliver(book, hook)
    read(book)
    job = book.session.scalars(select(SyncJob).where(SyncJob.work == Work.NOTICES)).one()
    job.state, job.ended_at = JobState.FAILED, clock.now()
    book.session.commit()
    assert read(book) is not None
    assert (open_jobs(book), notices.unread(book.session, book.shop.providers)) == (0, [])
    hook.pass_time(16 * 60)
    assert notices.unread(book.session, book.shop.providers) == [book.connection_id]


def test_when_xero_does_not_answer_nothing_is_lost(book: Book, hook: Hook) -> None:
    change(book, 2)
    deliver(book, hook)
    read(book)
    book.theirs.fault("503", count=1)
    job = due(book, hook)
    assert (job.state, pending(book)) == (JobState.PENDING, 2)
    hook.pass_time(301)
    assert book.run(job).state is JobState.COMPLETED
    assert pending(book) == 0


def test_a_lost_connection_stops_the_reading(book: Book, hook: Hook) -> None:
    change(book, 1)
    deliver(book, hook)
    connection = book.connection
    connection.state = ConnectionState.NEEDS_RECONNECTING
    book.session.commit()
    assert read(book) is None
    assert (pending(book), notices.unread(book.session, book.shop.providers)) == (1, [])
