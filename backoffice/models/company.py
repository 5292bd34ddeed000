"""A company: whose books these are."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, declared_attr, mapped_column, validates

from backoffice.clock import now
from backoffice.database import Base, RowId


class Company(Base):
    """One set of books. Everything else belongs to one of these."""

    __tablename__ = "company"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    #: An IANA name such as Pacific/Auckland; schedules follow it.
    time_zone: Mapped[str] = mapped_column(String(60), default="UTC")
    #: Whether a person chose the zone; else it follows the organisation's.
    zone_chosen: Mapped[bool] = mapped_column(default=False)
    #: When zone or schedule were last changed: what was due before that is not caught up.
    planned_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    #: Set while it is being deleted: nothing of it can be used any more.
    deletion_id: Mapped[int | None] = mapped_column(ForeignKey("deletion.id"))

    @validates("time_zone")
    def _plan_anew(self, _key: str, zone: str) -> str:
        if self.time_zone not in (None, zone):
            self.planned_at = now()
        return zone

    def __str__(self) -> str:
        return self.name


class CompanyOwned:
    """Belongs to one company, and to nobody else. What changes in it is kept in the history."""

    #: The written-out key that stands in the database and in addresses.
    kind: str

    @declared_attr
    def company_id(self) -> Mapped[int]:
        return mapped_column(ForeignKey("company.id", ondelete="CASCADE"), index=True)
