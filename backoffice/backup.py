"""Backup: the whole database as it was at one moment, in one file, while everything goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import JSON, Connection, LargeBinary, MetaData, Table, Text, cast, select

from backoffice import archive, schema
from backoffice.database import let_idle, read_only
from backoffice.extensions import db

#: Rows read at a time; and of those that hold files.
ROWS, FILES = 500, 5


def backup(path: Path) -> int:
    """Write an archive of the database; says how many rows it holds. Raises: ArchiveError."""
    revision = schema.present()
    assert revision is not None, "whoever calls has checked the tables"
    read_only(True)
    try:
        with archive.written(path) as file, db.engine.connect() as connection:
            return archive.write(file, revision, _parts(_at_one_moment(connection)))
    finally:
        read_only(False)


def _at_one_moment(connection: Connection) -> Connection:
    """What is written meanwhile is not seen; on SQLite every transaction is like that."""
    if connection.dialect.name == "postgresql":
        let_idle(connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True))
    return connection


def _parts(connection: Connection) -> Iterator[archive.Part]:
    for table in tables(connection):
        # What is JSON there goes as it stands: reading it would tell no null of it from nothing at all.
        columns = [cast(c, Text).label(c.name) if isinstance(c.type, JSON) else c for c in table.columns]
        size = FILES if any(isinstance(column.type, LargeBinary) for column in table.columns) else ROWS
        rows = connection.execution_options(yield_per=size).execute(select(*columns))
        yield archive.Part(table.name, [column.name for column in table.columns], map(tuple, rows))


def tables(connection: Connection) -> list[Table]:
    """The tables as the database has them, but the one that says which they are."""
    found = MetaData()
    found.reflect(connection)
    return sorted((t for t in found.tables.values() if t.name != schema.VERSION), key=lambda table: table.name)
