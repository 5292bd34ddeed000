"""What stands on a printed document besides the document: whose paper it is, and what its tax codes mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.models import CompanySettings, Connection, TaxMapping, TaxRate
from backoffice.models.company import Company
from backoffice.models.document import Document


@dataclass(frozen=True)
class Tax:
    """What a tax code means to a reader; the rate in per cent."""

    name: str
    rate: Decimal


@dataclass(frozen=True)
class Due:
    """What of a document is settled and what is open, in its currency."""

    paid: Decimal
    credited: Decimal
    left: Decimal


@dataclass(frozen=True)
class Letterhead:
    """Whose paper it is, when it is made, and what its codes mean."""

    company: str
    made_at: datetime
    address: str = ""
    email: str = ""
    phone: str = ""
    tax_number: str = ""
    #: Of amounts that name no currency: ISO 4217; empty while no organisation is linked.
    currency: str = ""
    taxes: Mapping[str, Tax] = field(default_factory=dict)
    #: Where payments known here count; without it, what the accounting system says is due.
    due: Due | None = None


def letterhead_of(session: Session, document: Document, made_at: datetime, due: Due | None = None) -> Letterhead:
    """The paper of a document's company."""
    company = session.get_one(Company, document.company_id)
    settings = session.scalar(select(CompanySettings).filter_by(company_id=company.id))
    base = select(Connection.base_currency).where(Connection.company_id == company.id, Connection.active)
    return Letterhead(
        company=company.name,
        made_at=made_at,
        address=(settings and settings.address) or "",
        email=(settings and settings.email) or "",
        phone=(settings and settings.phone) or "",
        tax_number=(settings and settings.tax_number) or "",
        currency=session.scalar(base) or "",
        taxes=_taxes(session, document),
        due=due,
    )


def _taxes(session: Session, document: Document) -> dict[str, Tax]:
    """The accounting system's rates by their codes, and over them our own codes of the document's side."""
    theirs = select(TaxRate.code, TaxRate.name, TaxRate.rate).where(TaxRate.company_id == document.company_id)
    ours = select(TaxMapping.code, TaxMapping.name, TaxMapping.rate).where(
        TaxMapping.company_id == document.company_id, TaxMapping.side == document.side
    )
    rows = [*session.execute(theirs), *session.execute(ours)]
    return {code: Tax(name, rate) for code, name, rate in rows}
