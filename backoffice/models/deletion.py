"""The deletion of a company: who asked for it, how far it is, what was removed. It outlives the company."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.clock import now
from backoffice.database import Base
from backoffice.models.leased import Leased
from backoffice.models.user import User


class Deletion(Leased, Base):
    """A company that is being deleted, or was. From its beginning on its company cannot be used."""

    __tablename__ = "deletion"

    #: What the company was called.
    name: Mapped[str] = mapped_column(String(255))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    started_at: Mapped[datetime] = mapped_column(default=now)
    #: How many rows of each table were removed so far.
    removed: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)

    user: Mapped[User | None] = relationship()
