"""What a document comes to, computed as Xero does: line by line, half up, two decimals.

https://developer.xero.com/documentation/guides/how-to-guides/rounding-in-xero
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from backoffice.errors import BackofficeError

CENT = Decimal("0.01")
HUNDRED = Decimal(100)
#: What a line may come to, in the document's currency.
LARGEST = Decimal(10) ** 12
NOTHING = Decimal(0)


class TooLargeError(BackofficeError):
    """A line comes to more than can be kept. Lower its quantity or its price."""


class Treatment(StrEnum):
    """How tax stands in a document's prices."""

    EXCLUSIVE = "exclusive"
    INCLUSIVE = "inclusive"
    NONE = "none"


@dataclass(frozen=True)
class Amount:
    """What a line comes to, in the document's currency, two decimals: as Xero shows it, and the tax on or in it."""

    amount: Decimal
    tax: Decimal


@dataclass(frozen=True)
class Totals:
    """What a document comes to, in its currency, two decimals."""

    sub_total: Decimal
    tax: Decimal
    total: Decimal


def half_up(value: Decimal, places: int = 2) -> Decimal:
    """A number with so many decimals; a half goes away from zero."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def line_amount(
    treatment: Treatment,
    quantity: Decimal,
    price: Decimal,
    discount: Decimal,
    rate: Decimal,
    places: int,
    taken_off: Decimal = NOTHING,
) -> Amount:
    """What one line comes to.

    `price` is rounded to `places` decimals first (four, two on purchase orders); `discount` and `rate` are per cent;
    `taken_off` is a discount in money. Raises: TooLargeError.
    """
    exact = quantity * half_up(price, places) * (HUNDRED - discount) / HUNDRED - taken_off
    if abs(exact) >= LARGEST:
        raise TooLargeError
    amount = half_up(exact)
    if treatment is Treatment.NONE:
        return Amount(amount, half_up(Decimal(0)))
    if treatment is Treatment.INCLUSIVE:
        return Amount(amount, half_up(amount * rate / (HUNDRED + rate)))
    return Amount(amount, half_up(amount * rate / HUNDRED))


def totals(treatment: Treatment, lines: Iterable[Amount]) -> Totals:
    """What the lines come to together: tax is the sum of what was rounded line by line."""
    found = list(lines)
    amount = sum((line.amount for line in found), half_up(Decimal(0)))
    tax = sum((line.tax for line in found), half_up(Decimal(0)))
    if treatment is Treatment.INCLUSIVE:
        return Totals(amount - tax, tax, amount)
    return Totals(amount, tax, amount + tax)
