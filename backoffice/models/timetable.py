"""A company's timetable: when each of its schedules was due last, and is next, by its own clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from backoffice.clock import now
from backoffice.models.company import Company
from backoffice.models.settings import CompanySettings

#: Companies with the same time by the clock start over so long a time after it.
SPREAD = timedelta(hours=1)
#: The golden section: companies that were added one after the other lie far apart, and any number of them evenly.
SECTION = 0.6180339887498949
#: A reconciliation comes so long after the nightly sync, which finds what change feeds show.
AFTER_NIGHT = timedelta(hours=2)
#: In so many days everything is due once.
BEYOND = 10
BEGINNING = datetime.fromtimestamp(0, UTC)


class Rhythm(StrEnum):
    """What a company does by itself."""

    NIGHTLY = "nightly"
    INTERVAL = "interval"
    RECONCILIATION = "reconciliation"


@dataclass(frozen=True)
class Timetable:
    """What one company has chosen. Equal companies start at different seconds, and each one always at the same."""

    company_id: int
    zone: str
    nightly: bool
    nightly_at: time
    #: Minutes between two updates by day.
    update_every: int | None
    #: The day of the week of its reconciliation, 0 for Monday.
    reconcile_on: int | None

    @classmethod
    def of(cls, company: Company, chosen: CompanySettings) -> Timetable:
        """The timetable of a company with these settings."""
        day, every = chosen.reconcile_on, chosen.update_every
        return cls(company.id, company.time_zone, chosen.nightly, chosen.nightly_at, every, day)

    def last(self, rhythm: Rhythm) -> datetime | None:
        """The last moment, not after now, at which it was due; None where the company does without."""
        present = now()
        if rhythm is Rhythm.INTERVAL:
            return self._interval(present)
        back = self._days(rhythm, present, range(0, -BEYOND, -1))
        return next((at for at in back if at <= present), None)

    def next(self, rhythm: Rhythm) -> datetime | None:
        """The first moment after now at which it is due; None where the company does without."""
        present = now()
        if rhythm is Rhythm.INTERVAL:
            last = self._interval(present)
            return last + timedelta(minutes=self.update_every or 0) if last else None
        ahead = self._days(rhythm, present, range(-1, BEYOND))
        return next((at for at in ahead if at > present), None)

    def next_update(self) -> datetime | None:
        """When the company is brought up to date next; None where it does without."""
        times = (self.next(Rhythm.NIGHTLY), self.next(Rhythm.INTERVAL))
        return min((at for at in times if at is not None), default=None)

    def _days(self, rhythm: Rhythm, present: datetime, around: range) -> Iterator[datetime]:
        """When it is due on these days, counted from today, where it is due at all."""
        today = present.astimezone(zone_called(self.zone)).date()
        later = AFTER_NIGHT if rhythm is Rhythm.RECONCILIATION else timedelta(0)
        for day in (today + timedelta(days=days) for days in around):
            if self.nightly if rhythm is Rhythm.NIGHTLY else day.weekday() == self.reconcile_on:
                yield self._on(day) + later

    def _on(self, day: date) -> datetime:
        """One moment a day, also where that day's clock shows the time twice, or jumps over it."""
        return moment(self.zone, day, self.nightly_at) + _whole(SPREAD * self._place)

    def _interval(self, present: datetime) -> datetime | None:
        if not self.update_every:
            return None
        every = timedelta(minutes=self.update_every)
        begin = BEGINNING + _whole(every * self._place)
        return begin + (present - begin) // every * every

    @property
    def _place(self) -> float:
        """Where between the first and the last of all companies it starts, from 0 to 1."""
        return self.company_id * SECTION % 1


def moment(zone: str, day: date, clock: time) -> datetime:
    """When a clock of that zone shows that time on that day.

    Where it shows it twice, the first time; where it jumps over it, as long after the jump as the time lies in the gap.
    """
    return datetime.combine(day, clock, zone_called(zone)).astimezone(UTC)


def zone_called(name: str) -> ZoneInfo:
    """A time zone by its IANA name; UTC for what is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _whole(span: timedelta) -> timedelta:
    return timedelta(seconds=int(span.total_seconds()))
