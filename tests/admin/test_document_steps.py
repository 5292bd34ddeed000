"""Draft, awaiting approval, approved, void: who takes which step, and what stands in its way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from backoffice.models import (
    Account,
    Allocation,
    Approvers,
    Bill,
    Company,
    CompanySettings,
    Connection,
    CreditNote,
    History,
    Invoice,
    Payment,
    PurchaseOrder,
    Role,
    Side,
    Status,
)
from tests.admin.conftest import Browser, Db, integrate
from tests.admin.papers import SCREENS, a_bank, a_paper, a_party, approved, form_values, line, typed

KINDS = pytest.mark.parametrize("model", list(SCREENS), ids=lambda model: model.kind)


def step(browser: Browser, paper: Any, to: str, **more: Any) -> str:
    path = f"/c/{paper.company_id}/{SCREENS[type(paper)]}/step/"
    return browser.post(path, {"id": paper.id, "to": to, **more}, follow=True).text


@KINDS
def test_the_way_of_a_document(model: Any, session: Db, company: Company, browser: Browser) -> None:
    paper = a_paper(session, model, company)
    for to in (Status.AWAITING_APPROVAL, Status.DRAFT, Status.AWAITING_APPROVAL, Status.APPROVED, Status.VOIDED):
        step(browser, paper, to.value)
        session.expire_all()
        assert paper.status is to
    assert paper.archived
    said = [row.new for row in session.query(History).filter_by(field="status", kind=model.kind).order_by(History.id)]
    assert said == ["awaiting_approval", "draft", "awaiting_approval", "approved", "voided"]


@KINDS
def test_only_steps_that_are_open_are_offered_and_taken(
    model: Any, session: Db, company: Company, browser: Browser
) -> None:
    paper = approved(session, model, company)
    text = browser.says(f"/c/{company.id}/{SCREENS[model]}/details/?id={paper.id}")
    assert ('value="voided"' in text, 'value="draft"' in text, 'value="approved"' in text) == (True, False, False)
    assert "this step is not open" in step(browser, paper, "draft")
    assert "There is nothing at this address" in step(browser, paper, "elsewhere")
    for rest in ("archive", "restore"):
        browser.post(f"/c/{company.id}/{SCREENS[model]}/{rest}/", {"id": paper.id})
    session.expire_all()
    assert (paper.status, paper.archived) == (Status.APPROVED, False)


def test_approval_needs_lines_that_say_something(session: Db, company: Company, browser: Browser) -> None:
    empty = a_paper(session, Bill, company, lines=[])
    silent = a_paper(session, Bill, company, name="B", lines=[{"description": "x"}, {"unit_price": Decimal(1)}])
    assert "has no lines" in step(browser, empty, "approved")
    assert "Line 2 has neither an item nor a description" in step(browser, silent, "approved")
    session.expire_all()
    assert {empty.status, silent.status} == {Status.DRAFT}


def test_approval_kept_for_administrators(
    session: Db, company: Company, browser: Browser, administrator: Browser
) -> None:
    session.query(CompanySettings).one().approvers = Approvers.ADMINISTRATORS
    paper = a_paper(session, Bill, company)
    details = f"/c/{company.id}/bills/details/?id={paper.id}"
    assert "Only administrators approve" in step(browser, paper, "approved")
    assert ">Submit for approval</button>" in browser.says(details)
    step(administrator, paper, "approved")
    session.expire_all()
    assert paper.status is Status.APPROVED
    edit = f"/c/{company.id}/bills/edit/?id={paper.id}"
    assert browser.get(edit).status_code == 302, "what was approved is not changed past the approval"
    assert "is approved. Only administrators" in browser.says(details)
    values = {**form_values(administrator.says(edit)), "reference": "smuggled"}
    assert "Only who may approve it" in browser.post(edit, values, follow=True).text
    assert administrator.post(edit, {**values, "reference": "fine"}).status_code == 303
    session.expire_all()
    assert paper.reference == "fine"


def test_nobody_approves_their_own_where_that_is_barred(
    session: Db, company: Company, browser: Browser, administrator: Browser
) -> None:
    session.query(CompanySettings).one().approve_own = False
    a_party(session, company)
    session.commit()
    browser.post(f"/c/{company.id}/bills/new/", typed("Acme Ltd", line(1, description="Mine")))
    paper = session.query(Bill).one()
    assert "You wrote it yourself" in step(browser, paper, "approved")
    step(administrator, paper, "approved")
    session.expire_all()
    assert paper.status is Status.APPROVED


def test_what_is_approved_is_voided_by_who_may_approve_it(session: Db, company: Company, browser: Browser) -> None:
    paper = approved(session, Bill, company)
    session.query(CompanySettings).one().approvers = Approvers.ADMINISTRATORS
    session.commit()
    assert "Only who may approve it voids it" in step(browser, paper, "voided")
    session.expire_all()
    assert paper.status is Status.APPROVED


def test_a_step_on_an_older_state_is_not_taken(session: Db, company: Company, browser: Browser) -> None:
    paper = a_paper(session, Bill, company)
    seen = paper.revision
    paper.reference = "changed meanwhile"
    session.commit()
    assert "changed this meanwhile" in step(browser, paper, "approved", revision=seen)
    step(browser, paper, "approved", revision=paper.revision)
    session.expire_all()
    assert paper.status is Status.APPROVED


def test_what_stands_against_it_is_undone_before_it_is_voided(session: Db, company: Company, browser: Browser) -> None:
    bill, invoice = approved(session, Bill, company), approved(session, Invoice, company)
    note = approved(session, CreditNote, company, name="CN-9")
    order = approved(session, PurchaseOrder, company)
    bank: Account = a_bank(session, company)
    day = dt.date(2026, 11, 3)
    paid = Payment(
        company_id=company.id, name="PAY-9", bill_id=bill.id, account_id=bank.id, date=day, amount=Decimal(1)
    )
    used = Allocation(
        company_id=company.id, name="a", credit_note_id=note.id, invoice_id=invoice.id, date=day, amount=Decimal(1)
    )
    made = a_paper(session, Bill, company, name="FROM-IT", purchase_order_id=order.id)
    session.add_all([paid, used])
    session.commit()
    assert "PAY-9 stands against it: void that first" in step(browser, bill, "voided")
    assert "take that back first" in step(browser, invoice, "voided")
    assert "take that back first" in step(browser, note, "voided")
    assert "FROM-IT was made of it: void that first" in step(browser, order, "voided")
    paid.archived = used.archived = True
    session.commit()
    for paper in (bill, invoice, note, made, order):
        step(browser, paper, "voided")
    session.expire_all()
    assert {paper.status for paper in (bill, invoice, note, made, order)} == {Status.VOIDED}


def test_what_the_other_side_says_is_paid_is_not_voided(session: Db, company: Company, browser: Browser) -> None:
    paper = approved(session, Bill, company, amount_paid=Decimal(5), amount_due=Decimal(95))
    assert "is paid or credited: undo that" in step(browser, paper, "voided")


def test_what_is_voided_stays_so(session: Db, company: Company, browser: Browser) -> None:
    paper = a_paper(session, Bill, company)
    edit = f"/c/{company.id}/bills/edit/?id={paper.id}"
    values = form_values(browser.says(edit))
    step(browser, paper, "voided")
    assert browser.get(edit).status_code == 302
    assert "is voided, and stays as it is" in browser.post(edit, values, follow=True).text
    assert "is voided; this step is not open" in step(browser, paper, "approved")


def test_steps_over_several_tell_their_counts(
    session: Db, company: Company, elsewhere: Company, browser: Browser
) -> None:
    papers = [a_paper(session, Bill, company, name=f"B-{at}") for at in range(3)]
    bad = a_paper(session, Bill, company, name="BAD", lines=[])
    hidden = a_paper(session, Bill, elsewhere, name="HIDDEN")
    rows = {"rowid": [one.id for one in (*papers, bad, hidden)]}
    path = f"/c/{company.id}/bills/action/"
    assert "3 bills submitted for approval." in browser.post(path, {"action": "submit", **rows}, follow=True).text
    told = browser.post(path, {"action": "approve", **rows}, follow=True).text
    assert ("3 bills approved." in told, "BAD has no lines" in told, "HIDDEN" in told) == (True, True, False)
    assert "4 bills voided." in browser.post(path, {"action": "void", **rows}, follow=True).text
    assert browser.post(path, {"action": "archive", **rows}).status_code == 404
    session.expire_all()
    assert {one.status for one in papers} == {Status.VOIDED}
    assert hidden.status is Status.DRAFT


def test_anothers_documents_take_no_step(
    session: Db, company: Company, elsewhere: Company, browser_as: Callable[[Role], Browser]
) -> None:
    browser = browser_as(Role.ADMINISTRATOR)
    for model, screen in SCREENS.items():
        paper = (
            a_paper(session, model, elsewhere, side=Side.SALES)
            if model is CreditNote
            else a_paper(session, model, elsewhere)
        )
        for path in ("step/", "attach/"):
            answer = browser.post(f"/c/{company.id}/{screen}/{path}", {"id": paper.id, "to": "approved"})
            assert answer.status_code == 404
        session.expire_all()
        assert paper.status is Status.DRAFT


def test_what_xero_would_not_take_is_said_before_it_is_tried(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    bill = approved(session, Bill, company, name="OLD", their_status="AUTHORISED", amount_due=Decimal(60))
    integrate(session, connection, bill.contact)
    integrate(session, connection, bill)
    place = f"/c/{company.id}/bills"
    assert "and is voided in Xero too" in browser.says(f"{place}/details/?id={bill.id}")
    connection.locked_until = bill.date
    session.commit()
    page = browser.says(f"{place}/details/?id={bill.id}")
    assert "It is void here only: Xero&#39;s books are closed up to 2 Nov 2026" in page
    bill.amount_paid = Decimal(40)
    session.commit()
    form = browser.says(f"{place}/edit/?id={bill.id}")
    assert "Xero would not take a change of this now." in form
    assert "40.00 of this bill is paid or credited in Xero" in form
    assert "would not take" not in browser.says(f"{place}/new/")
