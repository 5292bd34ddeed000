"""Attacks on documents and money: what an unlucky order of events, or an unlucky row, does to both sides."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm.exc import StaleDataError

from backoffice import clock
from backoffice.errors import BackofficeError, ConflictError
from backoffice.extensions import GuardedSession, db
from backoffice.models import (
    Allocation,
    Attachment,
    AttachmentContent,
    Bill,
    CompanySettings,
    Connection,
    Contact,
    CreditNote,
    Document,
    History,
    Invoice,
    JobState,
    Link,
    LinkState,
    Payment,
    PurchaseOrder,
    SentAs,
    Side,
    Status,
    SyncJob,
    TaxMapping,
    TaxRate,
)
from backoffice.models.billing import make_bill
from backoffice.models.totals import Treatment
from backoffice.sync import by_hand, changed, jobs, linking, pending
from backoffice.sync.books import Books
from backoffice.sync.mapper import Mapper
from tests.questions import questions
from tests.sync.conftest import Book
from tests.sync.documents.conftest import DAY, DUE, Papers

#: What SQLite, which has one writer and is given rows one by one, cannot show.
WITH_SEVERAL_WRITERS = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def mapper(papers: Papers, kind: str) -> Mapper:
    return next(each for each in papers.book.provider.mappers if each.kind == kind)


def their_contact(papers: Papers, index: int = 0) -> dict[str, Any]:
    return papers.book.theirs.contacts()[index]


def theirs(papers: Papers, number: str | None, **more: Any) -> dict[str, Any]:
    """A bill that somebody writes in Xero."""
    body: dict[str, Any] = {
        "Type": "ACCPAY",
        "Contact": {"ContactID": their_contact(papers)["ContactID"]},
        "Date": DAY.isoformat(),
        "DueDate": "2026-12-01",
        "Status": "AUTHORISED",
        "LineItems": [{"Description": "Paint", "Quantity": 3, "UnitAmount": 7.3333, "AccountCode": "300"}],
        **({"InvoiceNumber": number} if number else {}),
        **more,
    }
    return papers.office("invoices").add(body)


def known(papers: Papers, model: Any, number: str) -> Any:
    papers.session.expire_all()
    return papers.session.scalars(select(model).filter_by(company_id=papers.book.company_id, name=number)).one_or_none()


def twist(papers: Papers, shelf: str, row_id: str, *without: str, **changes: Any) -> None:
    """Let Xero show a row in a way that it should not."""
    rows = papers.book.theirs.shelf(shelf)
    row = rows.get(row_id)
    assert row is not None
    stamp = papers.book.theirs.world.clock.milliseconds()
    body = {key: value for key, value in {**row.body, **changes}.items() if key not in without}
    rows.put(replace(row, updated=stamp, body=body))


class TooManyError(BackofficeError):
    """The job goes in a circle."""


def at_most(papers: Papers, steps: int) -> None:
    """Stop a job that goes in a circle."""
    seen = 0

    def watch(progress: dict[str, Any]) -> None:
        nonlocal seen
        seen += "Sending" in str(progress.get("text"))
        if seen > steps:
            raise TooManyError

    papers.book.shop = replace(papers.book.shop, watch=watch)


def deleted_number(papers: Papers, number: str) -> None:
    """A number that Xero refuses for ever, since a deleted order has it."""
    line = {"Description": "Theirs", "Quantity": 1, "UnitAmount": 9, "AccountCode": "300"}
    contact = {"ContactID": their_contact(papers)["ContactID"]}
    office = papers.office("purchaseorders")
    row = office.add({"Contact": contact, "LineItems": [line], "PurchaseOrderNumber": number})
    office.act(row["PurchaseOrderID"], "delete", {})


def most(statements: list[str]) -> list[tuple[str, int]]:
    """Which statements there are most of."""
    return Counter(" ".join(each.split("WHERE")[-1].split())[:90] for each in statements).most_common(6)


def another(papers: Papers) -> GuardedSession:
    """Somebody else's session."""
    return GuardedSession(db, info={"routes": papers.session.info.get("routes", {})})


# The outbox.


def test_a_refused_record_whose_switch_was_turned_off_meanwhile_is_not_sent_again_without_end(papers: Papers) -> None:
    deleted_number(papers, "PO-X")
    order = papers.order(name="PO-X")
    papers.settings(send_orders=False)
    order.reference = "edited while orders are not sent"
    papers.session.commit()
    at_most(papers, 5)
    job = papers.push()
    assert job.state is JobState.COMPLETED, job.reason


def test_a_link_that_wants_more_than_there_is_is_not_sent_again_without_end(papers: Papers) -> None:
    bill = papers.bill()
    papers.book.link_of(bill).wanted_revision = bill.revision + 1
    papers.session.commit()
    at_most(papers, 5)
    job = papers.push()
    assert job.state is JobState.COMPLETED, job.reason


def test_what_still_waited_when_its_switch_was_turned_off_is_not_sent(papers: Papers) -> None:
    bill = papers.bill()
    papers.settings(send_bills=False)
    papers.push()
    assert papers.book.link_of(bill).external_id is None


def test_a_bill_moved_to_before_the_start_date_is_not_sent(papers: Papers) -> None:
    papers.settings(send_from=dt.date(2026, 11, 1))
    bill = papers.bill()
    bill.date = dt.date(2026, 10, 1)
    papers.session.commit()
    papers.push()
    assert papers.book.link_of(bill).external_id is None


def test_a_file_of_a_bill_that_was_deleted_stops_no_job(papers: Papers) -> None:
    bill = papers.bill(approved=False)
    content = AttachmentContent(data=b"x")
    papers.session.add(
        Attachment(
            company_id=bill.company_id, bill_id=bill.id, name="a.pdf", mime_type="application/pdf", content=content
        )
    )
    papers.session.commit()
    papers.session.delete(bill)
    papers.session.commit()
    job = papers.push()
    assert job.state is JobState.COMPLETED, job.reason


def test_lines_cannot_be_changed_in_bulk_behind_the_hooks(papers: Papers) -> None:
    bill = papers.bill()
    with pytest.raises(TypeError):
        papers.session.execute(update(Bill.line).where(Bill.line.document_id == bill.id).values(quantity=Decimal(9)))
    with pytest.raises(TypeError):
        papers.session.execute(delete(Bill.line).where(Bill.line.document_id == bill.id))


