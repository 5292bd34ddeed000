"""Dues: what is paid, credited and still open of documents, by what is here and by what the other side says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from backoffice.admin.links import links_of
from backoffice.extensions import db
from backoffice.models import Allocation, CreditNote, Document, Payment

NOTHING = Decimal(0)
#: The kinds that are paid, and the column by which a payment names each.
PAID_BY = {"bill": Payment.bill_id, "invoice": Payment.invoice_id, "credit_note": Payment.credit_note_id}
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
        left = ours if self.theirs is None else min(ours, self.theirs - self.untold)
        return max(left, NOTHING)


def dues(documents: Iterable[Document]) -> dict[int, Due]:
    """How documents of one kind stand, by their number; nothing for kinds that are not paid."""
    found = {document.id: document for document in documents}
    kind = next(iter(found.values())).kind if found else ""
    if kind not in PAID_BY:
        return {}
    payments = _live(Payment, PAID_BY[kind], found)
    allocations = _live(Allocation, CREDITED_BY[kind], found)
    told = _told(payments) | _told(allocations)
    return {
        key: _due(
            document,
            [row for row in payments if getattr(row, f"{kind}_id") == key],
            [row for row in allocations if getattr(row, f"{kind}_id") == key],
            told,
        )
        for key, document in found.items()
    }


def due(document: Document) -> Due:
    """How one document stands."""
    return dues([document]).get(document.id) or _due(document, [], [], set())


def _live(model: Any, column: Any, documents: dict[int, Any]) -> list[Any]:
    with db.session.no_autoflush:
        query = (
            select(model).where(column.in_(list(documents)), model.archived.is_(False)).order_by(model.date, model.id)
        )
        return list(db.session.scalars(query))


def _told(rows: Sequence[Any]) -> set[tuple[str, int]]:
    """Which of these are on the other side already."""
    if not rows:
        return set()
    known = links_of(rows[0].kind, [row.id for row in rows])
    return {(rows[0].kind, key) for key, link in known.items() if link.external_id}


def _due(document: Document, payments: list[Payment], allocations: list[Allocation], told: set[tuple[str, int]]) -> Due:
    rows: list[Any] = [*payments, *allocations]
    untold = sum((row.amount for row in rows if (row.kind, row.id) not in told), NOTHING)
    total = document.total if document.their_total is None else document.their_total
    return Due(total, payments, allocations, untold, document.amount_due)


def open_documents(note: CreditNote, model: Any) -> list[tuple[Any, Due]]:
    """The approved documents of a credit note's party, in its currency, of which something is open."""
    query = select(model).where(
        model.company_id == note.company_id,
        model.contact_id == note.contact_id,
        model.archived.is_(False),
        model.status == "approved",
    )
    rows = [row for row in db.session.scalars(query.order_by(model.date, model.id)) if row.currency == note.currency]
    known = dues(rows)
    return [(row, known[row.id]) for row in rows if known[row.id].left > 0]
