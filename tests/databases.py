"""Databases for tests: each one as a deployment migrates it, empty, and nobody else's."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest
from flask import Flask
from psycopg import sql
from sqlalchemy import make_url

from backoffice.config import Settings

#: Where the run notes the address of the PostgreSQL that it started itself.
OWN_POSTGRESQL = "TEST_OWN_DATABASE_URL"
#: The database of tests that one is enough for: the PostgreSQL that was named, or SQLite.
EITHER = ["postgresql" if "TEST_DATABASE_URL" in os.environ else "sqlite"]
#: What tests change besides rows shows in one of these; such a database is thrown away.
SHAPE = """
SELECT (SELECT version_num FROM alembic_version),
       (SELECT (count(*), max(oid))::text FROM pg_class WHERE relnamespace = 'public'::regnamespace),
       (SELECT (count(*), max(oid))::text FROM pg_constraint WHERE connamespace = 'public'::regnamespace),
       (SELECT count(*) FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
         WHERE relnamespace = 'public'::regnamespace AND NOT attisdropped)
"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
RESTART = (
    "SELECT setval(format('%I', sequencename)::regclass, start_value, false) FROM pg_sequences WHERE last_value > 0"
)
#: A statement that brings every count to where it is now.
COUNTS = """
SELECT 'SELECT ' || coalesce(string_agg(format('setval(%L, %s)', format('%I', sequencename), last_value), ', '), '1')
  FROM pg_sequences WHERE last_value > 0
"""
OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
#: Deleted rows stay in the files; a database that has grown by this much is thrown away, in bytes.
GROWTH = 8 * 1024 * 1024


#: The rows of each table, and under "" how far each count has come; on SQLite the whole file.
Kept = dict[str, bytes]


class Databases(Protocol):
    """Fresh databases of one sort."""

    def new(self) -> str:
        """The address of an empty one, the same as before where that was given back."""
        ...

    def keep(self, url: str) -> Kept:
        """All rows of one, as they are now."""
        ...

    def fill(self, url: str, kept: Kept) -> None:
        """Put rows that were kept into an empty one."""
        ...

    def refill(self, url: str, kept: Kept) -> None:
        """Put rows that were kept in the place of all there are."""
        ...

    def give_back(self, url: str) -> None: ...

    def close(self) -> None: ...


