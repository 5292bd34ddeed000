"""What an element may be given: the kinds of its fields, how each is read from JSON and what is wrong with a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from backoffice.sandbox.xero import answers
from backoffice.sandbox.xero.shelf import Json

LARGEST = 10**12


class InvalidError(Exception):
    """An element is refused on its merits; `messages` are Xero's words."""

    def __init__(self, *messages: str) -> None:
        super().__init__(*messages)
        self.messages = list(messages)


@dataclass(frozen=True)
class Field:
    """A field that may be written: `read` turns JSON into what is stored, `limit` is its length."""

    read: Callable[[Any], Any]
    limit: int | None = None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise ValueError


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise ValueError


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError from error
    if not number.is_finite() or abs(number) >= LARGEST:
        raise ValueError
    return float(number)


def Text(limit: int | None = None) -> Field:  # noqa: N802 - reads as the name of a kind
    return Field(_text, limit)


def Choice(*words: str) -> Field:  # noqa: N802
    def read(value: Any) -> str:
        if _text(value) not in words:
            raise ValueError
        return str(value)

    return Field(read)


def Part(fields: Mapping[str, Field]) -> Field:  # noqa: N802
    """An object inside the element; the lengths of its fields are the resource's to check."""

    def read(value: Any) -> Json:
        if not isinstance(value, dict):
            raise ValueError
        return read_fields(value, fields)

    return Field(read)


def Parts(fields: Mapping[str, Field]) -> Field:  # noqa: N802
    """A list of objects inside the element."""

    def read(value: Any) -> list[Json]:
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise ValueError
        return [read_fields(one, fields) for one in value]

    return Field(read)


Flag = Field(_flag)
Number = Field(_number)


def read_fields(element: Json, fields: Mapping[str, Field]) -> Json:
    """The fields that were sent and may be written, under Xero's own spelling; nulls count as not sent.

    Raises the refusal for a value of the wrong kind.
    """
    own = {name.casefold(): name for name in fields}
    read: Json = {}
    for key, value in element.items():
        name = own.get(key.casefold())
        if name is None or value is None:
            continue
        try:
            read[name] = fields[name].read(value)
        except ValueError:
            raise answers.bad_data(f"The value '{value}' is not valid for the field {name}.") from None
    return read


def too_long(values: Json, fields: Mapping[str, Field], label: str = "") -> list[str]:
    return [
        f"The {label}{name} field must be a string with a maximum length of {limit}."
        for name, value in values.items()
        if (limit := fields[name].limit) is not None and isinstance(value, str) and len(value) > limit
    ]


def without_empty(body: Json) -> Json:
    """Xero leaves empty fields out; empty lists stay."""
    return {key: value for key, value in body.items() if value not in (None, "")}


def rounded(value: float, places: int) -> float:
    return float(Decimal(str(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))