def test_a_party_that_is_not_there_yet_blocks_a_bill_that_is(papers: Papers) -> None:
    bill = papers.bill()
    papers.push()
    other = papers.book.add(name="Other party")
    bill.contact = other
    papers.session.commit()
    link = papers.book.link_of(other)
    link.paused = True
    papers.session.commit()
    papers.push()
    assert papers.state(bill) == LinkState.BLOCKED, papers.book.link_of(bill).refusal
    papers.book.link_of(other).paused = False
    papers.session.commit()
    papers.push()
    assert papers.there(bill)["Contact"]["Name"] == "Other party"


def test_two_documents_in_one_save_get_two_numbers(papers: Papers) -> None:
    given = {"company_id": papers.book.company_id, "date": DAY, "due_date": DUE, "contact": papers.party()}
    two = [Invoice(**given, lines=[papers.line(Invoice)]) for _ in range(2)]
    papers.session.add_all(two)
    papers.session.commit()
    assert len({each.name for each in two}) == 2


@WITH_SEVERAL_WRITERS
def test_two_people_who_write_the_first_document_at_once_both_may(papers: Papers) -> None:
    about = {"company_id": papers.book.company_id, "date": DAY, "due_date": DUE, "contact_id": papers.party().id}
    papers.session.rollback()
    found: list[Any] = []
    app = papers.book.app
    with another(papers) as first:
        first.add(Invoice(**about))
        first.flush()

        def second() -> None:
            with app.app_context(), another(papers) as session:
                session.add(Invoice(**about))
                try:
                    session.commit()
                    found.append("kept")
                except SQLAlchemyError as error:
                    found.append(type(error).__name__)

        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.5)
        first.commit()
        thread.join(10)
    assert found == ["kept"]


@WITH_SEVERAL_WRITERS
def test_an_edit_and_the_answer_of_the_push_wait_for_each_other_in_one_order(papers: Papers) -> None:
    bill = papers.bill()
    bill_id, link_id = bill.id, papers.book.link_of(bill).id
    papers.session.rollback()
    papers.book.push()
    papers.book.theirs.fault("slow", method="PUT", path="/Invoices", seconds=1.5)
    engine = db.engine
    found: list[str] = []

    def edit() -> None:
        """What an edit's flush does, in its order: the record, then its link; slowly."""
        with engine.connect() as connection:
            try:
                attempt = select(Link.table().c.attempt_id).where(Link.table().c.id == link_id)
                for _ in range(100):
                    if connection.scalar(attempt) is not None:
                        break
                    connection.rollback()
                    time.sleep(0.05)
                connection.execute(text("SET lock_timeout = '8s'"))
                connection.execute(
                    update(Bill.table()).where(Bill.table().c.id == bill_id).values(reference="x", revision=2)
                )
                time.sleep(3)
                connection.execute(update(Link.table()).where(Link.table().c.id == link_id).values(wanted_revision=2))
                connection.commit()
                found.append("kept")
            except SQLAlchemyError as error:
                found.append(str(error))

    thread = threading.Thread(target=edit)
    thread.start()
    job = papers.push()
    thread.join(15)
    assert (found, job.state) == (["kept"], JobState.COMPLETED), job.waiting_for


# Pre-flight and money.


def test_a_payment_of_an_invoice_that_was_authorised_there_meanwhile_goes(papers: Papers) -> None:
    papers.settings(invoices_as=SentAs.AWAITING_APPROVAL)
    invoice = papers.invoice()
    papers.push()
    papers.office("invoices").act(papers.there(invoice)["InvoiceID"], "approve", {})
    payment = papers.pay(invoice, "5.00")
    papers.push()
    assert papers.state(payment) == LinkState.INTEGRATED, papers.book.link_of(payment).refusal


def test_a_payment_of_a_bill_that_was_authorised_there_meanwhile_goes(papers: Papers) -> None:
    papers.settings(bills_as=SentAs.AWAITING_APPROVAL)
    bill = papers.bill()
    papers.push()
    papers.office("invoices").act(papers.there(bill)["InvoiceID"], "approve", {})
    payment = papers.pay(bill, "5.00")
    papers.push()
    assert papers.state(payment) == LinkState.INTEGRATED, papers.book.link_of(payment).refusal


def test_a_payment_refused_since_its_bill_was_not_authorised_goes_once_it_is(papers: Papers) -> None:
    papers.settings(bills_as=SentAs.AWAITING_APPROVAL)
    bill = papers.bill()
    payment = papers.pay(bill, "5.00")
    papers.push()
    papers.office("invoices").act(papers.there(bill)["InvoiceID"], "approve", {})
    papers.book.update()
    assert papers.state(payment) == LinkState.INTEGRATED, papers.book.link_of(payment).refusal


def test_what_is_due_is_read_again_although_the_job_gave_way_after_the_payment(papers: Papers) -> None:
    bill = papers.bill()
    papers.push()
    papers.pay(bill, "5.00")
    papers.book.theirs.fault("500", method="GET", path="/Invoices", count=1)
    job = papers.push()
    assert job.state is JobState.PENDING, "Xero failed when the bill was to be read again"
    job = papers.book.run(job)
    assert job.state is JobState.COMPLETED, job.waiting_for
    papers.session.refresh(bill)
    assert bill.amount_paid == Decimal("5.00")


def test_a_bill_refused_since_it_was_paid_goes_once_the_payment_is_taken_back(papers: Papers) -> None:
    edited, voided = papers.bill(), papers.bill()
    papers.push()
    paid = [papers.office("invoices").pay(papers.there(bill)["InvoiceID"], {"Amount": 5}) for bill in (edited, voided)]
    edited.reference, voided.status = "late", Status.VOIDED
    papers.session.commit()
    papers.push()
    assert [papers.state(bill) for bill in (edited, voided)] == [LinkState.REFUSED] * 2
    for payment in paid:
        papers.office("payments").delete(payment["PaymentID"])
    papers.book.update()
    assert (papers.there(edited)["Reference"], papers.there(voided)["Status"]) == ("late", "VOIDED")


def test_a_voided_bill_there_does_not_bar_its_number_from_a_new_one(papers: Papers) -> None:
    there = theirs(papers, "AGAIN")
    papers.office("invoices").act(there["InvoiceID"], "void", {})
    party = papers.book.contact(their_contact(papers)["Name"])
    line = papers.line(Bill, description="Paint", quantity=Decimal(3), unit_price=Decimal("7.3333"))
    bill = papers.bill(line, name="AGAIN", contact=party)
    papers.push()
    if papers.state(bill) == LinkState.REFUSED:
        pending.retry(papers.session, papers.book.link_of(bill))
        papers.session.commit()
        papers.push()
    assert papers.state(bill) == LinkState.INTEGRATED, papers.book.link_of(bill).refusal


