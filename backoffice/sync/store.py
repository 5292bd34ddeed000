"""The provider's word, written here in bulk: one look at what we hold, one write of what differs, one of history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select

from backoffice.models import Link
from backoffice.sync.loading import Loaded
from backoffice.sync.mapper import Mapper
from backoffice.sync.task import Task
from backoffice.sync.writer import Writer, diff


def held(task: Task, mapper: Mapper, ids: Iterable[str], lock: bool = False) -> dict[str, Row[Any]]:
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
    return {row.link_external_id: row for row in task.session.execute(query)}


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


def overwrite(task: Task, mapper: Mapper, pairs: Sequence[tuple[Row[Any], Loaded]]) -> None:
    """Give records of ours the provider's values, whatever they hold; what is overwritten is in the history."""
    write = Writer(task, mapper)
    for row, theirs in pairs:
        write.take(row, theirs, diff(row, theirs.values))
    write.flush()


def create(task: Task, mapper: Mapper, rows: Sequence[Loaded]) -> None:
    """Make records of rows that nothing here matches."""
    write = Writer(task, mapper)
    write.create(rows)
    write.flush()


def _differs(row: Row[Any], theirs: Loaded) -> bool:
    moved = row.link_pending or row.link_version != theirs.version or row.link_gone != theirs.gone
    return moved or bool(diff(row, theirs.values))
