"""What a company has chosen about its synchronisation."""

from __future__ import annotations

from datetime import time
from enum import StrEnum

from sqlalchemy import Time, UniqueConstraint
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.database import Base, RowId, choice
from backoffice.models.company import Company, CompanyOwned


class Winner(StrEnum):
    """Whose value stays when both sides changed the same record since they last agreed."""

    PROVIDER = "provider"
    OURS = "ours"


class CompanySettings(CompanyOwned, Base):
    """One row a company."""

    __tablename__ = "company_settings"
    __table_args__ = (UniqueConstraint("company_id"),)
    kind = "settings"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    conflict_winner: Mapped[Winner] = mapped_column(choice(Winner, "winner"), default=Winner.PROVIDER)
    #: Whether the company is brought up to date by itself every night, and when by its own clock.
    nightly: Mapped[bool] = mapped_column(default=True)
    nightly_at: Mapped[time] = mapped_column(Time, default=time(2, 0))


def new_company(session: Session, name: str, time_zone: str = "UTC") -> Company:
    """Add a company, with the settings it starts from. Commits nothing."""
    company = Company(name=name, time_zone=time_zone)
    session.add(company)
    session.flush()
    session.add(CompanySettings(company_id=company.id))
    return company
