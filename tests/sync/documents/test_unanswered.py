"""A write of a document or of money that was never answered: shown, settled, and in the end done exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from backoffice import clock
from backoffice.models import (
    Allocation,
    Attachment,
    AttachmentContent,
    Bill,
    CreditNote,
    JobState,
    LinkState,
    Record,
    Side,
    Status,
    SyncJob,
)
from tests.sync.documents.conftest import DAY, Papers

#: What goes wrong with a write: it is done and never answered, or fails in a way that the key remembers.
FAULTS = ("cut-after", "cut-before", "500")


@pytest.fixture(autouse=True)
def real_clock() -> Iterator[None]:
    yield
    clock.use()


def order(papers: Papers) -> Record:
    return papers.order(name="O-1")


def bill(papers: Papers) -> Record:
    return papers.bill(name="B-1")


def invoice(papers: Papers) -> Record:
    return papers.invoice(name="I-1")


def credit_note(papers: Papers) -> Record:
    line = papers.line(CreditNote, account_code="200", tax_code="OUTPUT2")
    return papers.credit_note(line, name="C-1", side=Side.SALES)


def payment(papers: Papers) -> Record:
    paid = papers.bill(name="B-1")
    papers.push()
    return papers.pay(paid, "10.00", name="P-1")


def allocation(papers: Papers) -> Record:
    owed, credit = papers.invoice(name="I-1"), credit_note(papers)
    papers.push()
    made = Allocation(
        company_id=papers.book.company_id,
        credit_note_id=credit.id,
        invoice_id=owed.id,
        date=DAY,
        amount=Decimal("4.00"),
    )
    papers.session.add(made)
    papers.session.commit()
    return made


def attachment(papers: Papers) -> Record:
    holder = papers.bill(name="B-1")
    papers.push()
    data = b"%PDF-1.7 scanned"
    made = Attachment(
        company_id=papers.book.company_id,
        name="scan.pdf",
        mime_type="application/pdf",
        size=len(data),
        bill_id=holder.id,
        content=AttachmentContent(data=data),
    )
    papers.session.add(made)
    papers.session.commit()
    return made


@dataclass(frozen=True)
class Case:
    """How one is made here, where its requests go, and what of it is there."""

    make: Any
    path: str
    #: Where it lies in the played Xero, and the key and value by which it is told apart.
    shelf: str
    key: str
    value: Any


CASES = {
    "order": Case(order, "/PurchaseOrders", "PurchaseOrders", "PurchaseOrderNumber", "O-1"),
    "bill": Case(bill, "/Invoices", "Invoices", "InvoiceNumber", "B-1"),
    "invoice": Case(invoice, "/Invoices", "Invoices", "InvoiceNumber", "I-1"),
    "credit note": Case(credit_note, "/CreditNotes", "CreditNotes", "CreditNoteNumber", "C-1"),
    "payment": Case(payment, "/Payments", "Payments", "Reference", "P-1"),
    "allocation": Case(allocation, "/Allocations", "CreditNotes", "Allocations", 1),
    "attachment": Case(attachment, "/Attachments", "", "FileName", "scan.pdf"),
}
#: Those of which what was sent may be changed or taken back.
CHANGING = [name for name in CASES if name != "attachment"]


def there(papers: Papers, case: Case) -> list[dict[str, Any]]:
    """All that the played Xero has of it, in whatever state."""
    if case.shelf == "":
        found = papers.book.theirs.world.store.rows("SELECT file_name, data FROM attachment")
        return [{"FileName": name, "Data": data} for name, data in found if name == case.value]
    bodies = papers.book.theirs.shelf(case.shelf).bodies()
    if case.key == "Allocations":
        note = next(body for body in bodies if body["CreditNoteNumber"] == "C-1")
        return list(note["Allocations"])
    return [body for body in bodies if body.get(case.key) == case.value]


def later(papers: Papers, job: SyncJob, seconds: float) -> SyncJob:
    """Go on with a job after a while."""
    moment = clock.now() + timedelta(seconds=seconds)
    papers.book.theirs.world.clock.advance(seconds)
    clock.use(lambda: moment)
    return papers.book.until_done(job)


@pytest.mark.parametrize("seconds", [0, 1200], ids=["within", "past"])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", CASES)
def test_what_was_created_without_an_answer_is_there_once(
    papers: Papers, name: str, fault: str, seconds: float
) -> None:
    case = CASES[name]
    record = case.make(papers)
    papers.book.theirs.forget_calls()
    papers.book.theirs.fault(fault, method="PUT", path=case.path)
    job = papers.push()
    assert job.state is JobState.PENDING
    assert papers.state(record) == LinkState.UNCONFIRMED
    job = later(papers, job, seconds)
    assert (job.state, job.refused) == (JobState.COMPLETED, 0), (job.reason, papers.book.link_of(record).refusal)
    assert papers.state(record) == LinkState.INTEGRATED
    assert len(there(papers, case)) == 1
    papers.book.theirs.forget_calls()
    assert papers.book.update().changed_nothing or name != "attachment"
    assert papers.book.theirs.writes() == []
    assert papers.state(record) == LinkState.INTEGRATED


def change(record: Any) -> None:
    """Edit a document, take money back."""
    if isinstance(record, Bill | CreditNote) or hasattr(record, "reference"):
        record.reference = "edited"
    else:
        record.archived = True


def void(record: Any) -> None:
    record.archived = True
    if hasattr(record, "status"):
        record.status = Status.VOIDED


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", CHANGING)
@pytest.mark.parametrize("do", [change, void])
def test_what_was_changed_or_taken_back_without_an_answer_is_so_in_the_end(
    papers: Papers, name: str, fault: str, do: Any
) -> None:
    case = CASES[name]
    record = case.make(papers)
    papers.push()
    do(record)
    papers.session.commit()
    papers.book.theirs.forget_calls()
    method = "DELETE" if name == "allocation" else "POST"
    papers.book.theirs.fault(fault, method=method, path=case.path)
    job = papers.push()
    assert job.state is JobState.PENDING
    assert papers.state(record) == LinkState.UNCONFIRMED
    job = papers.book.until_done(job)
    assert (job.state, job.refused) == (JobState.COMPLETED, 0), (job.reason, papers.book.link_of(record).refusal)
    found = there(papers, case)
    if name == "allocation":
        assert found == []
    elif do is void or name == "payment":
        assert [body["Status"] for body in found][0] in ("VOIDED", "DELETED")
    else:
        assert [body["Reference"] for body in found] == ["edited"]
    assert not papers.book.waiting()
    expected = {True: LinkState.GONE, False: LinkState.INTEGRATED}[do is void or name in ("payment", "allocation")]
    assert papers.state(record) == expected


def test_what_is_due_follows_a_payment_that_was_found_there(papers: Papers) -> None:
    made: Any = payment(papers)
    papers.book.theirs.fault("cut-after", method="PUT", path="/Payments")
    later(papers, papers.push(), 1200)
    paid = made.bill
    papers.session.refresh(paid)
    assert (paid.amount_paid, paid.amount_due) == (Decimal("10.00"), paid.total - 10)


def test_a_bill_that_was_found_there_has_what_they_know_of_it(papers: Papers) -> None:
    found: Any = bill(papers)
    papers.book.theirs.fault("cut-after", method="PUT", path="/Invoices")
    later(papers, papers.push(), 1200)
    papers.session.refresh(found)
    assert (found.their_status, found.their_total, found.amount_due) == ("AUTHORISED", found.total, found.total)


@pytest.mark.parametrize("name", ["bill", "payment"])
def test_what_another_party_has_under_the_same_number_is_not_adopted(papers: Papers, name: str) -> None:
    """The number is its supplier's own, the reference anybody's: the request that was not done is sent anew."""
    case = CASES[name]
    theirs = papers.book.theirs.contacts()[0]["ContactID"]
    line = {"Description": "Theirs", "Quantity": 1, "UnitAmount": 99, "AccountCode": "300"}
    body = {"Type": "ACCPAY", "Contact": {"ContactID": theirs}, "LineItems": [line], "DueDate": "2026-12-01"}
    other = papers.office("invoices").add({**body, "InvoiceNumber": "B-1", "Status": "AUTHORISED"})
    papers.book.update("contact")
    if name == "payment":
        papers.office("invoices").pay(other["InvoiceID"], {"Amount": 10, "Reference": "P-1"})
    record = case.make(papers)
    papers.book.theirs.fault("cut-before", method="PUT", path=case.path)
    job = later(papers, papers.push(), 1200)
    assert (job.state, papers.state(record)) == (JobState.COMPLETED, LinkState.INTEGRATED)
    assert len(there(papers, case)) == 2
    mine = papers.book.link_of(record).external_id
    assert mine in {row.get("PaymentID" if name == "payment" else "InvoiceID") for row in there(papers, case)}
    assert mine != other["InvoiceID"]


def test_two_payments_alike_are_both_there_after_one_answer_was_lost(papers: Papers) -> None:
    """Two equal amounts on one day: each is known by its own reference."""
    paid = papers.bill(name="B-1")
    papers.push()
    first, second = papers.pay(paid, "5.00"), papers.pay(paid, "5.00")
    papers.book.theirs.fault("cut-after", method="PUT", path="/Payments")
    later(papers, papers.push(), 1200)
    ids = {papers.book.link_of(first).external_id, papers.book.link_of(second).external_id}
    assert len(ids) == 2
    assert papers.there(paid)["AmountPaid"] == 10


def test_an_edit_while_it_is_unconfirmed_goes_afterwards(papers: Papers) -> None:
    written: Any = bill(papers)
    papers.book.theirs.fault("cut-after", method="PUT", path="/Invoices")
    job = papers.push()
    written.reference = "meanwhile"
    papers.session.commit()
    later(papers, job, 1200)
    papers.push()
    assert [body["Reference"] for body in there(papers, CASES["bill"])] == ["meanwhile"]
    assert papers.state(written) == LinkState.INTEGRATED


def test_a_file_that_somebody_put_there_under_the_name_is_not_taken_for_ours(papers: Papers) -> None:
    """The request failed; what lies there is another file, which ours replaces as it would have."""
    record: Any = attachment(papers)
    office_row = papers.there(record.bill)
    store = papers.book.theirs.world.store
    store.change(
        "INSERT INTO attachment (organisation, kind, owner, id, file_name, mime_type, length, online, data)"
        " VALUES (?, 'Invoices', ?, ?, 'scan.pdf', 'application/pdf', 5, 0, ?)",
        (papers.book.theirs.organisation, office_row["InvoiceID"], "a" * 8 + "-0000-4000-8000-000000000000", b"other"),
    )
    papers.book.theirs.fault("500", method="PUT", path="/Attachments")
    later(papers, papers.push(), 0)
    assert [file["Data"] for file in there(papers, CASES["attachment"])] == [b"%PDF-1.7 scanned"]