def test_a_suppliers_credit_note_does_not_take_the_number_of_one_of_ours(papers: Papers) -> None:
    contact = {"ContactID": their_contact(papers)["ContactID"]}
    line = {"Description": "Back", "Quantity": 1, "UnitAmount": 9, "AccountCode": "300"}
    body = {"Type": "ACCPAYCREDIT", "Contact": contact, "LineItems": [line], "Date": DAY.isoformat()}
    papers.office("creditnotes").add({**body, "CreditNoteNumber": "CN-7", "Status": "AUTHORISED"})
    papers.book.update()
    mine = papers.credit_note(
        papers.line(CreditNote, account_code="200", tax_code="OUTPUT2"), name="CN-7", side=Side.SALES
    )
    papers.push()
    assert papers.state(mine) == LinkState.INTEGRATED, papers.book.link_of(mine).refusal


def test_a_document_goes_when_it_is_tried_again_after_its_mapping_was_mended(papers: Papers) -> None:
    rate = papers.session.scalars(select(TaxRate).filter_by(company_id=papers.book.company_id, code="INPUT2")).one()
    mapping = TaxMapping(
        company_id=papers.book.company_id,
        code="OURS",
        name="Ours",
        rate=Decimal("12.5"),
        side=Side.PURCHASES,
        tax_rate_id=rate.id,
    )
    papers.session.add(mapping)
    papers.session.commit()
    bill = papers.bill(papers.line(Bill, tax_code="OURS"))
    papers.push()
    assert papers.book.link_of(bill).refusal_cause == "total_differs"
    mapping.rate = Decimal(15)
    papers.session.commit()
    pending.retry(papers.session, papers.book.link_of(bill))  # as the refusal asks for
    papers.session.commit()
    papers.push()
    assert papers.state(bill) == LinkState.INTEGRATED, papers.book.link_of(bill).refusal


# What was changed there.


def test_a_bill_in_question_that_is_voided_here_can_be_settled(papers: Papers) -> None:
    bill = papers.bill()
    papers.push()
    papers.office("invoices").edit(papers.there(bill)["InvoiceID"], {"Reference": "theirs"})
    papers.book.update("bill")
    bill.status, bill.archived = Status.VOIDED, True
    papers.session.commit()
    assert papers.state(bill) == LinkState.CHANGED
    changed.differences(papers.session, mapper(papers, "bill"), papers.book.link_of(bill))


def test_a_bill_that_was_changed_alike_on_both_sides_is_no_question(papers: Papers) -> None:
    bill = papers.bill()
    papers.push()
    papers.office("invoices").edit(papers.there(bill)["InvoiceID"], {"Reference": "same"})
    bill.reference = "same"
    papers.session.commit()
    papers.book.update("bill")
    found = papers.book.link_of(bill)
    if found.changed_there:
        assert changed.differences(papers.session, mapper(papers, "bill"), found) == []
    assert papers.state(bill) == LinkState.INTEGRATED


def test_a_bill_that_was_changed_alike_keeps_its_state_here(papers: Papers) -> None:
    papers.settings(bills_as=SentAs.DRAFT)
    bill = papers.bill(currency=papers.book.connection.base_currency)
    papers.push()
    papers.office("invoices").edit(papers.there(bill)["InvoiceID"], {"Reference": "same"})
    bill.reference = "same"
    papers.session.commit()
    papers.book.update("bill")
    papers.session.refresh(bill)
    assert bill.status is Status.APPROVED


def test_an_edit_here_of_a_bill_deleted_there_is_no_question(papers: Papers) -> None:
    there = theirs(papers, "T-9")
    papers.book.update("bill")
    bill = known(papers, Bill, "T-9")
    bill.reference = "edited"
    papers.session.commit()
    papers.office("invoices").edit(there["InvoiceID"], {"Reference": "there"})
    papers.office("invoices").act(there["InvoiceID"], "void", {})
    papers.book.update("bill")
    papers.session.refresh(bill)
    assert (papers.state(bill), bill.status) == (LinkState.GONE, Status.VOIDED)


# What was made there, and is edited here.


def test_editing_the_reference_of_a_bill_made_there_keeps_its_tax_to_the_cent(papers: Papers) -> None:
    line = {"Description": "Paint", "Quantity": 1, "UnitAmount": 100, "AccountCode": "300", "TaxType": "INPUT2"}
    there = theirs(papers, "CENT", LineItems=[{**line, "TaxAmount": 15.01}])
    assert there["Total"] == 115.01
    papers.book.update("bill")
    bill = known(papers, Bill, "CENT")
    assert bill.total == Decimal("115.01")
    bill.reference = "only this"
    papers.session.commit()
    papers.push()
    assert (papers.state(bill), papers.there(bill)["Total"]) == (LinkState.INTEGRATED, 115.01)


def test_editing_the_reference_of_an_invoice_made_there_keeps_its_discount(papers: Papers) -> None:
    line = {"Description": "Work", "Quantity": 1, "UnitAmount": 100, "AccountCode": "200", "DiscountAmount": 10}
    there = theirs(papers, "OFF", Type="ACCREC", LineItems=[line])
    total = there["Total"]
    papers.book.update("invoice")
    invoice = known(papers, Invoice, "OFF")
    invoice.reference = "only this"
    papers.session.commit()
    papers.push()
    assert papers.there(invoice)["Total"] == total


def test_a_bill_made_there_without_a_number_keeps_none_when_it_is_edited_here(papers: Papers) -> None:
    there = theirs(papers, None)
    papers.book.update("bill")
    link = papers.session.scalars(select(Link).filter_by(kind="bill", external_id=there["InvoiceID"])).one()
    bill = papers.session.get_one(Bill, link.record_id)
    assert bill.name == ""
    bill.reference = "edited"
    papers.session.commit()
    papers.push()
    assert papers.there(bill).get("InvoiceNumber", "") == "", papers.state(bill)


def test_using_a_suppliers_credit_note_without_a_number_does_not_edit_it(papers: Papers) -> None:
    contact = {"ContactID": their_contact(papers)["ContactID"]}
    line = {"Description": "Back", "Quantity": 1, "UnitAmount": 9, "AccountCode": "300"}
    body = {"Type": "ACCPAYCREDIT", "Contact": contact, "LineItems": [line], "Date": DAY.isoformat()}
    row = papers.office("creditnotes").add({**body, "Status": "AUTHORISED"})
    twist(papers, "CreditNotes", row["CreditNoteID"], "CreditNoteNumber")
    papers.book.update()
    link = papers.session.scalars(select(Link).filter_by(kind="credit_note", external_id=row["CreditNoteID"])).one()
    note = papers.session.get_one(CreditNote, link.record_id)
    assert note.name == ""
    bill = papers.bill(contact=papers.book.contact(their_contact(papers)["Name"]))
    papers.session.add(
        Allocation(company_id=note.company_id, credit_note=note, bill_id=bill.id, date=DAY, amount=Decimal(1))
    )
    papers.session.commit()
    papers.session.refresh(link)
    assert (note.name, link.pending) == ("", False)


