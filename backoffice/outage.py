"""When the database cannot do what it was asked, and nobody here is to blame: told by its codes, in plain words."""

from __future__ import annotations

import sqlite3

import psycopg
from psycopg import errors
from sqlalchemy.exc import DBAPIError

FULL = "The disk of the database is full, so nothing can be saved."
READ_ONLY = "The database can only be read just now, so nothing can be saved."
BUSY = "The database is busy with something else."
AWAY = "The database does not answer."
LATE = "This took too long and was stopped; nothing of it was saved."

#: What a person can do; about the others, whoever runs this.
TO_DO = {BUSY: "Nothing was saved. Try again in a moment.", LATE: "Try again."}
TELL = "Nothing was half saved. Whoever runs this has to see to it; after that, try again."

#: The lower byte of SQLite's codes says what it is. https://www.sqlite.org/rescode.html
OF_SQLITE = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_BUSY: BUSY,
    sqlite3.SQLITE_LOCKED: BUSY,
    sqlite3.SQLITE_IOERR: AWAY,
    sqlite3.SQLITE_CANTOPEN: AWAY,
}
#: https://www.postgresql.org/docs/current/errcodes-appendix.html; the first that fits.
OF_POSTGRESQL: dict[type[psycopg.Error], str] = {
    errors.DiskFull: FULL,
    errors.ReadOnlySqlTransaction: READ_ONLY,
    errors.DeadlockDetected: BUSY,
    errors.LockNotAvailable: BUSY,
    errors.IdleInTransactionSessionTimeout: LATE,
    psycopg.OperationalError: AWAY,
}


def words(error: DBAPIError) -> str | None:
    """What is the matter with the database; None where the statement itself is at fault."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return OF_SQLITE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
    return next((said for sort, said in OF_POSTGRESQL.items() if isinstance(cause, sort)), None)
