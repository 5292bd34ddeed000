"""The second factor: a secret shared with a person's authenticator (RFC 6238), and recovery codes for a lost one.

Each code works once. Nothing here commits: whoever calls does so before letting the person in.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from pyotp import TOTP, OTPVerificationError, random_base32
from sqlalchemy import CursorResult, ForeignKey, String, UniqueConstraint, delete, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.clock import now
from backoffice.database import Base, RowId
from backoffice.models.user import User

ISSUER = "Back office"
#: So many codes of 30 seconds before and after the present one are right: clocks differ.
WINDOW = 1
RECOVERY_CODES = 10
#: Without letters and digits that are taken for one another: 16 of these are 79 bits.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
LONGEST_CODE = 40


class RecoveryCode(Base):
    """A code that stands in for an authenticator, once; using it deletes it."""

    __tablename__ = "recovery_code"
    __table_args__ = (UniqueConstraint("user_id", "digest"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    #: SHA-256 of the code, which cannot be guessed and so needs no slow hash.
    digest: Mapped[str] = mapped_column(String(64))


def new_secret() -> str:
    """A secret for an authenticator, in the letters that it takes."""
    return random_base32()


def address_of(user: User, secret: str) -> str:
    """What an authenticator reads from the picture."""
    return TOTP(secret).provisioning_uri(name=user.email, issuer_name=ISSUER)


def set_up(session: Session, user: User, secret: str, code: str) -> list[str] | None:
    """Ask for a second factor from now on; the recovery codes, known only now. None where the code does not fit."""
    step = _step(secret, code)
    if step is None:
        return None
    take_off(session, user)
    user.totp_secret, user.totp_step, user.totp_since = secret, step, now()
    codes = ["-".join(_letters(4) for _ in range(4)) for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(user_id=user.id, digest=_digest(one)) for one in codes)
    return codes


def take_off(session: Session, user: User) -> None:
    """Ask for no second factor any more; what was set up works no longer."""
    user.totp_secret = user.totp_step = user.totp_since = None
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))


def accepts(session: Session, user: User, code: str) -> bool:
    """Whether a code of the authenticator, or a recovery code, is right; it is used up by that."""
    typed = "".join(code.split())[:LONGEST_CODE]
    if typed.isdecimal():
        return _take_step(session, user, _step(user.totp_secret or "", typed))
    return _changed(session, delete(RecoveryCode).where(_mine(user), RecoveryCode.digest == _digest(typed)))


def recovery_codes_left(session: Session, user: User) -> int:
    """How many recovery codes were not used yet."""
    return session.scalar(select(func.count()).select_from(RecoveryCode).where(_mine(user))) or 0


def _mine(user: User) -> Any:
    return RecoveryCode.user_id == user.id


def _step(secret: str, code: str) -> int | None:
    """The count of half minutes that a code belongs to; None for one that does not fit."""
    typed = "".join(code.split())[:LONGEST_CODE]
    try:
        return TOTP(secret).verify_and_get_timecode(typed, for_time=now(), valid_window=WINDOW)
    except OTPVerificationError:
        return None


def _take_step(session: Session, user: User, step: int | None) -> bool:
    """Use a code up. One of two who bring the same at once finds it used."""
    if step is None:
        return False
    later = or_(User.totp_step.is_(None), User.totp_step < step)
    return _changed(session, update(User).where(User.id == user.id, later).values(totp_step=step))


def _changed(session: Session, statement: Any) -> bool:
    outcome = session.execute(statement)
    assert isinstance(outcome, CursorResult)
    return outcome.rowcount == 1


def _digest(code: str) -> str:
    return hashlib.sha256(code.replace("-", "").casefold().encode()).hexdigest()


def _letters(count: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(count))
