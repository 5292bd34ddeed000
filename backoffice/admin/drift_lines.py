"""What the drift report shows: differences in groups, lists with both counts, and what was settled before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_login import current_user
from sqlalchemy import ColumnElement, func, select

from backoffice.admin import drift_words, links, words
from backoffice.extensions import db
from backoffice.models import Cause, Connection, Drift, Reconciliation, Record, Role, SyncJob, Work
from backoffice.sync import jobs
from backoffice.sync.mapper import Mapper
from backoffice.sync.reconciliation import settling
from backoffice.sync.reconciliation.settling import Way
from backoffice.wording import plural

#: So many differences of a group stand on the page.
SHOWN = 25
FORMER = 20


@dataclass(frozen=True)
class Line:
    """One difference on the page."""

    row: Drift
    record: Record | None
    #: Where a person sees it on the other side.
    url: str | None
    ways: Sequence[Way]
    #: What comes with it.
    others: Sequence[Drift]


@dataclass(frozen=True)
class Group:
    """The differences of one kind and cause; `ways` are open to all of them."""

    kind: str
    cause: Cause
    count: int
    lines: Sequence[Line]
    ways: Sequence[Way]


@dataclass(frozen=True)
class Compared:
    """How one kind stood in the last reconciliation."""

    label: str
    ours: int
    theirs: int
    differences: int
    explained: str
    complete: bool


def mappers_of(connection: Connection) -> dict[str, Mapper]:
    """How each kind looks on the other side."""
    return {mapper.kind: mapper for mapper in getattr(links.provider_of(connection), "mappers", ())}


def groups(connection: Connection, left: bool, chosen: tuple[str, Cause] | None, page: int) -> list[Group]:
    """What differs, by kind and cause, the most first; of one group alone, its page."""
    which = _waits(left)
    query = select(Drift.kind, Drift.cause, func.count()).where(Drift.connection_id == connection.id, which)
    counted = db.session.execute(query.group_by(Drift.kind, Drift.cause).order_by(func.count().desc(), Drift.kind))
    found = [(kind, cause, n) for kind, cause, n in counted if chosen in (None, (kind, cause))]
    return [_group(connection, kind, cause, n, which, page if chosen else 0) for kind, cause, n in found]


def _waits(left: bool) -> ColumnElement[bool]:
    if not left:
        return Drift.waits()
    return Drift.settled_at.is_(None) & Drift.left_at.is_not(None) & Drift.because_id.is_(None)


def _group(connection: Connection, kind: str, cause: Cause, n: int, which: ColumnElement[bool], page: int) -> Group:
    query = select(Drift).where(Drift.connection_id == connection.id, Drift.kind == kind, Drift.cause == cause, which)
    rows = db.session.scalars(query.order_by(Drift.name, Drift.id).offset(page * SHOWN).limit(SHOWN)).all()
    others: dict[int | None, list[Drift]] = {}
    mine = select(Drift).where(Drift.because_id.in_([row.id for row in rows]), Drift.settled_at.is_(None))
    for each in db.session.scalars(mine.order_by(Drift.id)):
        others.setdefault(each.because_id, []).append(each)
    mapper = mappers_of(connection).get(kind)
    records = links.records_at((row.kind, row.record_id) for row in rows)
    lines = [
        _line(connection, mapper, row, records.get((kind, row.record_id or 0)), others.get(row.id, [])) for row in rows
    ]
    ways = lines[0].ways if lines else ()
    return Group(kind, cause, n, lines, ways)


def _line(
    connection: Connection, mapper: Mapper | None, row: Drift, record: Record | None, others: Sequence[Drift]
) -> Line:
    provider = links.provider_of(connection)
    there = provider.record_url(connection, row.kind, row.external_id) if provider and row.payload else None
    ways = settling.ways(mapper, row) if mapper else ()
    may_unlink = current_user.may(Role.ADMINISTRATOR)
    return Line(row, record, there, [way for way in ways if way is not Way.UNLINK or may_unlink], others)


def compared(run: Reconciliation | None) -> list[Compared]:
    """Each kind of the last reconciliation, with both counts."""
    found = []
    for each in run.lists if run else ():
        for kind, n in each.counts.items():
            label = plural(words.kind_label(kind))
            why = drift_words.explained(n.get("explained", {}))
            found.append(Compared(label, n["ours"], n["theirs"], n.get("differences", 0), why, each.complete))
    return found


def settled_lately(connection: Connection | None) -> Sequence[Drift]:
    """What was settled last, and by whom."""
    if connection is None:
        return ()
    mine = select(Drift).where(Drift.connection_id == connection.id, Drift.settled_at.is_not(None))
    alone = mine.where(Drift.because_id.is_(None)).order_by(Drift.settled_at.desc(), Drift.id.desc())
    return db.session.scalars(alone.limit(FORMER)).all()


def former(connection: Connection | None) -> Sequence[Reconciliation]:
    """The last reconciliations, the newest first."""
    if connection is None:
        return ()
    query = select(Reconciliation).where(
        Reconciliation.connection_id == connection.id, Reconciliation.finished_at.is_not(None)
    )
    return db.session.scalars(query.order_by(Reconciliation.id.desc()).limit(FORMER)).all()


def open_job(connection: Connection | None) -> SyncJob | None:
    """The reconciliation, or the settling, that is under way."""
    if connection is None:
        return None
    works = SyncJob.work.in_((Work.RECONCILE, Work.SETTLE))
    query = select(SyncJob).where(SyncJob.connection_id == connection.id, works, SyncJob.state.in_(jobs.OPEN))
    return db.session.scalar(query.order_by(SyncJob.state.desc(), SyncJob.id).limit(1))
