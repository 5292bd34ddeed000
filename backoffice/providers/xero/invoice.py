"""Sales invoices: Xero's ACCREC invoices. https://developer.xero.com/documentation/api/accounting/invoices"""

from __future__ import annotations

from backoffice.models import Invoice
from backoffice.providers.xero.document import HEAD, DocumentMapper
from backoffice.providers.xero.shape import Search
from backoffice.sync.mapper import Field, Payload


class LedgerInvoiceMapper(DocumentMapper):
    """What Xero calls an invoice, of either side; PAID is what it makes of one when nothing is due any more."""

    resource = "Invoices"
    id_key = "InvoiceID"
    fields = (
        Field("name", "InvoiceNumber"),
        *HEAD,
        Field("due_date", "DueDate"),
        Field("amount_due", "AmountDue"),
        Field("amount_paid", "AmountPaid"),
        Field("amount_credited", "AmountCredited"),
        Field("paid_on", "FullyPaidOnDate"),
    )

    def search(self, payload: Payload) -> Search | None:
        search = super().search(payload)
        if search is None or "where" not in search.params:
            return search
        where = f'Type=="{self.type_word}" AND {search.params["where"]}'
        return Search(search.path, {**search.params, "where": where}, search.answer)


class InvoiceMapper(LedgerInvoiceMapper):
    """A sales invoice."""

    model = Invoice
    type_word = "ACCREC"
    sent_as = "invoices_as"
    keeps_number = frozenset({"VOIDED"})
    limits = ("An invoice that is paid, in part or whole, cannot be changed from outside.",)
