"""Make bill: from the page of an order to a draft bill, whole or in parts, and back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from backoffice.models import Bill, Company, PurchaseOrder, Role, Status
from tests.admin.conftest import Browser, Db
from tests.admin.papers import a_paper, approved, form_values

LINES = [
    {"description": "Chairs", "quantity": Decimal(10), "unit_price": Decimal(20)},
    {"description": "Table", "quantity": Decimal(1), "unit_price": Decimal(45)},
]


@pytest.fixture
def order(session: Db, company: Company) -> Any:
    return approved(session, PurchaseOrder, company, name="PO-1", lines=LINES)


def billing(order: Any) -> str:
    return f"/c/{order.company_id}/purchase-orders/bill/?id={order.id}"


def test_part_then_the_rest(session: Db, company: Company, order: Any, browser: Browser) -> None:
    page = browser.says(billing(order))
    assert f'name="quantity-{order.lines[0].id}" value="10"' in page
    told = browser.post(billing(order), {f"quantity-{order.lines[0].id}": "4"}, follow=True)
    assert "A draft bill of PO-1 was made" in told.text
    session.expire_all()
    first = session.query(Bill).one()
    assert (first.reference, first.total, order.billed) == ("PO-1", Decimal(80), False)
    assert 'value="6"' in browser.says(billing(order))
    browser.post(billing(order), {"whole": "1"})
    session.expire_all()
    assert order.billed
    assert [bill.total for bill in session.query(Bill).order_by(Bill.id)] == [Decimal(80), Decimal(165)]
    assert "can be billed now" in browser.post(billing(order), {"whole": "1"}, follow=True).text
    shown = browser.says(f"/c/{company.id}/purchase-orders/details/?id={order.id}")
    assert ("✓ Billed" in shown, "Ordered and billed" in shown, ">Make bill<" in shown) == (True, True, False)


@pytest.mark.parametrize("typed", ["11", "x", "1,5", "-1", "", "0", "9" * 40, "1e9", "\x00"])
def test_odd_quantities_make_no_bill(typed: str, session: Db, order: Any, browser: Browser) -> None:
    answer = browser.post(billing(order), {f"quantity-{order.lines[0].id}": typed})
    assert (answer.status_code, "No bill was made." in answer.text) == (200, True)
    assert session.query(Bill).count() == 0


def test_voiding_a_bill_opens_the_order_again(session: Db, company: Company, order: Any, browser: Browser) -> None:
    browser.post(billing(order), {"whole": "1"})
    bill = session.query(Bill).one()
    session.refresh(order)
    assert order.billed
    browser.post(f"/c/{company.id}/bills/step/", {"id": bill.id, "to": "voided"})
    session.expire_all()
    assert (bill.status, order.billed) == (Status.VOIDED, False)


def test_an_edit_of_the_bill_counts_and_is_compared(
    session: Db, company: Company, order: Any, browser: Browser
) -> None:
    browser.post(billing(order), {"whole": "1"})
    bill = session.query(Bill).one()
    edit = f"/c/{company.id}/bills/edit/?id={bill.id}"
    values = {**form_values(browser.says(edit)), "lines.1.quantity": "9", "lines.1.unit_price": "21"}
    assert browser.post(edit, values).status_code == 303
    session.expire_all()
    assert not order.billed
    shown = browser.says(f"/c/{company.id}/bills/details/?id={bill.id}")
    assert ("Beside the order" in shown, "+9.00" in shown, "PO-1" in shown) == (True, True, True)


def test_a_billed_line_stays_on_its_order(session: Db, company: Company, order: Any, browser: Browser) -> None:
    browser.post(billing(order), {f"quantity-{order.lines[1].id}": "1"})
    edit = f"/c/{company.id}/purchase-orders/edit/?id={order.id}"
    values = {k: v for k, v in form_values(browser.says(edit)).items() if not k.startswith("lines.2.")}
    assert "cannot be taken off the order" in browser.post(edit, values).text
    session.expire_all()
    assert len(order.lines) == 2


def test_only_approved_orders_of_the_company_are_billed(
    session: Db, company: Company, elsewhere: Company, browser: Browser, browser_as: Any
) -> None:
    draft = a_paper(session, PurchaseOrder, company, name="D")
    assert "can be billed now" in browser.post(billing(draft), {"whole": "1"}, follow=True).text
    other = approved(session, PurchaseOrder, elsewhere, name="O")
    path = f"/c/{company.id}/purchase-orders/bill/?id={other.id}"
    assert (browser.get(path).status_code, browser.post(path, {"whole": "1"}).status_code) == (404, 404)
    mine = approved(session, PurchaseOrder, company, name="M")
    assert browser_as(Role.VIEWER).post(billing(mine), {"whole": "1"}).status_code == 403
    assert session.query(Bill).count() == 0
