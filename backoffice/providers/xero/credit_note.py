"""Credit notes and their allocations. https://developer.xero.com/documentation/api/accounting/creditnotes

What is due of a credit note is its remaining credit. Allocations come with their credit note, and one that was taken
back is no longer there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from backoffice.models import (
    Allocation,
    Bill,
    CompanySettings,
    CreditNote,
    Direction,
    Document,
    Invoice,
    Record,
    Side,
)
from backoffice.providers.xero.document import HEAD, DocumentMapper
from backoffice.providers.xero.periods import locked
from backoffice.providers.xero.posted import unposted
from backoffice.providers.xero.shape import Search, Writing, XeroMapper, name, plain
from backoffice.sync.books import Books
from backoffice.sync.mapper import Fact, Field, Payload, Ref, Refusal

TYPES = {Side.PURCHASES: "ACCPAYCREDIT", Side.SALES: "ACCRECCREDIT"}


class CreditNoteMapper(DocumentMapper):
    """A credit note of either side."""

    model = CreditNote
    resource = "CreditNotes"
    id_key = "CreditNoteID"
    sent_as = "credit_notes_as"
    keeps_number = frozenset({"VOIDED"})
    needs_due_date = False
    limits = ("Xero takes a discount on sales invoices only.",)
    within = ("side",)
    theirs = DocumentMapper.theirs - {"amount_paid", "amount_credited"}
    fields = (
        Field("name", "CreditNoteNumber"),
        Field("side", "Type"),
        *HEAD,
        Field("amount_due", "RemainingCredit"),
        Field("paid_on", "FullyPaidOnDate"),
    )

    def read(self, field: Field, payload: Payload) -> Any:
        if field.column == "side":
            return Side.PURCHASES if payload.get("Type") == TYPES[Side.PURCHASES] else Side.SALES
        return super().read(field, payload)

    def whole(self, record: Record, books: Books) -> Payload:
        assert isinstance(record, CreditNote)
        return {**super().whole(record, books), "Type": TYPES[record.side]}


class AllocationMapper(XeroMapper):
    """A part of a credit note that pays off a document: never changed, only taken back."""

    model = Allocation
    resource = "CreditNotes"
    direction = Direction.BOTH
    id_key = "AllocationID"
    asks = True
    moves_money = True
    batch_size = 1
    match_by = ()
    lookup_key = ()
    parent = "credit_note_id"
    standing = frozenset({"archived"})
    limits = ("An allocation cannot be changed; it is taken back and made anew.",)
    fields = (Field("date", "Date"), Field("amount", "Amount"))
    refs = (
        Ref("credit_note_id", "CreditNoteID", CreditNote.kind),
        Ref("bill_id", "Invoice.InvoiceID", Bill.kind, optional=True),
        Ref("invoice_id", "Invoice.InvoiceID", Invoice.kind, optional=True),
    )

    def rows(self, payload: Payload) -> Sequence[Payload]:
        """Raises: ValueError where the allocations are no list of objects."""
        rows = payload.get("Allocations") or []
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ValueError("Allocations is no list")
        more = {"CreditNoteID": payload.get("CreditNoteID"), "CreditNoteType": payload.get("Type")}
        return [{**row, **more} for row in rows if not row.get("IsDeleted")]

    def version(self, payload: Payload) -> str:
        return self.agreed(payload)

    def names(self, payload: Payload) -> dict[str, str | None]:
        purchases = payload.get("CreditNoteType") == TYPES[Side.PURCHASES]
        target, other = ("bill_id", "invoice_id") if purchases else ("invoice_id", "bill_id")
        paid_off = name(payload, "Invoice.InvoiceID")
        return {"credit_note_id": name(payload, "CreditNoteID"), target: paid_off, other: None}

    def gone(self, payload: Payload) -> str | None:
        return "deleted" if payload.get("IsDeleted") is True else None

    def welcome(self, values: dict[str, Any], gone: str | None, settings: CompanySettings) -> bool:
        return gone is None and bool(values["bill_id"] or values["invoice_id"]) and settings.brings_in(self.kind)

    def check(self, record: Record, gone: str | None, books: Books) -> Sequence[Refusal]:
        assert isinstance(record, Allocation)
        if record.archived:
            return self.check_ending(record, books)
        if books.external_id(self.kind, record.id):
            return (
                Refusal("Xero changes no allocation. Take it back and make another.", "allocation_fixed", "amount"),
            )
        return [
            *locked(record.date, books, "the allocation"),
            *_enough(record, record.credit_note, books),
            *_enough(record, record.document, books),
        ]

    def check_ending(self, record: Record, books: Books) -> Sequence[Refusal]:
        assert isinstance(record, Allocation)
        return list(locked(record.date, books, "an allocation", back=True))

    def blocker(self, record: Record, books: Books) -> tuple[str, int] | None:
        """Also one of the two that is there, but not authorised yet."""
        assert isinstance(record, Allocation)
        return unposted(record.credit_note, record.document) or super().blocker(record, books)

    def dump(self, record: Record, books: Books) -> Payload:
        assert isinstance(record, Allocation)
        assert record.document is not None, "an allocation has a document"
        return {
            "Amount": plain(record.amount),
            "Date": record.date.isoformat(),
            "CreditNoteID": books.external_id(CreditNote.kind, record.credit_note_id),
            "CreditNoteType": TYPES[record.credit_note.side],
            "Invoice": {"InvoiceID": books.external_id(record.document.kind, record.document.id)},
        }

    def writing(self, action: str, payloads: Sequence[Payload]) -> Writing:
        (sent,) = payloads
        path = f"CreditNotes/{sent['CreditNoteID']}/Allocations"
        if action == "update":
            return Writing("DELETE", f"{path}/{sent['AllocationID']}", b"", None)
        kept = {key: sent[key] for key in ("Amount", "Date", "Invoice")}
        return Writing("PUT", path, json.dumps({"Allocations": [kept]}, sort_keys=True).encode(), "Allocations")

    def answered(self, row: Payload, sent: Sequence[Payload]) -> Sequence[Payload]:
        more = {key: sent[0][key] for key in ("CreditNoteID", "CreditNoteType", "Invoice", "Date", "Amount")}
        return ({**row, **{key: value for key, value in more.items() if not row.get(key)}},)

    def search(self, payload: Payload) -> Search | None:
        return Search(f"CreditNotes/{payload['CreditNoteID']}", {}, "CreditNotes")

    def found(self, sent: Payload, row: Payload) -> bool:
        return self.agreed(sent) == self.agreed(row)

    def arrived(self, sent: Payload, there: Payload) -> bool:
        """One that was to be taken back and is there has not been."""
        return self.id_key not in sent and super().arrived(sent, there)


def _enough(record: Allocation, document: Document | None, books: Books) -> Sequence[Refusal]:
    """Whether so much of a document is left."""
    left = books.left(document, record) if document is not None else None
    if document is None or left is None or record.amount <= left:
        return ()
    words = f"Only {left} of {document} is left in Xero. Lower the amount."
    return (Refusal(words, "more_than_due", "amount", fact=_fact(document, books)),)


def _fact(document: Document, books: Books) -> Fact | None:
    resource = "CreditNotes" if isinstance(document, CreditNote) else "Invoices"
    external_id = books.external_id(document.kind, document.id)
    return Fact(resource, external_id) if external_id else None
