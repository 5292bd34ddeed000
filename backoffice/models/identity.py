"""Who somebody is at the identity provider, and which person of ours that is."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.errors import BackofficeError
from backoffice.models.user import User, end_invitation, find_user


class IdentityRefusedError(BackofficeError):
    """Whoever has signed in at the identity provider cannot come in here."""


@dataclass(frozen=True)
class Identity:
    """What an identity provider says of somebody, signed by it."""

    issuer: str
    #: Its own name for the account; it never belongs to another one.
    subject: str
    email: str
    #: Whether it vouches for the address.
    verified: bool


def recognise(session: Session, identity: Identity) -> User:
    """The person whose account this is: known from before, or else by the address that they were invited with.

    Commits nothing. Raises: IdentityRefusedError, in words for that person.
    """
    user = _known(session, identity) or _met(session, identity)
    if not user.active:
        raise IdentityRefusedError(f"{user.email} can no longer sign in here. An administrator can change that.")
    user.identity_issuer, user.identity_subject = identity.issuer, identity.subject
    end_invitation(user)
    return user


def forget(user: User) -> None:
    """Let the next account with the person's address be taken for theirs."""
    user.identity_issuer = user.identity_subject = None


def _known(session: Session, identity: Identity) -> User | None:
    mine = User.identity_issuer == identity.issuer, User.identity_subject == identity.subject
    return session.scalar(select(User).where(*mine))


def _met(session: Session, identity: Identity) -> User:
    """Somebody who comes from there for the first time."""
    if not identity.email:
        raise IdentityRefusedError("Your account there has no e-mail address, by which you would be known here.")
    if not identity.verified:
        raise IdentityRefusedError(
            f"It does not vouch for {identity.email}: the address has to be verified there first."
        )
    user = find_user(session, identity.email)
    if user is None:
        raise IdentityRefusedError(
            f"Nobody here has the e-mail address {identity.email}. Ask an administrator to invite you."
        )
    if user.identity_issuer == identity.issuer:
        raise IdentityRefusedError(
            f"{user.email} has signed in with another account there before. "
            "If this is yours too, an administrator can let it in, on the page Users."
        )
    return user
