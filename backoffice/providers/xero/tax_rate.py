"""Tax rates, one way in. https://developer.xero.com/documentation/api/accounting/taxrates"""

from __future__ import annotations

import re
from typing import Any

from backoffice.models import TaxRate
from backoffice.providers.xero.shape import XeroMapper, truth
from backoffice.sync.mapper import Field, Payload

#: By the class of an account, what says that its lines may bear a rate.
APPLIES = {
    "ASSET": "CanApplyToAssets",
    "EQUITY": "CanApplyToEquity",
    "EXPENSE": "CanApplyToExpenses",
    "LIABILITY": "CanApplyToLiabilities",
    "REVENUE": "CanApplyToRevenue",
}
#: The classes whose lines are purchases.
BOUGHT = ("EXPENSE", "ASSET")


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
        Field("account_classes", "CanApplyToLiabilities"),
        Field("archived", "Status"),
    )

    def read(self, field: Field, payload: Payload) -> Any:
        if field.column not in ("for_purchases", "account_classes"):
            return super().read(field, payload)
        classes = [word for word, key in APPLIES.items() if truth(payload.get(key) or False, key)]
        if field.column == "for_purchases":
            return any(word in BOUGHT for word in classes)
        return ", ".join(classes) or None