# Reading.


def test_one_bad_row_of_its_kind_does_not_stop_the_first_sync(fresh_book: Book) -> None:
    papers, first = Papers(fresh_book), fresh_book.link()
    for body in papers.book.theirs.shelf("Invoices").bodies():
        if body["Type"] == "ACCREC":
            lines = [{**line, "AccountCode": "A-VERY-LONG-CODE"} for line in body["LineItems"]]
            twist(papers, "Invoices", body["InvoiceID"], LineItems=lines)
    job = papers.book.run(first)
    assert job.state is JobState.COMPLETED, job.reason
    assert papers.session.scalar(select(func.count()).select_from(Bill))


BAD: dict[str, dict[str, Any]] = {
    "currency rate": {"CurrencyRate": 9_000_000_000},
    "rate of nothing": {"CurrencyRate": 0},
    "huge total": {"Total": 10**30},
    "total at the brim": {"Total": 99_999_999_999_999},
    "status": {"Status": "ODD"},
    "status number": {"Status": 7},
    "treatment": {"LineAmountTypes": "Odd"},
    "date": {"Date": None},
    "date in 1900": {"Date": "/Date(-2208988800000+0000)/"},
    "date zero": {"Date": "/Date(0+0000)/"},
    "contact": {"Contact": None},
    "contact list": {"Contact": []},
    "no lines": {"LineItems": []},
    "null line": {"LineItems": [{}]},
    "lines no list": {"LineItems": "odd"},
    "line null": {"LineItems": [None]},
    "item code": {"LineItems": [{"ItemCode": "x" * 200}]},
    "account": {"LineItems": [{"AccountCode": "x" * 50}]},
    "nul": {"LineItems": [{"Description": "a\0b"}], "Reference": "c\0d"},
    "negative": {"LineItems": [{"Quantity": -3, "UnitAmount": -4.5}]},
    "tracking": {"LineItems": [{"Tracking": [{"TrackingOptionID": str(n)} for n in range(3)]}]},
    "tracking odd": {"LineItems": [{"Tracking": "odd"}]},
    "quantity": {"LineItems": [{"Quantity": 9 * 10**13, "UnitAmount": 9 * 10**13}]},
    "infinite": {"LineItems": [{"Quantity": "Infinity"}]},
    "long reference": {"Reference": "x" * 300},
    "many lines": {"LineItems": [{"Description": str(n)} for n in range(1000)]},
    "currency code": {"CurrencyCode": "NZDX"},
}


def test_bad_rows_do_not_stop_a_page(papers: Papers) -> None:
    for name, changes in BAD.items():
        row = theirs(papers, name)
        twist(papers, "Invoices", row["InvoiceID"], **changes)
    theirs(papers, "good")
    job = papers.book.update("bill")
    assert job.state is JobState.COMPLETED, job.reason
    assert known(papers, Bill, "good") is not None


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_does_not_stop_the_good_one_beside_it(papers: Papers, name: str) -> None:
    row = theirs(papers, name)
    twist(papers, "Invoices", row["InvoiceID"], **BAD[name])
    theirs(papers, "good")
    job = papers.book.update("bill")
    assert job.state is JobState.COMPLETED, job.reason
    assert known(papers, Bill, "good") is not None


def test_a_payment_read_before_its_bill_is_not_lost(papers: Papers) -> None:
    there = theirs(papers, "LATE")
    papers.office("invoices").pay(there["InvoiceID"], {"Amount": 10})
    papers.book.theirs.world.clock.advance(3600)
    papers.book.update("payment", "prepayment", "overpayment")  # what the Payments screen's button asks for
    papers.book.theirs.world.clock.advance(3600)
    papers.book.update()
    bill = known(papers, Bill, "LATE")
    assert bill.amount_paid == 10
    assert papers.session.scalar(select(func.sum(Payment.amount)).where(Payment.bill_id == bill.id)) == 10


def test_what_was_there_comes_in_once_the_switch_is_on(papers: Papers) -> None:
    papers.settings(bring_in_bills=False)
    theirs(papers, "OLD")
    papers.book.theirs.world.clock.advance(3600)
    papers.book.update()
    papers.book.theirs.world.clock.advance(3600)
    papers.settings(bring_in_bills=True)
    papers.book.update()
    every = [each.kind for each in papers.book.provider.mappers]
    nightly, _ = jobs.request_update(papers.session, papers.book.connection, every, user_id=None, thorough=True)
    papers.book.run(nightly)
    assert known(papers, Bill, "OLD") is not None


def test_a_pull_that_changes_nothing_writes_nothing(papers: Papers) -> None:
    papers.bill(), papers.invoice(), papers.order()
    papers.push()
    for number in range(3):
        theirs(papers, f"T-{number}")
    papers.book.update()
    before = papers.session.scalar(select(func.count()).select_from(History))
    revisions = sorted(papers.session.execute(select(Bill.id, Bill.revision)).all())
    papers.book.update()
    assert papers.session.scalar(select(func.count()).select_from(History)) == before
    assert sorted(papers.session.execute(select(Bill.id, Bill.revision)).all()) == revisions


def test_a_payment_there_neither_counts_as_an_edit_nor_lets_anything_wait(papers: Papers) -> None:
    there = theirs(papers, "PAID")
    mine = papers.bill()
    papers.push()
    papers.book.update()
    made = known(papers, Bill, "PAID")
    before = made.revision, mine.revision
    papers.office("invoices").pay(there["InvoiceID"], {"Amount": 10})
    papers.office("invoices").pay(papers.there(mine)["InvoiceID"], {"Amount": 10})
    papers.book.update()
    papers.session.refresh(made)
    papers.session.refresh(mine)
    assert made.amount_paid == mine.amount_paid == Decimal(10)
    assert not papers.book.waiting()
    assert (made.revision, mine.revision) == before


# Another organisation.


