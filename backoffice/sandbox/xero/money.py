"""Amounts: exact while they are worked with, plain JSON numbers where they are shown."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

ZERO = Decimal(0)
CENT = Decimal("0.01")


def exact(value: object) -> Decimal:
    """A number as it came in JSON; a float is taken for what it shows."""
    return Decimal(str(value))


def to_places(value: Decimal, places: int = 2) -> Decimal:
    """Half goes up, away from zero, as everywhere in Xero."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def shown(value: Decimal) -> float:
    return float(value)


def total(values: list[object]) -> Decimal:
    return sum((exact(value) for value in values), ZERO)
