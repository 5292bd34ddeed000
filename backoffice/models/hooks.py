"""The hooks on every write of a record: its revision, its history, the guard, and what its links want."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, insert, inspect, select
from sqlalchemy.orm import MANYTOONE, InstanceState, ORMExecuteState, Session, UOWTransaction

from backoffice.clock import now
from backoffice.database import Base, folded
from backoffice.errors import ReadOnlyRecordError
from backoffice.models.company import CompanyOwned
from backoffice.models.connection import Connection
from backoffice.models.document import Document, Line, Status, documents_of
from backoffice.models.history import History, as_text, author
from backoffice.models.line_defaults import LineDefaults
from backoffice.models.link import Link, Routes
from backoffice.models.number import next_number
from backoffice.models.outbox import reconsider, want
from backoffice.models.record import BASE_COLUMNS, Record

#: What a line's amount and tax depend on.
AMOUNTS = frozenset(
    {"quantity", "unit_price", "discount", "discount_amount", "item_code", "account_code", "tax_code", "document_id"}
)


@dataclass
class Flushed:
    """What one flush changes, gathered before it and written down after it."""

    new: list[Record | CompanyOwned] = field(default_factory=list)
    #: Each changed row with its changed columns: (column, old, new).
    changed: list[tuple[Any, list[tuple[str, Any, Any]]]] = field(default_factory=list)


def changes(session: Session, row: Any) -> list[tuple[str, Any, Any]]:
    """The columns of a row that differ from what the database holds: (column, old, new)."""
    state: InstanceState[Any] = inspect(row)
    keys = [attribute.key for attribute in state.mapper.column_attrs if attribute.key not in BASE_COLUMNS]
    histories: dict[str, Any] = {key: state.attrs[key].history for key in keys}
    touched = {key: history for key, history in histories.items() if history.has_changes()}
    if not all(history.deleted for history in touched.values()):
        found = _compared(session, row, list(touched))
    else:
        found = [(key, history.deleted[0], history.added[0]) for key, history in touched.items()]
    return [(key, old, new) for key, old, new in (*found, *_repointed(state, touched)) if old != new]


def _repointed(state: InstanceState[Any], touched: Iterable[str]) -> Iterator[tuple[str, Any, Any]]:
    """Columns that are about to change because the row was given another parent: (column, old, new)."""
    for relationship in state.mapper.relationships:
        history: Any = state.attrs[relationship.key].history
        column = str(next(iter(relationship.local_columns)).key)
        if relationship.direction is MANYTOONE and history.has_changes() and column not in touched:
            new = history.added[0].id if history.added and history.added[0] is not None else None
            yield column, state.dict.get(column), new


def _compared(session: Session, row: Any, keys: list[str]) -> list[tuple[str, Any, Any]]:
    """The same for columns that were set without having been loaded."""
    columns: list[Any] = [row.table().c[key] for key in keys]
    with session.no_autoflush:
        held = session.execute(select(*columns).where(row.table().c.id == row.id)).one()
    return [(key, old, getattr(row, key)) for key, old in zip(keys, held, strict=True)]


def before_flush(session: Session, _context: UOWTransaction, _instances: object) -> None:
    """Guard, count and note what is about to be written."""
    flushed: Flushed = session.info.setdefault("flushed", Flushed())
    with session.no_autoflush:
        lines = _changed_lines(session)
        _compute(session, {*lines, *(row for row in (*session.new, *session.dirty) if isinstance(row, Document))})
    for row in list(session.new):
        if isinstance(row, CompanyOwned):
            _note_new(session, flushed, row)
    for row in {*session.dirty, *lines}:
        if isinstance(row, CompanyOwned) and row not in session.new:
            _note_changed(session, flushed, row, lines.get(row, []))
    for row in session.deleted:
        if isinstance(row, Record):
            guard(session, row, ())
            session.execute(delete(Link).where(Link.kind == row.kind, Link.record_id == row.id))


def _compute(session: Session, documents: set[Any]) -> None:
    defaults: dict[int, LineDefaults] = {}
    for document in documents:
        known = defaults.setdefault(document.company_id, LineDefaults(session, document.company_id))
        lines = [line for line in document.lines if line not in session.deleted]
        history: Any = inspect(document).attrs.treatment.history
        anew = document in session.new or bool(history.deleted and history.added != history.deleted)
        document.compute(known, lines, [line for line in lines if anew or _changes_amounts(session, line)])


def _changes_amounts(session: Session, line: Line) -> bool:
    """Whether what a line comes to may be another than before."""
    if line in session.new:
        return True
    return line in session.dirty and bool({column for column, _, _ in changes(session, line)} & AMOUNTS)


def _changed_lines(session: Session) -> dict[Any, list[tuple[str, Any, Any]]]:
    """By document, what changes in its lines: (which field of which line, old, new)."""
    found: dict[Any, list[tuple[str, Any, Any]]] = {}
    rows = [row for row in (*session.new, *session.dirty, *session.deleted) if isinstance(row, Line)]
    for line in rows:
        entries = _line_changes(session, line)
        for document in documents_of(line):
            if document not in session.deleted:
                found.setdefault(document, []).extend(entries)
    return {document: entries for document, entries in found.items() if entries}


def _line_changes(session: Session, line: Line) -> list[tuple[str, Any, Any]]:
    if line in session.new:
        return [(f"line {line.position or 'added'}", None, line)]
    if line in session.deleted:
        return [(f"line {line.position}", line, None)]
    kept = {*line.content, "position", "document_id"}
    found = [change for change in changes(session, line) if change[0] in kept]
    return [(f"line {line.position}: {line.column_label(column)}", old, new) for column, old, new in found]


def _note_new(session: Session, flushed: Flushed, row: CompanyOwned) -> None:
    flushed.new.append(row)
    if isinstance(row, Record):
        _number(session, row)
        row.name_key = folded(row.name)[:255]
        row.revision = row.revision or 1


def _number(session: Session, row: Record) -> None:
    """Give what has no number one of ours; a supplier's bill when it is approved, for it has its own; theirs never."""
    prefix = getattr(row, "prefix", None)
    if prefix is None or row.name:
        return
    approved = isinstance(row, Document) and row.status is Status.APPROVED
    if row in session.new:
        ours = approved or row.kind != "bill"
    else:
        known = select(Link.id).where(Link.kind == row.kind, Link.record_id == row.id, Link.external_id.is_not(None))
        ours = approved and session.scalar(known.limit(1)) is None
    if ours:
        row.name = next_number(session, type(row), prefix, row.company_id)


