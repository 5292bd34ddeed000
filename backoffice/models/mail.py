"""The outbox: letters that were e-mailed, or wait to be. What a row holds is what is sent, whatever changes later."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from backoffice.clock import now
from backoffice.database import Base, RowId, choice
from backoffice.models.user import User


class MailState(StrEnum):
    """Where an e-mail stands."""

    WAITING = "waiting"
    #: Handed to the mail server just now; nobody else may.
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    #: It was handed over and no answer came: it may have been sent, and is not sent again unasked.
    PERHAPS_SENT = "perhaps_sent"


class Mail(Base):
    """One e-mail: a document to one party, or a notification to one of us."""

    __tablename__ = "mail"
    __table_args__ = (
        Index("ix_mail_document", "company_id", "kind", "record_id", "id"),
        Index(
            "ix_mail_open",
            "due_at",
            sqlite_where=text("state IN ('waiting', 'sending')"),
            postgresql_where=text("state IN ('waiting', 'sending')"),
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"))
    #: The document that it is about, its kind and its number among them; a notification is about none.
    kind: Mapped[str | None] = mapped_column(String(40))
    record_id: Mapped[int | None] = mapped_column(RowId)
    #: One address, or several with commas between them.
    recipients: Mapped[str] = mapped_column(Text)
    #: Whose name it goes out under, and where answers go.
    sender_name: Mapped[str] = mapped_column(String(255))
    reply_to: Mapped[str | None] = mapped_column(String(255))
    subject: Mapped[str] = mapped_column(String(255))
    body: Mapped[str] = mapped_column(Text)
    file_name: Mapped[str | None] = mapped_column(String(255))
    pdf: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    #: The same for every try, so that the receiving side can tell two of one.
    message_id: Mapped[str] = mapped_column(String(255), unique=True)
    state: Mapped[MailState] = mapped_column(choice(MailState, "mail_state"), default=MailState.WAITING)
    #: Why it failed, or what it waits for, in plain words; and the mail server's own.
    reason: Mapped[str | None] = mapped_column(Text)
    reason_raw: Mapped[str | None] = mapped_column(Text)
    #: How often in a row it was tried, and the number of the latest turn at it.
    tries: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int] = mapped_column(default=0)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    #: When it may be tried, and until when whoever sends it is believed to live.
    due_at: Mapped[datetime] = mapped_column(default=now)
    lease_until: Mapped[datetime | None]
    #: When it was sent, or given up.
    ended_at: Mapped[datetime | None]

    user: Mapped[User | None] = relationship()

    @property
    def addresses(self) -> list[str]:
        """To whom it goes, one by one."""
        return self.recipients.split(", ")
