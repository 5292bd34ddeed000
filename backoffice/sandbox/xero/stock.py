"""Stock of tracked items: in with approved bills, out with approved sales invoices, back when those are voided."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from backoffice.sandbox.xero import items
from backoffice.sandbox.xero.balance import STANDING
from backoffice.sandbox.xero.call import Call
from backoffice.sandbox.xero.clock import ms_date
from backoffice.sandbox.xero.fields import InvalidError
from backoffice.sandbox.xero.money import ZERO, exact, shown
from backoffice.sandbox.xero.shelf import Json, Row

# What a line of each type does to quantity.
SIGNS = {"ACCPAY": 1, "ACCREC": -1, "ACCPAYCREDIT": -1, "ACCRECCREDIT": 1}


def move(call: Call, before: Json | None, after: Json) -> None:
    """Put the items where the document now says. Raises InvalidError if that is below nothing."""
    change, cost = _effect(after), _cost(after)
    for code, quantity in (_effect(before) if before else {}).items():
        change[code] -= quantity
    for code, amount in (_cost(before) if before else {}).items():
        cost[code] -= amount
    for code, quantity in change.items():
        row = call.shelf("Items").by_number(code) if quantity or cost[code] else None
        if row and row.body.get("IsTrackedAsInventory"):
            _post(call, row, quantity, cost[code])


def _post(call: Call, row: Row, quantity: Decimal, cost: Decimal) -> None:
    body = row.body
    held, pool = exact(body.get("QuantityOnHand", 0)), exact(body.get("TotalCostPool", 0))
    if quantity < 0 and held + quantity < 0:
        raise InvalidError(f"There is not enough of the item {body['Code']} on hand: {held} of {-quantity}.")
    if quantity < 0 and not cost and held:
        cost = pool * quantity / held
    body |= {"QuantityOnHand": shown(held + quantity), "TotalCostPool": round(shown(pool + cost), 2)}
    body["UpdatedDateUTC"] = ms_date(call.now)
    call.shelf("Items").put(items.make_row(body, call.now))


def _effect(body: Json) -> defaultdict[str, Decimal]:
    found: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    if body["Status"] in STANDING:
        for line in body["LineItems"]:
            if "ItemCode" in line:
                found[line["ItemCode"]] += SIGNS[body["Type"]] * exact(line["Quantity"])
    return found


def _cost(body: Json) -> defaultdict[str, Decimal]:
    """What purchases put into the pool; sales take out a share of it instead."""
    found: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    if body["Status"] in STANDING and body["Type"].startswith("ACCPAY"):
        for line in body["LineItems"]:
            if "ItemCode" in line:
                found[line["ItemCode"]] += SIGNS[body["Type"]] * exact(line["LineAmount"])
    return found
