"""Webhooks that leave here: where a company wants to be told of what needs a person, and each delivery to it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from backoffice.clock import now
from backoffice.database import Base, Encrypted, RowId, choice


class Receiver(Base):
    """The address that one company's notifications are delivered to."""

    __tablename__ = "receiver"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"), unique=True)
    address: Mapped[str] = mapped_column(String(500))
    #: What deliveries are signed with: whsec_ and 32 bytes in Base64.
    secret: Mapped[str] = mapped_column(Encrypted, deferred=True)
    secret_at: Mapped[datetime] = mapped_column(default=now)
    #: Since when no delivery was taken; None while the last one was.
    failing_since: Mapped[datetime | None]
    #: When it was switched off because none was taken for days.
    off_at: Mapped[datetime | None]

    @property
    def host(self) -> str:
        """Where it is; the rest of the address may hold a token."""
        return urlsplit(self.address).netloc

    @property
    def if_unreadable(self) -> str:
        return f"What deliveries to {self.address} are signed with: make a new secret on the page Notifications."


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(Base):
    """One event on its way to a receiver. What a row holds is what is sent, at every try."""

    __tablename__ = "delivery"
    __table_args__ = (
        Index("ix_delivery_receiver", "receiver_id", "id"),
        Index(
            "ix_delivery_waiting",
            "due_at",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"), index=True)
    receiver_id: Mapped[int] = mapped_column(ForeignKey("receiver.id", ondelete="CASCADE"))
    #: The same for every try, so that the receiving side can tell two of one.
    message_id: Mapped[str] = mapped_column(String(64), unique=True)
    body: Mapped[str] = mapped_column(Text)
    #: Whether it is tried again; somebody who presses a button waits for one answer.
    lasting: Mapped[bool] = mapped_column(default=True)
    state: Mapped[DeliveryState] = mapped_column(choice(DeliveryState, "delivery_state"), default=DeliveryState.WAITING)
    tries: Mapped[int] = mapped_column(default=0)
    #: When it may be tried; whoever tries it moves this on before, so that nobody else does meanwhile.
    due_at: Mapped[datetime] = mapped_column(default=now)
    #: What the last try was answered with, if it was, and why it is not delivered, in plain words.
    status: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]
