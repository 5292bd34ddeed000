"""Searching the history of a company: what was asked for, and a page of what fits, quick however long the history is.

Person, job, record and time have indexes of their own. Everything else is looked for in the latest `WINDOW` changes
that these leave, and the page says how far it has looked.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

from sqlalchemy import CTE, ColumnElement, and_, func, or_, select

from backoffice.admin.company_base import here, number
from backoffice.admin.company_clock import zone
from backoffice.extensions import db
from backoffice.models import KINDS, RECORDS, AccountMapping, CompanySettings, History, Record, TaxMapping
from backoffice.models.line_changes import LINES

PER_PAGE = 50
#: What is no record and has a history all the same.
OTHER_KINDS = {
    one.kind: label
    for one, label in ((TaxMapping, "tax mapping"), (AccountMapping, "account mapping"), (CompanySettings, "settings"))
}
#: So many changes are looked through for what has no index.
WINDOW = 50_000
#: Counted no further than this.
MOST_COUNTED = 10_000
#: So many records of each kind are looked up by a name.
MOST_NAMED = 200
LONGEST = 200
#: The person who stands for all that jobs wrote.
BY_JOBS = "jobs"
FIRST_DAY, LAST_DAY = dt.date(1990, 1, 1), dt.date(2200, 12, 31)


@dataclass(frozen=True)
class Asked:
    """What a person looks for; each empty part asks for nothing. They stand in the address by these names."""

    person: str = ""
    job: str = ""
    kind: str = ""
    record: str = ""
    field: str = ""
    text: str = ""
    action: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def of(cls, args: Mapping[str, str]) -> Asked:
        """As the address says; what cannot be meant is left out."""
        typed = {one.name: args.get(one.name, "").replace("\x00", "").strip()[:LONGEST] for one in fields(cls)}
        checks = {"person": _person, "job": _number, "kind": _kind, "since": _day, "until": _day}
        return cls(**{name: text if checks.get(name, bool)(text) else "" for name, text in typed.items()})

    def said(self) -> dict[str, str]:
        """What was asked for, by name."""
        return {one.name: text for one in fields(self) if (text := getattr(self, one.name))}

    def without(self, name: str) -> dict[str, str]:
        return replace(self, **{name: ""}).said()

    def narrow(self) -> list[ColumnElement[bool]]:
        """What has an index."""
        mine: list[ColumnElement[bool]] = [History.company_id == here().id]
        if self.person == BY_JOBS:
            mine.append(History.sync_job_id.is_not(None))
        elif self.person:
            mine.append(History.user_id == int(self.person))
        if self.job:
            mine.append(History.sync_job_id == int(self.job))
        if self.since:
            mine.append(History.at >= _midnight(self.since))
        if self.until:
            mine.append(History.at < _midnight(self.until, 1))
        return mine

    def wanted(self) -> list[ColumnElement[bool]]:
        """What has none."""
        wanted: list[ColumnElement[bool]] = []
        if self.kind and not self.record:
            wanted.append(History.kind == self.kind)
        if self.field:
            wanted.append(or_(History.field == self.field, History.field.like(f"{LINES}.%.{_plain(self.field)}", "\\")))
        if self.action:
            wanted.append(History.action == self.action)
        if self.text:
            held = (History.old, History.new)
            wanted.append(or_(*(column.icontains(self.text, autoescape=True) for column in held)))
        return wanted

    def named(self) -> CTE | None:
        """The lines about the records of that name, found by the records and not by the lines."""
        if not self.record:
            return None
        models = [KINDS[self.kind]] if self.kind in KINDS else RECORDS
        about = [
            and_(History.kind == model.kind, History.record_id.in_(ids))
            for model in models
            if (ids := _called(model, self.record))
        ]
        found = select(History.id).where(History.company_id == here().id, or_(*about) if about else History.id < 0)
        return found.cte("named").prefix_with("MATERIALIZED")


def _person(text: str) -> bool:
    return text == BY_JOBS or number(text) is not None


def _number(text: str) -> bool:
    return number(text) is not None


def _kind(text: str) -> bool:
    return text in KINDS or text in OTHER_KINDS


def _day(text: str) -> bool:
    try:
        return FIRST_DAY <= dt.date.fromisoformat(text) <= LAST_DAY
    except ValueError:
        return False


def _midnight(day: str, later: int = 0) -> dt.datetime:
    """When a day of the company's clock began, or so many days later."""
    at = dt.date.fromisoformat(day) + dt.timedelta(days=later)
    return dt.datetime.combine(at, dt.time(), zone(here())).astimezone(dt.UTC)


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _called(model: type[Record], name: str) -> list[int]:
    said = model.name.icontains(name, autoescape=True)
    query = select(model.id).where(model.company_id == here().id, said)
    return list(db.session.scalars(query.order_by(model.id.desc()).limit(MOST_NAMED)))


ORDER = (History.at.desc(), History.id.desc())


@dataclass(frozen=True)
class Found:
    """One page of lines, and what lies behind it."""

    rows: Sequence[History]
    #: The line from which on there is more; None where this is the end.
    after: int | None
    #: How far back was looked, where that is not to the beginning.
    looked_back_to: dt.datetime | None
    #: How many fit, on the first page; None on the others.
    count: int | None
    #: Whether there are more than were counted.
    many: bool


def search(asked: Asked, before: int | None) -> Found:
    """What fits, the newest first, older than one line of the history."""
    narrow, wanted, named = asked.narrow(), asked.wanted(), asked.named()
    start = db.session.get(History, before) if before else None
    behind = [] if start is None else [_older(start.at, start.id)]
    edge = _edge([*narrow, *behind]) if wanted and named is None else None
    within = [*narrow, *wanted] + ([_not_older(*edge)] if edge else [])
    if named is not None:
        within.append(History.id.in_(select(named.c.id)))
    query = select(History).where(*within, *behind).order_by(*ORDER).limit(PER_PAGE + 1)
    rows = db.session.scalars(query).all()
    more = len(rows) > PER_PAGE
    after = rows[PER_PAGE - 1].id if more else (edge[1] if edge else None)
    count = _count(within) if start is None else None
    many = edge is not None or (count or 0) > MOST_COUNTED
    return Found(rows[:PER_PAGE], after, edge[0] if edge and not more else None, count, many)


def _edge(narrow: list[ColumnElement[bool]]) -> tuple[dt.datetime, int] | None:
    """The last line that is looked at; None where all are."""
    query = select(History.at, History.id).where(*narrow).order_by(*ORDER).offset(WINDOW - 1).limit(1)
    found = db.session.execute(query).first()
    return (found.at, found.id) if found else None


def _older(at: dt.datetime, key: int) -> ColumnElement[bool]:
    return and_(History.at <= at, or_(History.at < at, History.id < key))


def _not_older(at: dt.datetime, key: int) -> ColumnElement[bool]:
    return and_(History.at >= at, or_(History.at > at, History.id >= key))


def _count(within: list[ColumnElement[bool]]) -> int:
    some = select(History.id).where(*within).limit(MOST_COUNTED + 1).subquery()
    return db.session.scalar(select(func.count()).select_from(some)) or 0
