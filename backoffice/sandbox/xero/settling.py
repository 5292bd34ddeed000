"""Money that moves on a document: the row is found, its balance worked out anew, and its stamp moves."""

from __future__ import annotations

from backoffice.sandbox.xero.balance import settle_credit, settle_invoice
from backoffice.sandbox.xero.call import Call
from backoffice.sandbox.xero.clock import ms_date
from backoffice.sandbox.xero.days import stamp_text
from backoffice.sandbox.xero.fields import Field, InvalidError, Part, Text
from backoffice.sandbox.xero.shelf import Json, Row

# What a payment or an allocation calls its document, where that lies, its id and its number.
KINDS = {
    "Invoice": ("Invoices", "InvoiceID", "InvoiceNumber"),
    "CreditNote": ("CreditNotes", "CreditNoteID", "CreditNoteNumber"),
    "Overpayment": ("Overpayments", "OverpaymentID", ""),
    "Prepayment": ("Prepayments", "PrepaymentID", ""),
}
NAMED: dict[str, Field] = {
    word: Part({id_key: Text(), **({number_key: Text()} if number_key else {})})
    for word, (_, id_key, number_key) in KINDS.items()
}
SALES_TYPES = ("ACCREC", "ACCRECCREDIT", "RECEIVE-OVERPAYMENT", "RECEIVE-PREPAYMENT")


def find_document(call: Call, word: str, sent: Json) -> Row:
    """By id, else by number: of several the one that changed last. Raises InvalidError."""
    kind, id_key, number_key = KINDS[word]
    shelf = call.shelf(kind)
    row = shelf.get(sent[id_key]) if sent.get(id_key) else None
    if row is None and sent.get(number_key):
        found = [one for one in shelf.all_by_number(sent[number_key]) if one.status not in ("DELETED", "VOIDED")]
        row = max(found, key=lambda one: one.updated, default=None)
    if row is None:
        raise InvalidError(f"The {word} {sent.get(id_key) or sent.get(number_key, '')} could not be found.")
    return row


def touch(call: Call, kind: str, row: Row) -> None:
    """Work out what is owed now, stamp the document and put it back."""
    (settle_invoice if kind == "Invoices" else settle_credit)(row.body)
    row.body |= {"UpdatedDateUTC": ms_date(call.now), "UpdatedDateUTCString": stamp_text(call.now)}
    row.status, row.updated = row.body["Status"], call.now
    call.shelf(kind).put(row)
