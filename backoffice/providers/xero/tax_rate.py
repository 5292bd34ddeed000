"""Tax rates, one way in. https://developer.xero.com/documentation/api/accounting/taxrates"""

from __future__ import annotations

import re
from typing import Any

from backoffice.models import TaxRate
from backoffice.providers.xero.shape import XeroMapper, truth
from backoffice.sync.mapper import Field, Payload

#: The sorts of account whose lines are purchases.
BOUGHT = ("CanApplyToExpenses", "CanApplyToAssets")


class TaxRateMapper(XeroMapper):
    """A rate in per cent, known by its code, which differs from country to country; it has no other id."""

    model = TaxRate
    resource = "TaxRates"
    id_key = "TaxType"
    id_form = re.compile(r"[!-~]{1,64}")
    match_by = ("code",)
    lookup_key = ("code",)
    fields = (
        Field("code", "TaxType"),
        Field("name", "Name"),
        Field("rate", "EffectiveRate"),
        Field("for_sales", "CanApplyToRevenue"),
        Field("for_purchases", "CanApplyToExpenses"),
        Field("archived", "Status"),
    )

    def load(self, payload: Payload) -> dict[str, Any]:
        purchases = any(truth(payload.get(key) or False, key) for key in BOUGHT)
        return {**super().load(payload), "for_purchases": purchases}
