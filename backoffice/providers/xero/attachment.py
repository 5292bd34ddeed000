"""Attachments, one way out. https://developer.xero.com/documentation/api/accounting/attachments

A file of the same name takes the place of the one that is there, so sending one twice makes no second.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from sqlalchemy.orm import Session

from backoffice.models import (
    Attachment,
    AttachmentContent,
    Bill,
    CreditNote,
    Direction,
    Invoice,
    PurchaseOrder,
    Record,
)
from backoffice.providers.xero.shape import Search, Writing, XeroMapper
from backoffice.sync.books import Books
from backoffice.sync.mapper import Field, Payload, Ref, Refusal

RESOURCES = {
    PurchaseOrder.kind: "PurchaseOrders",
    Bill.kind: "Invoices",
    Invoice.kind: "Invoices",
    CreditNote.kind: "CreditNotes",
}


class AttachmentMapper(XeroMapper):
    """A file of a document."""

    model = Attachment
    resource = "Attachments"
    direction = Direction.OUT
    id_key = "AttachmentID"
    batch_size = 1
    match_by = ()
    lookup_key = ("name",)
    fields = (Field("name", "FileName"), Field("mime_type", "MimeType"))
    refs = (
        Ref("purchase_order_id", "PurchaseOrders", PurchaseOrder.kind, optional=True),
        Ref("bill_id", "Invoices", Bill.kind, optional=True),
        Ref("invoice_id", "Invoices", Invoice.kind, optional=True),
        Ref("credit_note_id", "CreditNotes", CreditNote.kind, optional=True),
    )
    limits = ("A file is taken away in Xero only.",)

    def names(self, payload: Payload) -> dict[str, str | None]:
        return {}

    def check(self, record: Record, gone: str | None, books: Books) -> Sequence[Refusal]:
        assert isinstance(record, Attachment)
        if record.archived:
            return (
                Refusal("Xero lets nobody take a file away from outside. Remove it there.", "file_stays", "archived"),
            )
        return ()

    def dump(self, record: Record, books: Books) -> Payload:
        """The file's name and where it goes; its bytes are read when it is sent."""
        assert isinstance(record, Attachment)
        assert record.document is not None, "a file has a document"
        kind, document_id = record.document.kind, record.document.id
        return {
            "FileName": record.name,
            "MimeType": record.mime_type,
            "ContentLength": record.size,
            "Record": record.id,
            "Place": f"{RESOURCES[kind]}/{books.external_id(kind, document_id)}/Attachments",
        }

    def complete(self, session: Session, payload: Payload) -> Payload:
        content = session.query(AttachmentContent).filter_by(attachment_id=payload["Record"]).one()
        return {**payload, "Content": base64.b64encode(content.data).decode()}

    def writing(self, action: str, payloads: Sequence[Payload]) -> Writing:
        (sent,) = payloads
        path = f"{sent['Place']}/{quote(str(sent['FileName']), safe='')}"
        body = base64.b64decode(sent["Content"])
        return Writing("PUT", path, body, "Attachments", content_type=str(sent["MimeType"]))

    def answered(self, row: Payload, sent: Sequence[Payload]) -> Sequence[Payload]:
        """Whatever Xero counts of its bytes, the answer is about ours."""
        same = row.get("FileName") == sent[0]["FileName"]
        return ({**row, "ContentLength": sent[0]["ContentLength"]},) if same else ()

    def found(self, sent: Payload, row: Payload) -> bool:
        """A file of the same name and length; another one of the name is replaced by ours."""
        return super().found(sent, row) and row.get("ContentLength") == sent.get("ContentLength")

    def search(self, payload: Payload) -> Search | None:
        return Search(str(payload["Place"]), {}, "Attachments")

    def arrived(self, sent: Payload, there: Payload) -> bool:
        return bool(sent.get("FileName") == there.get("FileName"))

    def agreed(self, payload: Payload) -> Any:
        return super().agreed({key: payload.get(key) for key in ("FileName", "MimeType")})
