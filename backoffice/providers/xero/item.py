"""Items, one way in. https://developer.xero.com/documentation/api/accounting/items

Prices have four decimals, which Xero sends only when it is asked for them. An item has no archive there: it vanishes.
"""

from __future__ import annotations

from backoffice.models import CompanySettings, Inventory, Item
from backoffice.providers.xero.shape import XeroMapper
from backoffice.sync.mapper import Field


class ItemMapper(XeroMapper):
    """An item, its prices in the organisation's base currency."""

    model = Item
    resource = "Items"
    id_key = "ItemID"
    match_by = ("code",)
    lookup_key = ("code",)
    fields = (
        Field("code", "Code"),
        Field("name", "Name"),
        Field("description", "Description"),
        Field("purchase_description", "PurchaseDescription"),
        Field("is_sold", "IsSold"),
        Field("is_purchased", "IsPurchased"),
        Field("sales_price", "SalesDetails.UnitPrice"),
        Field("sales_account", "SalesDetails.AccountCode"),
        Field("sales_tax", "SalesDetails.TaxType"),
        Field("purchase_price", "PurchaseDetails.UnitPrice"),
        Field("purchase_account", "PurchaseDetails.AccountCode"),
        Field("purchase_tax", "PurchaseDetails.TaxType"),
        Field("tracked", "IsTrackedAsInventory"),
        Field("inventory_account", "InventoryAssetAccountCode"),
        Field("on_hand", "QuantityOnHand"),
        Field("stock_value", "TotalCostPool"),
    )
    limits = ("An item cannot be archived in Xero; it vanishes, and is archived here.",)

    def unwanted(self, settings: CompanySettings) -> frozenset[str]:
        return frozenset() if settings.inventory is Inventory.SYNC else frozenset({"on_hand", "stock_value"})
