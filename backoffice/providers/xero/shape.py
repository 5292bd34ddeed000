"""How Xero writes a row: text, numbers, truth, dotted keys, and fields it leaves out when they are empty.

A list with pages leaves out what a single row shows as "": both load as nothing.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Boolean, Column, String, Text

from backoffice.database import Exact
from backoffice.models import Direction
from backoffice.providers.xero.answers import moment
from backoffice.sync.mapper import Field, Mapper, Payload, digest

#: The id that Xero gives what it has not kept.
NOBODY = "00000000-0000-0000-0000-000000000000"
#: What an id may look like: most are GUIDs, those of tax rates are words.
ID = re.compile(r"[!-~]{1,64}")
#: What an exact column can hold of whole units, less a margin.
LARGEST = Decimal(10) ** 14


class XeroMapper(Mapper):
    """What all kinds have in common at Xero. A key may be a path: `SalesDetails.UnitPrice`,
    or through a list of places by their type: `Addresses.POBOX.City`.
    """

    direction = Direction.IN
    version_key = "UpdatedDateUTC"
    #: The key of the word that says whether it is in use, and the words that say it is not.
    status_key = "Status"
    resting = {"ARCHIVED": "archived", "GDPRREQUEST": "archived", "DELETED": "deleted"}

    def external_id(self, payload: Payload) -> str:
        found = payload[self.id_key]
        if not isinstance(found, str) or not ID.fullmatch(found) or found == NOBODY:
            raise ValueError(f"{self.id_key} is no id")
        return found

    def version(self, payload: Payload) -> str:
        """The time of change, however it is written; a digest where there is none that can be read."""
        try:
            return moment(payload.get(self.version_key)).isoformat()
        except ValueError:
            return digest(payload)

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
    if length is not None and len(clean) > length:
        raise ValueError(f"{name} is longer than {length} characters")
    return clean


def truth(raw: Any, name: str) -> bool:
    """Raises: ValueError for anything but true and false."""
    if not isinstance(raw, bool):
        raise ValueError(f"{name} is neither true nor false")
    return raw


def number(raw: Any, places: int, name: str) -> Decimal:
    """A number, or one written as text, with as many places as we keep, half up.

    Raises: ValueError for other sorts and for the very large.
    """
    if isinstance(raw, bool) or not isinstance(raw, int | str | Decimal):
        raise ValueError(f"{name} is no number")
    try:
        exact = Decimal(raw)
    except InvalidOperation as error:
        raise ValueError(f"{name} is no number") from error
    if not exact.is_finite() or abs(exact) >= LARGEST:
        raise ValueError(f"{name} is too large")
    return exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
