"""The preview of undoing a sync job: what would be brought back, what would be put away, what would be left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select

from backoffice.models import Connection, Link, SyncJob
from backoffice.models.link import Routes
from backoffice.past.doors import Doors
from backoffice.past.plan import Left, Step, lots, read, step, told

#: A preview looks at so many records, and shows so many of them.
MOST_PLANNED, MOST_SHOWN = 2_000, 200


@dataclass
class Preview:
    """What undoing a job would do, as things stand."""

    records: int = 0
    values: int = 0
    archived: int = 0
    left: int = 0
    #: How many records would be sent to the accounting system.
    sent: int = 0
    #: Whether there are more records than were looked at.
    more: bool = False
    shown: list[Step] = field(default_factory=list)
    left_shown: list[tuple[Step, Left]] = field(default_factory=list)

    def add(self, found: Step) -> None:
        self.records += found.does
        self.values += len(found.changes)
        self.archived += found.archive
        self.left += len(found.left)
        if found.does and len(self.shown) < MOST_SHOWN:
            self.shown.append(found)
        self.left_shown += [(found, one) for one in found.left[: MOST_SHOWN - len(self.left_shown)]]


def preview(doors: Doors, job: SyncJob) -> Preview:
    """What undoing a job would do. Changes nothing."""
    found, looked_at = Preview(), 0
    for kind, ids in lots(doors.session, job.id, doors.company_id):
        if looked_at >= MOST_PLANNED:
            found.more = True
            break
        looked_at += len(ids)
        steps = _planned(doors, job.id, kind, ids)
        for one in steps:
            found.add(one)
        found.sent += _sent(doors, kind, steps)
    return found


def _planned(doors: Doors, job_id: int, kind: str, ids: Sequence[int]) -> list[Step]:
    rows = told(doors.session, job_id, doors.company_id, kind, ids)
    records = read(doors.session, kind, ids)
    return [step(doors, job_id, kind, record_id, records.get(record_id), rows[record_id]) for record_id in ids]


def _sent(doors: Doors, kind: str, steps: Sequence[Step]) -> int:
    """How many of these records the accounting system would be sent."""
    session = doors.session
    touched = [one.record_id for one in steps if one.record and one.columns() & one.record.synced_columns()]
    connection = session.scalar(select(Connection).where(Connection.company_id == doors.company_id, Connection.active))
    routes: Routes = session.info.get("routes", {})
    route = routes.get((connection.provider, kind)) if connection else None
    held_back = doors.settings is not None and not doors.settings.sends(kind)
    if connection is None or route is None or not route.direction.sends or held_back or not touched:
        return 0
    linked = select(func.count()).where(
        Link.connection_id == connection.id, Link.kind == kind, Link.record_id.in_(touched), ~Link.paused
    )
    return session.scalar(linked) or 0