def test_a_paid_bill_of_another_organisation_is_not_sent_as_paid(papers: Papers) -> None:
    there = theirs(papers, "MOVED")
    papers.office("invoices").pay(there["InvoiceID"])
    papers.book.update()
    bill = known(papers, Bill, "MOVED")
    assert bill.their_status == "PAID"
    link = papers.book.link_of(bill)
    link.external_id, link.synced_revision = None, 0  # as a link with an organisation that has nothing of it
    papers.session.commit()
    settings = papers.session.scalars(select(CompanySettings).filter_by(company_id=bill.company_id)).one()
    books = Books(papers.session, papers.book.connection, settings)
    assert mapper(papers, "bill").dump(bill, books)["Status"] == "AUTHORISED"


# How much it takes.


def test_fifty_bills_of_fifty_parties_take_few_statements(papers: Papers) -> None:
    parties = [papers.book.add(name=f"Party {n}") for n in range(50)]
    papers.push()
    for n, party in enumerate(parties):
        given = {"company_id": papers.book.company_id, "date": DAY, "due_date": DUE, "contact_id": party.id}
        papers.session.add(Bill(**given, name=f"N-{n}", status=Status.APPROVED, lines=[papers.line(Bill)]))
    papers.session.commit()
    with questions(db.engine) as statements:
        job = papers.push()
    assert job.sent == 50
    assert len(statements) < 330, most(statements)


@WITH_SEVERAL_WRITERS
def test_a_page_of_bills_takes_few_statements(papers: Papers) -> None:
    papers.book.theirs.world.clock.advance(3600)
    contact = {"ContactID": their_contact(papers)["ContactID"]}
    office = papers.office("invoices")
    line = {"Description": "Paint", "Quantity": 3, "UnitAmount": 7.3333, "AccountCode": "300"}
    for number in range(300):
        office.add(
            {
                "Type": "ACCPAY",
                "Contact": contact,
                "InvoiceNumber": f"Q-{number}",
                "Status": "AUTHORISED",
                "Date": DAY.isoformat(),
                "DueDate": "2026-12-01",
                "LineItems": [line],
            }
        )
    with questions(db.engine) as statements:
        papers.book.update("bill")
    assert len(statements) < 150, most(statements)


# More of what an unlucky order of events does.


def meanwhile(papers: Papers, act: Any) -> None:
    """Do something just before the first request goes out."""
    done: list[int] = []

    def watch(progress: dict[str, Any]) -> None:
        if "Sending" in str(progress.get("text")) and not done:
            done.append(1)
            act()

    papers.book.shop = replace(papers.book.shop, watch=watch)


def test_a_line_edited_while_its_bill_is_sent_goes_with_the_next_request(papers: Papers) -> None:
    bill = papers.bill()
    bill_id = bill.id

    def edit() -> None:
        with another(papers) as session:
            session.get_one(Bill, bill_id).lines[0].quantity = Decimal(7)
            session.commit()

    meanwhile(papers, edit)
    papers.push()
    papers.session.refresh(bill)
    if papers.state(bill) == LinkState.WAITING:
        papers.push()
    assert (papers.there(bill)["Total"], papers.state(bill)) == (100.63, LinkState.INTEGRATED)
    assert bill.total == Decimal("100.63")


def test_two_people_who_edit_two_lines_of_a_bill_lose_neither_unsaid(papers: Papers) -> None:
    bill = papers.bill(papers.line(Bill), papers.line(Bill))
    bill_id = bill.id
    papers.session.rollback()
    with another(papers) as one:
        one.expire_on_commit = False
        mine = one.get_one(Bill, bill_id)
        assert len(mine.lines) == 2
        one.commit()
        with another(papers) as two:
            two.get_one(Bill, bill_id).lines[1].quantity = Decimal(5)
            two.commit()
        mine.lines[0].quantity = Decimal(4)
        with pytest.raises(StaleDataError):
            one.commit()


def test_a_bill_paid_there_while_in_question_says_so_when_ours_is_sent(papers: Papers) -> None:
    bill = papers.bill()
    papers.push()
    there = papers.there(bill)["InvoiceID"]
    papers.office("invoices").edit(there, {"Reference": "theirs"})
    papers.book.update("bill")
    papers.office("invoices").pay(there, {"Amount": 5})
    changed.send_ours(papers.session, mapper(papers, "bill"), papers.book.link_of(bill))
    papers.session.commit()
    papers.push()
    assert (papers.state(bill), papers.book.link_of(bill).refusal_cause) == (LinkState.REFUSED, "paid_there")


def test_an_edit_here_after_the_question_goes_with_ours(papers: Papers) -> None:
    bill = papers.bill()
    papers.push()
    papers.office("invoices").edit(papers.there(bill)["InvoiceID"], {"Reference": "theirs"})
    papers.book.update("bill")
    bill.lines[0].description = "Edited"
    papers.session.commit()
    changed.merge(papers.session, mapper(papers, "bill"), papers.book.link_of(bill), {"reference"})
    papers.session.commit()
    papers.push()
    there = papers.there(bill)
    assert (there["Reference"], there["LineItems"][0]["Description"]) == ("theirs", "Edited")
    assert papers.state(bill) == LinkState.INTEGRATED


def test_an_order_is_open_there_again_when_its_bill_is_voided(papers: Papers) -> None:
    order = papers.order()
    bill = make_bill(papers.session, order, DAY)
    bill.due_date, bill.status, bill.name = DUE, Status.APPROVED, "B-1"
    papers.session.commit()
    papers.push()
    assert papers.there(order)["Status"] == "BILLED"
    bill.status = Status.VOIDED
    papers.session.commit()
    papers.push()
    assert (order.billed, papers.there(order)["Status"]) == (False, "AUTHORISED"), papers.state(order)


def test_an_order_that_was_marked_billed_there_stays_so_when_it_is_edited_here(papers: Papers) -> None:
    order = papers.order()
    papers.push()
    papers.office("purchaseorders").act(papers.there(order)["PurchaseOrderID"], "bill")
    order.reference = "edited"
    papers.session.commit()
    papers.push()
    assert (papers.there(order)["Status"], papers.there(order)["Reference"]) == ("BILLED", "edited")


def test_an_order_is_open_again_when_its_bill_is_voided_there(papers: Papers) -> None:
    order = papers.order()
    bill = make_bill(papers.session, order, DAY)
    bill.due_date, bill.status, bill.name = DUE, Status.APPROVED, "B-1"
    papers.session.commit()
    papers.push()
    papers.office("invoices").act(papers.there(bill)["InvoiceID"], "void", {})
    papers.book.update()
    papers.session.refresh(order)
    assert not order.billed


