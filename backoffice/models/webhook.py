"""What a provider tells us by itself: the webhook of our app there, and what it said was changed."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.clock import now
from backoffice.database import Base, Encrypted, RowId
from backoffice.models.connection import Connection

#: Before all that was ever read.
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Webhook(Base):
    """The webhook of one app of ours at a provider: the key that signs its deliveries, and how these went."""

    __tablename__ = "webhook"
    __table_args__ = (UniqueConstraint("provider", "client_id"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    provider: Mapped[str] = mapped_column(String(40))
    client_id: Mapped[str] = mapped_column(String(255))
    signing_key: Mapped[str | None] = mapped_column(Encrypted, deferred=True)
    key_set_at: Mapped[datetime | None]
    #: Deliveries that were signed with the key.
    delivered: Mapped[int] = mapped_column(default=0)
    #: Deliveries that were not.
    refused: Mapped[int] = mapped_column(default=0)
    #: Events about organisations that no company here is linked to.
    unknown: Mapped[int] = mapped_column(default=0)
    #: Events, or whole deliveries, that made no sense or are about no list that is kept here.
    odd: Mapped[int] = mapped_column(default=0)
    last_delivery_at: Mapped[datetime | None]
    last_refused_at: Mapped[datetime | None]

    @property
    def if_unreadable(self) -> str:
        return f"The signing key of the webhook of {self.provider}: keep it again on the page Integrations."


class Notice(Base):
    """The provider's word that a row of a list was changed there; all events about one row fold into one."""

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("connection_id", "resource", "external_id"),
        Index(
            "ix_notice_pending",
            "connection_id",
            "resource",
            "noticed_at",
            sqlite_where=text("seen_to > read_to"),
            postgresql_where=text("seen_to > read_to"),
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey(Connection.id, ondelete="CASCADE"))
    resource: Mapped[str] = mapped_column(String(40))
    external_id: Mapped[str] = mapped_column(String(64))
    #: The newest change that was told of, and up to which change it was read: both by the provider's clock.
    seen_to: Mapped[datetime]
    read_to: Mapped[datetime] = mapped_column(default=NEVER)
    #: Since when it waits to be read, and when a call last read it: both by ours.
    noticed_at: Mapped[datetime] = mapped_column(default=now)
    read_at: Mapped[datetime | None]

    @hybrid_property
    def pending(self) -> bool:
        return self.seen_to > self.read_to


class NoticeReading(Base):
    """When rows of a list that were changed there were last read by a call that had room for more ids."""

    __tablename__ = "notice_reading"

    connection_id: Mapped[int] = mapped_column(ForeignKey(Connection.id, ondelete="CASCADE"), primary_key=True)
    resource: Mapped[str] = mapped_column(String(40), primary_key=True)
    read_at: Mapped[datetime]
