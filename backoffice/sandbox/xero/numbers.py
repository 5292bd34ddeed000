"""Numbers that Xero gives to documents sent without one: INV-0001, PO-0001 and so on."""

from __future__ import annotations

from collections.abc import Callable

from backoffice.sandbox.xero.call import Call
from backoffice.sandbox.xero.shelf import Row

KIND = "Numbers"


def next_number(call: Call, prefix: str, taken: Callable[[str], bool]) -> str:
    """The next one that is free."""
    shelf = call.shelf(KIND)
    row = shelf.get(prefix)
    count = row.body["Last"] if row else 0
    while True:
        count += 1
        number = f"{prefix}-{count:04d}"
        if not taken(number):
            break
    shelf.put(Row(prefix.lower(), call.now, "ACTIVE", prefix, None, prefix, {"Last": count}))
    return number
