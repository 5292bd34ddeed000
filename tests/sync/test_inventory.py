"""Stock comes in with the items that Xero tracks, unless the company does not want it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from sqlalchemy import select

from backoffice.models import CompanySettings, Inventory, Item
from tests.sync.conftest import Book


def tracked(book: Book) -> Item:
    shelf = book.theirs.shelf("Items")
    row = shelf.get(shelf.bodies()[0]["ItemID"])
    assert row is not None
    stock = {"IsTrackedAsInventory": True, "QuantityOnHand": 12.5, "TotalCostPool": 90.25}
    shelf.put(replace(row, body={**row.body, **stock}))
    book.update("item")
    return book.session.scalars(
        select(Item)
        .filter_by(company_id=book.company_id, code=row.body["Code"])
        .execution_options(populate_existing=True)
    ).one()


def test_quantity_and_value_come_with_it(book: Book) -> None:
    item = tracked(book)
    assert (item.tracked, item.on_hand, item.stock_value) == (True, Decimal("12.5"), Decimal("90.25"))


def test_a_company_that_does_not_want_it_has_none(book: Book) -> None:
    tracked(book)
    settings = book.session.scalars(select(CompanySettings).filter_by(company_id=book.company_id)).one()
    settings.inventory = Inventory.NONE
    book.session.commit()
    item = tracked(book)
    assert (item.tracked, item.on_hand, item.stock_value) == (True, None, None)
