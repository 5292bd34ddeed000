"""Overview: how a company stands with its accounting system, and what needs a person."""

from __future__ import annotations

from dataclasses import dataclass

from flask import redirect, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import func, select

from backoffice.admin import links, standing
from backoffice.admin.company_base import Page, here
from backoffice.admin.company_clock import next_nightly
from backoffice.admin.views import RECORD_VIEWS
from backoffice.admin.words import LINK_BADGES, Badge, kind_label, plural
from backoffice.extensions import db
from backoffice.models import Company, Connection, JobState, LinkState, Role, SyncJob
from backoffice.sync import pending

MOST_CAUSES = 8
#: Two screens of one table have one line: the second ones, and what the line of the first is called.
COUNTED_WITH = ("customers", "expenses")
BOTH = {"suppliers": "Suppliers and customers", "bills": "Bills and expenses"}


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
            fresh=standing.freshness(),
            counts=kind_counts(connection),
            causes=standing.causes(connection, MOST_CAUSES),
            noun=noun,
            changed=standing.changed_there(connection),
            failures=standing.failures(connection) if connection else [],
            calls=standing.calls_today(),
            next_sync=next_nightly(here()) if connection and connection.usable else None,
            recent=recent_jobs(),
        )

    def kinds(self) -> list[str]:
        """What Update brings in from here: everything."""
        provider = links.provider_here()
        return [mapper.kind for mapper in provider.mappers] if provider else []

    def state_badge(self, state: LinkState) -> Badge:
        """The badge of a state, for its count."""
        return LINK_BADGES[state].at(links.provider_name())


def kind_counts(connection: Connection | None) -> list[KindCount]:
    """A line for each screen of records."""
    states = pending.counts(db.session(), connection) if connection else {}
    lines = []
    for view in RECORD_VIEWS:
        if view.in_menu and view.path not in COUNTED_WITH:
            model = view.record
            query = select(func.count()).where(model.company_id == here().id, model.archived.is_(False))
            label = BOTH.get(view.path, view.title)
            lines.append(KindCount(label, view.path, db.session.scalar(query) or 0, states.get(model.kind, {})))
    return lines


def noun(kind: str, count: int) -> str:
    """What people call so many records of a kind."""
    label = kind_label(kind)
    return label if count == 1 else plural(label)


def recent_jobs() -> list[SyncJob]:
    """What is being done, and what was done last."""
    query = select(SyncJob).where(SyncJob.company_id == here().id, SyncJob.state != JobState.CANCELLED)
    return list(db.session.scalars(query.order_by(SyncJob.id.desc()).limit(5)))
