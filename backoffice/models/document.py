"""A document: what orders, bills, invoices and credit notes have in common. Money is in the document's currency."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, cast

from sqlalchemy import ColumnElement, Date, ForeignKey, Index, String, and_, true
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, relationship

from backoffice.database import Exact, choice, folded
from backoffice.models.line import Line, renumber
from backoffice.models.line_defaults import LineDefaults
from backoffice.models.record import Record
from backoffice.models.side import Side
from backoffice.models.totals import Amount, Treatment, line_amount, totals

if TYPE_CHECKING:
    from backoffice.models.contact import Contact
    from backoffice.models.settings import CompanySettings


class Status(StrEnum):
    """Where a document stands here; what it is in the accounting system is a word of its own."""

    DRAFT = "draft"
    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    VOIDED = "voided"


#: What two documents of one kind share that have the same number: side, number, and the party where it is the party's.
NumberKey = tuple[str, str, int | None]
#: From each state, the states that may follow.
STEPS: dict[Status, tuple[Status, ...]] = {
    Status.DRAFT: (Status.AWAITING_APPROVAL, Status.APPROVED, Status.VOIDED),
    Status.AWAITING_APPROVAL: (Status.APPROVED, Status.DRAFT, Status.VOIDED),
    Status.APPROVED: (Status.VOIDED,),
    Status.VOIDED: (),
}


class Document(Record):
    """What is written down for a party on a day, line by line, and goes out once it is approved."""

    __abstract__ = True

    #: The class of its lines; where a kind has lines, it names them `lines`.
    line: ClassVar[type[Line]]
    #: Decimals of a unit price that the accounting system keeps.
    price_places: ClassVar[int] = 4
    #: Whether the accounting system takes a discount on its lines.
    discounted: ClassVar[bool] = False

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
    #: Which steps it takes is kept by `approval`, and so is `archived`, which follows it.
    status: Mapped[Status] = mapped_column(
        choice(Status, "status"), default=Status.DRAFT, active_history=True, info={"label": "Status"}
    )
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

    @classmethod
    def numbered_by_party(cls, side: Side) -> bool:
        """Whether the numbers on a side are the party's own, and so unique among one party's only."""
        return False

    @classmethod
    def number_key(cls, side: Side | str, name: str, contact_id: int | None) -> NumberKey:
        """Equal for two that may not both be live: they have the same number."""
        alone = cls.numbered_by_party(Side(side))
        return str(Side(side)), folded(name)[:255], contact_id if alone else None

    def needs_number(self, new: bool) -> bool:
        """When it is approved; what the company numbers by itself, from the start."""
        ours = not self.numbered_by_party(self.side or Side.SALES)
        return self.status is Status.APPROVED or (new and ours)

    @hybrid_property
    def voided(self) -> bool:
        """Whether it was taken back. `archived` says the same to lists and the engine, and follows with each flush."""
        return self.status is Status.VOIDED

    @voided.inplace.expression
    @classmethod
    def _voided(cls) -> ColumnElement[bool]:
        return cls.status == Status.VOIDED

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
        return self.name or f"{self.label} without a number".capitalize()


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
