"""The frame of every page: the menu, what needs a person, the company switcher, and the words templates use."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, g, request, url_for
from flask_login import current_user
from sqlalchemy import func, select

from backoffice.admin import alerts, barred, job_progress, job_words, links, standing, webhooks, words
from backoffice.admin.attachments import LARGEST_MB
from backoffice.admin.company_base import OneHouse
from backoffice.admin.imports import import_url
from backoffice.extensions import db
from backoffice.models import Company, Connection, ConnectionState, JobState
from backoffice.models.attachment import MOST_FILES
from backoffice.wording import counted, plural

GROUPS = ("", "Purchasing", "Sales", "Money", "Lists", "Sync", "Administration")
#: The cookie in which the script keeps which groups were left open.
LEFT_OPEN = "menu"
#: More than these are reached through the page Companies.
SWITCHER = 30


@dataclass(frozen=True)
class Entry:
    """One line of the menu."""

    label: str
    url: str
    active: bool
    count: int = 0


@dataclass(frozen=True)
class Group:
    """A part of the menu that folds; the one of the present page is open, and those that the person left open."""

    label: str
    entries: list[Entry]
    left_open: bool

    @property
    def open(self) -> bool:
        return self.left_open or any(entry.active for entry in self.entries)

    @property
    def count(self) -> int:
        return sum(entry.count for entry in self.entries)


def furnish(app: Flask, admins: tuple[OneHouse, ...]) -> None:
    """Give the templates what they need."""
    versions = {path.name: _version(path) for path in sorted(Path(str(app.static_folder)).glob("*"))}

    def own(name: str) -> str:
        return url_for("static", filename=name, v=versions.get(name))

    app.jinja_env.globals.update(
        alert_ids=alerts.known_ids,
        alerts_of=alerts.alerts_of,
        alerts_of_party=alerts.alerts_of_party,
        asked_by=job_words.asked_by,
        badge=links.badge,
        can_retry=links.can_retry,
        why_no_change=barred.why_no_change,
        why_no_end=barred.why_no_end,
        connection_badge=words.connection_badge,
        counted=counted,
        doing=job_progress.doing,
        file_limits=f"{MOST_FILES} at most, of {LARGEST_MB} MB each",
        duration=words.duration,
        ending_title=words.ending_title,
        job_badge=job_words.job_badge,
        JobState=JobState,
        kind_label=words.kind_label,
        kinds_text=words.kinds_text,
        links_of=links.links_of,
        list_read=job_words.list_read,
        lists_of=job_words.lists_of,
        import_url=import_url,
        own=own,
        page_of=links.page_of,
        page_screen=links.screen_of,
        plural=plural,
        price=words.amount,
        record_url=links.record_url,
        status_badge=words.status_badge,
        summary=job_words.summary,
        their_status=words.their_status,
        shown=words.value,
        twin_url=links.twin_url,
        webhook_card=webhooks.card,
        when=words.when,
    )

    @app.context_processor
    def frame() -> dict[str, Any]:
        if not current_user.is_authenticated:
            return {}
        needs = standing.needs_you() if "company" in g else {}
        return {
            "company": g.get("company"),
            "companies": switcher(),
            "connection": links.connection_here() if "company" in g else None,
            "provider_name": links.provider_name() if "company" in g else "",
            "provider_first": links.provider_name(first=True) if "company" in g else "",
            "menu": lambda view: menu(admins, view, needs),
            "needs": needs,
            "needs_reconnecting": needs_reconnecting(),
        }


def _version(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()[:12]


def menu(admins: tuple[OneHouse, ...], view: Any, needs: dict[str, int]) -> list[Group]:
    """The entries in their groups, without what the person may not see."""
    views = [v for admin in admins for v in admin.views if getattr(v, "in_menu", False) and v.is_accessible()]
    if "company" not in g:
        views = [v for v in views if v.admin.endpoint == "house"]
    left_open = request.cookies.get(LEFT_OPEN, "").split(".")
    groups = [
        Group(group, [_entry(v, view, needs) for v in views if (v.category or "") == group], group in left_open)
        for group in GROUPS
    ]
    return [group for group in groups if group.entries]


def _entry(view: Any, current: Any, needs: dict[str, int]) -> Entry:
    url = url_for(f"{view.endpoint}.{view._default_view}")
    return Entry(view.name, url, view is current, needs.get(view.endpoint, 0))


def switcher() -> list[Company]:
    """The companies to choose from."""
    usable = select(Company).where(Company.deletion_id.is_(None))
    return list(db.session.scalars(usable.order_by(func.lower(Company.name), Company.id).limit(SWITCHER)))


def needs_reconnecting() -> Connection | None:
    """The connection of this company that has ended, for the line on top of every page of it."""
    if "company" not in g:
        return None
    connection = links.connection_here()
    lost = connection is not None and connection.state is ConnectionState.NEEDS_RECONNECTING
    return connection if lost else None
