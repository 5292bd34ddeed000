"""Overview: how a company stands with its accounting system, and what needs a person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import redirect, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import func, select

from backoffice.admin import links
from backoffice.admin.company_base import Page, here
from backoffice.admin.views import RECORD_VIEWS
from backoffice.admin.words import LINK_BADGES, Badge, plural
from backoffice.clock import now
from backoffice.extensions import db
from backoffice.models import KINDS, Company, CompanySettings, Connection, JobState, Link, LinkState, Role, SyncJob
from backoffice.sync import pending

MOST_CAUSES = 8


@dataclass(frozen=True)
class KindCount:
    """How many active records of a kind there are, and how they stand."""

    label: str
    endpoint: str
    total: int
    states: dict[LinkState, int]


class FrontDoor(Page):
    """The address without anything behind it."""

    in_menu = False
    write_role = Role.ADMINISTRATOR

    def __init__(self) -> None:
        super().__init__("Back office", endpoint="house", url="/", static_folder="static")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        ids = list(db.session.scalars(select(Company.id).order_by(Company.id).limit(2)))
        if len(ids) == 1:
            return redirect(url_for("company.index", company=ids[0]))
        return redirect(url_for("companies.index"))


class OverviewView(Page):
    """The first page of a company."""

    def __init__(self) -> None:
        super().__init__("Overview", endpoint="company", url="/c/<int:company>")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        connection = links.connection_here()
        return self.render(
            "overview.html",
            fresh=links.freshness(),
            counts=kind_counts(connection),
            causes=causes(connection) if connection else [],
            calls=calls_today(here()),
            next_sync=next_nightly(here()) if connection and connection.usable else None,
            recent=recent_jobs(),
        )

    def kinds(self) -> list[str]:
        """What Update brings in from here: everything."""
        provider = links.provider_here()
        return [mapper.kind for mapper in provider.mappers] if provider else []

    def state_badge(self, state: LinkState) -> Badge:
        """The badge of a state, for its count."""
        plain = LINK_BADGES[state]
        return replace(plain, word=plain.word.format(provider=links.provider_name()))


def kind_counts(connection: Connection | None) -> list[KindCount]:
    """A line for each screen of records."""
    states = pending.counts(db.session(), connection) if connection else {}
    lines = []
    for view in RECORD_VIEWS:
        if view.in_menu and view.path != "customers":
            model = view.record
            query = select(func.count()).where(model.company_id == here().id, model.archived.is_(False))
            label = "Suppliers and customers" if view.path == "suppliers" else view.title
            lines.append(KindCount(label, view.path, db.session.scalar(query) or 0, states.get(model.kind, {})))
    return lines


def causes(connection: Connection) -> list[tuple[str, str, str, int]]:
    """What was refused, by cause: (words, cause, kind, how many)."""
    query = (
        select(func.min(Link.refusal), Link.refusal_cause, Link.kind, func.count())
        .where(Link.connection_id == connection.id, Link.refusal.is_not(None))
        .group_by(Link.refusal_cause, Link.kind)
        .order_by(func.count().desc())
        .limit(MOST_CAUSES)
    )
    rows = db.session.execute(query)
    return [(text or "", cause or "", _noun(kind, count), count) for text, cause, kind, count in rows]


def _noun(kind: str, count: int) -> str:
    label = KINDS[kind].label if kind in KINDS else "record"
    return label if count == 1 else plural(label)


def calls_today(company: Company) -> int:
    """Calls made for a company since midnight, by its own clock."""
    midnight = now().astimezone(zone(company)).replace(hour=0, minute=0, second=0, microsecond=0)
    query = select(func.sum(SyncJob.calls)).where(
        SyncJob.company_id == company.id, func.coalesce(SyncJob.ended_at, SyncJob.created_at) >= midnight
    )
    return db.session.scalar(query) or 0


def zone(company: Company) -> ZoneInfo:
    return ZoneInfo(company.time_zone)


def next_nightly(company: Company) -> datetime | None:
    """When the company is brought up to date by itself next."""
    settings = db.session.scalar(select(CompanySettings).where(CompanySettings.company_id == company.id))
    chosen = settings or CompanySettings(nightly=True, nightly_at=CompanySettings.nightly_at.default.arg)
    if not chosen.nightly:
        return None
    today = now().astimezone(zone(company))
    at = chosen.nightly_at
    due = today.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    return due if due > today else due + timedelta(days=1)


def recent_jobs() -> list[SyncJob]:
    """What is being done, and what was done last."""
    query = select(SyncJob).where(SyncJob.company_id == here().id, SyncJob.state != JobState.CANCELLED)
    return list(db.session.scalars(query.order_by(SyncJob.id.desc()).limit(5)))
