"""Which resources the accounting API has. To add one: a file of its own, and a line here."""

from __future__ import annotations

from backoffice.sandbox.xero.accounts import Accounts
from backoffice.sandbox.xero.batch_payments import BatchPayments
from backoffice.sandbox.xero.contacts import Contacts
from backoffice.sandbox.xero.credit_notes import CreditNotes
from backoffice.sandbox.xero.currencies import Currencies
from backoffice.sandbox.xero.invoices import Invoices
from backoffice.sandbox.xero.items import Items
from backoffice.sandbox.xero.organisation import Organisations
from backoffice.sandbox.xero.payments import Payments
from backoffice.sandbox.xero.prepaid import Overpayments, Prepayments
from backoffice.sandbox.xero.purchase_orders import PurchaseOrders
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
    "purchaseorders": PurchaseOrders(),
    "invoices": Invoices(),
    "creditnotes": CreditNotes(),
    "payments": Payments(),
    "batchpayments": BatchPayments(),
    "overpayments": Overpayments(),
    "prepayments": Prepayments(),
}
