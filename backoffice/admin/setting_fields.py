"""The fields of settings: a tick, a day, a text, a code of a list; each with the line that says what it does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from wtforms import BooleanField, DateField, IntegerField, SelectField, StringField
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs
from wtforms.validators import Length, Optional

from backoffice.admin.forms import NO_NUL, stripped

INTERVAL_WORDS = {
    "15": "Every 15 minutes",
    "30": "Every 30 minutes",
    "60": "Every hour",
    "120": "Every 2 hours",
    "240": "Every 4 hours",
    "720": "Every 12 hours",
}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEEKDAY_WORDS = {str(number): name for number, name in enumerate(WEEKDAYS)}


EARLIEST, LATEST = dt.date(1990, 1, 1), dt.date(2100, 12, 31)
#: How long things may be kept, in days.
KEPT_DAYS = range(30, 3651)
KEPT_SAID = "A whole number of days, from 30 to 3,650."


class KeptField(IntegerField):
    """For how many days something is kept."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        if not valuelist:
            return
        typed = valuelist[0].strip()
        self.data = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 6 else None
        if self.data not in KEPT_DAYS:
            raise ValueError(KEPT_SAID)


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


def days(label: str, description: str) -> KeptField:
    return KeptField(label, description=f"{description} {KEPT_SAID}")


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


def numbered(label: str, words: Mapping[str, str], otherwise: str, description: str) -> SelectField:
    """One of some numbers, each with its words, or none."""
    choices = [SelectChoice("", otherwise), *(SelectChoice(number, said) for number, said in words.items())]
    return SelectField(label, choices=choices, coerce=whole_or_nothing, description=description)


def whole_or_nothing(number: Any) -> int | None:
    """Raises: ValueError for what is neither nothing nor a whole number."""
    return int(number) if number not in (None, "", "None") else None


def or_nothing(code: Any) -> str | None:
    return str(code) if code not in (None, "", "None") else None
