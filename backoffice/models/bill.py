"""Bills: what suppliers ask the company to pay, and expenses, which are bills of an employee or a shop."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, ForeignKey, select
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from backoffice.models.document import Document
from backoffice.models.line import Line
from backoffice.models.purchase_order import PurchaseOrder, PurchaseOrderLine
from backoffice.models.side import Side


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

    @classmethod
    def follow_up(cls, session: Session, record_ids: Collection[int]) -> None:
        """Their orders are billed, or open again."""
        from backoffice.models.billing import settle  # which is about bills, and comes after them

        orders = select(cls.purchase_order_id).where(cls.id.in_(record_ids), cls.purchase_order_id.is_not(None))
        settle(session, [order_id for order_id in session.scalars(orders.distinct()) if order_id])

    @hybrid_property
    def counts(self) -> bool:
        """Whether it bills something of its order; a voided one does not."""
        return not self.voided

    @counts.inplace.expression
    @classmethod
    def _counts(cls) -> ColumnElement[bool]:
        return ~cls.voided

    @classmethod
    def numbered_by_party(cls, side: Side) -> bool:
        return True
