"""The fields of settings: a tick, a day, a text, a code of a list; each with the line that says what it does."""

from __future__ import annotations

import datetime as dt
from typing import Any

from wtforms import BooleanField, DateField, SelectField, StringField
from wtforms.validators import Length, Optional

from backoffice.admin.forms import NO_NUL, stripped

EARLIEST, LATEST = dt.date(1990, 1, 1), dt.date(2100, 12, 31)


class DayField(DateField):
    """A date, or nothing; one that nobody can mean is refused."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        if not valuelist or not valuelist[0].strip():
            self.data = None
            return
        try:
            self.data = dt.date.fromisoformat(valuelist[0].strip())
        except ValueError as error:
            raise ValueError("This is no date. Write it as 2026-11-21.") from error
        if not EARLIEST <= self.data <= LATEST:
            raise ValueError("This date is too far away. Write it as 2026-11-21.")


def day(label: str, description: str) -> DayField:
    return DayField(label, [Optional()], description=description)


def tick(label: str, description: str) -> BooleanField:
    return BooleanField(label, description=description)


def text(label: str, longest: int, description: str, *more: Any) -> StringField:
    limits = [Optional(), Length(max=longest), NO_NUL, *more]
    return StringField(label, limits, filters=[stripped, emptied], description=description)


def code(label: str, description: str) -> SelectField:
    return SelectField(label, choices=[], coerce=or_nothing, description=description)


def emptied(text: Any) -> Any:
    """Nothing instead of an empty text."""
    return text or None


def or_nothing(code: Any) -> str | None:
    return str(code) if code not in (None, "", "None") else None
