"""What this deployment asks of everybody who signs in: one row, and none until an administrator has chosen."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.database import Base, RowId
from backoffice.models.user import User

#: The number of the one row.
ONLY = 1


class SignInRules(Base):
    """The choices of the page *Signing in*."""

    __tablename__ = "sign_in_rules"

    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False, default=ONLY)
    #: Whoever signs in with a password gives a code too.
    second_factor: Mapped[bool] = mapped_column(default=False)
    #: Nobody signs in with a password. It does not bind where no single sign-on is set up.
    single_sign_on: Mapped[bool] = mapped_column(default=False)
    changed_at: Mapped[datetime | None]
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey(User.id, ondelete="SET NULL"))


def rules(session: Session) -> SignInRules:
    """What was chosen; as long as nobody has, what holds then, which is not kept."""
    return session.get(SignInRules, ONLY) or SignInRules(id=ONLY, second_factor=False, single_sign_on=False)
