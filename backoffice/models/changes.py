"""What is about to change: the columns of a row, and the lines of documents, against what the database holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import MANYTOONE, InstanceState, Session

from backoffice.models.document import Document
from backoffice.models.line import Line, documents_of
from backoffice.models.line_changes import line_changes, line_words
from backoffice.models.record import BASE_COLUMNS


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


def changed_lines(session: Session) -> dict[Any, list[tuple[str, Any, Any]]]:
    """By document, what changes in its lines: (which field of which line, old, new)."""
    found: dict[Any, list[tuple[str, Any, Any]]] = {}
    rows = [row for row in (*session.new, *session.dirty, *session.deleted) if isinstance(row, Line)]
    for line in rows:
        entries = _line_changes(session, line)
        for document in documents_of(line):
            if document not in session.deleted:
                found.setdefault(document, []).extend(entries)
    for document in [row for row in session.dirty if isinstance(row, Document)]:
        found.setdefault(document, []).extend(_moved(session, document))
    return {document: entries for document, entries in found.items() if entries}


def _moved(session: Session, document: Document) -> Iterator[tuple[str, Any, Any]]:
    """The lines of a document that were put in another order: (which line's position, old, new)."""
    placed = [(at, line.position) for at, line in enumerate(document.lines, start=1) if line not in session.new]
    if placed != sorted(placed, key=lambda pair: pair[1]):
        for at, before in placed:
            yield from line_changes(at, [("position", before, at)] if at != before else [])


def _line_changes(session: Session, line: Line) -> list[tuple[str, Any, Any]]:
    words, document = line_words(line.description, line.item_code), _document(line)
    found: list[tuple[str | None, Any, Any]]
    if line in session.new:
        found = [(None, None, words)]
    elif line in session.deleted or document is None:  # one that was taken out is deleted a moment later
        found = [(None, words, None)]
    else:
        kept = {*line.content, "position", "document_id"}
        found = [change for change in changes(session, line) if change[0] in kept]
    return list(line_changes(line.position or _place(session, line), found))


def _document(line: Line) -> Document | None:
    """The document that a line stands in; None for one that was taken out."""
    return line.document


def _place(session: Session, line: Line) -> int:
    """Where a line stands that was not counted yet."""
    document = _document(line)
    held = [each for each in document.lines if each not in session.deleted] if document is not None else []
    return held.index(line) + 1 if line in held else len(held) + 1
