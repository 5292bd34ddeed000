"""How Xero writes a row: text, numbers, truth, dotted keys, and fields it leaves out when they are empty.

A list with pages leaves out what a single row shows as "": both load as nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Boolean, Column, Date, String, Text

from backoffice.database import Exact, folded
from backoffice.models import Direction
from backoffice.providers.xero.answers import moment
from backoffice.sync.mapper import Field, Mapper, Payload, digest

#: The id that Xero gives what it has not kept.
NOBODY = "00000000-0000-0000-0000-000000000000"
#: What an id looks like. Ids are put into addresses and questions of ours, so nothing else passes for one.
GUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
#: Characters of a text that we keep, where a column sets no limit of its own: far beyond any field of theirs.
LONGEST = 100_000
#: Characters of a text that are looked for; any more may not fit into an address.
LONGEST_SEARCH = 120
#: What a search may find at most.
WHOLE = {"page": "1", "pageSize": "1000"}
#: Digits that an exact column can hold, those behind the point included.
DIGITS = 18


@dataclass(frozen=True)
class Writing:
    """A request that writes: its method, its path below the API, its body, and where its answer has the rows.

    Without such a place the answer itself is the row.
    """

    method: str
    path: str
    body: bytes
    answer: str | None
    content_type: str = "application/json"


@dataclass(frozen=True)
class Search:
    """A request that looks for rows by what is known of one of ours."""

    path: str
    params: dict[str, str]
    answer: str


class XeroMapper(Mapper):
    """What all kinds have in common at Xero. A key may be a path: `SalesDetails.UnitPrice`,
    or through a list of places by their type: `Addresses.POBOX.City`.
    """

    direction = Direction.IN
    id_form = GUID
    version_key = "UpdatedDateUTC"
    #: The key of the word that says whether it is in use, and the words that say it is not.
    status_key = "Status"
    resting = {"ARCHIVED": "archived", "GDPRREQUEST": "archived", "DELETED": "deleted"}

    def external_id(self, payload: Payload) -> str:
        found = payload.get(self.id_key)
        if not isinstance(found, str) or not self.id_form.fullmatch(found) or found == NOBODY:
            raise ValueError(f"{self.id_key} is no id")
        return found

    def version(self, payload: Payload) -> str:
        """The time of change, however it is written; a digest where there is none that can be read."""
        try:
            return moment(payload.get(self.version_key)).isoformat()
        except ValueError:
            return digest(payload)

    def knows(self, version: str, moment: datetime) -> bool:
        try:
            return datetime.fromisoformat(version) >= moment
        except (TypeError, ValueError):
            return False  # a digest, or a time without its zone

    def writing(self, action: str, payloads: Sequence[Payload]) -> Writing:
        """PUT creates and refuses what is there; POST, each row with its id, updates."""
        # Sorted, so that the same request has the same body when it is sent again under the same key.
        body = json.dumps({self.resource: list(payloads)}, sort_keys=True).encode()
        return Writing("PUT" if action == "create" else "POST", self.resource, body, self.resource)

    def search(self, payload: Payload) -> Search | None:
        """Look for the first look-up key that is filled in what was sent; without any there is nothing to find."""
        keys = {field.column: field.key for field in self.fields}
        filled = (keys[column] for column in self.lookup_key if payload.get(keys[column]))
        if (key := next(filled, None)) is None:
            return None
        return Search(self.resource, {**containing(key, str(payload[key])), **WHOLE}, self.resource)

    def asked(self, text: str) -> Search | None:
        """Look for what a person calls by a number or a name; None where Xero cannot be asked so."""
        key = next((field.key for field in self.fields if field.column == "name"), None)
        if key is None or "." in key or not text:
            return None
        return Search(self.resource, {**containing(key, text), **WHOLE}, self.resource)

    def answered(self, row: Payload, sent: Sequence[Payload]) -> Sequence[Payload]:
        """The rows of this kind in one row of the answer to a write; usually the row itself."""
        return (row,)

    def found(self, sent: Payload, row: Payload) -> bool:
        """Whether a row that was found carries one of the texts by which what was sent is known there."""
        keys = [field.key for field in self.fields if field.column in self.lookup_key]
        return any(sent.get(key) and folded(str(row.get(key, ""))) == folded(str(sent[key])) for key in keys)

    def names(self, payload: Payload) -> dict[str, str | None]:
        return {ref.column: name(payload, ref.key) for ref in self.refs}

    def load(self, payload: Payload) -> dict[str, Any]:
        values = {field.column: self.read(field, payload) for field in self.fields}
        return {"archived": self.gone(payload) is not None, **values}

    def read(self, field: Field, payload: Payload) -> Any:
        """One column of ours. Raises: ValueError for what makes no sense."""
        if field.column == "archived":
            return self.gone(payload) is not None
        return value(dig(payload, field.key), self.model.__mapper__.columns[field.column])

    def gone(self, payload: Payload) -> str | None:
        status = payload.get(self.status_key)
        return self.resting.get(status) if isinstance(status, str) else None


def containing(key: str, wanted: str) -> dict[str, str]:
    """A question that finds a text: by its beginning where the whole is too long for an address or has quotes in it."""
    plain = re.split(r'["\\]', wanted)[0][:LONGEST_SEARCH]
    if plain == wanted:
        return {"where": f'{key}=="{wanted}"'}
    if plain:
        return {"where": f'{key}!=null AND {key}.StartsWith("{plain}")'}
    return {"searchTerm": wanted[:LONGEST_SEARCH]}


def name(payload: Payload, path: str) -> str | None:
    """The id at a dotted key; None where there is none."""
    found = dig(payload, path)
    return found if isinstance(found, str) and GUID.fullmatch(found) and found != NOBODY else None


def dig(payload: Payload, path: str) -> Any:
    """The value at a dotted key; None where any part of it is missing.

    Raises: ValueError where a part is neither an object nor a list of places.
    """
    found: Any = payload
    for key in path.split("."):
        if isinstance(found, list) and all(isinstance(each, dict) for each in found):
            found = next((each for each in found if key in (each.get("AddressType"), each.get("PhoneType"))), None)
        elif isinstance(found, dict):
            found = found.get(key)
        elif found is not None:
            raise ValueError(f"{path} is not where it should be")
    return found


def value(raw: Any, column: Column[Any]) -> Any:
    """A value of theirs as the column keeps it. Raises: ValueError where it does not fit."""
    if raw is None or raw == "":
        return _nothing(column)
    if isinstance(column.type, Boolean):
        return truth(raw, column.key)
    if isinstance(column.type, Date):
        return day(raw, column.key)
    if isinstance(column.type, Exact):
        return number(raw, column.type.places, column.key)
    assert isinstance(column.type, String)
    return text(raw, column.key, None if isinstance(column.type, Text) else column.type.length) or _nothing(column)


def _nothing(column: Column[Any]) -> Any:
    if column.nullable:
        return None
    if column.default is None or not column.default.is_scalar:
        raise ValueError(f"{column.key} is missing")
    return column.default.arg  # type: ignore[attr-defined]


def text(raw: Any, name: str, length: int | None) -> str:
    """Text, less the characters that no database takes. Raises: ValueError for other sorts and for too much of it."""
    if not isinstance(raw, str):
        raise ValueError(f"{name} is no text")
    clean = raw.replace("\0", "").encode("utf-8", "ignore").decode()
    if len(clean) > (length or LONGEST):
        raise ValueError(f"{name} is longer than {length or LONGEST} characters")
    return clean


def truth(raw: Any, name: str) -> bool:
    """Raises: ValueError for anything but true and false."""
    if not isinstance(raw, bool):
        raise ValueError(f"{name} is neither true nor false")
    return raw


def day(raw: Any, name: str) -> date:
    """`2026-09-14`, the same with a time, or `/Date(…)/` at midnight UTC. Raises: ValueError for anything else."""
    if not isinstance(raw, str):
        raise ValueError(f"{name} is no date")
    return moment(raw).date() if raw.startswith("/") else date.fromisoformat(raw[:10])


def plain(amount: Decimal) -> float | str:
    """A number as JSON has it; as text where JSON's would lose some of it."""
    short = float(amount)
    return short if Decimal(repr(short)) == amount else format(amount, "f")


def number(raw: Any, places: int, name: str) -> Decimal:
    """A number, or one written as text, with as many places as we keep, half up.

    Raises: ValueError for other sorts and for the very large.
    """
    if isinstance(raw, bool) or not isinstance(raw, int | float | str | Decimal):
        raise ValueError(f"{name} is no number")
    try:
        exact = Decimal(repr(raw) if isinstance(raw, float) else raw)
    except InvalidOperation as error:
        raise ValueError(f"{name} is no number") from error
    if not exact.is_finite() or abs(exact) >= Decimal(10) ** (DIGITS - places):
        raise ValueError(f"{name} is too large")
    return exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
