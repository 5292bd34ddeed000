"""How the pages of documents say amounts, and which day it is."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from backoffice.admin import links
from backoffice.admin.company_base import here
from backoffice.admin.company_clock import zone
from backoffice.clock import now


def today() -> dt.date:
    """The day by the company's own clock."""
    return now().astimezone(zone(here())).date()


def money(figure: Decimal | None, currency: str | None) -> str:
    """An amount with its currency, which is the organisation's own where the document names none."""
    if figure is None:
        return "–"
    connection = links.connection_here()
    return f"{figure:,.2f} {currency or (connection.base_currency if connection else '') or ''}".strip()
