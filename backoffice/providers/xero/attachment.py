"""Attachments, one way out. https://developer.xero.com/documentation/api/accounting/attachments

A file of the same name takes the place of the one that is there, so sending one twice makes no second.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from sqlalchemy import func, select
from sqlalchemy.orm import Session, object_session

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
from backoffice.models.attachment import LARGEST_FILE, MOST_FILES
from backoffice.providers.xero.shape import Search, Writing, XeroMapper
from backoffice.sync.books import Books
from backoffice.sync.mapper import Field, Payload, Ref, Refusal

RESOURCES = {
    PurchaseOrder.kind: "PurchaseOrders",
    Bill.kind: "Invoices",
    Invoice.kind: "Invoices",
    CreditNote.kind: "CreditNotes",
}
#: What a header may say about a file's sort, and what no name of a file may hold.
SORT = re.compile(r"[a-z]{1,20}/[a-z0-9][a-z0-9.+-]{0,78}", re.IGNORECASE)
FORBIDDEN = re.compile(r'[<>:"|?*/\\\x00-\x1f\x7f]')


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
        return list(_unfit(record))

    def dump(self, record: Record, books: Books) -> Payload:
        """The file's name and where it goes; its bytes are read when it is sent."""
        assert isinstance(record, Attachment)
        assert record.document is not None, "a file has a document"
        kind, document_id = record.document.kind, record.document.id
        return {
            "FileName": record.name,
            "MimeType": _sort(record.mime_type),
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


def _sort(mime_type: str) -> str:
    """What a file is, as a header may say it: nothing else ever comes into one."""
    return mime_type if SORT.fullmatch(mime_type) else "application/octet-stream"


def _unfit(record: Attachment) -> Iterator[Refusal]:
    if not record.name.strip(". ") or FORBIDDEN.search(record.name):
        words = "Xero does not take this name of a file. Give it one of letters, figures, spaces and dots."
        yield Refusal(words, "file_name_invalid", "name")
    if _twin(record):
        words = "The document has a file of this name already, which this one would replace in Xero. Rename it."
        yield Refusal(words, "file_name_taken", "name")
    if not record.size:
        yield Refusal("The file is empty.", "file_empty", "name")
    if record.size > LARGEST_FILE:
        words = f"The file is larger than the {LARGEST_FILE // 1_000_000} MB that Xero takes. Attach a smaller one."
        yield Refusal(words, "file_too_large", "name")
    if _before(record) >= MOST_FILES:
        words = f"Xero keeps {MOST_FILES} files of a document, and this one is one too many."
        yield Refusal(words, "too_many_files")


def _twin(record: Attachment) -> bool:
    """Whether an earlier file of the same document has its name."""
    session, column = object_session(record), next(each for each in record.targets if getattr(record, each))
    if session is None:
        return False
    own = getattr(Attachment, column) == getattr(record, column)
    same = select(Attachment.id).where(own, Attachment.id < record.id, Attachment.archived.is_(False))
    return session.scalar(same.where(Attachment.name_key == record.name_key).limit(1)) is not None


def _before(record: Attachment) -> int:
    """How many files of other names the document had before this one."""
    session, column = object_session(record), next(each for each in record.targets if getattr(record, each))
    if session is None:
        return 0
    own = getattr(Attachment, column) == getattr(record, column)
    earlier = select(func.count(Attachment.name_key.distinct())).where(own, Attachment.id < record.id)
    return session.scalar(earlier.where(Attachment.name_key != record.name_key)) or 0
