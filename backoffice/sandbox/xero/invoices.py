"""Invoices: what is sold (ACCREC) and bills for what is bought (ACCPAY)."""

from __future__ import annotations

from urllib.parse import urlsplit

from backoffice.sandbox.xero.balance import CREDITED, STANDING, settle_invoice
from backoffice.sandbox.xero.call import Call
from backoffice.sandbox.xero.columns import ascii_column, date_column
from backoffice.sandbox.xero.days import Day
from backoffice.sandbox.xero.documents import HEADER, MADE_BY
from backoffice.sandbox.xero.fields import Choice, Flag, Text
from backoffice.sandbox.xero.ledger import STATUS, LedgerDocument
from backoffice.sandbox.xero.shelf import Json, Row, Selection
from backoffice.sandbox.xero.where import Column, json_column

FIELDS = {
    **HEADER,
    "Type": Choice("ACCREC", "ACCPAY"),
    "InvoiceNumber": Text(255),
    "DueDate": Day,
    "ExpectedPaymentDate": Day,
    "PlannedPaymentDate": Day,
    "Url": Text(),
    "Status": STATUS,
    "SentToContact": Flag,
}


class Invoices(LedgerDocument):
    """`/Invoices`."""

    name = "Invoices"
    id_key = "InvoiceID"
    number_key = "InvoiceNumber"
    word, own_prefix, taken = "Invoice", "INV", "Invoice # must be unique."
    types = ("ACCREC", "ACCPAY")
    fields = FIELDS
    days = ("Date", "DueDate", "ExpectedPaymentDate", "PlannedPaymentDate")
    by_ids = searched = True
    columns = {
        "InvoiceID": Column("id", "guid"),
        "InvoiceNumber": Column("number", "text", folded=True),
        "Status": Column("status", "text"),
        "UpdatedDateUTC": Column("updated", "date"),
        "Contact.ContactID": Column("name", "guid"),
        "Contact.Name": json_column("Contact.Name"),
        "Reference": json_column("Reference"),
        **{field: ascii_column(field) for field in ("Type", "Url", "CurrencyCode", "LineAmountTypes")},
        **{
            field: date_column(field)
            for field in ("Date", "DueDate", "FullyPaidOnDate", "ExpectedPaymentDate", "PlannedPaymentDate")
        },
        **{
            field: json_column(field, "number")
            for field in ("Total", "SubTotal", "TotalTax", "AmountDue", "AmountPaid", "AmountCredited", "CurrencyRate")
        },
        **{field: json_column(field, "flag") for field in ("SentToContact", "HasAttachments", "IsDiscounted")},
    }

    def selection(self, call: Call) -> Selection:
        selection = super().selection(call)
        for parameter, column in (("invoicenumbers", "number"), ("contactids", "name"), ("statuses", "status")):
            if given := call.parameters.get(parameter):
                wanted = [one.strip() for one in given.split(",")]
                folded = [one.upper() if column == "status" else one.casefold() for one in wanted]
                selection.add(f"{column} IN ({', '.join('?' * len(folded))})", *folded)
        if call.flag("createdByMyApp"):
            selection.add("search LIKE ?", f"%{MADE_BY}{call.provider.casefold()}")
        return selection

    def blank(self) -> Json:
        return {
            "Status": "DRAFT",
            "AmountPaid": 0.0,
            "AmountCredited": 0.0,
            "Payments": [],
            **{kind: [] for kind in CREDITED},
            "SentToContact": False,
            "HasAttachments": False,
            "HasErrors": False,
        }

    def discounts(self, body: Json) -> bool:
        return body.get("Type") == "ACCREC"

    def wrong(self, call: Call, sent: Json, body: Json, old: Row | None) -> list[str]:
        problems = super().wrong(call, sent, body, old)
        if body["Status"] in ("SUBMITTED", *STANDING) and not body.get("DueDate"):
            problems.append("DueDate must be specified for a document that is submitted or approved.")
        url = urlsplit(sent.get("Url", ""))
        if sent.get("Url") and (url.scheme not in ("http", "https") or not url.netloc):
            problems.append("The Url must be a valid absolute URL.")
        return problems

    def settle(self, body: Json) -> None:
        settle_invoice(body)
        if body["Status"] == "VOIDED":
            body["AmountDue"] = 0.0

    def only_now(self, sent: Json, body: Json, old: Row | None) -> Json:
        """The trap: right after voiding the answer still shows what was due before."""
        return {"AmountDue": old.body["AmountDue"]} if old and body["Status"] == "VOIDED" else {}
