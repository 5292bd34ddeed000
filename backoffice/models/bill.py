"""Bills: what suppliers ask the company to pay, and expenses, which are bills of an employee or a shop."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.models.document import Document, Line
from backoffice.models.purchase_order import PurchaseOrder, PurchaseOrderLine
from backoffice.models.tax_mapping import Side


class BillLine(Line):
    """A line of a bill; it knows the line of the order that it bills."""

    __tablename__ = "bill_line"
    document_table = "bill"

    order_line_id: Mapped[int | None] = mapped_column(
        ForeignKey("purchase_order_line.id", ondelete="SET NULL"), index=True
    )

    document: Mapped[Bill] = relationship(back_populates="lines")
    order_line: Mapped[PurchaseOrderLine | None] = relationship()


class Bill(Document):
    """A supplier's bill; its number is the supplier's own."""

    __tablename__ = "bill"
    kind = "bill"
    label = "bill"
    line = BillLine
    prefix = "BILL-"
    side = Side.PURCHASES
    local_columns = Document.local_columns | {"expense", "purchase_order_id"}

    #: Of an employee or a shop, without an order.
    expense: Mapped[bool] = mapped_column(default=False, info={"label": "Expense"})
    purchase_order_id: Mapped[int | None] = mapped_column(
        ForeignKey("purchase_order.id", ondelete="SET NULL"), index=True, info={"label": "Purchase order"}
    )

    purchase_order: Mapped[PurchaseOrder | None] = relationship()
    lines: Mapped[list[BillLine]] = relationship(
        back_populates="document", order_by="BillLine.position", cascade="all, delete-orphan"
    )
