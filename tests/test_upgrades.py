"""A database of every earlier version, with rows in all of its tables, comes to the newest one without losing any.

One database goes the whole way: before each step two more rows are put into every table there is by then, made of
what the database itself says of its columns. So a new migration is tested before anybody writes a test for it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from typing import Any

import flask_migrate
import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from flask import Flask, current_app
from sqlalchemy.orm import Session, undefer

from backoffice.database import Base, keyring
from backoffice.extensions import db
from backoffice.models import encrypted
from tests.test_migrations import described

Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]
MOMENT = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
CHOICE = re.compile(r"'([^']*)'")
EITHER = re.compile(r"\(?\(?(\w+) IS NULL\)? <> \(?(\w+) IS NULL\)?")
SECRETS = {(column.table.name, column.name) for column in encrypted.columns()}


@pytest.fixture
def engine(app: Flask) -> Iterator[sa.Engine]:
    """The database of the application, without any tables."""
    with app.app_context():
        empty(db.engine)
        yield db.engine


def empty(engine: sa.Engine) -> None:
    """Take every table away."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("DROP SCHEMA public CASCADE"))
            connection.execute(sa.text("CREATE SCHEMA public"))
        else:
            connection.execute(sa.text("PRAGMA defer_foreign_keys = ON"))
            tables = sa.MetaData()
            tables.reflect(connection)
            tables.drop_all(connection)


class Schema:
    """The tables as they are now, and rows made up for them."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        metadata = sa.MetaData()
        metadata.reflect(connection)
        self.tables = [table for table in metadata.sorted_tables if table.name != "alembic_version"]
        inspector = sa.inspect(connection)
        self._checks = {t.name: [c["sqltext"] for c in inspector.get_check_constraints(t.name)] for t in self.tables}

    def rows(self) -> Rows:
        """Every row of every table, by its key."""
        found: Rows = {}
        for table in self.tables:
            keys = [column.name for column in table.primary_key]
            rows = self._connection.execute(sa.select(table)).mappings()
            found[table.name] = {tuple(row[key] for key in keys): dict(row) for row in rows}
        return found

    def fill(self, numbers: tuple[int, ...]) -> None:
        """Put a row of each number into each table."""
        done: set[str] = set()
        for table in self.tables:
            done.add(table.name)
            rows = [self._row(table, number, done) for number in numbers]
            self._connection.execute(sa.insert(table), rows)

    def _row(self, table: sa.Table, number: int, done: set[str]) -> dict[str, Any]:
        row = {column.name: self._value(column, number, done) for column in table.columns}
        for check in self._checks[table.name]:
            if either := EITHER.search(check):
                row[either[1 + number % 2]] = None
        return row

    def _value(self, column: sa.Column[Any], number: int, done: set[str]) -> Any:
        for key in column.foreign_keys:
            return number if key.column.table.name in done else None
        if choices := self._choices(column):
            return choices[number % len(choices)]
        if (column.table.name, column.name) in SECRETS:
            return keyring.encrypt(f"secret {number}")
        return _made_up(column, number)

    def _choices(self, column: sa.Column[Any]) -> list[str]:
        said = rf"\(*\"?{column.name}\"?\)*(::text)? (IN|= ANY) "
        checks = [check for check in self._checks[column.table.name] if re.match(said, check)]
        return [word for check in checks for word in CHOICE.findall(check)]


MADE_UP: dict[type[sa.types.TypeEngine[Any]], Callable[[Any, int], Any]] = {
    sa.Boolean: lambda column, number: number % 2 == 0,
    sa.Integer: lambda column, number: number,
    sa.DateTime: lambda column, number: MOMENT if column.type.timezone else MOMENT.replace(tzinfo=None),
    sa.Date: lambda column, number: MOMENT.date(),
    sa.Time: lambda column, number: dt.time(2, 30),
    sa.JSON: lambda column, number: [],
    sa.LargeBinary: lambda column, number: b"%d" % number,
    sa.String: lambda column, number: f"{number}{column.name}"[: column.type.length],
}


def _made_up(column: sa.Column[Any], number: int) -> Any:
    make = next((make for sort, make in MADE_UP.items() if isinstance(column.type, sort)), None)
    assert make is not None, f"say what stands in {column.table.name}.{column.name}: {column.type}"
    return make(column, number)


def compare(step: str, before: Rows, after: Rows) -> None:
    """Nothing is lost: tables that still exist have their rows, and columns that still exist their values."""
    for table in before.keys() & after.keys():
        assert before[table].keys() == after[table].keys(), f"{step} loses or adds rows of {table}"
        for key, row in before[table].items():
            kept = after[table][key]
            assert {c: v for c, v in row.items() if c in kept} == {c: kept[c] for c in row if c in kept}, (step, table)


def test_rows_of_every_version_come_to_the_newest_one(engine: sa.Engine, database_url: str) -> None:
    scripts = ScriptDirectory(current_app.extensions["migrate"].directory)
    steps = [script.revision for script in reversed(list(scripts.walk_revisions()))]
    before: Rows = {}
    for number, step in enumerate(steps, start=1):
        flask_migrate.upgrade(revision=step)
        with engine.begin() as connection:
            schema = Schema(connection)
            compare(step, before, schema.rows())
            schema.fill((2 * number - 1, 2 * number))
            before = schema.rows()
    assert before.keys() == Base.metadata.tables.keys()
    assert all(len(rows) >= 2 for rows in before.values())
    with Session(engine) as session:
        for mapper in Base.registry.mappers:
            loaded = session.scalars(sa.select(mapper.class_).options(undefer("*"))).all()
            assert len(loaded) == len(before[mapper.class_.__tablename__]), mapper
    migrated = described(engine)
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    assert migrated == described(engine)


def test_an_import_that_is_under_way_meanwhile_is_left_to_whoever_does_it(engine: sa.Engine) -> None:
    flask_migrate.upgrade(revision="0015")
    with engine.begin() as connection:
        schema = Schema(connection)
        schema.fill((1, 2))
        imports = next(table for table in schema.tables if table.name == "csv_import")
        connection.execute(imports.update().where(imports.c.id == 1).values(ended_at=None))
    flask_migrate.upgrade()
    with engine.begin() as connection:
        rows = connection.execute(sa.text("SELECT id, lease_until IS NOT NULL FROM csv_import"))
        assert {number: bool(held) for number, held in rows} == {1: True, 2: False}
