"""Which resources the accounting API has. To add one: a file of its own, and a line here."""

from __future__ import annotations

from backoffice.sandbox.xero.accounts import Accounts
from backoffice.sandbox.xero.contacts import Contacts
from backoffice.sandbox.xero.currencies import Currencies
from backoffice.sandbox.xero.items import Items
from backoffice.sandbox.xero.organisation import Organisations
from backoffice.sandbox.xero.resource import Resource
from backoffice.sandbox.xero.tax_rates import TaxRates
from backoffice.sandbox.xero.tracking import TrackingCategories

RESOURCES: dict[str, Resource] = {
    "organisation": Organisations(),
    "contacts": Contacts(),
    "items": Items(),
    "accounts": Accounts(),
    "trackingcategories": TrackingCategories(),
    "taxrates": TaxRates(),
    "currencies": Currencies(),
}
