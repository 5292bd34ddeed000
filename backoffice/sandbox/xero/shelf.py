"""A shelf: the rows of one resource in one organisation."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from backoffice.sandbox.xero.store import Store

Json = dict[str, Any]

COLUMNS = "id, updated, status, name, number, search, body"


@dataclass
class Row:
    """One contact, item, account ...: its body as lists show it, and the keys that are searched."""

    id: str
    updated: int
    status: str
    name: str
    number: str | None
    search: str
    body: Json
    # What only the answer to the write that made it shows, and nobody later.
    answer: Json = field(default_factory=dict)


@dataclass
class Selection:
    """Which rows of a shelf, in which order: parts of a SQL statement."""

    conditions: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    order: str = "updated, id"

    def add(self, condition: str, *values: Any) -> None:
        self.conditions.append(f"({condition})")
        self.values.extend(values)

    @property
    def where(self) -> str:
        return "".join(f" AND {condition}" for condition in self.conditions)


class Shelf:
    """Reads and writes the rows of one resource in one organisation."""

    def __init__(self, store: Store, organisation: str, kind: str) -> None:
        self.store = store
        self._place = (organisation, kind)

    def texts(self, selection: Selection, limit: int = -1, offset: int = 0) -> list[str]:
        """The bodies as they are stored: JSON text, to be joined without being read."""
        found = self.store.rows(
            f"SELECT body FROM resource WHERE organisation = ? AND kind = ?{selection.where}"
            f" ORDER BY {selection.order} LIMIT ? OFFSET ?",
            (*self._place, *selection.values, limit, offset),
        )
        return [text for (text,) in found]

    def bodies(self, selection: Selection | None = None, limit: int = -1, offset: int = 0) -> list[Json]:
        return [json.loads(text) for text in self.texts(selection or Selection(), limit, offset)]

    def count(self, selection: Selection | None = None) -> int:
        selection = selection or Selection()
        found = self.store.row(
            f"SELECT count(*) FROM resource WHERE organisation = ? AND kind = ?{selection.where}",
            (*self._place, *selection.values),
        )
        return int(found[0]) if found else 0

    def rows(self, selection: Selection, limit: int = -1, offset: int = 0) -> list[Row]:
        found = self.store.rows(
            f"SELECT {COLUMNS} FROM resource WHERE organisation = ? AND kind = ?{selection.where}"
            f" ORDER BY {selection.order} LIMIT ? OFFSET ?",
            (*self._place, *selection.values, limit, offset),
        )
        return [_row(values) for values in found]

    def get(self, row_id: str) -> Row | None:
        return self._first("id = ?", row_id.lower())

    def by_number(self, number: str) -> Row | None:
        """The row with this number or code, whatever its case."""
        return self._first("number = ?", number.casefold())

    def by_name(self, name: str, *, status: str = "ACTIVE") -> Row | None:
        return self._first("name = ? AND status = ?", name.casefold(), status)

    def all_by_number(self, number: str) -> list[Row]:
        """Where numbers are not unique: all rows with this one, in no order."""
        return self._every("number = ?", number.casefold())

    def all_by_name(self, name: str) -> list[Row]:
        return self._every("name = ?", name.casefold())

    def put(self, row: Row) -> None:
        self.put_many([row])

    def put_many(self, rows: list[Row]) -> None:
        self.store.change_many(
            f"INSERT INTO resource (organisation, kind, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (organisation, kind, id) DO UPDATE SET updated = excluded.updated, status = excluded.status,"
            " name = excluded.name, number = excluded.number, search = excluded.search, body = excluded.body",
            [(*self._place, *_values(row)) for row in rows],
        )

    def remove(self, row_id: str) -> bool:
        sql = "DELETE FROM resource WHERE organisation = ? AND kind = ? AND id = ?"
        return self.store.change(sql, (*self._place, row_id.lower())) > 0

    def _first(self, condition: str, *values: Any) -> Row | None:
        # Without an order: asked for one, SQLite would rather walk the stamps than use the index of the condition.
        found = self.store.row(
            f"SELECT {COLUMNS} FROM resource WHERE organisation = ? AND kind = ? AND {condition}",
            (*self._place, *values),
        )
        return _row(found) if found else None

    def _every(self, condition: str, *values: Any) -> list[Row]:
        found = self.store.rows(
            f"SELECT {COLUMNS} FROM resource WHERE organisation = ? AND kind = ? AND {condition}",
            (*self._place, *values),
        )
        return [_row(one) for one in found]


def _row(values: tuple[Any, ...]) -> Row:
    row_id, updated, status, name, number, search, text = values
    return Row(row_id, updated, status, name, number, search, json.loads(text))


def _values(row: Row) -> tuple[Any, ...]:
    number = row.number.casefold() if row.number else None
    return row.id, row.updated, row.status, row.name.casefold(), number, row.search.casefold(), dump(row.body)


def dump(body: object) -> str:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)
