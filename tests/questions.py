"""What the database is asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import Engine, event

from backoffice.extensions import db

#: What begins and ends a transaction, and what a new connection is told.
AROUND = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA", "SET ")


@contextmanager
def questions(of: Engine | Flask) -> Iterator[list[str]]:
    """The statements that are executed in the block, without those around them."""
    found: list[str] = []
    if isinstance(of, Flask):
        with of.app_context():
            of = db.engine

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if not statement.lstrip().upper().startswith(AROUND):
            found.append(statement)

    event.listen(of, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(of, "before_cursor_execute", note)
