"""What needs a person, as it was told: which needs stand, when each came and went, and who wants to hear of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.clock import now
from backoffice.database import Base, RowId, choice
from backoffice.models.user import User


class Need(StrEnum):
    """Why a company needs somebody, the most pressing first."""

    LINK_LOST = "link_lost"
    ALERTS = "alerts"
    JOBS = "jobs"
    REFUSED = "refused"
    CHANGED = "changed"
    MATCHES = "matches"
    DUPLICATES = "duplicates"
    DRIFT = "drift"
    WEBHOOK_OFF = "webhook_off"


class Told(Base):
    """A need of a company that stands and was told of. The key is what lets two tell each thing once."""

    __tablename__ = "told"

    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"), primary_key=True)
    need: Mapped[Need] = mapped_column(choice(Need, "need"), primary_key=True)
    since: Mapped[datetime] = mapped_column(default=now)


class NeedChange(Base):
    """A need that appeared, or was settled: what is told of, and to whom it still has to be."""

    __tablename__ = "need_change"
    __table_args__ = (Index("ix_need_change_company", "company_id", "id"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"))
    need: Mapped[Need] = mapped_column(choice(Need, "need"))
    #: Whether it appeared; else it was settled.
    appeared: Mapped[bool]
    at: Mapped[datetime] = mapped_column(default=now, index=True)


class HowOften(StrEnum):
    """When somebody wants to be written to."""

    AT_ONCE = "at_once"
    DAILY = "daily"


class Subscription(Base):
    """One person who is told by e-mail of what one company needs."""

    __tablename__ = "subscription"

    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    how_often: Mapped[HowOften] = mapped_column(choice(HowOften, "how_often"))
    #: Up to which change they were told.
    told_to: Mapped[int] = mapped_column(RowId, default=0)
    #: When they were last written to; of a digest, also when there was nothing to write.
    turn_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()