class SQLite:
    """Files, copied from a migrated one; the name of one that was given back is used again."""

    def __init__(self, directory: Path) -> None:
        self._template = directory / "template.db"
        self._count = 0
        self._free: list[Path] = []
        migrate(f"sqlite:///{self._template}", directory)

    def new(self) -> str:
        if self._free:
            path = self._free.pop()
        else:
            self._count += 1
            path = self._template.with_name(f"{self._count}.db")
        shutil.copy(self._template, path)
        return f"sqlite:///{path}"

    def keep(self, url: str) -> Kept:
        with closing(sqlite3.connect(str(make_url(url).database))) as database:
            database.execute("VACUUM INTO ?", (str(copy := self._template.with_name("copy.db")),))
        kept = {"file": copy.read_bytes()}
        copy.unlink()
        return kept

    def fill(self, url: str, kept: Kept) -> None:
        with closing(sqlite3.connect(":memory:")) as rows, closing(sqlite3.connect(str(make_url(url).database))) as to:
            rows.deserialize(kept["file"])
            rows.backup(to)

    def refill(self, url: str, kept: Kept) -> None:
        self.fill(url, kept)

    def give_back(self, url: str) -> None:
        """Remove the file, so that whoever still has it open does not meet the next test."""
        path = Path(str(make_url(url).database))
        for suffix in ("", "-wal", "-shm", "-journal"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        self._free.append(path)

    def close(self) -> None:
        """Nothing is open."""


class PostgreSQL:
    """One database after the other, copied from a migrated one; emptied and used again where only rows were changed."""

    def __init__(self, directory: Path) -> None:
        self._name = f"backoffice_{os.getpid()}"
        self._count = 0
        self._clean: str | None = None
        self._on_server("CREATE DATABASE {}", self._name)
        migrate(self._url(self._name), directory)
        with self._connection(self._name) as template:
            self._tables = [row[0] for row in template.execute(TABLES)]
            self._shape, self._size = self._look(template)

    def new(self) -> str:
        name, self._clean = self._clean, None
        if name is None:
            self._count += 1
            name = f"{self._name}_{self._count}"
            self._on_server("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, self._name)
        return self._url(name)

    def keep(self, url: str) -> Kept:
        with self._connection(str(make_url(url).database)) as connection, connection.cursor() as cursor:
            counts = cursor.execute(COUNTS).fetchone()
            assert counts is not None
            kept = {"": counts[0].encode()}
            for table in self._tables:
                with cursor.copy(sql.SQL("COPY {} TO STDOUT (FORMAT BINARY)").format(sql.Identifier(table))) as copy:
                    kept[table] = b"".join(copy)
        return kept

    def fill(self, url: str, kept: Kept) -> None:
        with self._connection(str(make_url(url).database)) as connection, connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")  # no order by foreign keys
            connection.execute(kept[""])
            for table in self._tables:
                name = sql.Identifier(table)
                with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN (FORMAT BINARY)").format(name)) as copy:
                    copy.write(kept[table])

    def refill(self, url: str, kept: Kept) -> None:
        with self._connection(str(make_url(url).database)) as connection:
            tables = sql.SQL(", ").join(map(sql.Identifier, self._tables))
            connection.execute(sql.SQL("TRUNCATE {}").format(tables))
        self.fill(url, kept)

    def give_back(self, url: str) -> None:
        name = str(make_url(url).database)
        if self._emptied(name):
            self._clean = name
        else:
            self._drop(name)

    def close(self) -> None:
        for name in filter(None, (self._clean, self._name)):
            self._drop(name)

    def _emptied(self, name: str) -> bool:
        """Delete every row and start every count anew, unless more than rows was changed."""
        try:
            with self._connection(name) as connection:
                connection.execute(OTHERS)
                shape, size = self._look(connection)
                if shape != self._shape or size > self._size + GROWTH:
                    return False
                with connection.transaction():
                    connection.execute("SET LOCAL session_replication_role = replica")  # no order by foreign keys
                    for table in self._tables:
                        connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
                connection.execute(RESTART)
        except psycopg.Error:
            return False
        return True

    def _look(self, connection: psycopg.Connection) -> tuple[Any, int]:
        shape = connection.execute(SHAPE).fetchone()
        size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        assert size is not None
        return shape, size[0]

    def _drop(self, name: str) -> None:
        self._on_server("DROP DATABASE {} WITH (FORCE)", name)

    def _on_server(self, command: str, *names: str) -> None:
        with psycopg.connect(_server(), autocommit=True) as server:
            server.execute(sql.SQL(command).format(*map(sql.Identifier, names)))

    def _connection(self, name: str) -> psycopg.Connection:
        url = make_url(self._url(name)).set(drivername="postgresql")
        return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)

    def _url(self, name: str) -> str:
        url = make_url(_server()).set(drivername="postgresql+psycopg", database=name)
        return url.render_as_string(hide_password=False)


SORTS: dict[str, type[SQLite | PostgreSQL]] = {"sqlite": SQLite, "postgresql": PostgreSQL}


def lent(sort: Databases) -> Iterator[str]:
    """The address of an empty database, for the length of a test."""
    url = sort.new()
    yield url
    sort.give_back(url)


def _server() -> str:
    """The address of PostgreSQL: the one that was named, or the run's own."""
    return os.environ.get("TEST_DATABASE_URL") or os.environ[OWN_POSTGRESQL]


class LazyDatabases(dict[str, Databases]):
    """Each sort, prepared when it is first asked for: a test of one does not wait for the other."""

    def __init__(self, paths: pytest.TempPathFactory) -> None:
        self._paths = paths

    def __missing__(self, sort: str) -> Databases:
        self[sort] = SORTS[sort](self._paths.mktemp(sort))
        return self[sort]


def migrate(url: str, directory: Path) -> None:
    """Bring an empty database to where the code is, the way a deployment does it."""
    from backoffice import schema

    with application(Settings(database_url=url, data_dir=directory), screens=False) as app, app.app_context():
        schema.upgrade()


@contextmanager
def application(settings: Settings, screens: bool = True) -> Iterator[Flask]:
    """An application whose connections end with the block."""
    from backoffice.app import create_app  # not above: most tests of the sandbox need none

    app = create_app(settings, screens)
    app.testing = True
    yield app
    hang_up(app)
    app.extensions["redis"].close()


def hang_up(app: Flask) -> None:
    """End an application's connections to its database."""
    from backoffice.extensions import db

    with app.app_context():
        db.session.remove()
        db.engine.dispose()


class Applications:
    """Applications by their settings, lent to one test after the other.

    One keeps no state of its own but what is costly to make anew: its routes, templates and statements, compiled.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[Settings, bool], Flask] = {}

    @contextmanager
    def lent(self, settings: Settings, screens: bool) -> Iterator[Flask]:
        from backoffice.app import create_app

        app = self._made.get((settings, screens))
        if app is None:
            app = self._made[settings, screens] = create_app(settings, screens)
            app.testing = True
        else:
            self._join_again(app, screens)
        yield app
        hang_up(app)

    def close(self) -> None:
        for app in self._made.values():
            app.extensions["redis"].close()

    def _join_again(self, app: Flask, screens: bool) -> None:
        """Set what a process has one of, as `create_app` does: another application was made in between."""
        from backoffice.database import keyring
        from backoffice.extensions import db, limiter
        from backoffice.queue import doorbell
        from backoffice.sync.mapper import routes

        keyring.load(tuple(key.get_secret_value() for key in app.extensions["settings"].encryption_keys))
        doorbell.connect(app.extensions["redis"])
        mappers = {key: provider.mappers for key, provider in app.extensions["providers"].items()}
        with app.app_context():
            db.session.configure(info={"routes": routes(mappers)})
        if screens:
            limiter.init_app(app)