def test_a_bill_whose_party_was_archived_before_it_went_says_so(papers: Papers) -> None:
    party = papers.book.add(name="Held party")
    link = papers.book.link_of(party)
    link.paused = True
    bill = papers.bill(contact=party)
    papers.push()
    assert papers.state(bill) == LinkState.BLOCKED
    party.archived, link.paused = True, False
    papers.session.commit()
    papers.push()
    assert papers.state(bill) == LinkState.REFUSED


def test_a_payment_of_a_bill_that_was_voided_before_it_went_says_so(papers: Papers) -> None:
    bill = papers.bill(approved=False)
    payment = papers.pay(bill, "5.00")
    papers.push()
    assert papers.state(payment) == LinkState.BLOCKED
    bill.status, bill.archived = Status.VOIDED, True
    papers.session.commit()
    papers.push()
    assert papers.state(payment) == LinkState.REFUSED


@pytest.mark.parametrize("fault", ["empty-list", "truncated", "html", "empty-body"])
def test_an_answer_without_its_rows_doubles_nothing(papers: Papers, fault: str) -> None:
    bills = [papers.bill(name=f"E-{n}") for n in range(3)]
    papers.book.theirs.fault(fault, method="PUT", path="/Invoices")
    job = papers.push()
    for _ in range(3):
        if job.state is JobState.PENDING:
            job.due_at = job.created_at
            papers.session.commit()
            job = papers.book.run(job)
    assert job.state is JobState.COMPLETED, job.waiting_for
    names = [b["InvoiceNumber"] for b in papers.book.theirs.shelf("Invoices").bodies()]
    assert [names.count(bill.name) for bill in bills] == [1, 1, 1]
    assert {papers.state(bill) for bill in bills} == {LinkState.INTEGRATED}


FILES = ["a b.pdf", "a/b.pdf", "ä.pdf", "a\u0308.pdf", "100%.pdf", "a#b?.pdf", "..pdf", "a\\b.pdf", "x" * 250 + ".pdf"]


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_any_name_goes_or_is_refused(papers: Papers, name: str) -> None:
    bill = papers.bill()
    papers.push()
    content = AttachmentContent(data=b"x")
    about = {"company_id": bill.company_id, "bill_id": bill.id, "mime_type": "application/pdf", "size": 1}
    record = Attachment(**about, name=name, content=content)
    papers.session.add(record)
    papers.session.commit()
    job = papers.push()
    assert job.state is JobState.COMPLETED, job.waiting_for
    assert papers.state(record) in (LinkState.INTEGRATED, LinkState.REFUSED)


@pytest.mark.parametrize("name", ["PO/2026/1", "PO 1", "PO%2F1", "PO#1", "ä", "."])
def test_an_order_of_any_number_is_found_there_when_its_answer_is_lost(papers: Papers, name: str) -> None:
    order = papers.order(name=name)
    papers.book.theirs.fault("truncated", method="PUT", path="/PurchaseOrders")
    job = papers.push()
    for _ in range(3):
        if job.state is JobState.PENDING:
            job.due_at = job.created_at
            papers.session.commit()
            job = papers.book.run(job)
    assert papers.state(order) == LinkState.INTEGRATED, papers.book.link_of(order).refusal


def test_a_bill_edited_while_unlinked_goes_after_linking_again(papers: Papers) -> None:
    bill, other = papers.bill(name="ONE"), papers.bill(name="TWO")
    papers.push()
    linking.unlink(papers.session, papers.book.connection)
    bill.reference = "meanwhile"
    papers.session.commit()
    new = papers.bill(name="NEW")
    papers.book.run(papers.book.link())
    waiting = papers.session.scalars(select(Link).where(Link.wanted_revision > Link.synced_revision)).all()
    assert {(link.kind, link.record_id) for link in waiting} == {("bill", bill.id), ("bill", new.id)}
    assert papers.state(other) == LinkState.INTEGRATED


def test_a_payment_edited_while_it_is_sent_says_that_it_is_fixed(papers: Papers) -> None:
    bill = papers.bill()
    papers.push()
    payment = papers.pay(bill, "5.00")
    payment_id = payment.id

    def edit() -> None:
        with another(papers) as session:
            session.get_one(Payment, payment_id).amount = Decimal(7)
            session.commit()

    meanwhile(papers, edit)
    papers.push()
    papers.push()
    assert (papers.state(payment), papers.there(bill)["AmountPaid"]) == (LinkState.REFUSED, 5.0)


def test_a_payment_voided_while_it_is_sent_is_taken_back(papers: Papers) -> None:
    bill = papers.bill()
    papers.push()
    payment = papers.pay(bill, "5.00")
    payment_id = payment.id

    def edit() -> None:
        with another(papers) as session:
            session.get_one(Payment, payment_id).archived = True
            session.commit()

    meanwhile(papers, edit)
    papers.push()
    papers.push()
    assert papers.there(bill)["AmountPaid"] == 0
    assert papers.state(payment) == LinkState.GONE


def test_a_credit_note_used_up_is_not_changed_and_says_so(papers: Papers) -> None:
    note = papers.credit_note(papers.line(CreditNote, account_code="200", tax_code="OUTPUT2"), side=Side.SALES)
    invoice = papers.invoice()
    papers.push()
    papers.office("creditnotes").allocate(
        papers.there(note)["CreditNoteID"], {"Invoice": papers.there(invoice)["InvoiceID"]}
    )
    note.reference = "late"
    papers.session.commit()
    papers.push()
    assert (papers.state(note), papers.book.link_of(note).refusal_cause) == (LinkState.REFUSED, "paid_there")


def test_an_allocation_refused_since_nothing_was_left_goes_when_something_is(papers: Papers) -> None:
    note = papers.credit_note(papers.line(CreditNote, account_code="200", tax_code="OUTPUT2"), side=Side.SALES)
    invoice = papers.invoice()
    papers.push()
    paid = papers.office("invoices").pay(papers.there(invoice)["InvoiceID"])
    papers.book.update()
    papers.office("payments").delete(paid["PaymentID"])
    about = {"company_id": note.company_id, "credit_note_id": note.id, "invoice_id": invoice.id}
    allocation = Allocation(**about, date=DAY, amount=Decimal(4))
    papers.session.add(allocation)
    papers.session.commit()
    papers.push()
    assert papers.state(allocation) == LinkState.INTEGRATED, papers.book.link_of(allocation).refusal


def later(papers: Papers, job: Any, seconds: float) -> Any:
    """Go on with a job after a while."""
    moment = clock.now() + dt.timedelta(seconds=seconds)
    papers.book.theirs.world.clock.advance(seconds)
    clock.use(lambda: moment)
    return papers.book.run(job)


