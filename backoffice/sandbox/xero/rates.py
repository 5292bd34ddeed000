"""Exchange rates of the day: made up, the same on every run, foreign units for one unit of the base currency."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from backoffice.sandbox.xero.money import to_places

# Units for one US dollar.
FOR_A_DOLLAR = {
    "USD": Decimal(1),
    "AUD": Decimal("1.53"),
    "CAD": Decimal("1.39"),
    "EUR": Decimal("0.87"),
    "GBP": Decimal("0.76"),
    "JPY": Decimal("151.4"),
    "NZD": Decimal("1.74"),
    "SGD": Decimal("1.30"),
}


def day_rate(currency: str, base: str, day: str) -> Decimal:
    """Moves a little from day to day."""
    drift = 1 + Decimal(date.fromisoformat(day).toordinal() % 21 - 10) / 1000
    return to_places(FOR_A_DOLLAR.get(currency, Decimal(1)) / FOR_A_DOLLAR.get(base, Decimal(1)) * drift, 6)
