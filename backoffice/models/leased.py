"""Rows that one worker at a time does: claimed for a while, written only while claimed, given up if that fails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, and_, or_, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice import stop
from backoffice.clock import now
from backoffice.database import RowId
from backoffice.errors import LeaseLostError

#: What was taken up this often in a row and came no further is given up.
MOST_TRIES = 5
GIVEN_UP = (
    f"It was given up: {MOST_TRIES} times in a row whoever did it met a fault of the program, or was lost. "
    "The details are in the log. What was done until then stays done."
)
QUIET = {"synchronize_session": False}


class HandedBackError(LeaseLostError):
    """This worker was stopped; another one goes on with it."""


class Leased:
    """Something that a worker does, and another one takes up when that one is lost. With a reason it was given up."""

    id: Mapped[int] = mapped_column(RowId, primary_key=True, sort_order=-1)
    ended_at: Mapped[datetime | None]
    #: Why it ended before it was done.
    reason: Mapped[str | None] = mapped_column(String(500))
    #: Until when, and in which turn, a worker has it.
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    #: How often it was taken up since it last came further.
    tries: Mapped[int] = mapped_column(default=0)

    @classmethod
    def free(cls) -> ColumnElement[bool]:
        """Which of them have no end and no worker."""
        return and_(cls.ended_at.is_(None), or_(cls.lease_until.is_(None), cls.lease_until < now()))


@dataclass(frozen=True)
class Lease:
    """A worker's turn at one row. The fence is its number; a later turn has a higher one."""

    model: type[Leased]
    id: int
    fence: int
    seconds: float

    def write(self, session: Session, **values: Any) -> None:
        """Commit, with a change of the row that shows that it came further.

        Raises: LeaseLostError when another worker has taken over; nothing of the transaction stays then. And
        HandedBackError when this process is to end: what was done stays.
        """
        self._write(session, **values)
        if stop.requested():
            self.give_back(session)
            raise HandedBackError

    def _write(self, session: Session, **values: Any) -> None:
        changes = {"lease_until": now() + timedelta(seconds=self.seconds), "tries": 0, **values}
        mine = self.model.id == self.id, self.model.fence == self.fence, self.model.ended_at.is_(None)
        statement = update(self.model).where(*mine).values(**changes).returning(self.model.id)
        if session.scalar(statement, execution_options=QUIET) is None:
            session.rollback()
            raise LeaseLostError
        session.commit()

    def give_back(self, session: Session) -> None:
        """Leave it to whoever comes next. Commits. Raises: LeaseLostError."""
        self._write(session, lease_until=None)

    def end(self, session: Session, **values: Any) -> None:
        """Commit, and say that it is done. Raises: LeaseLostError."""
        self._write(session, ended_at=now(), lease_until=None, **values)


def claim(session: Session, model: type[Leased], id_: int, seconds: float, **values: Any) -> Lease | None:
    """Take a row that nobody does, and write these values; None when it is not to be had, or is given up. Commits."""
    free = update(model).where(model.id == id_, model.free())
    given_up = free.where(model.tries >= MOST_TRIES).values(ended_at=now(), lease_until=None, reason=GIVEN_UP)
    session.execute(given_up, execution_options=QUIET)
    taken = {"fence": model.fence + 1, "tries": model.tries + 1, "lease_until": now() + timedelta(seconds=seconds)}
    fence = session.scalar(free.values(**taken, **values).returning(model.fence), execution_options=QUIET)
    session.commit()
    return Lease(model, id_, fence, seconds) if fence is not None else None
