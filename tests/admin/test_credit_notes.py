"""Credit notes: allocated to what is open of the same party, up to what remains, and taken back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from backoffice.models import Allocation, Bill, Company, CreditNote, Invoice, Role, Side
from tests.admin.conftest import Browser, Db
from tests.admin.papers import a_paper, a_party, approved, form_values


def allocating(note: Any) -> str:
    return f"/c/{note.company_id}/credit-notes/allocate/?id={note.id}"


@pytest.mark.parametrize(("side", "model"), [(Side.SALES, Invoice), (Side.PURCHASES, Bill)])
def test_credit_is_allocated_and_taken_back(
    side: Side, model: Any, session: Db, company: Company, browser: Browser
) -> None:
    note = approved(session, CreditNote, company, name="CN-1", side=side)
    paper = approved(session, model, company, name="OPEN-1")
    approved(session, model, company, name="OTHERS", contact=a_party(session, company, "Other Ltd"))
    approved(session, model, company, name="DOLLARS", currency="USD")
    a_paper(session, model, company, name="DRAFT-1")
    wrong_side = Bill if model is Invoice else Invoice
    approved(session, wrong_side, company, name="WRONG-SIDE")
    page = browser.says(allocating(note))
    found = [name in page for name in ("OPEN-1", "OTHERS", "DOLLARS", "DRAFT-1", "WRONG-SIDE")]
    assert found == [True, False, False, False, False]
    told = browser.post(allocating(note), {f"amount-{paper.id}": "30.25"}, follow=True)
    assert ("30.25" in told.text, "69.75" in told.text, "OPEN-1" in told.text) == (True, True, True)
    row: Any = session.query(Allocation).one()
    assert (row.document.id, row.amount, row.credit_note_id) == (paper.id, Decimal("30.25"), note.id)
    screen = "invoices" if model is Invoice else "bills"
    assert "69.75" in browser.says(f"/c/{company.id}/{screen}/details/?id={paper.id}")
    back = f"/c/{company.id}/allocations/take-back/"
    assert "CN-1 has it again" in browser.post(back, {"id": row.id}, follow=True).text
    session.expire_all()
    assert row.archived
    assert "was taken back already" in browser.post(back, {"id": row.id}, follow=True).text


@pytest.mark.parametrize(
    ("amounts", "said"),
    [
        (("100.01", ""), "Only 100.00 is due on A"),
        (("60", "50"), "more than remains: 100.00"),
        (("x", ""), "not a number"),
        (("-1", ""), "above nothing"),
        (("", ""), "Type an amount"),
        (("\x00", ""), "not a number"),
        (("1" * 50, ""), "too long"),
    ],
)
def test_bad_amounts_allocate_nothing(
    amounts: tuple[str, str], said: str, session: Db, company: Company, browser: Browser
) -> None:
    note = approved(session, CreditNote, company, name="CN-1")
    papers = [approved(session, Invoice, company, name=name) for name in "AB"]
    values = {f"amount-{paper.id}": amount for paper, amount in zip(papers, amounts, strict=True)}
    answer = browser.post(allocating(note), values)
    assert (answer.status_code, said in answer.text) == (200, True)
    assert session.query(Allocation).count() == 0


def test_only_approved_credit_of_the_company_is_allocated(
    session: Db, company: Company, elsewhere: Company, browser: Browser, browser_as: Any
) -> None:
    paper = approved(session, Invoice, company, name="A")
    draft = a_paper(session, CreditNote, company, name="D")
    told = browser.post(allocating(draft), {f"amount-{paper.id}": "1"}, follow=True)
    assert "is not approved" in told.text
    other = approved(session, CreditNote, elsewhere, name="O")
    path = f"/c/{company.id}/credit-notes/allocate/?id={other.id}"
    assert browser.post(path, {f"amount-{paper.id}": "1"}).status_code == 404
    mine = approved(session, CreditNote, company, name="M")
    assert browser_as(Role.VIEWER).post(allocating(mine), {f"amount-{paper.id}": "1"}).status_code == 403
    theirs = approved(session, Invoice, elsewhere, name="THEIRS")
    assert "Type an amount" in browser.post(allocating(mine), {f"amount-{theirs.id}": "1"}).text
    assert session.query(Allocation).count() == 0


def test_what_nothing_is_open_for_says_so(session: Db, company: Company, browser: Browser) -> None:
    note = approved(session, CreditNote, company, name="CN-1")
    assert "Nothing approved is open of Acme Ltd" in browser.says(allocating(note))


def test_a_discount_is_only_shown_to_be_taken_away(session: Db, company: Company, browser: Browser) -> None:
    """Xero takes none on a credit note; one that has some was written before, or came with it."""
    place = f"/c/{company.id}/credit-notes"
    assert "Disc. %" not in browser.says(f"{place}/new/?side=sales")
    lines = [{"description": "Less", "quantity": Decimal(1), "unit_price": Decimal(50), "discount": Decimal(10)}]
    note = a_paper(session, CreditNote, company, side=Side.SALES, name="CN-1", lines=lines)
    edit = f"{place}/edit/?id={note.id}"
    values = form_values(browser.says(edit))
    assert values["lines.1.discount"] == "10"
    assert browser.post(edit, {**values, "lines.1.discount": ""}).status_code == 303
    session.expire_all()
    assert (note.lines[0].discount, note.total) == (Decimal(0), Decimal(50))
