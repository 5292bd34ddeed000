"""People who sign in, what each of them may do, and the companies that are open to them."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from flask_login import UserMixin
from sqlalchemy import Column, ForeignKey, String, Table, UniqueConstraint, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from backoffice.clock import now
from backoffice.database import Base, Encrypted, RowId, choice
from backoffice.errors import BackofficeError
from backoffice.models.company import Company

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
INVITATION_LASTS = timedelta(days=7)


class UnfitPasswordError(BackofficeError):
    """A password needs at least 12 characters."""


class EmailTakenError(BackofficeError):
    """Somebody with this e-mail address is here already."""


class LastAdministratorError(BackofficeError):
    """The last administrator cannot be deactivated or given another role: nobody could let others in."""


class Role(StrEnum):
    """What a person may do; each role may do what the ones after it may."""

    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"
    VIEWER = "viewer"

    def covers(self, other: Role) -> bool:
        order = list(Role)
        return order.index(self) <= order.index(other)


#: The companies that were chosen for people who are limited to some.
user_company = Table(
    "user_company",
    Base.metadata,
    Column("user_id", ForeignKey("user_account.id", ondelete="CASCADE"), primary_key=True),
    Column("company_id", ForeignKey("company.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class User(UserMixin, Base):  # type: ignore[misc]
    """A person with an e-mail address, and a password or an account at the identity provider."""

    __tablename__ = "user_account"
    __table_args__ = (UniqueConstraint("identity_issuer", "identity_subject"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    #: Kept in lower case: it is what people sign in with.
    email: Mapped[str] = mapped_column(String(255), unique=True)
    name: Mapped[str] = mapped_column(String(255))
    role: Mapped[Role] = mapped_column(choice(Role, "role"), default=Role.VIEWER)
    active: Mapped[bool] = mapped_column(default=True)
    #: Empty until the person has followed the invitation.
    password_hash: Mapped[str | None] = mapped_column(String(255))
    #: Part of every session; moving it on ends them all.
    session_epoch: Mapped[int] = mapped_column(default=0)
    #: SHA-256 of the one-time link by which a password is chosen, and how long it lasts.
    invitation_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    invitation_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    signed_in_at: Mapped[datetime | None]
    #: Whether only the chosen companies are open to them. With none left of these, none is.
    limited: Mapped[bool] = mapped_column(default=False)
    companies: Mapped[list[Company]] = relationship(secondary=user_company, order_by=Company.name)
    #: What they share with their authenticator, and since when; the half minute of the last code that was used.
    totp_secret: Mapped[str | None] = mapped_column(Encrypted, deferred=True)
    totp_since: Mapped[datetime | None]
    totp_step: Mapped[int | None]
    #: Their account at the identity provider, once they came from there.
    identity_issuer: Mapped[str | None] = mapped_column(String(255))
    identity_subject: Mapped[str | None] = mapped_column(String(255))

    @property
    def bounded(self) -> bool:
        """Whether some companies are closed to them: never to an administrator, who could open them again."""
        return self.limited and self.role is not Role.ADMINISTRATOR

    @property
    def is_active(self) -> bool:
        return self.active

    @property
    def if_unreadable(self) -> str:
        return f"The second factor of {self.name}: reset it on the page Users."

    def get_id(self) -> str:
        return f"{self.id}.{self.session_epoch}"

    def may(self, role: Role) -> bool:
        return self.active and self.role.covers(role)

    def __str__(self) -> str:
        return self.name


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    return _hasher().hash(secrets.token_urlsafe())


def set_password(user: User, password: str) -> None:
    """Give a person a new password; every session of theirs ends, and so does an open invitation.

    Raises: UnfitPasswordError.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise UnfitPasswordError(f"A password needs {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.")
    user.password_hash = _hasher().hash(password)
    end_invitation(user)
    end_sessions(user)


def end_invitation(user: User) -> None:
    """Let the one-time link of a person work no longer: they are in."""
    user.invitation_hash = user.invitation_until = None


def verify_password(user: User | None, password: str) -> bool:
    """Whether this is the person's password. Takes as long for somebody who is not known.

    A hash made with older parameters is renewed; the caller commits.
    """
    known = user.password_hash if user else None
    try:
        _hasher().verify(known or _nobodys_hash(), password[:LONGEST_PASSWORD])
    except (VerifyMismatchError, InvalidHashError):
        return False
    if not user or not known:
        return False
    if _hasher().check_needs_rehash(known):
        user.password_hash = _hasher().hash(password)
    return True


def end_sessions(user: User) -> None:
    """End every session of a person."""
    user.session_epoch = (user.session_epoch or 0) + 1


def find_user(session: Session, email: str) -> User | None:
    """The person with this e-mail address, however it is written."""
    return session.scalar(select(User).where(User.email == email.strip().lower()[:255]))


def invite(session: Session, email: str, name: str, role: Role) -> tuple[User, str]:
    """Let somebody in: a new person, and the token of the one-time link by which they choose a password.

    Raises: EmailTakenError.
    """
    if find_user(session, email):
        raise EmailTakenError
    user = User(email=email.strip().lower(), name=name.strip(), role=role)
    session.add(user)
    return user, new_invitation(user)


def new_invitation(user: User) -> str:
    """A fresh one-time token for choosing a password; an older one no longer works."""
    token = secrets.token_urlsafe(32)
    user.invitation_hash = hashlib.sha256(token.encode()).hexdigest()
    user.invitation_until = now() + INVITATION_LASTS
    return token


def invited(session: Session, token: str) -> User | None:
    """The person a one-time link is for; None when it is used, too old or wrong."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    user = session.scalar(select(User).where(User.invitation_hash == digest))
    in_time = user and user.active and user.invitation_until and user.invitation_until > now()
    return user if in_time else None


def keep_an_administrator(session: Session, user: User) -> None:
    """Make sure that others can let people in when this person no longer can. Raises: LastAdministratorError."""
    comes_in = or_(User.password_hash.is_not(None), User.identity_subject.is_not(None))
    administrators = select(User.id).where(User.role == Role.ADMINISTRATOR, User.active, comes_in).order_by(User.id)
    if user.role is not Role.ADMINISTRATOR or not user.active:
        return
    # Locked: two who take it from each other at the same moment would leave nobody.
    if not set(session.scalars(administrators.with_for_update())) - {user.id}:
        raise LastAdministratorError
