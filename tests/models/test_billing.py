"""Bills from orders: what is open after each, when an order is billed, and how the two differ."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session as Db

from backoffice.extensions import db
from backoffice.models import Bill, Company, Contact, PurchaseOrder, PurchaseOrderLine, Status, new_company
from backoffice.models.billing import (
    NotBillableError,
    NothingOpenError,
    TooMuchError,
    compare,
    make_bill,
    open_lines,
)

DAY = dt.date(2026, 11, 2)


@pytest.fixture
def session(app: Flask) -> Iterator[Db]:
    with app.app_context():
        yield db.session()


@pytest.fixture
def company(session: Db) -> Company:
    company = new_company(session, "Harbour Supplies")
    session.commit()
    return company


@pytest.fixture
def order(session: Db, company: Company) -> PurchaseOrder:
    """Ten at 12.3456, one at 45.00, and a line of words."""
    party = Contact(company_id=company.id, name="Acme Ltd")
    session.add(party)
    session.flush()
    order = PurchaseOrder(company_id=company.id, contact_id=party.id, date=DAY, status=Status.APPROVED, currency="NZD")
    order.lines = [
        PurchaseOrderLine(position=1, item_code="W-1", quantity=Decimal(10), unit_price=Decimal("12.3456")),
        PurchaseOrderLine(position=2, description="Freight", quantity=Decimal(1), unit_price=Decimal(45)),
        PurchaseOrderLine(position=3, description="In blue, please", quantity=Decimal(0)),
    ]
    session.add(order)
    session.commit()
    return order


def left(session: Db, order: PurchaseOrder) -> Any:
    return [each.left for each in open_lines(session, order)]


def test_the_whole_order_becomes_one_bill(session: Db, order: PurchaseOrder) -> None:
    bill = make_bill(session, order, DAY)
    session.commit()
    assert (bill.status, bill.name, bill.reference, bill.currency) == (Status.DRAFT, "", order.name, "NZD")
    assert bill.total == order.total == Decimal("168.50"), "at the two decimals that the order's prices have"
    assert [line.order_line_id for line in bill.lines] == [line.id for line in order.lines]
    assert (order.billed, left(session, order)) == (True, [0, 0, 0])


def test_two_bills_in_parts(session: Db, order: PurchaseOrder) -> None:
    first = make_bill(session, order, DAY, {order.lines[0].id: Decimal("2.5")})
    session.commit()
    assert (order.billed, left(session, order)) == (False, [Decimal("7.5"), 1, 0])
    assert len(first.lines) == 1
    second = make_bill(session, order, DAY)
    session.commit()
    assert (order.billed, [line.quantity for line in second.lines]) == (True, [Decimal("7.5"), 1])
    with pytest.raises(NothingOpenError):
        make_bill(session, order, DAY)


def test_a_void_bill_does_not_count(session: Db, order: PurchaseOrder) -> None:
    bill = make_bill(session, order, DAY)
    session.commit()
    revision = order.revision
    bill.status = Status.VOIDED
    session.commit()
    assert (order.billed, left(session, order)) == (False, [10, 1, 0])
    assert order.revision == revision + 1, "the accounting system hears of it"


def test_no_more_than_is_open_is_billed(session: Db, order: PurchaseOrder) -> None:
    with pytest.raises(TooMuchError, match="Only 10 of line 1"):
        make_bill(session, order, DAY, {order.lines[0].id: Decimal("10.0001")})
    with pytest.raises(TooMuchError):
        make_bill(session, order, DAY, {order.lines[0].id: Decimal(-1)})
    with pytest.raises(NothingOpenError):
        make_bill(session, order, DAY, {order.lines[0].id: Decimal(0), 99: Decimal(5)})
    order.status = Status.DRAFT
    session.commit()
    with pytest.raises(NotBillableError):
        make_bill(session, order, DAY)
    session.rollback()
    assert session.query(Bill).count() == 0


def test_what_is_sent_back_is_billed_below_nothing(session: Db, order: PurchaseOrder) -> None:
    order.lines[1].quantity = Decimal(-2)
    session.commit()
    make_bill(session, order, DAY, {order.lines[0].id: Decimal(10), order.lines[1].id: Decimal(-1)})
    session.commit()
    assert (order.billed, left(session, order)) == (False, [0, -1, 0])


def test_bill_and_order_are_compared(session: Db, order: PurchaseOrder) -> None:
    bill = make_bill(session, order, DAY, {order.lines[0].id: Decimal(4)})
    bill.lines[0].unit_price = Decimal("13.10")
    bill.lines.append(type(bill).line(description="Surcharge", quantity=Decimal(1), unit_price=Decimal(7), position=2))
    session.commit()
    found: list[Any] = compare(order, [bill])
    widgets, freight, words, surcharge = found
    assert (widgets.quantity_off, widgets.price_off, widgets.amount_off) == (-6, Decimal("0.75"), Decimal("3.00"))
    assert (freight.quantity, freight.price, freight.amount_off) == (0, None, 0)
    assert words.amount_off == 0
    assert (surcharge.ordered, surcharge.price_off, surcharge.amount_off) == (None, None, 7)
    bill.status = Status.VOIDED
    session.commit()
    assert [each.quantity for each in compare(order, [bill])] == [0, 0, 0]
