"""A document: what orders, bills, invoices and credit notes have in common. Money is in the document's currency."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, cast

from sqlalchemy import ColumnElement, Date, ForeignKey, Index, String, Text, and_, inspect, true
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship, synonym

from backoffice.database import Base, Exact, RowId, choice
from backoffice.models.line_defaults import LineDefaults
from backoffice.models.record import Record
from backoffice.models.tax_mapping import Side
from backoffice.models.totals import Amount, Treatment, line_amount, totals

if TYPE_CHECKING:
    from backoffice.models.contact import Contact
    from backoffice.models.settings import CompanySettings
    from backoffice.models.tracking import TrackingOption


class Status(StrEnum):
    """Where a document stands here; what it is in the accounting system is a word of its own."""

    DRAFT = "draft"
    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    VOIDED = "voided"


#: From each state, the states that may follow.
STEPS: dict[Status, tuple[Status, ...]] = {
    Status.DRAFT: (Status.AWAITING_APPROVAL, Status.APPROVED, Status.VOIDED),
    Status.AWAITING_APPROVAL: (Status.APPROVED, Status.DRAFT, Status.VOIDED),
    Status.APPROVED: (Status.VOIDED,),
    Status.VOIDED: (),
}


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


class Document(Record):
    """What is written down for a party on a day, line by line, and goes out once it is approved."""

    __abstract__ = True

    #: The class of its lines; where a kind has lines, it names them `lines`.
    line: ClassVar[type[Line]]
    #: Decimals of a unit price that the accounting system keeps.
    price_places: ClassVar[int] = 4
    #: What the numbers that are given here begin with.
    prefix: ClassVar[str]

    #: Nothing of what only they know, or is computed, is sent.
    computed_columns: ClassVar[frozenset[str]] = frozenset({"sub_total", "tax_total", "total"})
    their_columns: ClassVar[frozenset[str]] = frozenset(
        {"their_status", "their_total", "amount_due", "amount_paid", "amount_credited", "paid_on"}
    )
    local_columns = computed_columns | their_columns

    #: The document's number; unique among one's own, the supplier's own on bills.
    name: Mapped[str] = mapped_column(String(255), default="", info={"label": "Number"})
    reference: Mapped[str | None] = mapped_column(String(255), info={"label": "Reference"})
    date: Mapped[dt.date] = mapped_column(Date, info={"label": "Date"})
    due_date: Mapped[dt.date | None] = mapped_column(Date, info={"label": "Due date"})
    #: ISO 4217; empty for the organisation's own.
    currency: Mapped[str | None] = mapped_column(String(3), info={"label": "Currency"})
    #: Units of it for one of the organisation's own; empty for the day's rate.
    currency_rate: Mapped[Decimal | None] = mapped_column(Exact(10), info={"label": "Currency rate"})
    treatment: Mapped[Treatment] = mapped_column(
        choice(Treatment, "treatment"), default=Treatment.EXCLUSIVE, info={"label": "Amounts are"}
    )
    status: Mapped[Status] = mapped_column(choice(Status, "status"), default=Status.DRAFT, info={"label": "Status"})
    archived: Mapped[bool] = mapped_column(default=False, info={"label": "Voided"})
    sub_total: Mapped[Decimal] = mapped_column(Exact(2), default=Decimal(0), info={"label": "Subtotal"})
    tax_total: Mapped[Decimal] = mapped_column(Exact(2), default=Decimal(0), info={"label": "Tax"})
    total: Mapped[Decimal] = mapped_column(Exact(2), default=Decimal(0), info={"label": "Total"})
    their_status: Mapped[str | None] = mapped_column(String(40), info={"label": "Status there"})
    their_total: Mapped[Decimal | None] = mapped_column(Exact(2), info={"label": "Total there"})
    amount_due: Mapped[Decimal | None] = mapped_column(Exact(2), info={"label": "Amount due"})
    amount_paid: Mapped[Decimal | None] = mapped_column(Exact(2), info={"label": "Paid"})
    amount_credited: Mapped[Decimal | None] = mapped_column(Exact(2), info={"label": "Credited"})
    paid_on: Mapped[dt.date | None] = mapped_column(Date, info={"label": "Paid on"})

    @declared_attr
    def number(self) -> Mapped[str]:
        return synonym("name")

    @declared_attr
    def contact_id(self) -> Mapped[int]:
        return mapped_column(ForeignKey("contact.id"), index=True, info={"label": "Party"})

    @declared_attr
    def contact(self) -> Mapped[Contact]:
        return relationship("Contact", foreign_keys=[cast(Any, self.contact_id)])

    @declared_attr.directive
    def __table_args__(self) -> tuple[Any, ...]:
        table = self.__tablename__
        return (
            Index(f"ix_{table}_company_name", "company_id", "name_key"),
            Index(f"ix_{table}_company_date", "company_id", "date"),
        )

    if TYPE_CHECKING:
        lines: Mapped[list[Any]]
        #: Whether it is about what the company buys or sells.
        side: Any

    @classmethod
    @cache
    def synced_columns(cls) -> frozenset[str]:
        return super().synced_columns() | {"lines"}

    @classmethod
    def outgoing(cls, settings: CompanySettings) -> ColumnElement[bool]:
        """Approved ones, from the day on that the settings say."""
        since = cls.date >= settings.send_from if settings.send_from else true()
        return and_(cls.status.in_((Status.APPROVED, Status.VOIDED)), since)

    @property
    def steps(self) -> tuple[Status, ...]:
        """The states that may follow."""
        return STEPS[self.status]

    def compute(self, defaults: LineDefaults, lines: Sequence[Line], changed: Collection[Line]) -> None:
        """Work out the lines that were changed and, with the others as they are, the totals."""
        renumber(lines)
        for line in lines:
            if line in changed:
                found = worked_out(self, line, defaults.rate(self.side or Side.SALES, line))
                line.amount, line.tax_amount, line.as_it_came = found.amount, found.tax, False
        came_to = totals(
            self.treatment or Treatment.EXCLUSIVE, [Amount(line.amount, line.tax_amount) for line in lines]
        )
        self.sub_total, self.tax_total, self.total = came_to.sub_total, came_to.tax, came_to.total

    def __str__(self) -> str:
        return self.name or f"{self.label} without a number"


def worked_out(document: Document, line: Line, rate: Decimal) -> Amount:
    """What a line comes to, `rate` being the tax on it in per cent."""
    return line_amount(
        document.treatment or Treatment.EXCLUSIVE,
        Decimal(1) if _unset(line.quantity) else line.quantity,
        Decimal(0) if _unset(line.unit_price) else line.unit_price,
        line.discount or Decimal(0),
        rate,
        type(document).price_places,
        line.discount_amount or Decimal(0),
    )


def _unset(value: Decimal | None) -> bool:
    """Whether a new row was not given a value yet, and will get its default."""
    return value is None


def renumber(lines: Sequence[Line]) -> None:
    """Count the lines from 1 on, as they stand."""
    for position, line in enumerate(lines, start=1):
        if line.position != position:
            line.position = position


def documents_of(line: Line) -> list[Any]:
    """The document that a line belongs to, and the one that it belonged to until just now."""
    history: Any = inspect(line).attrs.document.history
    return [each for each in {line.document, *history.deleted} if each is not None]
