"""What we hold of rows of theirs: the record with its lines, and its link."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.models import History, Link
from backoffice.sync.lines import content, held_lines, line_of
from backoffice.sync.loading import Loaded
from backoffice.sync.mapper import Mapper
from backoffice.sync.task import Task

#: What is held of a link, with `link_` before the name.
OF_LINK: tuple[Any, ...] = (
    Link.id.label("link_id"),
    Link.external_id.label("link_external_id"),
    Link.external_version.label("link_version"),
    Link.agreed.label("link_agreed"),
    Link.pending.label("link_pending"),
    Link.attempt_id.label("link_attempt_id"),
    Link.paused.label("link_paused"),
    Link.gone.label("link_gone"),
    Link.sent_at.label("link_sent_at"),
    Link.changed_there.is_not(None).label("link_in_question"),
)


class Held:
    """What we hold of a row of theirs: columns of the record and its lines, and of its link as `link_…`."""

    def __init__(self, values: Mapping[Any, Any]) -> None:
        self.values: dict[str, Any] = dict(values)

    def __getattr__(self, name: str) -> Any:
        held = self.__dict__.get("values", {})  # a copy in the making has none yet
        if name not in held:
            raise AttributeError(name)
        return held[name]


def diff(row: Held, values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns in which they differ from what we hold."""
    return {column: value for column, value in values.items() if _differ(column, row.values[column], value)}


def _differ(column: str, mine: Any, theirs: Any) -> bool:
    return content(mine) != content(theirs) if column == "lines" else bool(mine != theirs)


def held(task: Task, mapper: Mapper, ids: Collection[str], lock: bool = False) -> dict[str, Held]:
    """What we hold of these external ids: columns of the record, and of its link with `link_` before the name."""
    if not ids:
        return {}
    table = mapper.model.table()
    query = (
        select(table, *OF_LINK)
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


def held_locked(task: Task, mapper: Mapper, ids: Collection[str]) -> dict[str, Held]:
    """The same, locked. What was linked to another record meanwhile is found only by a second look."""
    found = held(task, mapper, ids, lock=True)
    return found | held(task, mapper, [external_id for external_id in ids if external_id not in found], lock=True)


def name_let_go(task: Task, mapper: Mapper, rows: Mapping[str, Held], loaded: Mapping[str, Loaded]) -> None:
    """Let theirs go on naming what ours names where somebody unlinked just that by hand: both sides keep theirs."""
    for ref in mapper.refs:
        names = {
            key: name
            for key, row in rows.items()
            if loaded[key].values[ref.column] is None and row.values[ref.column] is not None
            if (name := mapper.names(loaded[key].payload).get(ref.column))
        }
        if names:
            mine = Link.connection_id == task.connection_id, Link.kind == ref.kind
            query = select(Link.record_id, Link.let_go_id).where(*mine, Link.let_go_id.in_(set(names.values())))
            let_go = {tuple(row) for row in task.session.execute(query)}
            for key, name in names.items():
                if (rows[key].values[ref.column], name) in let_go:
                    loaded[key].values[ref.column] = rows[key].values[ref.column]


def before_edits(session: Session, kind: str, row: Held, columns: Collection[str]) -> dict[str, str | None]:
    """What these columns held when both sides last agreed, as the history keeps it; only of those edited since."""
    if not columns:
        return {}
    link = session.get_one(Link, row.link_id)
    query = (
        select(History.field, History.old)
        .where(History.kind == kind, History.record_id == row.id, History.action == "changed")
        .where(History.field.in_(columns), History.at >= (link.synced_at or link.changed_at))
        .where(History.sync_job_id.is_(None) | (History.sync_job_id != link.synced_by_id))
    )
    return {field: old for field, old in session.execute(query.order_by(History.id.desc())).all() if field}
