"""The lines of documents in bulk: what we hold, what differs, and one write of what is new."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from backoffice.models import Document, Line, Record
from backoffice.models.line_changes import line_changes, line_words

#: A line as columns and values, without its id and its document.
Values = dict[str, Any]
#: Marks the engine's own bulk statements, which keep revision and history themselves.
ENGINE = {"engine": True, "synchronize_session": False}
COLUMNS = (*Line.content, "amount", "tax_amount", "as_it_came")


def line_of(model: type[Record]) -> type[Line] | None:
    """The class of a kind's lines; None for a kind without any."""
    return model.line if issubclass(model, Document) else None


def held_lines(session: Session, model: type[Line], document_ids: Iterable[int]) -> dict[int, list[Values]]:
    """What we hold of the lines of documents, in their order."""
    table = model.table()
    columns = [table.c[column] for column in COLUMNS]
    query = select(table.c.document_id, *columns).where(table.c.document_id.in_(list(document_ids)))
    found: dict[int, list[Values]] = defaultdict(list)
    for row in session.execute(query.order_by(table.c.document_id, table.c.position)):
        found[row.document_id].append({column: row._mapping[column] for column in COLUMNS})
    return found


def content(lines: Sequence[Values]) -> list[tuple[Any, ...]]:
    """Lines without what is computed of them, to be compared."""
    return [tuple(line.get(column) for column in Line.content) for line in lines]


def changes(old: Sequence[Values], new: Sequence[Values]) -> Iterator[tuple[str, Any, Any]]:
    """What differs between two states of a document's lines: (which field of which line, old, new)."""
    for number, (before, after) in enumerate(zip_longest(old, new), start=1):
        yield from line_changes(number, _differences(before, after))


def _differences(before: Values | None, after: Values | None) -> Iterator[tuple[str | None, Any, Any]]:
    if before is None or after is None:
        yield None, before and _words(before), after and _words(after)
        return
    for column in Line.content:
        if before.get(column) != after.get(column):
            yield column, before.get(column), after.get(column)


def _words(line: Values) -> str:
    return line_words(line.get("description"), line.get("item_code"))


def write_lines(session: Session, model: type[Line], documents: Mapping[int, Sequence[Values]]) -> None:
    """Make these the lines of the documents: by position changed, added, or taken away."""
    table = model.table()
    ids = list(documents)
    known = {
        (row.document_id, row.position): row.id
        for row in session.execute(
            select(table.c.id, table.c.document_id, table.c.position).where(table.c.document_id.in_(ids))
        )
    }
    changed, added = [], []
    for document_id, lines in documents.items():
        for position, line in enumerate(lines, start=1):
            values = {column: line[column] for column in COLUMNS}
            row_id = known.pop((document_id, position), None)
            if row_id is None:
                added.append({"document_id": document_id, "position": position, **values})
            else:
                changed.append({"row_id": row_id, **{f"new_{column}": value for column, value in values.items()}})
    if known:
        session.execute(delete(table).where(table.c.id.in_(list(known.values()))), execution_options=ENGINE)
    if changed:
        statement = update(table).where(table.c.id == bindparam("row_id"))
        session.connection().execute(
            statement.values({column: bindparam(f"new_{column}") for column in COLUMNS}), changed
        )
    if added:
        session.execute(insert(table), added, execution_options=ENGINE)
