"""The hooks on every write of a record: its revision, its history, the guard, and what its links want."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, insert, inspect, select
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction

from backoffice.clock import now
from backoffice.database import Base, folded
from backoffice.errors import ReadOnlyRecordError
from backoffice.models.approval import keep_standing
from backoffice.models.book import Booked, keep_apart
from backoffice.models.changes import changed_lines, changes
from backoffice.models.company import CompanyOwned
from backoffice.models.connection import Connection
from backoffice.models.document import Document
from backoffice.models.history import History, as_text, author
from backoffice.models.line import Line
from backoffice.models.line_defaults import LineDefaults
from backoffice.models.link import Link, Routes
from backoffice.models.number import next_number
from backoffice.models.outbox import reconsider, want
from backoffice.models.record import Record

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
    #: Of these, the documents in whose lines something changed.
    in_lines: set[Any] = field(default_factory=set)


def before_flush(session: Session, _context: UOWTransaction, _instances: object) -> None:
    """Guard, count and note what is about to be written."""
    flushed: Flushed = session.info.setdefault("flushed", Flushed())
    with session.no_autoflush:
        keep_standing(session)
        lines = changed_lines(session)
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


def _note_new(session: Session, flushed: Flushed, row: CompanyOwned) -> None:
    flushed.new.append(row)
    if isinstance(row, Record):
        _number(session, row)
        row.name_key = folded(row.name)[:255]
        row.revision = row.revision or 1


def _number(session: Session, row: Record) -> None:
    """Give what has no number one of ours as soon as it needs one; what is there already never."""
    new = row in session.new
    if row.prefix is None or row.name or not row.needs_number(new):
        return
    known = select(Link.id).where(Link.kind == row.kind, Link.record_id == row.id, Link.external_id.is_not(None))
    if new or session.scalar(known.limit(1)) is None:
        row.name = next_number(session, type(row), row.prefix, row.company_id)


def _note_changed(
    session: Session, flushed: Flushed, row: CompanyOwned, lines: list[tuple[str, Any, Any]] | None = None
) -> None:
    if isinstance(row, Record):
        _number(session, row)
    found = changes(session, row)
    if not found and not lines:
        return
    flushed.changed.append((row, [*found, *(lines or ())]))
    if lines:
        flushed.in_lines.add(row)
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
    every = (*flushed.new, *(row for row, _ in flushed.changed))
    keep_apart(session, [row for row in every if isinstance(row, Booked)])
    edited = (
        row
        for row, found in flushed.changed
        if row in flushed.in_lines or any(_synced(row, column) for column, _, _ in found)
    )
    want(session, [row for row in (*flushed.new, *edited) if isinstance(row, Record)])
    written = session.info.setdefault("written", defaultdict(set))
    for row in every:
        if isinstance(row, Record):
            written[type(row)].add(row.id)
    _reconsider(session, flushed)


def after_flush_postexec(session: Session, _context: UOWTransaction) -> None:
    """Let what hangs on these records follow them; what changes with that is written by the next flush."""
    for model, ids in session.info.pop("written", {}).items():
        model.follow_up(session, ids)


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
    return computed or column in row.synced_columns()


def refuse_bulk(state: ORMExecuteState) -> None:
    """Bulk statements pass the hooks by; only the engine, which keeps revision and history itself, may use them."""
    if not (state.is_update or state.is_delete or state.is_insert) or state.execution_options.get("engine"):
        return
    tables = {mapper.local_table for mapper in Base.registry.mappers if issubclass(mapper.class_, Record | Line)}
    if getattr(state.statement, "table", None) in tables:
        raise TypeError("a bulk statement on records or their lines passes revision and history by")
