"""The database's tables against those that this version wants. Everything here needs the application's context."""

from __future__ import annotations

import flask_migrate
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app

from backoffice.database import read_only
from backoffice.errors import BackofficeError
from backoffice.extensions import db


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
