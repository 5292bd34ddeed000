"""Tax rates at Xero: known by their code, for sales, for purchases or for both."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backoffice.providers.xero.tax_rate import TaxRateMapper

MAPPER = TaxRateMapper()


def test_a_rate_in_per_cent() -> None:
    payload = {
        "TaxType": "OUTPUT2",
        "Name": "15% GST on Income",
        "EffectiveRate": Decimal("15.0000"),
        "Status": "ACTIVE",
    }
    values = MAPPER.load({**payload, "CanApplyToRevenue": True, "CanApplyToExpenses": False})
    assert (values["code"], values["rate"], values["archived"]) == ("OUTPUT2", Decimal(15), False)
    assert (values["for_sales"], values["for_purchases"]) == (True, False)


@pytest.mark.parametrize("key", ["CanApplyToExpenses", "CanApplyToAssets"])
def test_what_can_be_bought_with_it(key: str) -> None:
    assert MAPPER.load({"TaxType": "INPUT2", "Name": "GST", key: True})["for_purchases"] is True


def test_a_deleted_rate() -> None:
    payload = {"TaxType": "TAX001", "Name": "Old", "Status": "DELETED"}
    assert (MAPPER.load(payload)["archived"], MAPPER.gone(payload)) == (True, "deleted")
