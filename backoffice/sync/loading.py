"""Loading: their rows in columns of ours, each one judged by itself."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from backoffice.errors import UnreadableError
from backoffice.models import KINDS, Link
from backoffice.sync import pause
from backoffice.sync.mapper import Mapper, Payload, Ref
from backoffice.sync.task import Task

#: What a mapper raises for a row that makes no sense.
UNREADABLE = (ValueError, KeyError, TypeError, ArithmeticError, AttributeError)


@dataclass(frozen=True)
class Loaded:
    """A row of theirs, in columns of ours."""

    external_id: str
    version: str
    gone: str | None
    values: dict[str, Any]
    payload: Payload
    #: A digest of what is ours to change of it.
    agreed: str
    #: The row that it was merged into there.
    merged_into: str | None = None
    #: The same digest as it was before what it names was merged into another.
    agreed_before: frozenset[str] = frozenset()

    def agrees(self, agreed: str | None) -> bool:
        """Whether what is ours to change of it is what both sides agreed on."""
        return agreed == self.agreed or agreed in self.agreed_before


def load(
    task: Task, mapper: Mapper, payloads: Iterable[Payload], strict: bool = False, strangers: bool = False
) -> dict[str, Loaded]:
    """Read an answer by external id; what makes no sense is set aside with its reason, and the rest goes on.

    `strangers` are rows that name something they need and that is not known here: left out unless asked for.
    Raises: UnreadableError, if `strict`, when there were rows and none could be read.
    """
    rows: list[Payload] = []
    aside = len(task.notes)
    for payload in payloads:
        try:
            rows += mapper.rows(payload)
        except UNREADABLE as error:
            _set_aside(task, mapper, payload, error)
    loaded = load_rows(task, mapper, rows, strangers)
    if strict and not loaded and len(task.notes) > aside:
        raise UnreadableError(f"Nothing in the list of {mapper.resource} could be read; nothing was changed here.")
    return loaded


def load_rows(task: Task, mapper: Mapper, rows: Iterable[Payload], strangers: bool = False) -> dict[str, Loaded]:
    """Read rows of one kind by external id; one that makes no sense is set aside with its reason."""
    loaded: dict[str, Loaded] = {}
    empty = dict.fromkeys(mapper.unwanted(task.settings))
    for row in rows:
        try:
            external_id, values = mapper.external_id(row), {**mapper.load(row), **mapper.names(row), **empty}
            version, gone, agreed = mapper.version(row), mapper.gone(row), mapper.agreed(row)
            merged_into = mapper.merged_into(row)
            loaded[external_id] = Loaded(external_id, version, gone, values, row, agreed, merged_into)
        except UNREADABLE as error:
            _set_aside(task, mapper, row, error)
    resolve(task.session, task.connection_id, mapper, [row.values for row in loaded.values()])
    _before_merges(task, mapper, loaded)
    if not strangers:
        _set_aside_strangers(task, mapper, loaded)
    return loaded


def _before_merges(task: Task, mapper: Mapper, loaded: dict[str, Loaded]) -> None:
    """Know again what was agreed on under the name of one that has been merged since."""
    for ref in mapper.refs:
        named = {row.values[ref.column] for row in loaded.values()} - {None}
        if not mapper.asks or not named:
            continue
        merges = select(Link.merged_into_id, Link.external_id).where(
            Link.connection_id == task.connection_id, Link.kind == ref.kind, Link.merged_into_id.in_(named)
        )
        for survivor_id, external_id in task.session.execute(merges).all():
            for row in [row for row in loaded.values() if row.values[ref.column] == survivor_id]:
                before = mapper.agreed(_named_otherwise(mapper, ref, row.payload, str(external_id)))
                loaded[row.external_id] = replace(row, agreed_before=row.agreed_before | {before})


def _named_otherwise(mapper: Mapper, ref: Ref, row: Payload, external_id: str) -> Payload:
    """A row as it would be if it named another."""
    text, named = json.dumps(row, default=str), mapper.names(row)[ref.column]
    other: Payload = json.loads(text.replace(json.dumps(named), json.dumps(external_id)))
    return other


def _set_aside(task: Task, mapper: Mapper, row: Payload, error: Exception) -> None:
    known = row.get(mapper.id_key)
    named = known[:64] if known and isinstance(known, str) else "without an id"
    task.notes.append(f"A {mapper.model.label} could not be read and was set aside ({named}): {error}")


def _set_aside_strangers(task: Task, mapper: Mapper, loaded: dict[str, Loaded]) -> None:
    """Take out the rows that name something they need and that is not known here."""
    for ref in mapper.refs:
        for row in list(loaded.values()):
            if row.values[ref.column] is None and not ref.optional:
                named = KINDS[ref.kind].label
                when = " while these are paused" if pause.held(task.settings, ref.kind) else ""
                task.notes.append(
                    f"A {mapper.model.label} was set aside: it belongs to a {named} not known here{when}."
                )
                del loaded[row.external_id]


def resolve(session: Session, connection_id: int, mapper: Mapper, rows: Sequence[dict[str, Any]]) -> None:
    """Put our record ids where rows and their lines hold the external ids of other rows; None for unknown ones."""
    for ref in mapper.refs:
        _put_ids(session, connection_id, ref, rows)
    lines = [line for row in rows for line in row.get("lines", ())]
    for ref in mapper.line_refs:
        _put_ids(session, connection_id, ref, lines, let_go=True)


def _put_ids(
    session: Session, connection_id: int, ref: Ref, rows: Sequence[dict[str, Any]], let_go: bool = False
) -> None:
    """With `let_go`, what was unlinked by hand is known as well, unless another record is linked to theirs by now."""
    wanted = {row.get(ref.column) for row in rows} - {None}
    known: dict[Any, int] = {}
    if wanted:
        record_id = func.coalesce(Link.merged_into_id, Link.record_id).label("record_id")
        name = func.coalesce(Link.external_id, Link.let_go_id) if let_go else Link.external_id
        mine = Link.connection_id == connection_id, Link.kind == ref.kind
        named = or_(Link.external_id.in_(wanted), Link.let_go_id.in_(wanted)) if let_go else name.in_(wanted)
        query = select(name.label("name"), record_id).where(*mine, named).order_by(Link.external_id.is_not(None))
        known = {row.name: row.record_id for row in session.execute(query)}
    for row in rows:
        row[ref.column] = known.get(row.get(ref.column))
