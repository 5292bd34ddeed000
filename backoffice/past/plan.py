"""What undoing a sync job would do, record by record: what is brought back, what is put away, what is left and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.models import KINDS, RECORDS, History, Record
from backoffice.past.change import Change
from backoffice.past.doors import COMPUTED, GONE, Doors

#: Records are planned in lots of so many.
LOT = 200
#: What in the history is a change of the record itself.
CHANGING = ("created", "changed")
TOLD = (History.id, History.record_id, History.action, History.field, History.old, History.new)
CHANGED_SINCE = "It was changed again since."
ALERTED = "The supplier’s details were changed there; somebody has to acknowledge that first."
EDITED_SINCE = "It was changed after the job had made it."


@dataclass(frozen=True)
class Left:
    """What stays as it is, and why: a field, or without one the record as a whole."""

    change: Change | None
    why: str


@dataclass
class Step:
    """What undoing does to one record."""

    kind: str
    record_id: int
    record: Record | None
    archive: bool = False
    changes: list[Change] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    @property
    def does(self) -> bool:
        return self.archive or bool(self.changes)

    def columns(self) -> set[str]:
        """The columns that it changes."""
        named = {"lines" if change.line else change.field for change in self.changes}
        return named | ({"archived"} if self.archive else set())


def lots(
    session: Session, job_id: int, company_id: int, last_kind: str | None = None, last_id: int = 0
) -> Iterator[tuple[str, list[int]]]:
    """The records that a job changed, by kind, in lots; from one of them on."""
    kinds = [model.kind for model in RECORDS]
    start = kinds.index(last_kind) if last_kind in kinds else 0
    for kind in kinds[start:]:
        after = last_id if kind == last_kind else 0
        while ids := _some(session, job_id, company_id, kind, after):
            yield kind, ids
            after = ids[-1]


def _some(session: Session, job_id: int, company_id: int, kind: str, after: int) -> list[int]:
    query = (
        select(History.record_id)
        .where(History.sync_job_id == job_id, History.company_id == company_id, History.kind == kind)
        .where(History.record_id > after, History.action.in_(CHANGING))
        .distinct()
        .order_by(History.record_id)
        .limit(LOT)
    )
    return list(session.scalars(query))


def told(session: Session, job_id: int, company_id: int, kind: str, ids: Sequence[int]) -> dict[int, list[Any]]:
    """What the history tells of a job's changes of some records, the oldest first."""
    query = select(*TOLD).where(
        History.sync_job_id == job_id, History.company_id == company_id, History.kind == kind,
        History.record_id.in_(ids), History.action.in_(CHANGING),
    )  # fmt: skip
    found: dict[int, list[Any]] = defaultdict(list)
    for row in session.execute(query.order_by(History.id)):
        found[row.record_id].append(row)
    return found


def read(session: Session, kind: str, ids: Sequence[int]) -> dict[int, Record]:
    """The records of a lot that are still here."""
    model = KINDS[kind]
    return {record.id: record for record in session.scalars(select(model).where(model.id.in_(ids)))}


def step(doors: Doors, job_id: int, kind: str, record_id: int, record: Record | None, rows: Sequence[Any]) -> Step:
    """What undoing does to one record of which these lines tell. Changes nothing."""
    found = Step(kind, record_id, record)
    if record is None:
        found.left.append(Left(None, GONE))
    elif any(row.action == "created" for row in rows):
        _put_away(doors, found, record, job_id, rows[-1].id)
    else:
        for change in folded(rows):
            _take_back(doors, found, record, change)
    return found


def _put_away(doors: Doors, found: Step, record: Record, job_id: int, last: int) -> None:
    if record.archived:
        return
    why = doors.why_not_archive(record) or (EDITED_SINCE if _edited(doors.session, record, job_id, last) else "")
    if why:
        found.left.append(Left(None, why))
    else:
        found.archive = True


def _edited(session: Session, record: Record, job_id: int, last: int) -> bool:
    """Whether anybody but this job has changed a record after it."""
    later = select(History.id).where(
        History.company_id == record.company_id, History.kind == record.kind, History.record_id == record.id,
        History.id > last, History.action == "changed", History.sync_job_id.is_distinct_from(job_id),
    )  # fmt: skip
    return session.scalar(later.limit(1)) is not None


def _take_back(doors: Doors, found: Step, record: Record, change: Change) -> None:
    if change.undone(record):
        return
    whole = change.line is not None and change.line[1] is None
    since = "" if whole or change.stands(record) else CHANGED_SINCE
    why = since or doors.why_not(record, change) or (ALERTED if doors.alerts(record) else "")
    if why and why != COMPUTED:
        found.left.append(Left(change, why))
    elif not why:
        found.changes.append(change)


def folded(rows: Sequence[Any]) -> list[Change]:
    """Several changes of a field as one, from the first value to the last; what came to nothing is left out."""
    found: dict[str, Change] = {}
    for row in rows:
        first = found.get(row.field)
        found[row.field] = Change(row.field, first.old if first else row.old, row.new, first.since if first else row.id)
    return [change for change in found.values() if change.old != change.new]
