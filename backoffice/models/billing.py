"""Billing: what of an order is billed and what is open, a bill made from an order, and how the two differ.

Void bills do not count. Quantities have four decimals, money is in the order's currency with two.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from backoffice.errors import BackofficeError
from backoffice.models.bill import Bill, BillLine
from backoffice.models.document import Status
from backoffice.models.line import Line
from backoffice.models.purchase_order import PurchaseOrder, PurchaseOrderLine
from backoffice.models.totals import half_up

NOTHING = Decimal(0)


class NotBillableError(BackofficeError):
    """Only an approved order is billed."""


class NothingOpenError(BackofficeError):
    """Nothing of this order is left to bill."""


class TooMuchError(BackofficeError):
    """More was to be billed than is open."""

    def __init__(self, line: PurchaseOrderLine, left: Decimal) -> None:
        super().__init__(f"Only {left.normalize():f} of line {line.position} ({line}) is open.")
        self.line, self.left = line, left


@dataclass(frozen=True)
class OpenLine:
    """A line of an order, and how much of it is on bills."""

    line: PurchaseOrderLine
    billed: Decimal

    @property
    def left(self) -> Decimal:
        """What is not billed yet; nothing where more was billed than ordered."""
        left = self.line.quantity - self.billed
        return left if (left > 0) == (self.line.quantity > 0) else NOTHING

    @property
    def price(self) -> Decimal:
        """What one costs on a bill of it."""
        return ordered_price(self.line)


@dataclass(frozen=True)
class Compared:
    """What was ordered beside what was billed; `ordered` is None for what was not on the order."""

    label: str
    ordered: PurchaseOrderLine | None
    quantity: Decimal
    #: What one costs on the bills; None where they do not agree, or there is none.
    price: Decimal | None
    amount: Decimal
    #: What the billed quantity comes to at the order's price.
    expected: Decimal

    @property
    def price_ordered(self) -> Decimal | None:
        """What one costs on the order."""
        return ordered_price(self.ordered) if self.ordered else None

    @property
    def quantity_off(self) -> Decimal:
        """Billed beyond what was ordered; below nothing: not billed."""
        return self.quantity - (self.ordered.quantity if self.ordered else NOTHING)

    @property
    def price_off(self) -> Decimal | None:
        """How much dearer one is on the bill."""
        asked = self.price_ordered
        return None if asked is None or self.price is None else self.price - asked

    @property
    def amount_off(self) -> Decimal:
        """How much more the bill asks for what it bills."""
        return self.amount - self.expected


def ordered_price(line: PurchaseOrderLine) -> Decimal:
    """The price of one as it stands on the order, to the cent."""
    return half_up(line.unit_price, PurchaseOrder.price_places)


def open_lines(session: Session, order: PurchaseOrder) -> list[OpenLine]:
    """Each line of an order with what of it is billed."""
    query = (
        select(BillLine.order_line_id, func.sum(BillLine.quantity))
        .join(Bill, BillLine.document_id == Bill.id)
        .where(BillLine.order_line_id.in_([line.id for line in order.lines]), Bill.counts)
        .group_by(BillLine.order_line_id)
    )
    billed: dict[int | None, Decimal] = {row[0]: row[1] for row in session.execute(query)}
    return [OpenLine(line, billed.get(line.id) or NOTHING) for line in order.lines]


def bills_of(session: Session, order: PurchaseOrder) -> Sequence[Bill]:
    """The bills that were made of an order, those that are void as well."""
    query = select(Bill).where(Bill.purchase_order_id == order.id, Bill.company_id == order.company_id)
    return session.scalars(query.order_by(Bill.date, Bill.id)).all()


def was_billed_here(session: Session, order: PurchaseOrder) -> bool:
    """Whether a bill was ever made of an order here; one without may be billed elsewhere."""
    return session.scalar(select(Bill.id).where(Bill.purchase_order_id == order.id).limit(1)) is not None


def fully_billed(lines: Iterable[OpenLine]) -> bool:
    """Whether nothing is left of an order of which something is billed."""
    found = list(lines)
    return any(each.billed for each in found) and all(not each.left for each in found)


def settle(session: Session, order_ids: Collection[int]) -> None:
    """Mark orders as billed, or as not billed any more, as their bills stand now. Commits nothing.

    An order of which no bill was made here stays as it is: it may be billed elsewhere.
    """
    has_bills = exists().where(Bill.purchase_order_id == PurchaseOrder.id)
    query = select(PurchaseOrder).where(PurchaseOrder.id.in_(order_ids), has_bills)
    for order in session.scalars(query.where(~PurchaseOrder.voided).order_by(PurchaseOrder.id)).all():
        billed = fully_billed(open_lines(session, order))
        if order.billed != billed:
            order.billed = billed


def make_bill(
    session: Session, order: PurchaseOrder, date: dt.date, quantities: Mapping[int, Decimal] | None = None
) -> Bill:
    """A draft bill of what is open of an order, or of these quantities by line. Commits nothing.

    Raises: NotBillableError, NothingOpenError, TooMuchError.
    """
    session.refresh(order, with_for_update=True)  # of two that bill at once, the second sees what the first left
    if order.status is not Status.APPROVED:
        raise NotBillableError
    lines = open_lines(session, order)
    # Text and what costs nothing goes with the first bill.
    first = not any(each.billed for each in lines)
    chosen = [(each.line, quantity) for each in lines if (quantity := _chosen(each, quantities, first)) is not None]
    if not any(quantity for _, quantity in chosen):
        raise NothingOpenError
    bill = Bill(
        company_id=order.company_id,
        contact_id=order.contact_id,
        reference=order.name,
        date=date,
        currency=order.currency,
        currency_rate=order.currency_rate,
        treatment=order.treatment,
        purchase_order_id=order.id,
        lines=[_billed(line, quantity) for line, quantity in chosen],
    )
    session.add(bill)
    session.flush()
    return bill


def _chosen(each: OpenLine, quantities: Mapping[int, Decimal] | None, first: bool) -> Decimal | None:
    """How much of a line goes on the bill; None where the line does not."""
    if not each.line.quantity:
        return NOTHING if first and quantities is None else None
    wanted = each.left if quantities is None else quantities.get(each.line.id, NOTHING)
    if abs(wanted) > abs(each.left) or wanted * each.line.quantity < 0:
        raise TooMuchError(each.line, each.left)
    return wanted or None


def _billed(line: PurchaseOrderLine, quantity: Decimal) -> BillLine:
    kept = {column: getattr(line, column) for column in Line.content}
    return BillLine(
        **{**kept, "quantity": quantity, "unit_price": ordered_price(line)},
        position=line.position,
        order_line_id=line.id,
    )


def compare(order: PurchaseOrder, bills: Iterable[Bill]) -> list[Compared]:
    """Each line of an order beside what these bills ask for it, then what they ask for besides."""
    counted = [bill for bill in bills if bill.counts]
    lines = [line for bill in counted for line in bill.lines]
    known = {line.id for line in order.lines}
    found = [_compared(str(line), line, [b for b in lines if b.order_line_id == line.id]) for line in order.lines]
    return found + [_compared(str(line), None, [line]) for line in lines if line.order_line_id not in known]


def _compared(label: str, ordered: PurchaseOrderLine | None, billed: Sequence[BillLine]) -> Compared:
    quantity = sum((line.quantity for line in billed), NOTHING)
    prices = {line.unit_price for line in billed}
    expected = NOTHING
    if ordered is not None:
        off = (Decimal(100) - ordered.discount) / 100
        expected = sum((half_up(line.quantity * ordered_price(ordered) * off) for line in billed), NOTHING)
    return Compared(
        label,
        ordered,
        quantity,
        prices.pop() if len(prices) == 1 else None,
        sum((line.amount for line in billed), NOTHING),
        expected,
    )
