"""Where a document stands in Xero: posted or not, paid, ended; and what that bars."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from backoffice.models import CreditNote, Document, Record
from backoffice.providers.xero.periods import locked
from backoffice.sync.books import Books
from backoffice.sync.mapper import Fact, Refusal

if TYPE_CHECKING:
    from backoffice.providers.xero.document import DocumentMapper

#: Their states in which a document stands in the ledger.
POSTED = ("AUTHORISED", "PAID")


def unposted(*documents: Record | None) -> tuple[str, int] | None:
    """The first of these that is not authorised there yet: nothing is paid or credited of it before."""
    found = (each for each in documents if isinstance(each, Document) and each.their_status not in POSTED)
    return next(((each.kind, each.id) for each in found), None)


def is_posted_now(mapper: DocumentMapper, document: Document, books: Books) -> bool:
    """Whether sending it is what posts it; what is posted already has taken its stock."""
    return mapper.posts and document.their_status not in POSTED and mapper.status(document, books) in POSTED


def endings(mapper: DocumentMapper, document: Document, books: Books) -> list[Refusal]:
    """What stands in the way of voiding a document."""
    posted = mapper.posts and document.their_status in POSTED
    return list(locked(document.date, books, f"the {document.label}", back=True)) if posted else []


def settled(mapper: DocumentMapper, document: Document, gone: str | None, external_id: str | None) -> Iterator[Refusal]:
    """What was ended or paid there takes no change any more."""
    noun = document.label
    if gone:
        yield Refusal(
            f"This {noun} was {gone} in Xero, and Xero changes nothing of it any more. Void it here too, or write it "
            "anew.",
            "gone_there",
            "status",
        )
        return
    amount = _settled_amount(document)
    if external_id and amount:
        verb = "voided" if document.voided else "changed"
        yield Refusal(
            f"{amount} of this {noun} is paid or credited in Xero, and it cannot be {verb} there until that is taken "
            "back. Void the payment or remove the credit first.",
            "paid_there",
            None,
            fact=Fact(mapper.resource, external_id),
        )


def _settled_amount(document: Document) -> Decimal:
    """What is paid or credited of it there; of a credit note, what is used of it."""
    if isinstance(document, CreditNote):
        return (document.their_total or Decimal(0)) - (document.amount_due or Decimal(0))
    return (document.amount_paid or Decimal(0)) + (document.amount_credited or Decimal(0))
