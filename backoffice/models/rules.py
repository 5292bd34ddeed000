"""What stands in the way of an edit, whoever makes it: forms, bringing back and undoing all ask here."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from backoffice.database import folded
from backoffice.models.account import Account
from backoffice.models.alert import Alert, open_alerts
from backoffice.models.bill import Bill
from backoffice.models.contact import Contact
from backoffice.models.document import Document
from backoffice.models.link import Link
from backoffice.models.number import Holder, holders
from backoffice.models.payment import Payment
from backoffice.models.record import Record
from backoffice.models.side import Side

# Names and numbers.


def namesake(session: Session, company_id: int, name: str, but: int | None) -> Contact | None:
    """Another active contact of the company that has this name."""
    query = select(Contact).where(
        Contact.company_id == company_id,
        Contact.name_key == folded(name)[:255],
        Contact.archived.is_(False),
        Contact.id != (but or 0),
    )
    return session.scalar(query.limit(1))


def why_name_taken(session: Session, contact: Contact, name: str) -> str:
    """Why a contact cannot be an active one of this name; empty if it can."""
    other = namesake(session, contact.company_id, name, contact.id)
    return f"Another active contact is called {other.name}. Change one of the two names first." if other else ""


def number_holder(
    session: Session, model: type[Document], company_id: int, side: Side, name: str, contact_id: int, but: int | None
) -> Holder | None:
    """Another live document with which one of this party would share a number."""
    found = holders(session, model, company_id, [name]).get(model.number_key(side, name, contact_id), [])
    return next((one for one in found if one.id != but), None)


def mark_party(document: Document, side: Side) -> None:
    """The party of a document is one of its side from now on."""
    mark = "customer_here" if side is Side.SALES else "supplier_here"
    if not getattr(document.contact, mark):
        setattr(document.contact, mark, True)


# Money.


def paying_accounts(company_id: int) -> Select[Account]:
    """The accounts that money is paid from or into."""
    return select(Account).where(Account.company_id == company_id, Account.archived.is_(False), Account.pays)


def why_not_due(document: Document, amount: Decimal, left: Decimal, said: str) -> str:
    """Why an amount cannot be paid of a document of which so much is open, `said` in words; empty if it can."""
    if amount <= 0:
        return "An amount is above nothing."
    return f"Only {said} is due on {document}." if amount > left else ""


def why_no_rate(rate: Decimal | None) -> str:
    """Why this is no currency rate; empty if it is one, or none."""
    return "A rate is above nothing." if rate is not None and rate <= 0 else ""


def why_payment_frozen(session: Session, payment: Payment, provider: str) -> str:
    """Why a payment cannot be changed; empty if it can."""
    if payment.archived:
        return f"{payment} is voided, and stays as it is."
    sent = Link.external_id.is_not(None) | Link.attempt_id.is_not(None)
    known = select(Link.id).where(Link.kind == payment.kind, Link.record_id == payment.id, sent)
    if session.scalar(known.limit(1)) is not None:
        return f"{payment} is in {provider} already and cannot be changed; void it and record it anew."
    return "" if isinstance(payment.document, Document) else "Only what pays a document is changed here."


def alerts_of_money(session: Session, record: Record) -> list[Alert]:
    """The open alerts of whom the money of a payment goes to: whoever changes that payment has to know of them."""
    bill = record.document if isinstance(record, Payment) else None
    if not isinstance(bill, Bill):
        return []
    found = open_alerts(session, bill.company_id, Contact.kind, [bill.contact_id])
    return found.get(bill.contact_id, [])
