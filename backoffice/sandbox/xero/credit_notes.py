"""Credit notes: of suppliers (ACCPAYCREDIT) and to customers (ACCRECCREDIT)."""

from __future__ import annotations

from backoffice.sandbox.xero.allocations import ALLOCATION_VERBS, Allocated
from backoffice.sandbox.xero.balance import settle_credit
from backoffice.sandbox.xero.columns import date_column
from backoffice.sandbox.xero.documents import HEADER, Document
from backoffice.sandbox.xero.fields import Choice, Flag, Text
from backoffice.sandbox.xero.ledger import STATUS, LedgerDocument
from backoffice.sandbox.xero.shelf import Json, Row
from backoffice.sandbox.xero.where import Column, json_column

FIELDS = {
    **HEADER,
    "Type": Choice("ACCRECCREDIT", "ACCPAYCREDIT"),
    "CreditNoteNumber": Text(255),
    "Status": STATUS,
    "SentToContact": Flag,
}


class CreditNotes(LedgerDocument, Allocated):
    """`/CreditNotes`."""

    name = "CreditNotes"
    id_key = "CreditNoteID"
    number_key = "CreditNoteNumber"
    verbs = {**Document.verbs, **ALLOCATION_VERBS}
    word, own_prefix, taken = "Credit note", "CN", "Credit note # must be unique."
    types = ("ACCRECCREDIT", "ACCPAYCREDIT")
    fields = FIELDS
    columns = {
        "CreditNoteID": Column("id", "guid"),
        "CreditNoteNumber": Column("number", "text", folded=True),
        "Status": Column("status", "text"),
        "UpdatedDateUTC": Column("updated", "date"),
        "Contact.ContactID": Column("name", "guid"),
        "Contact.Name": json_column("Contact.Name"),
        **{field: json_column(field) for field in ("Type", "Reference", "CurrencyCode")},
        **{field: date_column(field) for field in ("Date", "FullyPaidOnDate")},
        **{field: json_column(field, "number") for field in ("Total", "SubTotal", "TotalTax", "RemainingCredit")},
    }

    def blank(self) -> Json:
        return {
            "Status": "DRAFT",
            "Allocations": [],
            "Payments": [],
            "SentToContact": False,
            "HasAttachments": False,
            "HasErrors": False,
        }

    def settle(self, body: Json) -> None:
        settle_credit(body)
        if body["Status"] == "VOIDED":
            body["RemainingCredit"] = 0.0

    def only_now(self, sent: Json, body: Json, old: Row | None) -> Json:
        """The trap: right after voiding the answer still shows what was left before."""
        return {"RemainingCredit": old.body["RemainingCredit"]} if old and body["Status"] == "VOIDED" else {}
