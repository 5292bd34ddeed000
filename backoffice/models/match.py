"""Matches in question: a record of ours and one of the provider's that may be the same."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.database import Base, RowId
from backoffice.models.link import Link


class Match(Base):
    """One candidate of the provider's for a record that waits. Several for one record are a doubt."""

    __tablename__ = "match"
    __table_args__ = (
        UniqueConstraint("link_id", "external_id"),
        Index("ix_match_external", "connection_id", "resource", "external_id"),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id", ondelete="CASCADE"))
    resource: Mapped[str] = mapped_column(String(40))
    link_id: Mapped[int] = mapped_column(ForeignKey("link.id", ondelete="CASCADE"))
    external_id: Mapped[str] = mapped_column(String(64))
    #: What they hold, in their own JSON.
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    #: `number`, `email` or `name`.
    matched_by: Mapped[str] = mapped_column(String(20))
    #: What a person said of it: it is the one, it is not; None while nobody has.
    chosen: Mapped[bool | None]

    link: Mapped[Link] = relationship()
