"""The provider's word, written here in bulk: one look at what we hold, one write of what differs, one of history."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, insert, select, update

from backoffice.clock import now
from backoffice.models import History, Link
from backoffice.sync.lines import held_lines, line_of
from backoffice.sync.loading import Loaded
from backoffice.sync.mapper import Mapper
from backoffice.sync.task import Task
from backoffice.sync.writer import ENGINE, Held, Writer, diff


def held(task: Task, mapper: Mapper, ids: Iterable[str], lock: bool = False) -> dict[str, Held]:
    """What we hold of these external ids: columns of the record, and of its link with `link_` before the name."""
    table = mapper.model.table()
    columns: list[Any] = [
        table,
        Link.id.label("link_id"),
        Link.external_id.label("link_external_id"),
        Link.external_version.label("link_version"),
        Link.agreed.label("link_agreed"),
        (Link.wanted_revision > Link.synced_revision).label("link_pending"),
        Link.attempt_id.label("link_attempt_id"),
        Link.paused.label("link_paused"),
        Link.gone.label("link_gone"),
        Link.sent_at.label("link_sent_at"),
        Link.changed_there.is_not(None).label("link_in_question"),
    ]
    query = (
        select(*columns)
        .join_from(Link, table, Link.record_id == table.c.id)
        .where(
            Link.connection_id == task.connection_id,
            Link.resource == mapper.resource,
            Link.kind == mapper.kind,
            Link.external_id.in_(list(ids)),
        )
        .order_by(table.c.id)
    )
    if lock:
        query = query.with_for_update(of=[table, Link.table()])
    rows = task.session.execute(query).all()
    model = line_of(mapper.model)
    if model is None:
        return {row.link_external_id: Held(row._mapping) for row in rows}
    lines = held_lines(task.session, model, [row.id for row in rows])
    return {row.link_external_id: Held({**row._mapping, "lines": lines.get(row.id, [])}) for row in rows}


def store_known(task: Task, mapper: Mapper, loaded: Mapping[str, Loaded]) -> list[Loaded]:
    """Write what they say of records that are linked, inside the caller's transaction; returns the other rows."""
    rows = held(task, mapper, loaded)
    differing = [key for key, row in rows.items() if _differs(row, loaded[key])]
    if differing:
        rows |= held(task, mapper, differing, lock=True)
    write = Writer(task, mapper)
    for key, row in rows.items():
        write.known(row, loaded[key])
    write.flush()
    return [row for key, row in loaded.items() if key not in rows]


def overwrite(task: Task, mapper: Mapper, pairs: Sequence[tuple[Held, Loaded]]) -> None:
    """Give records of ours the provider's values, whatever they hold; what is overwritten is in the history."""
    write = Writer(task, mapper)
    for row, theirs in pairs:
        write.take(row, theirs, diff(row, theirs.values))
    write.flush()


def create(task: Task, mapper: Mapper, rows: Sequence[Loaded]) -> None:
    """Make records of rows that nothing here matches, and that the company wants."""
    write = Writer(task, mapper)
    write.create([row for row in rows if mapper.welcome(row.values, row.gone, task.settings)])
    write.flush()


def mark(task: Task, mapper: Mapper, loaded: Mapping[str, Loaded]) -> None:
    """Take what only they know of records that were sent just now, inside the caller's transaction."""
    write = Writer(task, mapper)
    for key, row in held(task, mapper, loaded, lock=True).items():
        write.marks(row, loaded[key])
    write.flush()


def _differs(row: Held, theirs: Loaded) -> bool:
    moved = row.link_pending or row.link_version != theirs.version or row.link_gone != theirs.gone
    return moved or row.link_agreed != theirs.agreed or bool(diff(row, theirs.values))


def archive_missing(task: Task, mapper: Mapper, present: Collection[str], *among: ColumnElement[bool]) -> None:
    """Archive here what a complete list no longer holds, and say why; `among` narrows down what it is a list of."""
    links = task.session.execute(
        select(Link.id, Link.record_id, Link.external_id).where(
            Link.connection_id == task.connection_id,
            Link.kind == mapper.kind,
            Link.external_id.is_not(None),
            Link.gone.is_(None),
            Link.attempt_id.is_(None),
            *among,
        )
    )
    missing = [(link_id, record_id) for link_id, record_id, external_id in links if external_id not in present]
    if not missing:
        return
    record_ids = [record_id for _, record_id in missing]
    table = mapper.model.table()
    task.session.execute(
        update(mapper.model)
        .where(table.c.id.in_(record_ids))
        .values(archived=True, revision=table.c.revision + 1, changed_at=now())
        .execution_options(**ENGINE)
    )
    task.session.execute(
        update(Link)
        .where(Link.id.in_([link_id for link_id, _ in missing]))
        .values(gone="deleted", wanted_revision=Link.wanted_revision + 1, synced_revision=Link.wanted_revision + 1)
        .execution_options(synchronize_session=False)
    )
    reason = f"no longer in {task.provider.name}'s list"
    entry = {"company_id": task.company_id, "kind": mapper.kind, "action": "archived there", "at": now()}
    rows = [{**entry, "record_id": i, "new": reason, "sync_job_id": task.job_id} for i in record_ids]
    task.session.execute(insert(History.table()), rows)
    task.session.expire_all()
    task.tally["archived"] += len(missing)
