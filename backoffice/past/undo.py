"""Undoing a sync job: asked for by a person, done by a worker record by record, as that person's ordinary edits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backoffice.models import Author, History, SyncJob, Undo, writing_as
from backoffice.models.leased import Lease
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
    return session.scalars(select(Undo.id).where(Undo.free()).order_by(Undo.id).limit(1000)).all()


@dataclass
class Undoing:
    """A worker's turn at one undoing."""

    lease: Lease
    doors: Doors
    job_id: int
    left_over: list[dict[str, Any]] = field(default_factory=list)

    def keep(self, found: Step) -> None:
        """Commit what was done to one record, and what was left of it."""
        news = [_left_over(found, one) for one in found.left[: MOST_LEFT - len(self.left_over)]]
        self.left_over += news
        self.lease.write(
            self.doors.session,
            last_kind=found.kind,
            last_id=found.record_id,
            done=Undo.done + 1,
            changed=Undo.changed + int(found.does),
            values=Undo.values + len(found.changes),
            archived=Undo.archived + int(found.archive),
            left=Undo.left + len(found.left),
            **({"left_over": self.left_over} if news else {}),
        )


def _left_over(found: Step, one: Left) -> dict[str, Any]:
    change = one.change
    values = {"field": change.field, "old": change.old, "new": change.new} if change else {}
    return {"kind": found.kind, "record_id": found.record_id, "why": one.why, **values}


def run(session: Session, lease: Lease, doors_of: Callable[[Undo], Doors]) -> None:
    """Undo a job from where it stands. Commits after each record: one that cannot be written leaves the others.

    Raises: LeaseLostError when another worker has taken over.
    """
    row = session.get_one(Undo, lease.id, populate_existing=True)
    undoing = Undoing(lease, doors_of(row), row.sync_job_id, list(row.left_over))
    user_id, last_kind, last_id = row.user_id, row.last_kind, row.last_id
    with writing_as(Author(user_id=user_id)):
        for kind, ids in lots(session, undoing.job_id, undoing.doors.company_id, last_kind, last_id):
            rows = told(session, undoing.job_id, undoing.doors.company_id, kind, ids)
            session.rollback()
            for record_id in ids:
                undoing.keep(_undo(undoing, kind, record_id, rows[record_id]))
    lease.end(session)


def _undo(undoing: Undoing, kind: str, record_id: int, rows: Sequence[Any]) -> Step:
    """Write what undoing does to one record, and commit nothing; what cannot be written is left."""
    doors = undoing.doors
    record = doors.lock(kind, record_id)
    found = step(doors, undoing.job_id, kind, record_id, record, rows)
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
