"""User accounts: making them, their passwords, their ends. Callers commit."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import func, select

from backoffice.errors import BackofficeError
from backoffice.extensions import db
from backoffice.models.user import Role, User

_hasher = PasswordHasher()


class UserError(BackofficeError):
    """This cannot be done with this user."""


def create(email: str, name: str, role: Role) -> str:
    """Add a user and return the password that was made up for it.

    Raises: UserError when the address is taken.
    """
    email = email.strip().lower()
    if _find(email) is not None:
        raise UserError(f"There is already a user {email}.")
    user = User(email=email, name=name, role=role)
    db.session.add(user)
    return new_password(user)


def find(email: str) -> User:
    """The user with this address. Raises: UserError when there is none."""
    user = _find(email.strip().lower())
    if user is None:
        raise UserError(f"There is no user {email}.")
    return user


def everybody() -> Sequence[User]:
    """All users, by address."""
    return db.session.scalars(select(User).order_by(User.email)).all()


def set_password(user: User, password: str) -> None:
    """Change the password; every session of the user ends."""
    user.password_hash = _hasher.hash(password)
    user.invitation_hash = user.invitation_until = None
    end_sessions(user)


def new_password(user: User) -> str:
    """Give the user a made-up password and return it, the only time it is known."""
    password = secrets.token_urlsafe(12)
    set_password(user, password)
    return password


def check_password(user: User, password: str) -> bool:
    """Whether this is the user's password; an outdated hash is made anew on the way."""
    if not user.password_hash:
        return False
    try:
        _hasher.verify(user.password_hash, password)
    except (VerificationError, InvalidHashError):
        return False
    if _hasher.check_needs_rehash(user.password_hash):
        user.password_hash = _hasher.hash(password)
    return True


def set_role(user: User, role: Role) -> None:
    """Change what a user may do. Raises: UserError for the last administrator."""
    if role is not Role.ADMINISTRATOR:
        _keep_one_administrator(user)
    user.role = role


def deactivate(user: User) -> None:
    """Lock a user out, now. Raises: UserError for the last administrator."""
    _keep_one_administrator(user)
    user.active = False
    end_sessions(user)


def activate(user: User) -> None:
    """Let a user in again."""
    user.active = True


def end_sessions(user: User) -> None:
    """Sign the user out everywhere."""
    user.session_epoch = (user.session_epoch or 0) + 1


def _find(email: str) -> User | None:
    return db.session.scalar(select(User).where(User.email == email))


def _keep_one_administrator(user: User) -> None:
    others = (
        select(func.count())
        .select_from(User)
        .where(User.role == Role.ADMINISTRATOR, User.active.is_(True), User.id != user.id)
    )
    if user.role is Role.ADMINISTRATOR and user.active and not db.session.scalar(others):
        raise UserError(f"{user.email} is the last administrator; make somebody else one first.")
