"""Charts of the last weeks: what sync jobs changed, how many failed, how long they took; drawn without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, extract, func, select
from sqlalchemy.orm import Session

from backoffice.admin.company_base import here
from backoffice.admin.company_clock import midnight, zone
from backoffice.admin.words import day
from backoffice.database import is_postgresql
from backoffice.extensions import db
from backoffice.models import JobState, SyncJob, Work

WEEKS = 12
#: The drawing, in its own units.
WIDTH, HEIGHT, GAP = 300, 64, 4


@dataclass(frozen=True)
class Bar:
    """One week: where it is drawn, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    week: str
    value: int


@dataclass(frozen=True)
class Chart:
    """A figure, week by week."""

    key: str
    title: str
    unit: str
    bars: Sequence[Bar]

    @property
    def most(self) -> int:
        return max((bar.value for bar in self.bars), default=0)

    @property
    def about(self) -> str:
        """The chart in a sentence, for who does not see it."""
        if not self.most:
            return f"Nothing in the last {WEEKS} weeks."
        most, last = (f"{value:,}{self.unit}" for value in (self.most, self.bars[-1].value))
        return f"Week by week since {self.bars[0].week}: {most} at most, {last} this week."


def charts() -> list[Chart]:
    """The charts of the company whose page this is: one question for each."""
    changed = SyncJob.created + SyncJob.updated + SyncJob.archived + SyncJob.sent
    took = _seconds(db.session(), SyncJob.started_at, SyncJob.ended_at)
    failed = SyncJob.state == JobState.FAILED
    done = (SyncJob.state == JobState.COMPLETED) & (SyncJob.work == Work.UPDATE) & SyncJob.started_at.is_not(None)
    return [
        _chart("changed", "Records changed", "", func.sum, changed, SyncJob.state != JobState.FAILED),
        _chart("failed", "Failed sync jobs", "", func.count, SyncJob.id, failed),
        _chart("duration", "Duration of an update, on average", " s", func.avg, took, done),
    ]


def _chart(key: str, title: str, unit: str, fold: Any, value: Any, which: ColumnElement[bool]) -> Chart:
    starts = weeks()
    week = case(*[(SyncJob.ended_at >= start, n) for n, start in reversed(list(enumerate(starts)))], else_=-1)
    # Grouped from outside: PostgreSQL does not see that two equal expressions with parameters are one.
    one = (
        select(week.label("week"), value.label("value"))
        .where(SyncJob.company_id == here().id, SyncJob.ended_at >= starts[0], which)
        .subquery()
    )
    rows = db.session.execute(select(one.c.week, fold(one.c.value)).group_by(one.c.week))
    found = {number: folded for number, folded in rows if folded is not None}
    values = [round(found.get(n, 0)) for n in range(WEEKS)]
    return Chart(key, title, unit, drawn(starts, values))


def weeks() -> list[datetime]:
    """When each of the last weeks began, by the company's clock; the present one last."""
    today = midnight(here())
    monday = today - timedelta(days=today.weekday())
    local = [(monday - timedelta(weeks=n)).replace(tzinfo=zone(here())) for n in range(WEEKS)]
    return [start.astimezone(UTC) for start in reversed(local)]


def drawn(starts: Sequence[datetime], values: Sequence[int]) -> list[Bar]:
    """The bars, as high as the highest lets them be; what is not nothing is seen."""
    most, step = max(values) or 1, WIDTH / len(values)
    bars = []
    for number, (start, value) in enumerate(zip(starts, values, strict=True)):
        height = max(round(value / most * HEIGHT, 1), 2.0) if value else 0.5
        week = day(start.astimezone(zone(here())))
        bars.append(Bar(round(number * step, 1), round(HEIGHT - height, 1), round(step - GAP, 1), height, week, value))
    return bars


def _seconds(session: Session, start: Any, end: Any) -> ColumnElement[Any]:
    if is_postgresql(session):
        return extract("epoch", end) - extract("epoch", start)
    return (func.julianday(end) - func.julianday(start)) * 86_400
