"""How Alembic reaches the application's database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from alembic import context
from flask import current_app
from sqlalchemy import Connection
from sqlalchemy.types import TypeDecorator

from backoffice.extensions import db


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our own column types as what the database sees, so that old migrations never change their meaning."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        render_as_batch=True,
        render_item=render_item,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


@contextmanager
def without_cascades(connection: Connection) -> Iterator[None]:
    """On SQLite a table is changed by making it anew; to drop the old one must not delete what hangs on it.

    Its foreign keys can be left aside outside a transaction only, so before the first statement of ours.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys = ON")


def refuse_orphans(connection: Connection) -> None:
    """What SQLite did not check meanwhile is checked before it is committed."""
    if connection.dialect.name == "sqlite":
        orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if orphans:
            raise RuntimeError(f"foreign keys that lead nowhere: {orphans[:10]}")


with current_app.app_context():
    given = context.config.attributes.get("connection")
    if given is not None:
        run(given)
    else:
        with db.engine.connect() as connection, without_cascades(connection):
            run(connection)
            refuse_orphans(connection)
            connection.commit()
