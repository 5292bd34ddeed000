"""Days of documents: read in all the ways they are sent, shown as midnight UTC of the organisation's own calendar."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from backoffice.sandbox.xero.clock import ms_date, read_ms_date
from backoffice.sandbox.xero.fields import Field
from backoffice.sandbox.xero.organisations import Organisation
from backoffice.sandbox.xero.shelf import Json

ZONES = {"NEWZEALANDSTANDARDTIME": "Pacific/Auckland", "GMTSTANDARDTIME": "Europe/London"}
PLAIN = re.compile(r"^\d{4}-\d{2}-\d{2}$")


def _day(value: Any) -> str:
    """As YYYY-MM-DD. The trap: a time with an offset falls on its day in UTC, often the day before."""
    if not isinstance(value, str):
        raise ValueError
    if value == "" or PLAIN.match(value):
        return date.fromisoformat(value).isoformat() if value else ""
    milliseconds = read_ms_date(value)
    if milliseconds is not None:
        try:
            return day_of(milliseconds)
        except OverflowError as error:
            raise ValueError from error
    moment = datetime.fromisoformat(value)
    return (moment.astimezone(UTC) if moment.tzinfo else moment).date().isoformat()


Day = Field(_day)


def zone_of(organisation: Organisation) -> ZoneInfo:
    return ZoneInfo(ZONES.get(organisation.body.get("Timezone", ""), "UTC"))


def today(organisation: Organisation, now: int) -> str:
    """The organisation's calendar day at a moment in milliseconds."""
    return datetime.fromtimestamp(now / 1000, zone_of(organisation)).date().isoformat()


def local_stamp_as_utc(organisation: Organisation, milliseconds: int) -> int:
    """The trap in purchase orders: the local time of a contact's stamp, labelled as UTC."""
    local = datetime.fromtimestamp(milliseconds / 1000, zone_of(organisation))
    return round(local.replace(tzinfo=UTC).timestamp() * 1000)


def midnight(day: str) -> int:
    moment = datetime.combine(date.fromisoformat(day), time(), UTC)
    return round(moment.timestamp() * 1000)


def day_of(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).date().isoformat()


def written_day(day: str) -> str:
    return ms_date(midnight(day))


def day_in(body: Json, field: str) -> str:
    """The day that a stored body has in a field; empty if none."""
    milliseconds = read_ms_date(body.get(field, ""))
    return "" if milliseconds is None else day_of(milliseconds)


def put_day(body: Json, field: str, day: str) -> None:
    """The day and beside it its text, as in `Date` and `DateString`; an empty one clears both."""
    body[f"{field}String"] = f"{day}T00:00:00" if day else ""
    body[field] = written_day(day) if day else ""


def stamp_text(milliseconds: int) -> str:
    """`UpdatedDateUTCString`: whole seconds, with a Z."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def locked_until(organisation: Organisation) -> str:
    """The later of the two lock dates; empty if there is none."""
    return max(day_in(organisation.body, field) for field in ("PeriodLockDate", "EndOfYearLockDate"))


def locked_words(until: str) -> str:
    return f"The document date cannot be on or before the lock date of the organisation, {until}."
