"""Dues: what is paid, credited and still open of documents, by what is here and by what the other side says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from backoffice.models.connection import Connection
from backoffice.models.credit_note import Allocation, CreditNote
from backoffice.models.document import Document, Status
from backoffice.models.link import Link
from backoffice.models.payment import Payment
from backoffice.models.record import Record

NOTHING = Decimal(0)
#: The kinds that are paid, and the column by which a payment names each.
PAID_BY: dict[str, Any] = {
    "bill": Payment.bill_id,
    "invoice": Payment.invoice_id,
    "credit_note": Payment.credit_note_id,
}
CREDITED_BY: dict[str, Any] = {
    "bill": Allocation.bill_id,
    "invoice": Allocation.invoice_id,
    "credit_note": Allocation.credit_note_id,
}


@dataclass(frozen=True)
class Due:
    """What stands against a document here, in its currency."""

    total: Decimal
    payments: Sequence[Payment]
    allocations: Sequence[Allocation]
    #: What of these the other side has not been told of yet.
    untold: Decimal
    #: What is open by its word; None where it has said nothing.
    theirs: Decimal | None

    @property
    def paid(self) -> Decimal:
        return sum((payment.amount for payment in self.payments), NOTHING)

    @property
    def credited(self) -> Decimal:
        return sum((allocation.amount for allocation in self.allocations), NOTHING)

    @property
    def left(self) -> Decimal:
        """What is open: the least that either side leaves."""
        ours = self.total - self.paid - self.credited
        there = left_there(self.theirs, self.untold)
        return max(ours if there is None else min(ours, there), NOTHING)


def left_there(theirs: Decimal | None, untold: Decimal) -> Decimal | None:
    """What the other side leaves open, less what it is still to be told; None where it has said nothing."""
    return None if theirs is None else max(theirs - untold, NOTHING)


def dues(session: Session, documents: Iterable[Document], but: Record | None = None) -> dict[int, Due]:
    """How documents of one kind stand, by their id, one payment left out; nothing for kinds that are not paid."""
    found = {document.id: document for document in documents}
    kind = next(iter(found.values())).kind if found else ""
    if kind not in PAID_BY:
        return {}
    payments = [row for row in _live(session, Payment, PAID_BY[kind], found) if row is not but]
    allocations = [row for row in _live(session, Allocation, CREDITED_BY[kind], found) if row is not but]
    told = _told(session, payments) | _told(session, allocations)
    return {
        key: _due(
            document,
            [row for row in payments if getattr(row, f"{kind}_id") == key],
            [row for row in allocations if getattr(row, f"{kind}_id") == key],
            told,
        )
        for key, document in found.items()
    }


def due(session: Session, document: Document, but: Record | None = None) -> Due:
    """How one document stands; `but` is a payment that is just being changed."""
    return dues(session, [document], but).get(document.id) or _due(document, [], [], set())


def _live(session: Session, model: Any, column: Any, documents: Mapping[int, Any]) -> list[Any]:
    with session.no_autoflush:
        query = select(model).where(column.in_(list(documents)), model.archived.is_(False))
        return list(session.scalars(query.order_by(model.date, model.id)))


def _told(session: Session, rows: Sequence[Any]) -> set[tuple[str, int]]:
    """Which of these are on the other side already."""
    if not rows:
        return set()
    there = select(Link.record_id).join(Connection).where(
        Connection.company_id == rows[0].company_id,
        Connection.active,
        Link.kind == rows[0].kind,
        Link.record_id.in_([row.id for row in rows]),
        Link.external_id.is_not(None),
    )  # fmt: skip
    return {(rows[0].kind, key) for key in session.scalars(there)}


def _due(document: Document, payments: list[Payment], allocations: list[Allocation], told: set[tuple[str, int]]) -> Due:
    rows: list[Any] = [*payments, *allocations]
    untold = sum((row.amount for row in rows if (row.kind, row.id) not in told), NOTHING)
    total = document.total if document.their_total is None else document.their_total
    return Due(total, payments, allocations, untold, document.amount_due)


def open_documents(session: Session, note: CreditNote, model: Any) -> list[tuple[Any, Due]]:
    """The approved documents of a credit note's party, in its currency, of which something is open."""
    query = select(model).where(
        model.company_id == note.company_id, model.contact_id == note.contact_id, model.status == Status.APPROVED
    )
    rows = [row for row in session.scalars(query.order_by(model.date, model.id)) if row.currency == note.currency]
    known = dues(session, rows)
    return [(row, known[row.id]) for row in rows if known[row.id].left > 0]


@dataclass(frozen=True)
class Promised:
    """A payment or an allocation that is on its way; allocations go first, then payments, as they were recorded."""

    kind: str
    id: int
    amount: Decimal

    def before(self, record: Record) -> bool:
        """Whether it goes before another one."""
        return (self.kind, self.id) < (record.kind, record.id)


def promised(session: Session, connection_id: int, kind: str, ids: Iterable[int]) -> dict[int, list[Promised]]:
    """What is about to be paid or credited of documents of a kind there, by document.

    What was turned down, is paused, or waits for a setting or a person's choice does not count.
    """
    wanted, found = list(ids), defaultdict(list)
    for column in (PAID_BY[kind], CREDITED_BY[kind]):
        model: Any = column.class_
        query = (
            select(column, model.id, model.amount)
            .join(Link, Link.record_id == model.id)
            .where(Link.connection_id == connection_id, Link.kind == model.kind, column.in_(wanted))
            .where(Link.external_id.is_(None), Link.pending, Link.paused.is_(False), Link.refusal.is_(None))
            .where(model.archived.is_(False), or_(Link.blocked_kind.is_(None), Link.blocked_record_id.is_not(None)))
        )
        for key, id_, amount in session.execute(query):
            found[key].append(Promised(model.kind, id_, amount))
    return found
