"""Restore: an empty database filled from an archive and brought to this version, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Connection, Table, column, exists, func, insert, select, table, text

from backoffice import archive, restored, schema
from backoffice.archive import ArchiveError, Part
from backoffice.backup import tables
from backoffice.errors import BackofficeError
from backoffice.extensions import db

#: Rows, and characters of theirs, written at a time.
ROWS, CHARACTERS = 500, 8_000_000
FOREIGN_KEYS = text(
    "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint "
    "WHERE contype = 'f' AND connamespace = current_schema()::regnamespace"
)


class NotEmptyError(BackofficeError):
    """The database is not empty. Name a new one in DATABASE_URL: a backup is never restored over what is there."""


class NewerArchiveError(BackofficeError):
    """The backup was made by a newer version of the back office than this one: restore it with that version."""


def restore(path: Path) -> restored.Found:
    """Fill an empty database from an archive: all of it, or nothing.

    Raises: ArchiveError, NotEmptyError, NewerArchiveError.
    """
    archive.check(path)
    with archive.opened(path) as (revision, parts):
        if not schema.knows(revision):
            raise NewerArchiveError
        with db.engine.connect() as connection, schema.without_cascades(connection):
            _clear(connection)
            schema.upgrade_on(connection, revision)
            _load(connection, parts)
            schema.upgrade_on(connection, "head")
            schema.refuse_orphans(connection)
            found = restored.come_round(connection)
            connection.commit()
    return found


def _clear(connection: Connection) -> None:
    """Take tables without rows away. Raises: NotEmptyError."""
    there = tables(connection)
    for each in there:
        if connection.scalar(select(exists().select_from(each))):
            raise NotEmptyError
    if there:
        there[0].metadata.drop_all(connection)


def _load(connection: Connection, parts: Iterator[Part]) -> None:
    known = {each.name: each for each in tables(connection)}
    with _foreign_keys_aside(connection):
        for part in parts:
            into = known.get(part.table)
            if into is None or not set(part.columns) <= set(into.columns.keys()):
                raise ArchiveError(f"The backup is damaged: it holds {part.table} as no version had it.")
            _fill(connection, into, part)
    for each in known.values():
        _count_on(connection, each)


def _fill(connection: Connection, into: Table, part: Part) -> None:
    columns = [into.columns[name] for name in part.columns]
    # What is JSON goes in as the text that it was.
    plain = table(into.name, *(column(c.name, None if isinstance(c.type, JSON) else c.type) for c in columns))
    lot: list[dict[str, Any]] = []
    size = 0
    for row in part.rows:
        lot.append({c.name: archive.unpacked(value, c) for c, value in zip(columns, row, strict=True)})
        size += sum(len(value) for value in row if isinstance(value, str))
        if len(lot) >= ROWS or size >= CHARACTERS:
            connection.execute(insert(plain), lot)
            lot, size = [], 0
    if lot:
        connection.execute(insert(plain), lot)


@contextmanager
def _foreign_keys_aside(connection: Connection) -> Iterator[None]:
    """Let rows come in any order; on PostgreSQL the keys are checked when they are put back."""
    if connection.dialect.name != "postgresql":
        yield
        return
    keys = [tuple(map(str, key)) for key in connection.execute(FOREIGN_KEYS)]
    for owner, name, _ in keys:
        connection.execute(text(f'ALTER TABLE {owner} DROP CONSTRAINT "{name}"'))
    yield
    for owner, name, definition in keys:
        connection.execute(text(f'ALTER TABLE {owner} ADD CONSTRAINT "{name}" {definition}'))


def _count_on(connection: Connection, filled: Table) -> None:
    """New rows are numbered from the last one on."""
    if connection.dialect.name != "postgresql":
        return
    for key in filled.primary_key:
        counter = connection.scalar(select(func.pg_get_serial_sequence(filled.name, key.name)))
        last = connection.scalar(select(func.max(key))) if counter else None
        if last is not None:
            connection.execute(select(func.setval(counter, last)))
