"""A line of a document: what orders, bills, invoices and credit notes list. Money is in the document's currency."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, cast

from sqlalchemy import ForeignKey, String, Text, inspect
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from backoffice.database import Base, Exact, RowId

if TYPE_CHECKING:
    from backoffice.models.document import Document
    from backoffice.models.tracking import TrackingOption


class Line(Base):
    """One line of a document: an item, or free text. An edit of it is an edit of its document."""

    __abstract__ = True

    #: What both sides keep of a line, in the order of a page.
    content: ClassVar[tuple[str, ...]] = (
        "item_code",
        "description",
        "quantity",
        "unit_price",
        "discount",
        "discount_amount",
        "account_code",
        "tax_code",
        "tracking_1_id",
        "tracking_2_id",
    )
    #: The document's table.
    document_table: ClassVar[str]

    id: Mapped[int] = mapped_column(RowId, primary_key=True, sort_order=-20)
    #: From 1 on, without gaps.
    position: Mapped[int]
    item_code: Mapped[str | None] = mapped_column(String(30), info={"label": "Item"})
    description: Mapped[str | None] = mapped_column(Text, info={"label": "Description"})
    quantity: Mapped[Decimal] = mapped_column(Exact(4), default=Decimal(1), info={"label": "Quantity"})
    #: Of one, in the document's currency, with or without tax as the document says.
    unit_price: Mapped[Decimal] = mapped_column(Exact(4), default=Decimal(0), info={"label": "Unit price"})
    #: Per cent off; sales only.
    discount: Mapped[Decimal] = mapped_column(Exact(4), default=Decimal(0), info={"label": "Discount %"})
    #: The same in money; the accounting system's way, which is kept as it came.
    discount_amount: Mapped[Decimal] = mapped_column(Exact(2), default=Decimal(0), info={"label": "Discount"})
    account_code: Mapped[str | None] = mapped_column(String(10), info={"label": "Account"})
    #: A tax code of ours, or a rate's code in the accounting system.
    tax_code: Mapped[str | None] = mapped_column(String(50), info={"label": "Tax"})
    #: What the line comes to, and the tax on or in it: two decimals.
    amount: Mapped[Decimal] = mapped_column(Exact(2), default=Decimal(0), info={"label": "Amount"})
    tax_amount: Mapped[Decimal] = mapped_column(Exact(2), default=Decimal(0), info={"label": "Tax amount"})
    #: Whether these are the accounting system's own figures, which somebody there may have adjusted.
    as_it_came: Mapped[bool] = mapped_column(default=False)

    @declared_attr
    def document_id(self) -> Mapped[int]:
        return mapped_column(ForeignKey(f"{self.document_table}.id", ondelete="CASCADE"), index=True)

    @declared_attr
    def tracking_1_id(self) -> Mapped[int | None]:
        return mapped_column(ForeignKey("tracking_option.id", ondelete="SET NULL"), info={"label": "Tracking"})

    @declared_attr
    def tracking_2_id(self) -> Mapped[int | None]:
        return mapped_column(
            ForeignKey("tracking_option.id", ondelete="SET NULL"),
            active_history=True,
            info={"label": "Second tracking"},
        )

    @declared_attr
    def tracking_1(self) -> Mapped[TrackingOption | None]:
        return relationship("TrackingOption", foreign_keys=[cast(Any, self.tracking_1_id)])

    @declared_attr
    def tracking_2(self) -> Mapped[TrackingOption | None]:
        return relationship("TrackingOption", foreign_keys=[cast(Any, self.tracking_2_id)])

    if TYPE_CHECKING:
        document: Document

    @property
    def mere_text(self) -> bool:
        """Whether it only says something: no item, no account, no price."""
        return not (self.item_code or self.account_code or self.unit_price)

    @classmethod
    def column_label(cls, column: str) -> str:
        """What people call a column."""
        return str(cls.table().c[column].info.get("label", column.replace("_", " ").capitalize()))

    def __str__(self) -> str:
        return self.description or self.item_code or f"line {self.position}"


def renumber(lines: Sequence[Line]) -> None:
    """Count the lines from 1 on, as they stand."""
    for position, line in enumerate(lines, start=1):
        if line.position != position:
            line.position = position


def documents_of(line: Line) -> list[Any]:
    """The document that a line belongs to, and the one that it belonged to until just now."""
    history: Any = inspect(line).attrs.document.history
    return [each for each in {line.document, *history.deleted} if each is not None]
