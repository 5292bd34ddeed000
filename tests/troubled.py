"""A database that is full, or can only be read, for a while: the real thing, from one transaction to another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from sqlalchemy import Connection, Engine, event

#: By sort of database: what goes wrong, and the statement that makes it so for a transaction.
TROUBLES = {
    "sqlite": {"full": "PRAGMA max_page_count = 1", "read only": "PRAGMA query_only = ON"},
    "postgresql": {"read only": "SET TRANSACTION READ ONLY"},
}


@contextmanager
def troubled(engine: Engine, what: str, begin: int = 0, end: int | None = None) -> Iterator[None]:
    """Trouble in each transaction, or in those from the `begin`-th up to the `end`-th. Afterwards all is well."""
    statement = TROUBLES[engine.dialect.name][what]
    numbers = count()

    def spoil(connection: Connection) -> None:
        number = next(numbers)
        if begin <= number and (end is None or number < end):
            connection.exec_driver_sql(statement)
        elif engine.dialect.name == "sqlite":
            _mend(connection)

    event.listen(engine, "begin", spoil)
    try:
        yield
    finally:
        event.remove(engine, "begin", spoil)
        engine.dispose()


def _mend(connection: Connection) -> None:
    """What was chosen stays with a connection of SQLite."""
    connection.exec_driver_sql("PRAGMA query_only = OFF")
    connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
