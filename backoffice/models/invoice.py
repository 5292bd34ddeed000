"""Sales invoices: what the company asks its customers to pay."""

from __future__ import annotations

from sqlalchemy.orm import Mapped, relationship

from backoffice.models.document import Document
from backoffice.models.line import Line
from backoffice.models.side import Side


class InvoiceLine(Line):
    """A line of a sales invoice."""

    __tablename__ = "invoice_line"
    document_table = "invoice"

    document: Mapped[Invoice] = relationship(back_populates="lines")


class Invoice(Document):
    """A sales invoice; its number is unique among the company's own."""

    __tablename__ = "invoice"
    kind = "invoice"
    label = "invoice"
    line = InvoiceLine
    prefix = "INV-"
    discounted = True
    side = Side.SALES

    lines: Mapped[list[InvoiceLine]] = relationship(
        back_populates="document", order_by="InvoiceLine.position", cascade="all, delete-orphan"
    )
