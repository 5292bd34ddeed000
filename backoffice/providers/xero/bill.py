"""Bills and expenses: Xero's ACCPAY invoices. https://developer.xero.com/documentation/api/accounting/invoices

Their numbers are the suppliers' own and need not be unique, so a bill is looked up by number and party, and created
by PUT only: a POST without an id would rewrite whatever has the same number.
"""

from __future__ import annotations

from backoffice.models import Bill, Record
from backoffice.providers.xero.invoice import LedgerInvoiceMapper
from backoffice.providers.xero.shape import WHOLE, Search, name
from backoffice.sync.books import Books
from backoffice.sync.mapper import Payload


class BillMapper(LedgerInvoiceMapper):
    """A bill; it leads back to its page here."""

    model = Bill
    type_word = "ACCPAY"
    sent_as = "bills_as"
    limits = (
        "A bill that is paid, in part or whole, cannot be changed from outside.",
        "Xero takes a discount on sales invoices only.",
    )

    def whole(self, record: Record, books: Books) -> Payload:
        payload = super().whole(record, books)
        if books.address.startswith("https://"):
            payload["Url"] = f"{books.address}/c/{books.company_id}/bills/details/?id={record.id}"
        return payload

    def search(self, payload: Payload) -> Search | None:
        search, party = super().search(payload), name(payload, "Contact.ContactID")
        if search is None or "where" not in search.params:
            return search
        where = f'{search.params["where"]} AND Contact.ContactID==Guid("{party}")'
        return Search(search.path, {**search.params, **WHOLE, "where": where}, search.answer)