@pytest.fixture(autouse=True)
def real_clock() -> Iterator[None]:
    yield
    clock.use()


def test_the_second_of_two_equal_allocations_is_settled_when_its_answer_is_lost(papers: Papers) -> None:
    note = papers.credit_note(papers.line(CreditNote, account_code="200", tax_code="OUTPUT2"), side=Side.SALES)
    invoice = papers.invoice()
    papers.push()
    about = {"company_id": note.company_id, "credit_note_id": note.id, "invoice_id": invoice.id, "date": DAY}
    papers.session.add(Allocation(**about, amount=Decimal(4)))
    papers.session.commit()
    papers.push()
    papers.session.add(Allocation(**about, amount=Decimal(4)))
    papers.session.commit()
    papers.book.theirs.fault("cut-after", method="PUT", path="/Allocations")
    later(papers, papers.push(), 1200)
    good = papers.bill(name="GOOD")
    job = papers.push()
    assert (papers.state(good), job.state) == (LinkState.INTEGRATED, JobState.COMPLETED), job.reason
    assert len(papers.there(note)["Allocations"]) == 2
    assert {
        papers.state(each) for each in papers.session.scalars(select(Allocation).filter_by(credit_note_id=note.id))
    } == {LinkState.INTEGRATED}


def test_the_second_of_two_payments_with_one_reference_is_settled_when_its_answer_is_lost(papers: Papers) -> None:
    bill = papers.bill()
    papers.push()
    papers.pay(bill, "4.00", name="Rent")
    papers.push()
    second = papers.pay(bill, "4.00", name="Rent")
    papers.book.theirs.fault("cut-after", method="PUT", path="/Payments")
    later(papers, papers.push(), 1200)
    assert papers.there(bill)["AmountPaid"] == 8
    assert papers.state(second) == LinkState.INTEGRATED


def test_one_of_two_bills_there_with_one_number_can_be_edited_here(papers: Papers) -> None:
    theirs(papers, "TWIN"), theirs(papers, "TWIN")
    papers.book.update("bill")
    bill = papers.session.scalars(select(Bill).filter_by(name="TWIN")).first()
    assert bill is not None
    bill.reference = "edited"
    papers.session.commit()
    papers.push()
    assert papers.state(bill) == LinkState.INTEGRATED, papers.book.link_of(bill).refusal


def test_a_line_of_mere_text_stays_so_when_its_bill_is_edited_here(papers: Papers) -> None:
    line = {"Description": "Paint", "Quantity": 1, "UnitAmount": 5, "AccountCode": "300", "TaxType": "INPUT2"}
    row = theirs(papers, "TEXT", LineItems=[{"Description": "For the boat"}, line], Status="DRAFT")
    assert len(row["LineItems"]) == 2
    papers.book.update("bill")
    bill = known(papers, Bill, "TEXT")
    bill.reference = "edited"
    papers.session.commit()
    papers.push()
    assert papers.state(bill) == LinkState.INTEGRATED, papers.book.link_of(bill).refusal
    assert papers.there(bill)["LineItems"][0].get("Quantity") == row["LineItems"][0].get("Quantity")


def test_documents_are_not_linked_by_hand(papers: Papers) -> None:
    other = papers.bill(name="OTHER")
    papers.push()
    mine = papers.bill(name="MINE", approved=False)
    with pytest.raises(ConflictError):
        by_hand.link_by_hand(papers.session, mine, other)
    assert (len(mine.lines), len(other.lines)) == (1, 1)


def test_a_job_that_gives_way_in_the_middle_sends_each_bill_once(papers: Papers) -> None:
    party = papers.party()
    for n in range(60):
        given = {"company_id": papers.book.company_id, "date": DAY, "due_date": DUE, "contact_id": party.id}
        papers.session.add(Bill(**given, name=f"W-{n}", status=Status.APPROVED, lines=[papers.line(Bill)]))
    papers.session.commit()
    asked: list[int] = []

    def ask() -> None:
        with another(papers) as session:
            connection = session.get_one(Connection, papers.book.connection_id)
            asked.append(jobs.request_update(session, connection, ["contact"], user_id=None)[0].id)

    papers.book.push()
    meanwhile(papers, ask)
    job = papers.push()
    assert (job.state, len(asked)) == (JobState.PENDING, 1)
    papers.book.run(papers.session.get_one(SyncJob, asked[0]))
    job = papers.book.until_done(papers.session.get_one(SyncJob, job.id))
    names = [
        b["InvoiceNumber"] for b in papers.book.theirs.shelf("Invoices").bodies() if b["InvoiceNumber"][:2] == "W-"
    ]
    assert (len(names), len(set(names)), job.state) == (60, 60, JobState.COMPLETED)


def test_a_failure_in_preflight_is_gone_on_with(papers: Papers) -> None:
    bill = papers.bill(papers.line(Bill, account_code="999999"))
    good = papers.bill(name="GOOD")
    papers.book.theirs.fault("500", method="GET", path="/Accounts")
    job = papers.push()
    if job.state is JobState.PENDING:
        job = papers.book.until_done(job)
    assert (papers.state(bill), papers.state(good)) == (LinkState.REFUSED, LinkState.INTEGRATED)


def test_a_second_change_there_while_in_question_is_what_is_taken(papers: Papers) -> None:
    bill = papers.bill()
    papers.push()
    there = papers.there(bill)["InvoiceID"]
    for words in ("first", "second"):
        papers.office("invoices").edit(there, {"Reference": words})
        papers.book.update("bill")
    changed.keep_theirs(papers.session, mapper(papers, "bill"), papers.book.link_of(bill))
    papers.session.commit()
    papers.book.update("bill")
    assert (bill.reference, papers.state(bill)) == ("second", LinkState.INTEGRATED)


def test_theirs_taken_back_ends_the_question(papers: Papers) -> None:
    bill = papers.bill(reference="ours")
    papers.push()
    there = papers.there(bill)["InvoiceID"]
    for words in ("theirs", "ours"):
        papers.office("invoices").edit(there, {"Reference": words})
        papers.book.update("bill")
    assert papers.state(bill) == LinkState.INTEGRATED


def test_a_bill_voided_there_while_in_question_is_voided_here(papers: Papers) -> None:
    bill = papers.bill()
    papers.push()
    there = papers.there(bill)["InvoiceID"]
    papers.office("invoices").edit(there, {"Reference": "theirs"})
    papers.book.update("bill")
    papers.office("invoices").act(there, "void", {})
    papers.book.update("bill")
    papers.session.refresh(bill)
    assert (bill.status, papers.state(bill)) == (Status.VOIDED, LinkState.GONE)


