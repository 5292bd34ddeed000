"""Purchase orders: what the company asks a supplier for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from sqlalchemy import Date, String, Text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from backoffice.models.document import Document
from backoffice.models.history import author
from backoffice.models.line import Line
from backoffice.models.side import Side


class PurchaseOrderLine(Line):
    """A line of a purchase order. The accounting system keeps its price to the cent."""

    __tablename__ = "purchase_order_line"
    document_table = "purchase_order"

    document: Mapped[PurchaseOrder] = relationship(back_populates="lines")


class PurchaseOrder(Document):
    """An order to a supplier. It is billed once bills have been made of all of it."""

    __tablename__ = "purchase_order"
    kind = "purchase_order"
    label = "purchase order"
    line = PurchaseOrderLine
    price_places = 2
    prefix = "PO-"
    side = Side.PURCHASES

    billed: Mapped[bool] = mapped_column(default=False, info={"label": "Billed"})
    delivery_date: Mapped[dt.date | None] = mapped_column(Date, info={"label": "Delivery date"})
    delivery_address: Mapped[str | None] = mapped_column(Text, info={"label": "Delivery address"})
    attention_to: Mapped[str | None] = mapped_column(String(255), info={"label": "Attention"})
    telephone: Mapped[str | None] = mapped_column(String(50), info={"label": "Telephone"})
    delivery_instructions: Mapped[str | None] = mapped_column(String(500), info={"label": "Delivery instructions"})

    lines: Mapped[list[PurchaseOrderLine]] = relationship(
        back_populates="document", order_by="PurchaseOrderLine.position", cascade="all, delete-orphan"
    )

    @classmethod
    def follow_up(cls, session: Session, record_ids: Collection[int]) -> None:
        """Whether all of it is billed follows its lines and its bills; what they say of it holds as it came in."""
        from backoffice.models.billing import settle  # bills know their orders, not the other way round

        if author.get().sync_job_id is None:
            settle(session, record_ids)
