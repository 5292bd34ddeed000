"""Payments: recorded against what is due, never more; changed until they are sent, voided after."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from backoffice.models import (
    Bill,
    Company,
    Connection,
    CreditNote,
    Invoice,
    Payment,
    Prepayment,
    Role,
    Side,
)
from tests.admin.conftest import Browser, Db, integrate
from tests.admin.papers import DAY, a_bank, a_paper, a_party, approved, form_values


def new(company: Company, paper: Any) -> str:
    return f"/c/{company.id}/payments/new/?{paper.kind}={paper.id}"


@pytest.mark.parametrize("model", [Bill, Invoice, CreditNote])
def test_what_is_due_is_paid_in_two_parts(model: Any, session: Db, company: Company, browser: Browser) -> None:
    a_bank(session, company)
    paper = approved(session, model, company, name="DOC-1")
    values = form_values(browser.says(new(company, paper)))
    assert (values["amount"], values["date"] > "2026") == ("100", True)
    assert browser.post(new(company, paper), {**values, "amount": "40.5"}).status_code == 303
    assert form_values(browser.says(new(company, paper)))["amount"] == "59.5"
    told = browser.post(new(company, paper), {**values, "amount": "59.50"}, follow=True)
    assert "was recorded" in told.text
    assert browser.get(new(company, paper)).status_code == 303
    rows: Any = session.query(Payment).order_by(Payment.id).all()
    assert [(row.name, row.amount) for row in rows] == [("PAY-0001", Decimal("40.5")), ("PAY-0002", Decimal("59.5"))]
    assert {row.document.id for row in rows} == {paper.id}
    listed = browser.says(f"/c/{company.id}/payments/")
    assert ("PAY-0001" in listed, "DOC-1" in listed, "40.50" in listed) == (True, True, True)


def test_what_is_due_is_the_least_that_either_side_says(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    bank = a_bank(session, company)
    paper = approved(session, Bill, company, amount_due=Decimal(30), their_status="AUTHORISED")
    assert form_values(browser.says(new(company, paper)))["amount"] == "30"
    row = Payment(company_id=company.id, bill_id=paper.id, account_id=bank.id, date=DAY, amount=Decimal(10))
    session.add(row)
    session.commit()
    assert form_values(browser.says(new(company, paper)))["amount"] == "20", "they do not know of it yet"
    integrate(session, connection, row)
    assert form_values(browser.says(new(company, paper)))["amount"] == "30"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"amount": "100.01"}, "Only 100.00 is due"),
        ({"amount": "0"}, "above nothing"),
        ({"amount": "-5"}, "above nothing"),
        ({"amount": "1.234"}, "at most 2 decimal places"),
        ({"amount": "1,000"}, "read in two ways"),
        ({"amount": "x\x00"}, "not a number"),
        ({"amount": ""}, "Type an amount."),
        ({"date": "yesterday"}, "This is no date"),
        ({"account_id": "999999"}, "Not a valid choice"),
        ({"account_id": ""}, "Not a valid choice"),
        ({"name": "x" * 300}, "too long"),
    ],
)
def test_bad_payments_are_turned_down(
    wrong: dict[str, str], said: str, session: Db, company: Company, browser: Browser
) -> None:
    a_bank(session, company)
    paper = approved(session, Bill, company)
    values = {**form_values(browser.says(new(company, paper))), **wrong}
    answer = browser.post(new(company, paper), values)
    assert (answer.status_code, said in answer.text) == (200, True)
    assert session.query(Payment).count() == 0


def test_only_accounts_that_take_payments_are_offered(session: Db, company: Company, browser: Browser) -> None:
    paper = approved(session, Bill, company)
    assert "No account here takes payments" in browser.client.get(new(company, paper), follow_redirects=True).text
    a_bank(session, company, name="Old bank", archived=True)
    a_bank(session, company, name="Cheque")
    a_bank(session, company, name="Clearing", account_type="CURRLIAB", takes_payments=True)
    a_bank(session, company, name="Stationery", account_type="EXPENSE")
    text = browser.says(new(company, paper))
    offered = [name in text for name in ("Cheque", "Clearing", "Old bank", "Stationery")]
    assert offered == [True, True, False, False]


def test_what_is_not_approved_or_not_ours_is_not_paid(
    session: Db, company: Company, elsewhere: Company, browser: Browser, browser_as: Any
) -> None:
    a_bank(session, company)
    draft = a_paper(session, Bill, company)
    assert "is not approved" in browser.client.get(new(company, draft), follow_redirects=True).text
    other = approved(session, Bill, elsewhere)
    start = f"/c/{company.id}/payments/new/"
    for path in (new(company, other), f"{start}?bill=0x1", f"{start}?invoice=9"):
        assert browser.get(path).status_code == 404
        assert browser.post(path, {"amount": "1"}).status_code == 404
    assert "is recorded on the page of what it pays" in browser.says(start)
    mine = approved(session, Bill, company)
    assert browser_as(Role.VIEWER).post(new(company, mine), {"amount": "1"}).status_code == 403
    assert session.query(Payment).count() == 0


@pytest.fixture
def payment(session: Db, company: Company) -> Any:
    bank, paper = a_bank(session, company), approved(session, Bill, company, name="DOC-1")
    row = Payment(company_id=company.id, bill_id=paper.id, account_id=bank.id, date=DAY, amount=Decimal(10))
    session.add(row)
    session.commit()
    return row


def test_a_payment_changes_until_it_is_sent(
    session: Db, company: Company, connection: Connection, payment: Any, browser: Browser
) -> None:
    edit = f"/c/{company.id}/payments/edit/?id={payment.id}"
    values = form_values(browser.says(edit))
    assert browser.post(edit, {**values, "amount": "100"}).status_code == 303
    assert "Only 100.00 is due" in browser.post(edit, {**form_values(browser.says(edit)), "amount": "100.5"}).text
    integrate(session, connection, payment)
    assert browser.get(edit).status_code == 303
    assert "cannot be changed; void it" in browser.post(edit, {**values, "amount": "7"}, follow=True).text
    session.expire_all()
    assert payment.amount == Decimal(100)


def test_a_payment_is_voided_and_what_it_paid_is_open_again(
    session: Db, company: Company, payment: Any, browser: Browser
) -> None:
    void = f"/c/{company.id}/payments/void/"
    told = browser.post(void, {"id": payment.id}, follow=True)
    assert ("PAY-0001 was voided." in told.text, "DOC-1" in told.text) == (True, True)
    session.expire_all()
    assert payment.archived
    assert form_values(browser.says(f"/c/{company.id}/payments/new/?bill={payment.bill_id}"))["amount"] == "100"
    assert "is voided already" in browser.post(void, {"id": payment.id}, follow=True).text
    assert "record it anew" in browser.post(f"/c/{company.id}/payments/restore/", {"id": payment.id}, follow=True).text


def test_a_payment_of_a_batch_is_voided_there(
    session: Db, company: Company, connection: Connection, payment: Any, browser: Browser
) -> None:
    payment.batch_id = "batch-1"
    session.commit()
    told = browser.post(f"/c/{company.id}/payments/void/", {"id": payment.id}, follow=True)
    assert "part of a batch that was paid in Xero" in told.text
    browser.post(f"/c/{company.id}/payments/archive/", {"id": payment.id})
    session.expire_all()
    assert not payment.archived
    assert "paid in a batch" in browser.says(f"/c/{company.id}/bills/details/?id={payment.bill_id}")


def test_advances_are_only_shown(session: Db, company: Company, browser: Browser) -> None:
    row = Prepayment(
        company_id=company.id, contact_id=a_party(session, company).id, side=Side.SALES, date=DAY,
        total=Decimal(50), remaining=Decimal("12.34"),
    )  # fmt: skip
    session.add(row)
    session.commit()
    assert "12.34" in browser.says(f"/c/{company.id}/prepayments/")
    assert "/prepayments/" in browser.says(f"/c/{company.id}/payments/")
    assert browser.get(f"/c/{company.id}/prepayments/new/").status_code == 404
    browser.post(f"/c/{company.id}/prepayments/edit/?id={row.id}", {"total": "1", "revision": 1})
    browser.post(f"/c/{company.id}/prepayments/archive/", {"id": row.id})
    session.expire_all()
    assert (row.total, row.archived) == (Decimal(50), False)
