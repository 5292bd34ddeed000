"""Pre-flight: what Xero would turn down is found before any call, in words that name the field."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update

from backoffice.models import (
    Allocation,
    Bill,
    Connection,
    CreditNote,
    Invoice,
    LinkState,
    SentAs,
    Side,
    Status,
    TaxMapping,
    TaxRate,
)
from backoffice.sandbox.xero.organisations import find, rewrite
from tests.sync.documents.conftest import DAY, Papers

#: The database adds nothing here: what is sent is asked of the mappers, and the rest runs on both.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

Case = Callable[[Papers], Any]


def archived_contact(papers: Papers) -> Any:
    contact = papers.party()
    papers.push()
    there = papers.book.theirs.contact(contact.name)
    papers.book.theirs.edit(there["ContactID"], ContactStatus="ARCHIVED")
    papers.book.update("contact")
    return papers.bill()


def archived_account(papers: Papers) -> Any:
    accounts = papers.office("accounts")
    row = next(body for body in papers.book.theirs.shelf("Accounts").bodies() if body.get("Code") == "310")
    accounts.edit(row["AccountID"], {"Status": "ARCHIVED"})
    papers.book.update("account")
    return papers.bill(papers.line(Bill), papers.line(Bill, account_code="310"))


def unmapped_tax(papers: Papers) -> Any:
    papers.session.add(
        TaxMapping(company_id=papers.book.company_id, code="OURS", name="Ours", rate=Decimal(15), side=Side.PURCHASES)
    )
    papers.session.commit()
    return papers.bill(papers.line(Bill, tax_code="OURS"))


def other_rate(papers: Papers) -> Any:
    theirs = papers.session.scalars(select(TaxRate).filter_by(company_id=papers.book.company_id, code="INPUT2")).one()
    papers.session.add(
        TaxMapping(
            company_id=papers.book.company_id,
            code="OURS",
            name="Ours",
            rate=Decimal("12.5"),
            side=Side.PURCHASES,
            tax_rate_id=theirs.id,
        )
    )
    papers.session.commit()
    return papers.bill(papers.line(Bill, tax_code="OURS"))


def locked_period(papers: Papers) -> Any:
    lock(papers)
    return papers.bill()


def lock(papers: Papers) -> None:
    """Close their books up to the end of November."""
    store = papers.book.theirs.world.store
    organisation = find(store, papers.book.connection.external_id)
    assert organisation is not None
    rewrite(store, organisation, {"PeriodLockDate": "2026-11-30"})
    papers.session.execute(update(Connection).values(described_at=None))
    papers.session.commit()


def same_number(papers: Papers) -> Any:
    papers.bill(name="TWICE")
    papers.push()
    return papers.bill(name="TWICE")


CASES: dict[str, tuple[Case, str, str | None]] = {
    "contact": (archived_contact, "contact_archived", "contact_id"),
    "account": (archived_account, "account_archived", "lines.2.account_code"),
    "unmapped": (unmapped_tax, "tax_unmapped", "lines.1.tax_code"),
    "total": (other_rate, "total_differs", "lines.1.tax_code"),
    "side": (lambda p: p.bill(p.line(Bill, tax_code="OUTPUT2")), "tax_wrong_side", "lines.1.tax_code"),
    "currency": (lambda p: p.bill(currency="GBP"), "currency_unknown", "currency"),
    "period": (locked_period, "period_locked", "date"),
    "number": (same_number, "number_taken", "name"),
    "due date": (lambda p: p.bill(due_date=None), "due_date_missing", "due_date"),
    "too long": (
        lambda p: p.bill(p.line(Bill, description="x" * 4001)),
        "too_long",
        "lines.1.description",
    ),
    "no account": (lambda p: p.bill(p.line(Bill, account_code=None)), "account_missing", "lines.1.account_code"),
    "bank": (
        lambda p: p.bill(p.line(Bill, account_code=bank_code(p))),
        "account_not_for_lines",
        "lines.1.account_code",
    ),
    "discount": (lambda p: p.bill(p.line(Bill, discount=Decimal(5))), "discount_not_taken", "lines.1.discount"),
    "description": (lambda p: p.bill(p.line(Bill, description=None)), "description_missing", "lines.1.description"),
}


def bank_code(papers: Papers) -> str:
    """A code for the first bank account, which has none."""
    row = next(body for body in papers.book.theirs.shelf("Accounts").bodies() if body["Type"] == "BANK")
    papers.office("accounts").edit(row["AccountID"], {"Code": "090"})
    papers.book.update("account")
    return "090"


@pytest.mark.parametrize("case", CASES)
def test_each_is_found_before_it_is_sent(papers: Papers, case: str) -> None:
    make, cause, column = CASES[case]
    bill = make(papers)
    good = papers.bill(name="GOOD", date=dt.date(2026, 12, 1), contact=papers.party("Good party"))
    papers.push()
    link = papers.book.link_of(bill)
    assert (papers.state(bill), link.refusal_cause, link.refusal_column) == (LinkState.REFUSED, cause, column)
    assert link.findings is not None
    assert link.findings[0]["message"] == link.refusal
    assert link.external_id is None
    assert papers.state(good) == LinkState.INTEGRATED


def test_a_fact_that_bars_is_read_once_more_before_it_bars(papers: Papers) -> None:
    archived_account(papers)
    row = next(body for body in papers.book.theirs.shelf("Accounts").bodies() if body.get("Code") == "310")
    papers.office("accounts").edit(row["AccountID"], {"Status": "ACTIVE"})
    bills = [papers.bill(papers.line(Bill, account_code="310")) for _ in range(3)]
    papers.book.theirs.forget_calls()
    papers.push()
    assert {papers.state(bill) for bill in bills} == {LinkState.INTEGRATED}
    assert papers.book.theirs.calls()["GET Accounts"] == 1


def test_what_is_paid_is_not_changed_and_says_so(papers: Papers) -> None:
    bill = papers.bill()
    papers.push()
    papers.office("invoices").pay(papers.there(bill)["InvoiceID"], {"Amount": 5})
    bill.reference = "late"
    papers.session.commit()
    papers.book.theirs.forget_calls()
    papers.push()
    link = papers.book.link_of(bill)
    assert (papers.state(bill), link.refusal_cause) == (LinkState.REFUSED, "paid_there")
    assert papers.book.theirs.writes() == []


def test_more_than_is_due_is_not_paid(papers: Papers) -> None:
    bill = papers.bill()
    papers.push()
    payment = papers.pay(bill, "28.76")
    papers.push()
    link = papers.book.link_of(payment)
    assert (link.refusal_cause, link.refusal_column) == ("more_than_due", "amount")


def test_nothing_of_a_closed_period_is_taken_back_or_allocated(papers: Papers) -> None:
    voided, paid, bill = papers.bill(), papers.bill(), papers.bill()
    note = papers.credit_note(side=Side.PURCHASES)
    papers.push()
    payment = papers.pay(paid, "1")
    papers.push()
    lock(papers)
    voided.status, payment.archived = Status.VOIDED, True
    used = Allocation(
        company_id=bill.company_id, name="a", credit_note_id=note.id, bill_id=bill.id, date=DAY, amount=Decimal(1)
    )
    papers.session.add(used)
    papers.session.commit()
    papers.push()
    found = [papers.book.link_of(each) for each in (voided, payment, used)]
    causes = [(link.refusal_cause, link.refusal_column, link.refusal_raw) for link in found]
    assert causes == [("period_locked", column, "") for column in ("archived", "archived", "date")]


def test_what_waits_before_it_is_counted(papers: Papers) -> None:
    bill, note = papers.bill(), papers.credit_note(side=Side.PURCHASES)
    papers.push()
    assert bill.total == Decimal("28.75")
    first, second = papers.pay(bill, "20"), papers.pay(bill, "8.76")
    used = Allocation(
        company_id=bill.company_id, name="a", credit_note_id=note.id, bill_id=bill.id, date=DAY, amount=Decimal("1.00")
    )
    papers.session.add(used)
    papers.session.commit()
    papers.push()
    assert papers.book.link_of(first).state is LinkState.INTEGRATED
    link = papers.book.link_of(second)
    assert (link.refusal_cause, link.refusal_column) == ("more_than_due", "amount")
    assert link.refusal == f"Only 7.75 of {bill} is still due in Xero. Lower the amount."
    assert not link.refusal_raw, "it was never tried"
    assert papers.book.link_of(used).state is LinkState.INTEGRATED, "what comes after what was turned down goes"


def test_all_findings_are_kept(papers: Papers) -> None:
    bill = papers.bill(papers.line(Bill, account_code=None, description=None), due_date=None)
    papers.push()
    link = papers.book.link_of(bill)
    assert [finding["cause"] for finding in link.findings or ()] == [
        "due_date_missing",
        "description_missing",
        "account_missing",
    ]
    assert DAY.isoformat() == bill.date.isoformat()


def test_nothing_below_nothing_is_approved(papers: Papers) -> None:
    bill = papers.bill(papers.line(Bill), papers.line(Bill, quantity=Decimal(-3)))
    papers.push()
    link = papers.book.link_of(bill)
    assert (link.refusal_cause, link.refusal_column, link.refusal_raw) == ("total_below_nothing", "lines", "")
    assert link.refusal == (
        "It comes to -14.38, and Xero approves no bill below nothing. Write a credit note instead, or mend its lines."
    )


def test_a_tax_that_does_not_suit_the_account_is_found(papers: Papers) -> None:
    bill = papers.bill(papers.line(Bill, account_code="200"))
    papers.push()
    link = papers.book.link_of(bill)
    found = (link.refusal_cause, link.refusal_column, link.refusal_raw)
    assert found == ("tax_wrong_account", "lines.1.tax_code", "")
    assert "200 Sales" in (link.refusal or "")


def tracked_item(papers: Papers) -> str:
    """An item whose stock Xero keeps; nothing of it is on hand."""
    details = {"COGSAccountCode": "310", "UnitPrice": 5, "TaxType": "INPUT2"}
    row = {"Code": "STOCK", "Name": "Stock", "InventoryAssetAccountCode": "630", "PurchaseDetails": details}
    papers.office("items").add({**row, "SalesDetails": {"UnitPrice": 9, "AccountCode": "200", "TaxType": "OUTPUT2"}})
    papers.book.update("item")
    return "STOCK"


def test_what_is_bought_into_stock_posts_to_its_account(papers: Papers) -> None:
    code = tracked_item(papers)
    papers.settings(expense_account="429")
    bill = papers.bill(papers.line(Bill, item_code=code, account_code=None))
    elsewhere = papers.bill(papers.line(Bill, item_code=code, account_code="300"))
    papers.push()
    assert papers.there(bill)["LineItems"][0]["AccountCode"] == "630"
    link = papers.book.link_of(elsewhere)
    found = (link.refusal_cause, link.refusal_column, link.refusal_raw)
    assert found == ("account_of_stock", "lines.1.account_code", "")


def test_no_more_is_sold_than_is_on_hand(papers: Papers) -> None:
    code = tracked_item(papers)
    papers.bill(papers.line(Bill, item_code=code, account_code=None, quantity=Decimal(3)))
    papers.push()
    lines = [papers.line(Invoice, item_code=code, quantity=Decimal(2)) for _ in range(2)]
    invoice, small = papers.invoice(*lines), papers.invoice(papers.line(Invoice, item_code=code, quantity=Decimal(3)))
    papers.push()
    link = papers.book.link_of(invoice)
    found = (link.refusal_cause, link.refusal_column, link.refusal_raw)
    assert found == ("stock_short", "lines.2.quantity", "")
    assert link.refusal == (
        "Only 3 of item STOCK are on hand in Xero. Lower the quantity of line 2, or bring stock in first."
    )
    assert papers.state(small) == LinkState.INTEGRATED, "what is on hand was read again before it barred"
    small.reference = "afterwards"
    papers.session.commit()
    papers.push()
    assert papers.there(small)["Reference"] == "afterwards", "what is posted has taken its stock already"


def test_a_discount_is_taken_on_sales_invoices_only(papers: Papers) -> None:
    line = papers.line(CreditNote, discount=Decimal(10), account_code="200", tax_code="OUTPUT2")
    note = papers.credit_note(line, side=Side.SALES)
    papers.push()
    link = papers.book.link_of(note)
    found = (link.refusal_cause, link.refusal_column, link.refusal_raw)
    assert found == ("discount_not_taken", "lines.1.discount", "")


def test_credit_waits_for_a_document_that_is_not_authorised_there(papers: Papers) -> None:
    papers.settings(bills_as=SentAs.DRAFT, credit_notes_as=SentAs.AWAITING_APPROVAL)
    bill, note = papers.bill(), papers.credit_note(side=Side.PURCHASES)
    papers.push()
    assert (papers.there(bill)["Status"], papers.there(note)["Status"]) == ("DRAFT", "SUBMITTED")
    used = Allocation(
        company_id=bill.company_id, name="a", credit_note_id=note.id, bill_id=bill.id, date=DAY, amount=Decimal(1)
    )
    papers.session.add(used)
    papers.session.commit()
    papers.push()
    assert papers.state(used) == LinkState.BLOCKED
    assert papers.book.link_of(used).blocked_record_id == note.id
    for kind, record in (("creditnotes", note), ("invoices", bill)):
        papers.office(kind).edit(papers.book.link_of(record).external_id or "", {"Status": "AUTHORISED"})
    papers.book.update()
    assert papers.state(used) == LinkState.INTEGRATED


def test_a_line_whose_item_is_gone_there_says_all_by_itself(papers: Papers) -> None:
    row = papers.book.theirs.shelf("Items").bodies()[0]
    kept = papers.bill(papers.line(Bill, item_code=row["Code"]))
    papers.push()
    papers.office("items").delete(row["ItemID"])
    papers.book.update("item")
    bill = papers.bill(papers.line(Bill, item_code=row["Code"]))
    kept.reference = "afterwards"
    papers.session.commit()
    papers.push()
    line = papers.there(bill)["LineItems"][0]
    assert ("ItemCode" in line, line["Description"], line["AccountCode"]) == (False, "Rope", "300")
    assert papers.there(kept)["Reference"] == "afterwards"
