"""The sandbox's own SQLite file: one row of JSON text per resource, with the few keys that are searched beside it."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS organisation (
    id TEXT PRIMARY KEY, short_code TEXT NOT NULL UNIQUE, position INTEGER NOT NULL, body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS resource (
    number_of_row INTEGER PRIMARY KEY,
    organisation TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
    updated INTEGER NOT NULL, status TEXT NOT NULL, name TEXT NOT NULL, number TEXT, search TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (organisation, kind, id)
);
CREATE INDEX IF NOT EXISTS resource_updated ON resource (organisation, kind, updated, id, status);
CREATE INDEX IF NOT EXISTS resource_name ON resource (organisation, kind, name);
CREATE INDEX IF NOT EXISTS resource_number ON resource (organisation, kind, number);
CREATE INDEX IF NOT EXISTS resource_type
    ON resource (organisation, kind, lower(json_extract(body, '$.Type')), updated, id);
CREATE INDEX IF NOT EXISTS resource_url ON resource (organisation, kind, lower(json_extract(body, '$.Url')));
CREATE TABLE IF NOT EXISTS attachment (
    organisation TEXT NOT NULL, kind TEXT NOT NULL, owner TEXT NOT NULL, id TEXT NOT NULL, file_name TEXT NOT NULL,
    mime_type TEXT NOT NULL, length INTEGER NOT NULL, online INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (organisation, kind, owner, id)
);
CREATE TABLE IF NOT EXISTS code (
    code TEXT PRIMARY KEY, client TEXT NOT NULL, person TEXT NOT NULL, redirect_uri TEXT NOT NULL, scope TEXT NOT NULL,
    challenge TEXT, event TEXT NOT NULL, expires INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS consent (
    client TEXT NOT NULL, person TEXT NOT NULL, scope TEXT NOT NULL, PRIMARY KEY (client, person)
);
CREATE TABLE IF NOT EXISTS refresh_token (
    token TEXT PRIMARY KEY, client TEXT NOT NULL, person TEXT NOT NULL, scope TEXT NOT NULL, event TEXT NOT NULL,
    expires INTEGER NOT NULL, rotated INTEGER
);
CREATE TABLE IF NOT EXISTS connection (
    id TEXT PRIMARY KEY, client TEXT NOT NULL, person TEXT NOT NULL, organisation TEXT NOT NULL, event TEXT NOT NULL,
    created INTEGER NOT NULL, updated INTEGER NOT NULL, UNIQUE (client, person, organisation)
);
CREATE TABLE IF NOT EXISTS idempotency (
    organisation TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, expires INTEGER NOT NULL,
    status INTEGER NOT NULL, content_type TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (organisation, key)
);
CREATE TABLE IF NOT EXISTS webhook (
    client TEXT PRIMARY KEY, address TEXT NOT NULL, categories TEXT NOT NULL, key TEXT NOT NULL, status TEXT NOT NULL,
    problem TEXT NOT NULL DEFAULT '', held INTEGER NOT NULL DEFAULT 0, sequence INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0, failing_since INTEGER, due INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS webhook_event (
    client TEXT NOT NULL, sequence INTEGER NOT NULL, organisation TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,
    type TEXT NOT NULL, happened INTEGER NOT NULL, PRIMARY KEY (client, sequence)
);
CREATE TABLE IF NOT EXISTS webhook_delivery (
    number INTEGER PRIMARY KEY, client TEXT NOT NULL, sent INTEGER NOT NULL, events INTEGER NOT NULL,
    body BLOB NOT NULL, status INTEGER, problem TEXT NOT NULL
);
"""
# Whoever changes a row, a person or an app: the webhooks of connected apps hear of it, if its stamp moved.
HEARD = """
CREATE TRIGGER IF NOT EXISTS webhook_{name} AFTER {event} ON resource
WHEN new.kind IN ('Contacts', 'Invoices', 'CreditNotes') {condition} BEGIN
    INSERT INTO webhook_event
        SELECT client, sequence + 1, new.organisation, new.kind, new.id, '{type}', new.updated
        FROM webhook WHERE {hears};
    UPDATE webhook SET sequence = sequence + 1 WHERE {hears};
END;
"""
HEARS = """
    status <> 'new' AND instr(categories, upper(substr(new.kind, 1, length(new.kind) - 1))) AND EXISTS
    (SELECT 1 FROM connection WHERE connection.client = webhook.client AND connection.organisation = new.organisation)
"""
TRIGGERS = "".join(
    HEARD.format(name=name, event=event, condition=condition, type=kind, hears=HEARS)
    for name, event, condition, kind in (
        ("made", "INSERT", "", "CREATE"),
        ("changed", "UPDATE OF updated", "AND new.updated <> old.updated", "UPDATE"),
    )
)


class NullTextError(Exception):
    """A text method was called in a filter on a field that is empty in some row."""


def fold(text: str | None) -> str | None:
    return None if text is None else text.casefold()


def _contains(text: str | None, part: str) -> bool:
    return part in _present(text)


def _starts_with(text: str | None, part: str) -> bool:
    return _present(text).startswith(part)


def _ends_with(text: str | None, part: str) -> bool:
    return _present(text).endswith(part)


def _present(text: str | None) -> str:
    if text is None:
        raise NullTextError
    return text.casefold()


class Store:
    """One connection for all threads, behind one lock: nothing here ever waits for a locked file."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._marked: sqlite3.Connection | None = None
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # A power cut may lose the last writes of a play system; the end of the process does not.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.executescript(SCHEMA + TRIGGERS)
        self._connection.create_function("fold", 1, fold, deterministic=True)
        for name, function in (("contains", _contains), ("starts_with", _starts_with), ("ends_with", _ends_with)):
            self._connection.create_function(name, 2, function, deterministic=True)

    def close(self) -> None:
        with self._lock:
            self._connection.close()
            if self._marked:
                self._marked.close()

    def mark(self) -> None:
        """Keep a copy of everything as it is now, in memory."""
        with self._lock:
            self._marked = self._marked or sqlite3.connect(":memory:", check_same_thread=False)
            self._connection.backup(self._marked)

    def go_back(self) -> None:
        """Put everything back to how it was at the mark."""
        with self._lock:
            assert self._marked, "nothing was marked"
            self._marked.backup(self._connection)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; a transaction inside another is undone alone."""
        with self._lock:
            begin, keep, undo = _words(self._depth)
            self._connection.execute(begin)
            self._depth += 1
            try:
                yield
            except BaseException:
                for word in undo:
                    self._connection.execute(word)
                raise
            else:
                self._connection.execute(keep)
            finally:
                self._depth -= 1

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        with self._lock:
            found: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
            return found

    def change(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run one statement and say how many rows it touched."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    def change_many(self, sql: str, values: Sequence[Sequence[Any]]) -> None:
        with self._lock:
            self._connection.executemany(sql, values)

    def analyze(self) -> None:
        """Let SQLite count, so that it chooses the index by name where a filter allows it."""
        self.change("ANALYZE")

    def secret(self, name: str) -> str:
        """A random text that is made once and survives a restart."""
        with self.transaction():
            self.change("INSERT OR IGNORE INTO meta VALUES (?, ?)", (name, secrets.token_hex(32)))
            found = self.row("SELECT value FROM meta WHERE key = ?", (name,))
            assert found is not None
            return str(found[0])


def _words(depth: int) -> tuple[str, str, tuple[str, ...]]:
    if depth == 0:
        return "BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",)
    name = f"inner_{depth}"
    return f"SAVEPOINT {name}", f"RELEASE {name}", (f"ROLLBACK TO {name}", f"RELEASE {name}")
