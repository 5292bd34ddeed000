"""Documents go out: once, to the cent, in the state that the settings say, and what they need goes first."""

from __future__ import annotations

from decimal import Decimal

from backoffice.models import Bill, JobState, LinkState, PurchaseOrder, SentAs, Status
from tests.sync.documents.conftest import Papers


def test_an_approved_bill_is_in_xero_to_the_cent(papers: Papers) -> None:
    bill = papers.bill(name="B-1", reference="our reference")
    job = papers.push()
    assert (job.state, job.sent, job.refused) == (JobState.COMPLETED, 2, 0), job.reason
    there = papers.there(bill)
    assert (there["Type"], there["InvoiceNumber"], there["Status"]) == ("ACCPAY", "B-1", "AUTHORISED")
    assert Decimal(str(there["Total"])) == bill.total == Decimal("28.75")
    papers.session.refresh(bill)
    assert (bill.their_status, bill.their_total, bill.amount_due) == ("AUTHORISED", bill.total, bill.total)
    assert papers.state(bill) == LinkState.INTEGRATED


def test_a_draft_stays_here_until_it_is_approved(papers: Papers) -> None:
    bill = papers.bill(approved=False)
    papers.push()
    assert [write["path"] for write in papers.book.theirs.writes()] == ["/api.xro/2.0/Contacts"]
    bill.status = Status.APPROVED
    papers.session.commit()
    papers.push()
    assert papers.state(bill) == LinkState.INTEGRATED


def test_the_settings_say_in_which_state_it_arrives(papers: Papers) -> None:
    papers.settings(bills_as=SentAs.DRAFT, orders_as=SentAs.AWAITING_APPROVAL)
    bill, order = papers.bill(), papers.order()
    papers.push()
    assert (papers.there(bill)["Status"], papers.there(order)["Status"]) == ("DRAFT", "SUBMITTED")


def test_what_it_refers_to_goes_first_and_what_cannot_go_holds_nothing_up(papers: Papers) -> None:
    stuck = papers.party("Bad <name>")
    waits, goes = papers.bill(contact=stuck), papers.bill(name="B-2")
    papers.push()
    link = papers.book.link_of(waits)
    assert (papers.state(waits), link.blocked_kind, link.blocked_record_id) == ("blocked", "contact", stuck.id)
    assert papers.state(goes) == LinkState.INTEGRATED
    stuck.name = "Good name"
    papers.session.commit()
    papers.push()
    assert papers.state(waits) == LinkState.INTEGRATED


def test_an_edit_updates_the_same_document_and_its_lines(papers: Papers) -> None:
    bill = papers.bill(papers.line(Bill), papers.line(Bill, description="Second"))
    papers.push()
    first = papers.there(bill)["InvoiceID"]
    bill.lines.pop(0)
    bill.lines[0].unit_price = Decimal("3.3333")
    papers.session.commit()
    papers.push()
    there = papers.there(bill)
    assert there["InvoiceID"] == first
    assert [(line["Description"], line["UnitAmount"]) for line in there["LineItems"]] == [("Second", 3.3333)]
    assert Decimal(str(there["Total"])) == bill.total


def test_voiding_here_voids_there(papers: Papers) -> None:
    bill, order = papers.bill(), papers.order()
    papers.push()
    for document in (bill, order):
        document.status, document.archived = Status.VOIDED, True
    papers.session.commit()
    job = papers.push()
    assert job.refused == 0
    assert (papers.there(bill)["Status"], papers.there(order)["Status"]) == ("VOIDED", "DELETED")


def test_an_order_keeps_two_decimals_of_its_prices_there_and_here_in_its_total(papers: Papers) -> None:
    order = papers.order(papers.line(PurchaseOrder, quantity=Decimal(100), unit_price=Decimal("1.2345")))
    papers.push()
    there = papers.there(order)
    assert there["LineItems"][0]["UnitAmount"] == 1.23
    assert Decimal(str(there["Total"])) == order.total == Decimal("141.45")


def test_a_billed_order_is_billed_there(papers: Papers) -> None:
    order = papers.order()
    papers.push()
    order.billed = True
    papers.session.commit()
    papers.push()
    assert papers.there(order)["Status"] == "BILLED"


def test_nothing_changed_sends_nothing(papers: Papers) -> None:
    papers.bill()
    papers.push()
    papers.book.theirs.forget_calls()
    papers.book.update()
    papers.push()
    assert papers.book.theirs.writes() == []
