"""Undoing a sync job: asked for by a person, done by a worker record by record, as that person's ordinary edits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.models import Author, History, SyncJob, Undo, writing_as
from backoffice.past.bring_back import try_out
from backoffice.past.doors import Doors
from backoffice.past.plan import CHANGING, Left, Step, lots, step, told

#: So much of what was left is kept with its reason.
MOST_LEFT = 500


def ask(session: Session, job: SyncJob, user_id: int) -> Undo | None:
    """Put down a person's word to undo a job; None while somebody's is being done. Commits; the caller rings."""
    touched = select(History.kind, History.record_id).where(
        History.sync_job_id == job.id, History.company_id == job.company_id, History.action.in_(CHANGING)
    )
    count = session.scalar(select(func.count()).select_from(touched.distinct().subquery())) or 0
    found = Undo(company_id=job.company_id, sync_job_id=job.id, user_id=user_id, records=count)
    session.add(found)
    try:
        session.commit()
    except IntegrityError:
        session.rollback()
        return None
    return found


def due(session: Session) -> Sequence[int]:
    """What was asked for and nobody does."""
    return session.scalars(select(Undo.id).where(*_free()).order_by(Undo.id).limit(1000)).all()


def _free() -> tuple[Any, ...]:
    return Undo.ended_at.is_(None), or_(Undo.lease_until.is_(None), Undo.lease_until < now())


@dataclass
class Turn:
    """A worker's turn at one undoing. The fence is its number; a later turn has a higher one."""

    doors: Doors
    undo_id: int
    job_id: int
    fence: int
    seconds: float
    left_over: list[dict[str, Any]] = field(default_factory=list)

    def write(self, **values: Any) -> bool:
        """Commit with a change of its row, if this turn is still the last one; else undo everything."""
        session, mine = self.doors.session, (Undo.id == self.undo_id, Undo.fence == self.fence)
        statement = update(Undo).where(*mine).values(lease_until=now() + timedelta(seconds=self.seconds), **values)
        returned = statement.returning(Undo.id).execution_options(synchronize_session=False)
        if session.scalar(returned) is None:
            session.rollback()
            return False
        session.commit()
        return True

    def keep(self, found: Step) -> bool:
        """Commit what was done to one record, and what was left of it."""
        self.left_over += [_left_over(found, one) for one in found.left[: MOST_LEFT - len(self.left_over)]]
        return self.write(
            last_kind=found.kind,
            last_id=found.record_id,
            done=Undo.done + 1,
            changed=Undo.changed + int(found.does),
            values=Undo.values + len(found.changes),
            archived=Undo.archived + int(found.archive),
            left=Undo.left + len(found.left),
            left_over=self.left_over,
        )


def _left_over(found: Step, one: Left) -> dict[str, Any]:
    change = one.change
    values = {"field": change.field, "old": change.old, "new": change.new} if change else {}
    return {"kind": found.kind, "record_id": found.record_id, "why": one.why, **values}


def run(session: Session, undo_id: int, doors_of: Callable[[Undo], Doors], seconds: float) -> bool:
    """Undo a job from where it stands; False when there is nothing to do, or another worker has it.

    Commits after each record: one that cannot be written leaves the others.
    """
    fence = _claim(session, undo_id, seconds)
    if fence is None:
        return False
    row = session.get_one(Undo, undo_id, populate_existing=True)
    turn = Turn(doors_of(row), undo_id, row.sync_job_id, fence, seconds, list(row.left_over))
    user_id, last_kind, last_id = row.user_id, row.last_kind, row.last_id
    with writing_as(Author(user_id=user_id)):
        for kind, ids in lots(session, turn.job_id, turn.doors.company_id, last_kind, last_id):
            rows = told(session, turn.job_id, turn.doors.company_id, kind, ids)
            session.rollback()
            if not all(turn.keep(_undo(turn, kind, record_id, rows[record_id])) for record_id in ids):
                return False
    return turn.write(ended_at=now())


def _claim(session: Session, undo_id: int, seconds: float) -> int | None:
    fence = session.scalar(
        update(Undo)
        .where(Undo.id == undo_id, *_free())
        .values(fence=Undo.fence + 1, lease_until=now() + timedelta(seconds=seconds))
        .returning(Undo.fence)
        .execution_options(synchronize_session=False)
    )
    session.commit()
    return fence


def _undo(turn: Turn, kind: str, record_id: int, rows: Sequence[Any]) -> Step:
    """Write what undoing does to one record, and commit nothing; what cannot be written is left."""
    doors = turn.doors
    record = doors.lock(kind, record_id)
    found = step(doors, turn.job_id, kind, record_id, record, rows)
    if record is None or not found.does:
        return found
    with doors.session.no_autoflush:
        record.archived = record.archived or found.archive
        for change in found.changes:
            doors.write(record, change)
    problem = try_out(doors, record)
    if problem:
        whole = [Left(None, problem)] if found.archive else []
        lefts = [*found.left, *whole, *(Left(change, problem) for change in found.changes)]
        return Step(kind, record_id, None, left=lefts)
    return found
