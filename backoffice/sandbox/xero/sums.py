"""What lines add up to, what approval asks of them, and how they are shown."""

from __future__ import annotations

from decimal import Decimal

from backoffice.sandbox.xero.money import ZERO, exact, shown, to_places, total
from backoffice.sandbox.xero.resource import load
from backoffice.sandbox.xero.shelf import Json, dump


def totals(lines: list[Json], kind: str) -> Json:
    tax = total([line["TaxAmount"] for line in lines])
    net = total([line["LineAmount"] for line in lines]) - (tax if kind == "Inclusive" else ZERO)
    return {"SubTotal": shown(net), "TotalTax": shown(tax), "Total": shown(net + tax)}


def discount(lines: list[Json]) -> Decimal:
    """What the lines would come to without their discounts, less what they come to."""
    full = [to_places(exact(line["Quantity"]) * exact(line["UnitAmount"])) for line in lines]
    return sum(full, ZERO) - total([line["LineAmount"] for line in lines])


def unfit_for_approval(lines: list[Json]) -> list[str]:
    """A line of an approved document needs a description, and an account for its amount."""
    problems = []
    for line in lines:
        if not line.get("Description"):
            problems.append("Description must be specified for each line item.")
        if line["LineAmount"] and not line.get("AccountID"):
            problems.append("Account code must be specified.")
    return problems


def shown_lines(lines: list[Json], places: int) -> list[Json]:
    """Unit amounts are rounded when they are read as well."""
    return [{**line, "UnitAmount": shown(to_places(exact(line["UnitAmount"]), places))} for line in lines]


def rounded_text(text: str, places: int) -> str:
    """A stored document with its unit amounts rounded."""
    body = load(text)
    return dump({**body, "LineItems": shown_lines(body["LineItems"], places)})
