"""Attachments: files that belong to a document and go with it."""

from __future__ import annotations

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.database import Base, RowId
from backoffice.models.bill import Bill
from backoffice.models.credit_note import CreditNote
from backoffice.models.document import Document
from backoffice.models.invoice import Invoice
from backoffice.models.purchase_order import PurchaseOrder
from backoffice.models.record import Record

#: Bytes that Xero takes of one file; what others say is more.
LARGEST_FILE = 3_000_000
#: Files that a document may have there.
MOST_FILES = 10


class Attachment(Record):
    """A file of one document; its name is the file's. A file of the same name takes its place there."""

    __tablename__ = "attachment"
    kind = "attachment"
    label = "attachment"
    local_columns = frozenset({"size"})
    #: The columns that name the document; one of them is filled.
    targets = ("purchase_order_id", "bill_id", "invoice_id", "credit_note_id")

    name: Mapped[str] = mapped_column(String(255), info={"label": "File"})
    mime_type: Mapped[str] = mapped_column(String(100), info={"label": "Type"})
    #: In bytes.
    size: Mapped[int] = mapped_column(default=0, info={"label": "Size"})
    purchase_order_id: Mapped[int | None] = mapped_column(
        ForeignKey("purchase_order.id", ondelete="CASCADE"), index=True, info={"label": "Purchase order"}
    )
    bill_id: Mapped[int | None] = mapped_column(
        ForeignKey("bill.id", ondelete="CASCADE"), index=True, info={"label": "Bill"}
    )
    invoice_id: Mapped[int | None] = mapped_column(
        ForeignKey("invoice.id", ondelete="CASCADE"), index=True, info={"label": "Invoice"}
    )
    credit_note_id: Mapped[int | None] = mapped_column(
        ForeignKey("credit_note.id", ondelete="CASCADE"), index=True, info={"label": "Credit note"}
    )

    purchase_order: Mapped[PurchaseOrder | None] = relationship()
    bill: Mapped[Bill | None] = relationship()
    invoice: Mapped[Invoice | None] = relationship()
    credit_note: Mapped[CreditNote | None] = relationship()
    content: Mapped[AttachmentContent] = relationship(cascade="all, delete-orphan", lazy="select")

    @property
    def document(self) -> Document | None:
        """What it belongs to."""
        return self.purchase_order or self.bill or self.invoice or self.credit_note

    def __str__(self) -> str:
        return self.name


class AttachmentContent(Base):
    """The bytes of a file, apart from what lists read."""

    __tablename__ = "attachment_content"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    attachment_id: Mapped[int] = mapped_column(ForeignKey("attachment.id", ondelete="CASCADE"), unique=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
