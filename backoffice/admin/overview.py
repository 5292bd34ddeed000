"""Overview: how a company stands with its accounting system, and what needs a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import current_app, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import func, select

from backoffice.admin import links, standing
from backoffice.admin.charts import charts
from backoffice.admin.company_base import Page, here
from backoffice.admin.company_clock import by_night, next_sync
from backoffice.admin.estimate import next_cost
from backoffice.admin.history import Entry, entries
from backoffice.admin.views import RECORD_VIEWS
from backoffice.admin.words import LINK_BADGES, Badge, kind_label
from backoffice.extensions import db
from backoffice.models import KINDS, Company, Connection, History, JobState, LinkState, Role, SyncJob
from backoffice.models.settings import settings_of
from backoffice.sync import duplicates, freshness, pending
from backoffice.sync.reconciliation.drift import open_drift
from backoffice.wording import plural

MOST_CAUSES = 8
#: So many of the latest failures are looked at.
MOST_FAILED = 100
EVER = datetime.min.replace(tzinfo=UTC)
#: So many of the latest changes are shown.
LATELY = 6
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
    #: When it was last brought in to its end; None while it was not.
    updated_at: datetime | None
    #: The newest job that failed to do so since; None where none did.
    failed_id: int | None
    #: How many differences a reconciliation has found, and how many pairs may be one.
    drift: int
    doubles: int


class FrontDoor(Page):
    """The address without anything behind it."""

    in_menu = False
    write_role = Role.ADMINISTRATOR

    def __init__(self) -> None:
        super().__init__("Back office", endpoint="house", url="/", static_folder="static")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        ids = list(
            db.session.scalars(select(Company.id).where(Company.deletion_id.is_(None)).order_by(Company.id).limit(2))
        )
        if len(ids) == 1:
            return redirect(url_for("company.index", company=ids[0]))
        return redirect(url_for("companies.index"))


class OverviewView(Page):
    """The first page of a company."""

    def __init__(self) -> None:
        super().__init__("Overview", endpoint="company", url="/c/<int:company>")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        connection, chosen = links.connection_here(), settings_of(db.session(), here().id)
        return self.render(
            "overview.html",
            fresh=standing.freshness(),
            counts=kind_counts(connection),
            causes=standing.causes(connection, MOST_CAUSES),
            noun=noun,
            changed=standing.changed_there(connection),
            failures=standing.failures(connection) if connection else [],
            calls=standing.calls_today(),
            next_sync=next_sync(here(), connection, chosen),
            next_calls=next_cost(connection, by_night(here(), chosen)) if connection and chosen else None,
            recent=recent_jobs(),
            job=standing.open_job(tuple(KINDS)),
            lately=lately(),
            charts=charts(),
            providers=current_app.extensions["providers"],
        )

    @property
    def may_link(self) -> bool:
        """Whether the person who looks may link and unlink."""
        return bool(current_user.may(Role.ADMINISTRATOR))

    def kinds(self) -> list[str]:
        """What Update brings in from here: everything."""
        provider = links.provider_here()
        return [mapper.kind for mapper in provider.mappers] if provider else []

    def state_badge(self, state: LinkState) -> Badge:
        """The badge of a state, for its count."""
        return LINK_BADGES[state].at(links.provider_name())


def kind_counts(connection: Connection | None) -> list[KindCount]:
    """A line for each screen of records: the health of its list."""
    session = db.session()
    states = pending.counts(session, connection) if connection else {}
    updated = freshness.brought_in(session, connection.id) if connection else {}
    failed = failed_since(connection, updated) if connection else {}
    differs = open_drift(session, connection) if connection else {}
    doubles = duplicates.likely(session, here().id)
    lines = []
    for view in RECORD_VIEWS:
        if view.in_menu and view.path not in COUNTED_WITH:
            model, kind = view.record, view.record.kind
            query = select(func.count()).where(model.company_id == here().id, model.archived.is_(False))
            line = KindCount(
                BOTH.get(view.path, view.title),
                view.path,
                session.scalar(query) or 0,
                {state: states[kind][state] for state in LinkState if state in states.get(kind, {})},
                updated[kind].at if kind in updated else None,
                failed.get(kind),
                differs.get(kind, 0),
                doubles.get(kind, 0),
            )
            lines.append(line)
    return lines


def failed_since(connection: Connection, updated: dict[str, freshness.BroughtIn]) -> dict[str, int]:
    """The newest job of each kind that failed after the kind was last brought in."""
    standing = select(SyncJob).where(SyncJob.connection_id == connection.id, freshness.failed())
    latest = db.session.scalars(standing.order_by(SyncJob.ended_at.desc()).limit(MOST_FAILED)).all()
    found: dict[str, int] = {}
    for job in reversed(latest):
        since = (kind for kind in job.kinds if kind not in updated or (job.ended_at or EVER) > updated[kind].at)
        found |= dict.fromkeys(since, job.id)
    return found


def lately() -> list[Entry]:
    """What was changed last in records that are still here."""
    query = select(History).where(History.company_id == here().id, History.kind.in_(list(KINDS)))
    rows = db.session.scalars(query.order_by(History.id.desc()).limit(3 * LATELY)).all()
    return [entry for entry in entries(rows) if entry.record is not None][:LATELY]


def noun(kind: str, count: int) -> str:
    """What people call so many records of a kind."""
    label = kind_label(kind)
    return label if count == 1 else plural(label)


def recent_jobs() -> list[SyncJob]:
    """What is being done, and what was done last."""
    query = select(SyncJob).where(SyncJob.company_id == here().id, SyncJob.state != JobState.CANCELLED)
    return list(db.session.scalars(query.order_by(SyncJob.id.desc()).limit(5)))