def test_a_number_that_a_deleted_order_has_there_is_told_apart(papers: Papers) -> None:
    deleted_number(papers, "PO-9")
    order = papers.order(name="PO-9")
    papers.push()
    assert papers.state(order) == LinkState.REFUSED
    order.name = "PO-10"
    papers.session.commit()
    papers.push()
    assert papers.state(order) == LinkState.INTEGRATED


@pytest.mark.parametrize("model", [PurchaseOrder, Invoice])
def test_the_number_of_one_that_was_voided_there_is_not_given_again(papers: Papers, model: type[Document]) -> None:
    first = papers.write(model, name="AGAIN-1")
    papers.push()
    first.status = Status.VOIDED
    papers.session.commit()
    papers.push()
    second = papers.write(model, name="AGAIN-1")
    papers.push()
    link = papers.book.link_of(second)
    assert (link.refusal_cause, link.refusal_column, link.refusal_raw) == ("number_taken", "name", "")
    assert "that one was voided, and keeps its number in Xero" in (link.refusal or "")


def test_a_number_of_ours_that_was_taken_there_meanwhile_asks_for_another(papers: Papers) -> None:
    invoice = papers.invoice()
    line = {"Description": "Work", "Quantity": 1, "UnitAmount": 5, "AccountCode": "200"}
    theirs(papers, invoice.name, Type="ACCREC", LineItems=[line])
    papers.push()
    assert (papers.state(invoice), papers.book.link_of(invoice).refusal_column) == (LinkState.REFUSED, "name")
    invoice.name = ""
    papers.session.commit()
    papers.push()
    assert papers.state(invoice) == LinkState.INTEGRATED


@pytest.mark.parametrize("treatment", list(Treatment))
def test_halves_and_mixed_signs_come_to_the_same_there(papers: Papers, treatment: Treatment) -> None:
    given = [("1", "0.05"), ("-1", "0.0333"), ("3", "-0.115"), ("0.5", "0.01"), ("7", "1.0050"), ("1", "99.99")]
    lines = [
        papers.line(Invoice, quantity=Decimal(q), unit_price=Decimal(p), discount=Decimal("2.5")) for q, p in given
    ]
    invoice = papers.invoice(*lines, treatment=treatment)
    papers.push()
    assert papers.state(invoice) == LinkState.INTEGRATED, papers.book.link_of(invoice).refusal
    there = papers.there(invoice)
    assert [str(invoice.total), str(invoice.tax_total)] == [f"{there['Total']:.2f}", f"{there['TotalTax']:.2f}"]


def test_two_files_of_one_name_stop_nothing(papers: Papers) -> None:
    bill = papers.bill()
    papers.push()
    about = {"company_id": bill.company_id, "bill_id": bill.id, "mime_type": "application/pdf", "size": 1}
    two = [Attachment(**about, name="scan.pdf", content=AttachmentContent(data=data)) for data in (b"1", b"2")]
    papers.session.add_all(two)
    papers.session.commit()
    papers.push()
    good = papers.bill(name="GOOD")
    job = papers.push()
    assert (papers.state(good), job.state) == (LinkState.INTEGRATED, JobState.COMPLETED), job.reason


def test_a_file_replaced_by_another_of_its_name_stops_nothing(papers: Papers) -> None:
    bill = papers.bill()
    papers.push()
    about = {"company_id": bill.company_id, "bill_id": bill.id, "mime_type": "application/pdf", "size": 1}
    for data in (b"1", b"2"):
        papers.session.add(Attachment(**about, name="scan.pdf", content=AttachmentContent(data=data)))
        papers.session.commit()
        job = papers.push()
        assert job.state is JobState.COMPLETED, job.reason


def test_a_line_too_large_to_be_kept_is_refused_in_words(papers: Papers) -> None:
    line = papers.line(Bill, quantity=Decimal(99_999_999_999), unit_price=Decimal(99_999_999_999))
    with pytest.raises((BackofficeError, ValueError)):
        papers.bill(line)
    papers.session.rollback()


def test_allocations_that_are_no_list_stop_nothing(papers: Papers) -> None:
    note = papers.credit_note(papers.line(CreditNote, account_code="200", tax_code="OUTPUT2"), side=Side.SALES)
    papers.push()
    twist(papers, "CreditNotes", papers.there(note)["CreditNoteID"], Allocations="odd")
    theirs(papers, "good")
    note.reference = "edited"
    papers.session.commit()
    job = papers.book.update()
    assert job.state is JobState.COMPLETED, job.reason


def test_an_invoice_of_a_customer_held_back_goes_once_customers_are_sent(papers: Papers) -> None:
    papers.settings(customers=False)
    customer = Contact(company_id=papers.book.company_id, name="Customer", customer_here=True)
    papers.session.add(customer)
    papers.session.commit()
    invoice = papers.invoice(contact=customer)
    papers.push()
    assert papers.book.link_of(invoice).refusal_cause == "contact_not_sent"
    papers.settings(customers=True)
    linking.open_links(papers.session, papers.book.connection, papers.book.provider.mappers)
    papers.session.commit()
    papers.push()
    assert papers.state(invoice) == LinkState.INTEGRATED, papers.book.link_of(invoice).refusal


def test_another_organisation_is_sent_nothing_that_has_ended(papers: Papers) -> None:
    there = theirs(papers, "ENDED")
    bill = papers.bill()
    papers.push()
    paid = papers.office("invoices").pay(there["InvoiceID"])
    papers.book.update()
    papers.office("payments").delete(paid["PaymentID"])
    papers.office("invoices").act(there["InvoiceID"], "void", {})
    papers.book.update()
    draft = papers.bill(approved=False)
    linking.unlink(papers.session, papers.book.connection)
    given = {"company_id": bill.company_id, "provider": "xero", "external_id": "other", "organisation": "Other"}
    other = Connection(**given, active=True, linked_at=clock.now())
    papers.session.add(other)
    papers.session.flush()
    linking.open_links(papers.session, other, papers.book.provider.mappers)
    papers.session.commit()
    queued = papers.session.execute(select(Link.kind, Link.record_id).where(Link.connection_id == other.id)).all()
    ended = known(papers, Bill, "ENDED")
    assert ("bill", bill.id) in queued
    assert {("bill", ended.id), ("bill", draft.id)} & {tuple(row) for row in queued} == set()
    voided = papers.session.scalars(select(Payment.id).where(Payment.archived)).all()
    assert voided
    assert {("payment", i) for i in voided} & {tuple(row) for row in queued} == set()
