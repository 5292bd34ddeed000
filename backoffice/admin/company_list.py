"""The companies of this deployment as one question to the database: how each stands, found, sorted and paged there."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import request
from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select

from backoffice.admin.company_base import number
from backoffice.admin.company_clock import next_sync
from backoffice.extensions import db
from backoffice.models import Alert, Company, CompanySettings, Connection, ConnectionState, Drift, Link, SyncJob
from backoffice.sync import freshness, jobs, needs

#: More companies than these are shown as a table, unless somebody asks for cards.
CARDS = 24
#: Rows of a page, by how it is shown.
PER_PAGE = {"cards": CARDS, "table": 100}
FILTERS = {"attention": "Needs attention", "unlinked": "Not linked"}
SORTS = {"name": "Name", "last": "Last sync", "failures": "Failures", "waiting": "Waiting"}
LATEST = 10_000


@dataclass(frozen=True)
class Asked:
    """What a person wants to see of the companies, as it stands in the address."""

    search: str = ""
    only: str = ""
    provider: str = ""
    sort: str = "name"
    view: str = ""
    page: int = 0

    @classmethod
    def here(cls) -> Asked:
        """What this request asks for."""
        args = request.args
        known: dict[str, Container[str]] = {"only": FILTERS, "sort": SORTS, "view": PER_PAGE}
        chosen = {name: args.get(name, "") for name in known if args.get(name, "") in known[name]}
        page = min(number(args.get("page")) or 0, LATEST)
        text = args.get("search", "").replace("\0", "").strip()[:100]
        return cls(text, provider=args.get("provider", "")[:40].replace("\0", ""), page=page, **chosen)

    def arguments(self, **changed: Any) -> dict[str, Any]:
        """The same in an address, with changes; whatever is changed, its first page."""
        told = {"search": self.search, "only": self.only, "provider": self.provider, "sort": self.sort}
        told |= {"view": self.view, **changed}
        return {name: value for name, value in told.items() if value and (name, value) != ("sort", "name")}


@dataclass(frozen=True)
class Standing:
    """How one company stands with its accounting system."""

    company: Company
    connection: Connection | None
    settings: CompanySettings | None
    last: datetime | None
    failures: int
    refused: int
    waiting: int
    #: What waits for a person to choose or to acknowledge; a likely duplicate can wait, and does not count.
    decide: int
    #: Whether a job is under way just now.
    busy: bool

    @property
    def usable(self) -> bool:
        return self.connection is not None and self.connection.usable

    @property
    def paused(self) -> bool:
        return bool(self.settings and self.settings.paused)

    @property
    def next(self) -> datetime | None:
        """When it is brought up to date by itself next."""
        return next_sync(self.company, self.connection, self.settings)


@dataclass(frozen=True)
class Listed:
    """A page of companies."""

    rows: list[Standing]
    #: How many there are that fit.
    total: int
    #: `cards` or `table`.
    view: str

    @property
    def size(self) -> int:
        return PER_PAGE[self.view]


def listed(asked: Asked) -> Listed:
    """The companies that were asked for: two questions, however many there are."""
    found = _wanted(asked).subquery()
    total = db.session.scalar(select(func.count()).select_from(found)) or 0
    view = asked.view or ("cards" if total <= CARDS else "table")
    query = (
        select(Company, Connection, CompanySettings, *(found.c[name] for name in FIGURES))
        .join(found, found.c.company_id == Company.id)
        .outerjoin(Connection, Connection.id == found.c.connection_id)
        .outerjoin(CompanySettings, CompanySettings.company_id == Company.id)
        .order_by(*_order(found, asked.sort), func.lower(Company.name), Company.id)
        .offset(asked.page * PER_PAGE[view])
        .limit(PER_PAGE[view])
    )
    rows = [Standing(*row) for row in db.session.execute(query)]
    return Listed(rows, total, view)


def _order(found: Any, sort: str) -> list[ColumnElement[Any]]:
    if sort == "last":  # the one that was left alone the longest first; none at all, before it
        return [case((found.c.last.is_(None), 0), else_=1), found.c.last]
    if sort == "failures":
        return [(found.c.failures + found.c.refused).desc()]
    return [found.c.waiting.desc()] if sort == "waiting" else []


FIGURES = ("last", "failures", "refused", "waiting", "decide", "busy")


def _wanted(asked: Asked) -> Select[Any]:
    """The companies that fit, each with its figures."""
    every = _figures().subquery()
    query = select(every)
    if asked.search:
        said = [column.icontains(asked.search, autoescape=True) for column in (every.c.name, every.c.organisation)]
        query = query.where(or_(*said))
    if asked.provider:
        query = query.where(every.c.provider == asked.provider)
    if asked.only == "unlinked":
        query = query.where(every.c.connection_id.is_(None))
    if asked.only == "attention":
        lost = every.c.state == ConnectionState.NEEDS_RECONNECTING
        counted = [every.c[name] > 0 for name in ("failures", "refused", "decide")]
        query = query.where(or_(*counted, every.c.connection_id.is_(None), lost))
    return query


def _figures() -> Select[Any]:
    """Each company's row: its connection, when it was last brought up to date, what failed, what waits."""
    mine = and_(SyncJob.company_id == Company.id, SyncJob.connection_id == Connection.id)
    last = select(func.max(SyncJob.ended_at)).where(mine, freshness.updates())
    failures = select(func.count(SyncJob.id)).where(mine, freshness.failed())
    busy = select(func.count(SyncJob.id)).where(mine, jobs.covers_now())
    links = select(func.count(Link.id)).where(Link.connection_id == Connection.id)
    differ = select(func.count(Drift.id)).where(Drift.connection_id == Connection.id, Drift.waits())
    alerts = select(func.count(Alert.id)).where(Alert.company_id == Company.id, Alert.acknowledged_at.is_(None))
    questions = [links.where(each) for each in (needs.changed_there(), needs.in_doubt(), needs.unconfirmed())]
    decide = [each.correlate(Company, Connection).scalar_subquery() for each in (alerts, differ, *questions)]
    return (
        select(
            Company.id.label("company_id"),
            Company.name,
            Connection.id.label("connection_id"),
            Connection.organisation,
            Connection.provider,
            Connection.state,
            last.correlate(Company, Connection).scalar_subquery().label("last"),
            failures.correlate(Company, Connection).scalar_subquery().label("failures"),
            links.where(needs.turned_down()).correlate(Connection).scalar_subquery().label("refused"),
            links.where(needs.on_its_way()).correlate(Connection).scalar_subquery().label("waiting"),
            sum(decide, literal(0)).label("decide"),
            (busy.correlate(Company, Connection).scalar_subquery() > 0).label("busy"),
        )
        .outerjoin(Connection, and_(Connection.company_id == Company.id, Connection.active))
        .where(Company.deletion_id.is_(None))
    )