def _note_changed(
    session: Session, flushed: Flushed, row: CompanyOwned, lines: list[tuple[str, Any, Any]] | None = None
) -> None:
    if isinstance(row, Record):
        _number(session, row)
    found = changes(session, row)
    if not found and not lines:
        return
    flushed.changed.append((row, [*found, *(lines or ())]))
    if isinstance(row, Record):
        _count(session, row, {column for column, _, _ in found} | ({"lines"} if lines else set()))


def _count(session: Session, row: Record, columns: set[str]) -> None:
    synced = columns & row.synced_columns()
    if synced:
        guard(session, row, tuple(sorted(synced)))
        row.revision += 1
        row.changed_at = now()
    if "name" in columns:
        row.name_key = folded(row.name)[:255]


def guard(session: Session, row: Record, columns: tuple[str, ...]) -> None:
    """Refuse to change what the provider has the final word on.

    Raises: ReadOnlyRecordError for a record that comes in one way and is integrated; when deleted, for any
    integrated one.
    """
    links = (
        select(Link, Connection.provider)
        .join(Connection)
        .where(Link.kind == row.kind, Link.record_id == row.id, Link.external_id.is_not(None), Connection.active)
    )
    with session.no_autoflush:
        for link, provider in session.execute(links):
            route = _routes(session).get((provider, link.kind))
            if not columns or (route and not route.direction.sends):
                raise ReadOnlyRecordError(row.kind, row.id, columns)


def after_flush(session: Session, _context: UOWTransaction) -> None:
    """Write the history, and raise what each link wants."""
    flushed: Flushed = session.info.pop("flushed", Flushed())
    rows = [_entry(row, "created") for row in flushed.new]
    rows += [_entry(row, "changed", column, old, new) for row, found in flushed.changed for column, old, new in found]
    if rows:
        session.execute(insert(History), rows)
    edited = (row for row, found in flushed.changed if any(_synced(row, column) for column, _, _ in found))
    want(session, [row for row in (*flushed.new, *edited) if isinstance(row, Record)])
    _reconsider(session, flushed)


def _reconsider(session: Session, flushed: Flushed) -> None:
    """Settings and mappings decide over documents that were written before."""
    chosen: list[tuple[Any, set[str]]] = [(row, set()) for row in flushed.new]
    chosen += [(row, {column for column, _, _ in found}) for row, found in flushed.changed]
    for row, columns in chosen:
        if not isinstance(row, Record):
            reconsider(session, row.company_id, any(column.startswith("bring_in_") for column in columns))


def _entry(row: Any, action: str, column: str | None = None, old: Any = None, new: Any = None) -> dict[str, Any]:
    who = author.get()
    return {
        "company_id": row.company_id,
        "kind": row.kind,
        "record_id": row.id,
        "action": action,
        "field": column,
        "old": as_text(old),
        "new": as_text(new),
        "at": now(),
        "user_id": who.user_id,
        "sync_job_id": who.sync_job_id,
    }


def _routes(session: Session) -> Routes:
    routes: Routes = session.info.get("routes", {})
    return routes


def _synced(row: Any, column: str) -> bool:
    if not isinstance(row, Record):
        return False
    computed = isinstance(row, Document) and column in row.computed_columns
    return computed or column.startswith("line ") or column in row.synced_columns()


def refuse_bulk(state: ORMExecuteState) -> None:
    """Bulk statements pass the hooks by; only the engine, which keeps revision and history itself, may use them."""
    if not (state.is_update or state.is_delete or state.is_insert) or state.execution_options.get("engine"):
        return
    tables = {mapper.local_table for mapper in Base.registry.mappers if issubclass(mapper.class_, Record | Line)}
    if getattr(state.statement, "table", None) in tables:
        raise TypeError("a bulk statement on records or their lines passes revision and history by")
