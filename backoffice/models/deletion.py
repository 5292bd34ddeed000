"""The deletion of a company: who asked for it, how far it is, what was removed. It outlives the company."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.clock import now
from backoffice.database import Base, RowId
from backoffice.models.user import User


class Deletion(Base):
    """A company that is being deleted, or was. While it has no end, its company cannot be used."""

    __tablename__ = "deletion"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    #: What the company was called.
    name: Mapped[str] = mapped_column(String(255))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    started_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]
    #: How many rows of each table were removed so far.
    removed: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)

    user: Mapped[User | None] = relationship()
