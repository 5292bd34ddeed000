"""Consent and connection: who let us in, and to which organisation."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, Date, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.clock import now
from backoffice.database import Base, Encrypted, RowId, choice
from backoffice.errors import Ending
from backoffice.models.company import Company


class Grant(StrEnum):
    """How the tokens are come by."""

    AUTHORISATION_CODE = "authorization_code"
    CLIENT_CREDENTIALS = "client_credentials"


class Authorisation(Base):
    """One person's consent to our application. Several connections may share it, and with it its tokens."""

    __tablename__ = "authorisation"
    __table_args__ = (UniqueConstraint("provider", "client_id", "subject"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    provider: Mapped[str] = mapped_column(String(40))
    client_id: Mapped[str] = mapped_column(String(255))
    #: The provider's id of the person who consented.
    subject: Mapped[str] = mapped_column(String(255))
    grant: Mapped[Grant] = mapped_column(choice(Grant, "grant"), default=Grant.AUTHORISATION_CODE)
    access_token: Mapped[str] = mapped_column(Encrypted, deferred=True)
    refresh_token: Mapped[str | None] = mapped_column(Encrypted, deferred=True)
    #: Works for a while after a rotation whose answer was lost.
    previous_refresh_token: Mapped[str | None] = mapped_column(Encrypted, deferred=True)
    scopes: Mapped[str] = mapped_column(Text, default="")
    expires_at: Mapped[datetime]
    refreshed_at: Mapped[datetime] = mapped_column(default=now)
    #: Why it no longer works; empty while it does.
    ended: Mapped[str | None] = mapped_column(Text)
    #: Whose turn it is to refresh.
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)

    connections: Mapped[list[Connection]] = relationship(back_populates="authorisation")

    @property
    def if_unreadable(self) -> str:
        reached = ", ".join(sorted(each.company.name for each in self.connections if each.active))
        if not reached:
            return "A permission that no company uses: nothing has to be done."
        return f"The permission to reach the books of {reached}: link again on the page Integrations."


class ConnectionState(StrEnum):
    """Whether an organisation can be reached."""

    CONNECTED = "connected"
    NEEDS_RECONNECTING = "needs_reconnecting"
    UNLINKED = "unlinked"


class Connection(Base):
    """One organisation of a provider, linked to one company. Never deleted while the company lives."""

    __tablename__ = "connection"
    __table_args__ = (
        UniqueConstraint("company_id", "provider", "external_id"),
        Index(
            "uq_connection_organisation",
            "provider",
            "external_id",
            unique=True,
            sqlite_where=text("active"),
            postgresql_where=text("active"),
        ),
        Index(
            "uq_connection_active",
            "company_id",
            unique=True,
            sqlite_where=text("active"),
            postgresql_where=text("active"),
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"))
    authorisation_id: Mapped[int | None] = mapped_column(ForeignKey("authorisation.id", ondelete="SET NULL"))
    provider: Mapped[str] = mapped_column(String(40))
    #: The organisation's id (Xero: tenantId), and the id of its being connected (Xero: id of /connections).
    external_id: Mapped[str] = mapped_column(String(64))
    consent_id: Mapped[str] = mapped_column(String(64), default="")
    organisation: Mapped[str] = mapped_column(String(255))
    country: Mapped[str] = mapped_column(String(20), default="")
    base_currency: Mapped[str] = mapped_column(String(10), default="")
    #: The organisation's name in addresses of the provider's own pages.
    short_code: Mapped[str] = mapped_column(String(40), default="")
    #: Nothing dated up to this day may be written there any more.
    locked_until: Mapped[dt.date | None] = mapped_column(Date)
    #: ISO 4217 codes that it has; None while that was not read.
    currencies: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    #: Whether the provider gives it a new id from time to time.
    demo: Mapped[bool] = mapped_column(default=False)
    #: When the organisation itself was last read.
    described_at: Mapped[datetime | None]
    active: Mapped[bool] = mapped_column(default=True)
    state: Mapped[ConnectionState] = mapped_column(
        choice(ConnectionState, "connection_state"), default=ConnectionState.CONNECTED
    )
    #: What happened and what to do, in plain words, while it needs reconnecting; and which sort of ending it is.
    problem: Mapped[str | None] = mapped_column(Text)
    lost_reason: Mapped[Ending | None] = mapped_column(choice(Ending, "ending"))
    linked_at: Mapped[datetime] = mapped_column(default=now)
    unlinked_at: Mapped[datetime | None]
    #: Nothing of ours is sent before a person has seen what would be.
    push_confirmed_at: Mapped[datetime | None]
    #: The provider's own count of what is left, and when it said so.
    day_left: Mapped[int | None]
    minute_left: Mapped[int | None]
    budget_at: Mapped[datetime | None]

    company: Mapped[Company] = relationship()
    authorisation: Mapped[Authorisation | None] = relationship(back_populates="connections")

    @property
    def left_today(self) -> int | None:
        """Calls of the day that are left; None where nobody has said so for a day."""
        return self._left(self.day_left, dt.timedelta(days=1))

    @property
    def left_this_minute(self) -> int | None:
        return self._left(self.minute_left, dt.timedelta(minutes=1))

    def _left(self, count: int | None, fresh: dt.timedelta) -> int | None:
        return count if self.budget_at is not None and self.budget_at > now() - fresh else None

    @property
    def usable(self) -> bool:
        return self.active and self.state is ConnectionState.CONNECTED
