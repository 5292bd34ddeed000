"""Items at Xero: prices to four decimals, and what is left out."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backoffice.providers.xero.item import ItemMapper

MAPPER = ItemMapper()


def test_prices_keep_four_decimals() -> None:
    details = {"UnitPrice": Decimal("12.34565"), "AccountCode": "200", "TaxType": "OUTPUT2"}
    values = MAPPER.load({"ItemID": "1", "Code": "A", "SalesDetails": details, "PurchaseDetails": {}})
    assert (values["sales_price"], values["sales_account"], values["sales_tax"]) == (
        Decimal("12.3457"),
        "200",
        "OUTPUT2",
    )
    assert values["purchase_price"] is None


def test_sold_and_bought_unless_it_says_otherwise() -> None:
    assert MAPPER.load({"ItemID": "1", "Code": "A", "IsSold": False})["is_sold"] is False
    assert MAPPER.load({"ItemID": "1", "Code": "A"})["is_purchased"] is True


@pytest.mark.parametrize("price", [Decimal("NaN"), Decimal("1E30"), "twelve", True])
def test_a_price_that_is_none(price: object) -> None:
    with pytest.raises(ValueError, match="sales_price"):
        MAPPER.load({"ItemID": "1", "Code": "A", "SalesDetails": {"UnitPrice": price}})
