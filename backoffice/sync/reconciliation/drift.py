"""Drift: the differences that were found, kept until somebody settles them or they are gone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.models import Cause, Connection, Drift, Link, Settled
from backoffice.sync.loading import load_rows
from backoffice.sync.mapper import Mapper
from backoffice.sync.reconciliation.compare import Finding, Verdict, weigh
from backoffice.sync.task import Task


def open_drift(session: Session, connection: Connection) -> dict[str, int]:
    """How many differences wait for somebody, by kind."""
    query = select(Drift.kind, func.count()).where(Drift.connection_id == connection.id, Drift.waits())
    return dict(session.execute(query.group_by(Drift.kind)).all())


def keep(task: Task, reconciliation_id: int, kind: str, verdicts: Iterable[Verdict]) -> None:
    """Put down what was found of rows of one kind, inside the caller's transaction.

    What somebody left as it is stays left until it changes again.
    """
    found = {verdict.external_id: verdict for verdict in verdicts}
    known = {row.external_id: row for row in _open_rows(task, kind, found)}
    for external_id, verdict in found.items():
        row, finding = known.get(external_id), verdict.finding
        if finding is None:
            if row is not None:
                row.reconciliation_id = reconciliation_id if verdict.open else None
            continue
        if row is None:
            row = Drift(company_id=task.company_id, connection_id=task.connection_id, kind=kind)
            row.external_id, row.found_by_id = external_id, task.job_id
            task.session.add(row)
        _renew(row, finding)
        row.reconciliation_id = reconciliation_id
    task.session.flush()


def _open_rows(task: Task, kind: str, ids: Collection[str]) -> Sequence[Drift]:
    query = select(Drift).where(
        Drift.connection_id == task.connection_id,
        Drift.kind == kind,
        Drift.external_id.in_(ids),
        Drift.settled_at.is_(None),
    )
    return task.session.scalars(query.execution_options(populate_existing=True)).all()


def _renew(row: Drift, finding: Finding) -> None:
    if row.fingerprint != finding.fingerprint:
        row.found_at, row.left_at, row.taking_id = now(), None, None
    row.cause, row.differences, row.fingerprint = finding.cause, list(finding.differences), finding.fingerprint
    row.record_id, row.name = finding.record_id, finding.name
    row.payload, row.version = finding.payload, finding.version
    row.seen_at, row.because_id = now(), None


def close(row: Drift, how: Settled, user_id: int | None = None) -> None:
    """Put down how a difference was settled."""
    row.settled, row.settled_at, row.taking_id, row.payload = how, now(), None, None
    row.user_id = user_id or row.user_id


def close_unseen(task: Task, reconciliation_id: int, kinds: Collection[str]) -> None:
    """What was not found again has gone by itself."""
    gone = Drift.connection_id == task.connection_id, Drift.kind.in_(kinds), Drift.settled_at.is_(None)
    unseen = Drift.reconciliation_id.is_(None) | (Drift.reconciliation_id != reconciliation_id)
    values: dict[str, Any] = {"settled_at": now(), "settled": Settled.BY_ITSELF, "taking_id": None, "payload": None}
    statement = update(Drift).where(*gone, unseen).values(values)
    task.session.execute(statement.execution_options(synchronize_session=False))


def explain(task: Task, reconciliation_id: int) -> None:
    """Find the differences that only come with others: they are shown and settled with those."""
    query = select(Drift).where(Drift.reconciliation_id == reconciliation_id, Drift.settled_at.is_(None))
    rows = task.session.scalars(query.order_by(Drift.id)).all()
    mappers = {mapper.kind: mapper for mapper in task.provider.mappers}
    by_id = {(row.kind, row.external_id): row for row in rows}
    by_record = {(row.kind, row.record_id): row for row in rows}
    for row in rows:
        mapper = mappers[row.kind]
        named = [by_id[key] for key in _named(task, mapper, row) if key in by_id]
        for other in named:
            _explain_pair(mapper, row, other)
        if {cell["column"] for cell in row.differences} == {"contact_id"}:
            _moved_with(task, mapper, row, by_record)


def _named(task: Task, mapper: Mapper, row: Drift) -> set[tuple[str, str]]:
    """What a row of theirs names, by kind and external id; of one that is gone there, what ours names."""
    if row.payload is not None:
        names = mapper.names(row.payload)
        found = {(ref.kind, key) for ref in mapper.refs if (key := names.get(ref.column))}
        into = mapper.merged_into(row.payload)
        return found | ({(row.kind, into)} if into else set())
    record = task.session.get(mapper.model, row.record_id) if row.record_id else None
    ours = {(ref.kind, getattr(record, ref.column)) for ref in mapper.refs} if record else set()
    links = (
        select(Link.kind, Link.external_id).where(
            Link.connection_id == task.connection_id, Link.kind == kind, Link.record_id == record_id
        )
        for kind, record_id in ours
        if record_id is not None
    )
    return {(kind, key) for query in links for kind, key in task.session.execute(query) if key}


def _explain_pair(mapper: Mapper, row: Drift, other: Drift) -> None:
    """Say which of two differences comes with the other, if one does: `row` names `other` there."""
    made, merged = row.cause is Cause.MADE_THERE, row.cause is Cause.MERGED_THERE
    if other.cause is Cause.MARKS_MOVED and row.cause is not Cause.MARKS_MOVED:
        if mapper.moves_money or made or merged:
            other.because_id = row.id
    elif other.cause is Cause.MADE_THERE and made:
        row.because_id = other.id


def _moved_with(task: Task, mapper: Mapper, row: Drift, by_record: Mapping[tuple[str, int | None], Drift]) -> None:
    """A document of which only the party differs, because that party was merged."""
    ref = next(ref for ref in mapper.refs if ref.column == "contact_id")
    record = task.session.get(mapper.model, row.record_id)
    merge = by_record.get((ref.kind, getattr(record, "contact_id", None)))
    if merge is not None and merge.cause is Cause.MERGED_THERE:
        row.because_id = merge.id


def look_again(task: Task) -> None:
    """After an ordinary job: what it has made equal waits for nobody any more."""
    mine = Drift.connection_id == task.connection_id, Drift.settled_at.is_(None), Drift.free()
    kinds = task.session.scalars(select(Drift.kind).where(*mine).distinct()).all()
    task.session.rollback()
    for mapper in (mapper for mapper in task.provider.mappers if mapper.kind in kinds):
        task.begin()
        rows = task.session.scalars(select(Drift).where(*mine, Drift.kind == mapper.kind)).all()
        for row in still_equal(task, mapper, rows):
            close(row, Settled.BY_ITSELF)
        task.commit()


def still_equal(task: Task, mapper: Mapper, rows: Sequence[Drift]) -> list[Drift]:
    """Those of some differences of one kind that are none any more, by what was last seen of them there."""
    shown = [row for row in rows if row.payload is not None]
    loaded = load_rows(task, mapper, [row.payload for row in shown if row.payload], strangers=True)
    differs = {each.external_id for each in weigh(task, mapper, loaded) if each.open}
    equal = [row for row in shown if row.external_id not in differs or _overtaken(task, row)]
    return equal + [row for row in rows if row.payload is None and not still_here(task, row)]


def _overtaken(task: Task, row: Drift) -> bool:
    """Whether both sides have agreed on something since it was seen."""
    since = Link.synced_at > row.seen_at
    query = select(Link.id).where(*_link_of(row), since, ~Link.pending)
    return task.session.scalar(query) is not None


def still_here(task: Task, row: Drift) -> bool:
    """Whether the record of a row that is gone there is still linked as if it were there."""
    return bool(task.session.scalar(select(exists().where(*_link_of(row), Link.gone.is_(None)))))


def _link_of(row: Drift) -> tuple[Any, ...]:
    return Link.connection_id == row.connection_id, Link.kind == row.kind, Link.external_id == row.external_id
