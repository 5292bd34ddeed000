"""The database's tables against those that this version wants. Everything here needs the application's context."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flask_migrate
from alembic import command
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from flask import current_app
from sqlalchemy import Connection

from backoffice.database import read_only
from backoffice.errors import BackofficeError
from backoffice.extensions import db

#: The table in which Alembic keeps the revision.
VERSION = "alembic_version"


class OutdatedDatabaseError(BackofficeError):
    """The database is not at this version: run `backoffice migrate`."""


def wanted() -> str | None:
    """The revision that this version was written for."""
    return ScriptDirectory(current_app.extensions["migrate"].directory).get_current_head()


def present() -> str | None:
    """The revision that the database is at; None for an empty one."""
    read_only(True)
    try:
        with db.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        read_only(False)


def check() -> None:
    """Raises: OutdatedDatabaseError."""
    if present() != wanted():
        raise OutdatedDatabaseError


def upgrade() -> None:
    """Bring the database to where this version wants it."""
    flask_migrate.upgrade()


def knows(revision: str) -> bool:
    """Whether a revision is one of this version's or of an earlier one's."""
    try:
        return ScriptDirectory(current_app.extensions["migrate"].directory).get_revision(revision) is not None
    except CommandError:
        return False


def upgrade_on(connection: Connection, revision: str) -> None:
    """Bring the database to a revision in the transaction of a connection, which the caller ends."""
    config = current_app.extensions["migrate"].migrate.get_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


@contextmanager
def without_cascades(connection: Connection) -> Iterator[None]:
    """On SQLite a table is changed by making it anew; to drop the old one must not delete what hangs on it.

    Its foreign keys can be left aside outside a transaction only: begin none before. What is not committed inside is
    taken back.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        connection.rollback()
        driver.execute("PRAGMA foreign_keys = ON")


def refuse_orphans(connection: Connection) -> None:
    """Check what SQLite did not check meanwhile, before it is committed."""
    if connection.dialect.name == "sqlite":
        orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if orphans:
            raise RuntimeError(f"foreign keys that lead nowhere: {orphans[:10]}")
