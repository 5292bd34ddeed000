"""Stock of the items that Xero keeps count of: what takes more than is on hand is found here before Xero refuses it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from backoffice.models import CreditNote, Document, Invoice, Item, Side
from backoffice.sync.books import Books
from backoffice.sync.mapper import Fact, Refusal


def stock_short(document: Document, books: Books) -> Iterator[Refusal]:
    """The items of which a document that is about to be posted takes more than is there."""
    if not _takes_out(document):
        return
    wanted: dict[str, Decimal] = defaultdict(Decimal)
    for line in document.lines:
        item = books.lines.item(line.item_code)
        if item is None or not _short(item, wanted, line.quantity):
            continue
        assert item.on_hand is not None, "what is short of is counted"
        words = f"Only {item.on_hand.normalize():f} of item {item.code} are on hand in Xero. Lower the quantity of line"
        yield Refusal(
            f"{words} {line.position}, or bring stock in first.",
            "stock_short",
            f"lines.{line.position}.quantity",
            fact=Fact("Items"),
        )


def _takes_out(document: Document) -> bool:
    """Whether it sells, or sends back what was bought."""
    if isinstance(document, CreditNote):
        return document.side is Side.PURCHASES
    return isinstance(document, Invoice)


def _short(item: Item, wanted: dict[str, Decimal], quantity: Decimal) -> bool:
    """Count what is taken of an item so far; whether that is too much now and was not before."""
    if not item.tracked or item.on_hand is None:
        return False
    before = wanted[item.code]
    wanted[item.code] += quantity
    return before <= item.on_hand < wanted[item.code]
