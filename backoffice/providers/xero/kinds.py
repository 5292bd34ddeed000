"""Every kind of record that travels between us and Xero."""

from __future__ import annotations

from backoffice.providers.xero.account import AccountMapper
from backoffice.providers.xero.advance import OverpaymentMapper, PrepaymentMapper
from backoffice.providers.xero.attachment import AttachmentMapper
from backoffice.providers.xero.bill import BillMapper
from backoffice.providers.xero.contact import ContactMapper
from backoffice.providers.xero.credit_note import AllocationMapper, CreditNoteMapper
from backoffice.providers.xero.invoice import InvoiceMapper
from backoffice.providers.xero.item import ItemMapper
from backoffice.providers.xero.payment import PaymentMapper
from backoffice.providers.xero.purchase_order import PurchaseOrderMapper
from backoffice.providers.xero.tax_rate import TaxRateMapper
from backoffice.providers.xero.tracking import TrackingCategoryMapper, TrackingOptionMapper
from backoffice.sync.mapper import Mapper

MAPPERS: tuple[Mapper, ...] = (
    ContactMapper(),
    ItemMapper(),
    AccountMapper(),
    TrackingCategoryMapper(),
    TrackingOptionMapper(),
    TaxRateMapper(),
    PurchaseOrderMapper(),
    BillMapper(),
    InvoiceMapper(),
    CreditNoteMapper(),
    AllocationMapper(),
    PrepaymentMapper(),
    OverpaymentMapper(),
    PaymentMapper(),
    AttachmentMapper(),
)
