"""Documents and money that were made or changed in Xero come in, and what both sides know is matched, never guessed."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from backoffice.extensions import db
from backoffice.models import (
    Allocation,
    Bill,
    CompanySettings,
    CreditNote,
    Invoice,
    JobState,
    LinkState,
    Overpayment,
    Payment,
    Prepayment,
    PullRun,
    Side,
    Status,
)
from backoffice.models.billing import make_bill
from backoffice.sync import by_hand, jobs, pending
from tests.sync.documents.conftest import DAY, Papers
from tests.sync.moving import MovingProvider
from tests.sync.test_interleavings import Hooked


def theirs(papers: Papers, number: str, **more: Any) -> dict[str, Any]:
    """A bill that somebody writes in Xero."""
    contact = papers.book.theirs.contacts()[0]
    body = {
        "Type": "ACCPAY",
        "Contact": {"ContactID": contact["ContactID"]},
        "InvoiceNumber": number,
        "Date": DAY.isoformat(),
        "DueDate": "2026-12-01",
        "Status": "AUTHORISED",
        "LineItems": [{"Description": "Paint", "Quantity": 3, "UnitAmount": 7.3333, "AccountCode": "300"}],
        **more,
    }
    return papers.office("invoices").add(body)


def known(papers: Papers, model: Any, number: str) -> Any:
    return papers.session.scalars(select(model).filter_by(company_id=papers.book.company_id, name=number)).one_or_none()


def test_a_bill_made_there_comes_in_with_its_lines(papers: Papers) -> None:
    there = theirs(papers, "T-1")
    papers.book.update("bill")
    bill = known(papers, Bill, "T-1")
    assert (bill.status, bill.their_status, bill.amount_due) == (Status.APPROVED, "AUTHORISED", bill.total)
    assert bill.total == bill.their_total == Decimal(str(there["Total"])) == Decimal("25.30")
    assert [(line.description, line.unit_price, line.account_code) for line in bill.lines] == [
        ("Paint", Decimal("7.3333"), "300")
    ]
    assert papers.state(bill) == LinkState.INTEGRATED


def test_the_start_date_and_the_switch_say_what_comes_in(papers: Papers) -> None:
    papers.settings(bring_in_from=dt.date(2026, 11, 1))
    theirs(papers, "OLD", Date="2026-10-31")
    theirs(papers, "NEW", Date="2026-11-01")
    papers.book.update("bill")
    assert (known(papers, Bill, "OLD"), known(papers, Bill, "NEW") is not None) == (None, True)
    papers.settings(bring_in_bills=False, bring_in_invoices=False)
    theirs(papers, "NEWER")
    papers.book.update("bill")
    assert known(papers, Bill, "NEWER") is None


def test_a_payment_there_shows_here_and_its_deletion_too(papers: Papers) -> None:
    bill = papers.bill()
    papers.push()
    invoice_id = papers.there(bill)["InvoiceID"]
    paid = papers.office("invoices").pay(invoice_id, {"Amount": 10, "Reference": "cheque 7"})
    papers.book.update()
    papers.session.refresh(bill)
    assert (bill.amount_paid, bill.amount_due) == (Decimal("10.00"), Decimal("18.75"))
    payment = known(papers, Payment, "cheque 7")
    assert (payment.bill_id, payment.amount, payment.archived) == (bill.id, Decimal("10.00"), False)
    papers.office("payments").delete(paid["PaymentID"])
    papers.book.update()
    papers.session.refresh(bill)
    papers.session.refresh(payment)
    assert (bill.amount_due, payment.archived) == (Decimal("28.75"), True)


def test_a_payment_here_is_sent_and_what_is_due_follows(papers: Papers) -> None:
    invoice = papers.invoice()
    payment = papers.pay(invoice, "28.75")
    job = papers.push()
    assert job.refused == 0, papers.book.link_of(payment).refusal
    assert papers.there(invoice)["Status"] == "PAID"
    papers.session.refresh(invoice)
    assert (invoice.amount_due, invoice.their_status) == (Decimal("0.00"), "PAID")
    payment.archived = True
    papers.session.commit()
    papers.push()
    papers.session.refresh(invoice)
    assert (papers.there(invoice)["Status"], invoice.amount_due) == ("AUTHORISED", Decimal("28.75"))


def test_a_document_voided_there_is_voided_here(papers: Papers) -> None:
    bill = papers.bill()
    papers.push()
    papers.office("invoices").act(papers.there(bill)["InvoiceID"], "void", {})
    papers.book.update()
    papers.session.refresh(bill)
    assert (bill.status, bill.archived, bill.their_status) == (Status.VOIDED, True, "VOIDED")


def test_an_order_is_open_again_when_its_bill_is_voided_there(papers: Papers) -> None:
    order = papers.order()
    papers.push()
    bill = make_bill(papers.session, order, DAY)
    bill.name, bill.due_date, bill.status = "B-9", DAY, Status.APPROVED
    papers.session.commit()
    papers.push()
    assert (order.billed, papers.there(order)["Status"]) == (True, "BILLED")
    papers.office("invoices").act(papers.there(bill)["InvoiceID"], "void", {})
    papers.book.update()
    papers.session.refresh(order)
    assert (order.billed, papers.there(order)["Status"]) == (False, "AUTHORISED")


def test_the_same_number_and_party_on_both_sides_is_one_document(papers: Papers) -> None:
    contact = papers.book.contact(papers.book.theirs.contacts()[0]["Name"])
    mine = papers.bill(
        papers.line(Bill, description="Paint", quantity=Decimal(3), unit_price=Decimal("7.3333")),
        name="SAME",
        contact=contact,
        approved=False,
    )
    theirs(papers, "SAME")
    papers.book.update("bill")
    assert papers.state(mine) == LinkState.INTEGRATED
    assert len(papers.session.scalars(select(Bill).filter_by(name="SAME")).all()) == 1


def test_the_same_number_for_another_amount_is_asked_about(papers: Papers) -> None:
    contact = papers.book.contact(papers.book.theirs.contacts()[0]["Name"])
    mine = papers.bill(name="SAME", contact=contact)
    theirs(papers, "SAME")
    papers.book.update("bill")
    link = papers.book.link_of(mine)
    assert (papers.state(mine), link.blocked_kind) == (LinkState.BLOCKED, "match")


@pytest.mark.parametrize("side", [Side.PURCHASES, Side.SALES])
def test_a_credit_note_and_its_allocation_travel(papers: Papers, side: Side) -> None:
    purchases = side is Side.PURCHASES
    document = papers.bill() if purchases else papers.invoice()
    line = papers.line(
        CreditNote,
        account_code="300" if purchases else "200",
        tax_code="INPUT2" if purchases else "OUTPUT2",
        quantity=Decimal(1),
    )
    note = papers.credit_note(line, side=side)
    allocation = Allocation(company_id=papers.book.company_id, credit_note_id=note.id, date=DAY, amount=Decimal("4.00"))
    setattr(allocation, f"{document.kind}_id", document.id)
    papers.session.add(allocation)
    papers.session.commit()
    job = papers.push()
    assert (job.state, job.refused) == ("completed", 0), (job.reason, papers.book.link_of(allocation).refusal)
    papers.session.refresh(document)
    papers.session.refresh(note)
    assert (document.amount_credited, note.amount_due) == (Decimal("4.00"), note.total - 4)
    allocation.archived = True
    papers.session.commit()
    job = papers.push()
    assert (job.state, job.refused) == ("completed", 0), job.reason
    papers.session.refresh(document)
    assert document.amount_credited == 0
    assert papers.there(note)["RemainingCredit"] == float(note.total)


def test_an_allocation_taken_back_there_is_taken_back_here(papers: Papers) -> None:
    invoice = papers.invoice()
    note = papers.credit_note(papers.line(CreditNote, account_code="200", tax_code="OUTPUT2"), side=Side.SALES)
    papers.push()
    office = papers.office("creditnotes")
    note_id = papers.there(note)["CreditNoteID"]
    office.allocate(note_id, {"Invoice": papers.there(invoice)["InvoiceID"], "Amount": 5})
    papers.book.update()
    allocation = papers.session.scalars(select(Allocation).filter_by(invoice_id=invoice.id)).one()
    assert (allocation.invoice_id, allocation.amount, allocation.archived) == (invoice.id, Decimal("5.00"), False)
    there = papers.there(note)["Allocations"][0]["AllocationID"]
    office.deallocate(note_id, there)
    papers.book.update()
    papers.session.refresh(allocation)
    assert allocation.archived


def test_an_allocation_taken_back_there_while_it_is_paused_is_taken_back_when_it_is_resumed(papers: Papers) -> None:
    invoice = papers.invoice()
    note = papers.credit_note(papers.line(CreditNote, account_code="200", tax_code="OUTPUT2"), side=Side.SALES)
    papers.push()
    office = papers.office("creditnotes")
    note_id = papers.there(note)["CreditNoteID"]
    office.allocate(note_id, {"Invoice": papers.there(invoice)["InvoiceID"], "Amount": 5})
    papers.book.update()
    allocation = papers.session.scalars(select(Allocation).filter_by(invoice_id=invoice.id)).one()
    link = papers.book.link_of(allocation)
    pending.pause(papers.session, link, "on hold")
    papers.session.commit()
    office.deallocate(note_id, papers.there(note)["Allocations"][0]["AllocationID"])
    papers.book.update()
    papers.session.refresh(allocation)
    assert not allocation.archived
    papers.book.theirs.world.clock.advance(3600)
    papers.book.update("credit_note")
    pending.resume(papers.session, link)
    papers.session.commit()
    papers.book.update("credit_note")
    papers.session.refresh(allocation)
    assert allocation.archived


def test_a_contact_made_meanwhile_is_fetched_with_its_invoice(papers: Papers) -> None:
    contact_id = papers.book.theirs.add("Quite new")
    theirs(
        papers,
        "N-1",
        Type="ACCREC",
        Contact={"ContactID": contact_id},
        LineItems=[{"Description": "Work", "Quantity": 1, "UnitAmount": 5, "AccountCode": "200"}],
    )
    papers.book.update("invoice")
    assert known(papers, Invoice, "N-1").contact.name == "Quite new"


def test_overpayments_prepayments_and_batches_are_read(papers: Papers) -> None:
    contact = {"ContactID": papers.book.theirs.contacts()[0]["ContactID"]}
    papers.office("overpayments").add({"Type": "SPEND-OVERPAYMENT", "Contact": contact, "Total": 50, "Reference": "O"})
    papers.office("prepayments").add({"Type": "RECEIVE-PREPAYMENT", "Contact": contact, "Total": 20, "Reference": "P"})
    bill = theirs(papers, "BATCH")
    account = {"AccountID": papers.book.link_of(papers.bank()).external_id}
    papers.office("batchpayments").add(
        {
            "Account": account,
            "Date": DAY.isoformat(),
            "Reference": "run",
            "Payments": [{"Invoice": {"InvoiceID": bill["InvoiceID"]}, "Amount": 5}],
        }
    )
    papers.book.update()
    over, pre = known(papers, Overpayment, "O"), known(papers, Prepayment, "P")
    assert (over.total, over.side, pre.remaining, pre.side) == (50, Side.PURCHASES, 20, Side.SALES)
    payment = papers.session.scalars(
        select(Payment).join(Bill).where(Payment.batch_id.is_not(None), Bill.name == "BATCH")
    ).one()
    assert payment.amount == 5


def test_a_kind_that_is_wanted_from_now_on_comes_although_a_reading_was_broken_off(papers: Papers) -> None:
    book = papers.book
    papers.settings(bring_in_bills=False)
    theirs(papers, "THERE-0")
    book.update()
    query = select(PullRun).filter_by(connection_id=book.connection_id, resource="Invoices").order_by(PullRun.id.desc())
    last = book.session.scalars(query).first()
    assert last is not None
    assert last.provider_time is not None
    since = last.provider_time + dt.timedelta(minutes=1)
    book.session.add(PullRun(connection_id=book.connection_id, resource="Invoices", left_out=[], since=since))
    book.session.commit()
    papers.settings(bring_in_bills=True)
    book.update()
    assert known(papers, Bill, "THERE-0") is not None


@pytest.mark.parametrize("call", ["GET Contacts", "GET Invoices"])
def test_a_kind_that_is_wanted_while_a_job_reads_comes_with_that_job(papers: Papers, call: str) -> None:
    book = papers.book
    papers.settings(bring_in_bills=False)
    theirs(papers, "THERE-1")
    book.update()
    left = [True]

    def hook(when: str, name: str, _: Any) -> None:
        if when == "after" and name == "page" and left and book.theirs.calls().get(call):
            left.clear()
            with book.app.app_context():
                db.session.scalars(select(CompanySettings)).one().bring_in_bills = True
                db.session.commit()

    book.theirs.forget_calls()
    book.shop = replace(book.shop, providers={"xero": MovingProvider(book.provider, lambda c: Hooked(c, hook))})
    job, _ = jobs.request_update(book.session, book.connection, ["contact", "bill", "invoice"], user_id=None)
    assert book.until_done(job).state is JobState.COMPLETED
    assert left == []
    assert known(papers, Bill, "THERE-1") is not None


def test_what_pays_off_a_document_that_was_unlinked_by_hand_stays_with_it(papers: Papers) -> None:
    invoice = papers.invoice()
    note = papers.credit_note(papers.line(CreditNote, account_code="200", tax_code="OUTPUT2"), side=Side.SALES)
    papers.push()
    there = papers.there(invoice)["InvoiceID"]
    papers.office("creditnotes").allocate(papers.there(note)["CreditNoteID"], {"Invoice": there, "Amount": 5})
    papers.office("invoices").pay(there, {"Amount": 3, "Reference": "cheque 8"})
    papers.book.update()
    allocation = papers.session.scalars(select(Allocation).filter_by(invoice_id=invoice.id)).one()
    payment = known(papers, Payment, "cheque 8")
    by_hand.unlink_record(papers.session, papers.book.link_of(invoice), papers.book.company_id)
    papers.session.commit()
    job = papers.book.update()
    assert job.state is JobState.COMPLETED, job.reason
    for record in (allocation, payment):
        papers.session.refresh(record)
        assert record.invoice_id == invoice.id
