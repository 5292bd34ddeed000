"""Rows of the played Xero with something in them that no honest organisation would hold, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

from sqlalchemy import String

from backoffice.providers.xero.kinds import MAPPERS
from backoffice.providers.xero.shape import XeroMapper
from backoffice.sandbox.xero.clock import ms_date
from backoffice.sandbox.xero.shelf import Selection, Shelf
from backoffice.sandbox.xero.world import World
from backoffice.sync.mapper import Mapper

#: What a field may hold, as it stands in their JSON.
VALUES = {
    "script": json.dumps("<script>alert(1)</script>"),
    "breakout": json.dumps("\"'><img src=x onerror=alert(1)>"),
    "formula": json.dumps("=HYPERLINK(\"http://evil.example\")"),
    "right to left": json.dumps("\u202egnp.exe\u2066"),
    "controls": '"a\\u0000\\u0001\\u0007\\u001b[31m\\u007f\\u0085\\u2028b"',
    "half a character": '"\\ud800 and \\udfff"',
    "a megabyte": json.dumps("m" * 1_000_000),
    "unknown word": '"ULTRA"',
    "null": "null", "true": "true", "seven": "7", "minus nothing": "-0", "minus nothing at all": "-0.0",
    "too large": "1e400", "beyond": "1e99999999999999999999", "400 digits": "1" * 400,
    "list": "[]", "object": "{}", "list of nulls": "[null]", "list of numbers": "[7]", "list of lists": "[[[]]]",
    "deep": "[" * 200 + "]" * 200, "deep object": '{"a":' * 200 + "1" + "}" * 200,
    "year 1": '"0001-01-01"', "year 9999": '"9999-12-31"', "year 9999 there": '"/Date(253402300799999+0000)/"',
    "year 0": '"/Date(-62167219200000)/"', "odd date": '"/Date(nonsense)/"', "far date": '"/Date(9999999999999999)/"',
    "no id": '"not an id"', "nobody": '"00000000-0000-0000-0000-000000000000"', "path": '"../../Contacts"',
}  # fmt: skip
#: What is written into every text of one row, for what is shown of it.
SHOWN = (
    json.dumps("\"'><script>alert(1)</script>"),
    json.dumps('=HYPERLINK("http://evil.example")'),
    '"\\u202egnp.exe\\u2066 a\\u0000\\u0001\\u0007\\u001b[31m\\u007f\\u0085\\u2028b \\ud800"',
)
#: Their lists that rows of these kinds come in.
WITHIN = {"tracking_option": "Options", "allocation": "Allocations"}
#: Kinds that Xero keeps on a list of their own, or in one of another's; files are asked for one by one.
KINDS = tuple(mapper for mapper in MAPPERS if isinstance(mapper, XeroMapper) and mapper.kind != "attachment")
#: What the played Xero looks up itself when it shows a row of that list.
LOOKED_UP = {"PurchaseOrders": ("Contact",)}
AROUND = ("Status", "ContactStatus", "UpdatedDateUTC", "LineItems", "Contact", "Addresses", "Phones", "Type")


def paths(mapper: Mapper) -> list[str]:
    """Where in a row of theirs something of ours is read."""
    keys = [field.key for field in mapper.fields] + [ref.key for ref in mapper.refs] + [mapper.id_key]
    keys += [f"LineItems.0.{part.key}" for part in mapper.line_fields]
    keys += ["LineItems.0.Tracking"] if mapper.line_fields else []
    looked_up = LOOKED_UP.get(mapper.resource, ())
    return sorted(key for key in {*keys, *AROUND} if not key.startswith(looked_up))


def texts(mapper: Mapper, length: int) -> list[str]:
    """Where in a row of theirs a text of ours of that length is read; codes and the like say what a row is."""
    columns = mapper.model.__mapper__.columns
    named = {"currency", "their_status", "status", "treatment", "side", "account_type", "account_classes", "code"}
    own = [field.key for field in mapper.fields if field.column not in named and _takes(columns[field.column], length)]
    own = [key for key in own if key not in ("Phones.DEFAULT", "Phones.MOBILE", "Addresses.POBOX")]
    return own + ["LineItems.0.Description"] * bool(mapper.line_fields)


def _takes(column: Any, length: int) -> bool:
    plain = type(column.type).__name__ in ("String", "Text")
    return plain and (column.type.length is None or column.type.length >= length)


class Poisoner:
    """Puts rows on a shelf that look like one that is there, but for some fields."""

    def __init__(self, world: World, organisation: str, mapper: XeroMapper) -> None:
        self._world, self._mapper = world, mapper
        self._kind = mapper.resource
        self._shelf = Shelf(world.store, organisation, self._kind)
        self._organisation = organisation
        self._like = next(row for row in self._shelf.rows(Selection()) if mapper.rows(row.body))
        self._count = 0

    def each(self) -> Iterator[tuple[str, str, str]]:
        """A row for each field and each value."""
        for path in paths(self._mapper):
            for name, value in VALUES.items():
                if name != "a megabyte" or path == self._naming():
                    yield path, name, self.add({path: value})

    def shown(self) -> list[str]:
        """The ids of rows that hold the same in every text."""
        return [self.add(dict.fromkeys(texts(self._mapper, len(json.loads(raw))), raw)) for raw in SHOWN]

    def add(self, poison: dict[str, str]) -> str:
        """One row; what is put into it stands there as it is given. Says its id."""
        self._count += 1
        body = deepcopy(self._like.body)
        row_id = self._renamed(body)
        marks = {f"@@{number}@@": raw for number, raw in enumerate(poison.values())}
        for (path, _), mark in zip(poison.items(), marks, strict=True):
            put(self._inner(body), path, mark)
        updated = self._world.clock.milliseconds()
        if "UpdatedDateUTC" not in poison:
            body["UpdatedDateUTC"] = ms_date(updated)
        self._shelf.put(replace(self._like, id=row_id, updated=updated, name=row_id, number=row_id, body=body))
        for mark, raw in marks.items():
            self._world.store.change(
                "UPDATE resource SET body = replace(body, ?, ?) WHERE organisation = ? AND kind = ? AND id = ?",
                (json.dumps(mark), raw, self._organisation, self._kind, row_id),
            )
        return row_id

    def own(self, row_id: str) -> str:
        """The id of the row of our kind that came with that row."""
        return child_id(row_id, 0) if self._mapper.kind in WITHIN else row_id

    def _inner(self, body: dict[str, Any]) -> dict[str, Any]:
        rows = body.get(WITHIN.get(self._mapper.kind, ""))
        return rows[0] if isinstance(rows, list) and rows else body

    def _renamed(self, body: dict[str, Any]) -> str:
        """Give a copy an id, a name and what else is its own; it names what the first one names."""
        row_id = f"{self._count:08x}-0000-4000-8000-{MAPPERS.index(self._mapper):012x}"
        for mapper in (each for each in KINDS if each.resource == self._kind):
            key = WITHIN.get(mapper.kind)
            for number, row in enumerate(body.get(key) or [] if key else [body]):
                row[mapper.id_key] = child_id(row_id, number) if key else row_id
                self._name(mapper, row)
        return row_id

    def _name(self, mapper: Mapper, row: dict[str, Any]) -> None:
        keys = {field.column: field.key for field in mapper.fields}
        columns = mapper.model.__mapper__.columns
        for column in mapper.match_by:
            if (
                isinstance(columns[column].type, String)
                and "." not in keys[column]
                and column != "email"
                and keys[column] != mapper.id_key
            ):
                row[keys[column]] = f"Row {self._count}"

    def _naming(self) -> str:
        named = (field.key for field in self._mapper.fields if field.column in ("name", "number"))
        return next(named, self._mapper.id_key)


def child_id(row_id: str, number: int) -> str:
    """The id of a row within a row."""
    return f"{row_id[:-12]}f{number:03x}{row_id[-8:]}"


def put(row: Any, path: str, value: Any) -> None:
    """Write at a dotted key, through lists by number or by the sort of a place."""
    *way, last = path.split(".")
    for key in way:
        row = _step(row, key)
    if isinstance(row, list):
        row[:] = [each for each in row if last not in each.values()] + [value]
    else:
        row[last] = value


def _step(row: Any, key: str) -> Any:
    if key.isdecimal():
        return row[int(key)]
    if isinstance(row, list):
        sort = "PhoneType" if any("PhoneType" in each for each in row) else "AddressType"
        found = next((each for each in row if each.get(sort) == key), None)
        if found is None:
            row.append(found := {sort: key})
        return found
    if not isinstance(row.get(key), dict | list):
        row[key] = [] if key in ("Addresses", "Phones") else {}
    return row[key]
