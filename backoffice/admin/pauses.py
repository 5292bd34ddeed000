"""What is paused of the company here, by whom and since when, as pages say it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import flash, g, url_for
from sqlalchemy import select

from backoffice.admin.company_base import here
from backoffice.admin.messages import say
from backoffice.admin.words import day, kinds_text
from backoffice.errors import PausedError
from backoffice.extensions import db
from backoffice.models import CompanySettings, History, User
from backoffice.models.history import from_text
from backoffice.sync import pause


@dataclass(frozen=True)
class Rest:
    """A pause: of some kinds, or of the whole company."""

    kinds: tuple[str, ...]
    since: datetime | None
    by: str | None

    @property
    def words(self) -> str:
        """`Paused by Ana since 21 Nov 2026, 14:02 UTC`."""
        by = f" by {self.by}" if self.by else ""
        since = f" since {day(self.since)}, {self.since:%H:%M} UTC" if self.since else ""
        return f"Paused{by}{since}"

    @property
    def what(self) -> str:
        """What rests, in words."""
        return kinds_text(list(self.kinds)).capitalize() if self.kinds else here().name


def chosen_here() -> CompanySettings | None:
    """The settings of the company whose page this is; read once a request."""
    if "chosen" not in g:
        g.chosen = db.session.scalar(select(CompanySettings).where(CompanySettings.company_id == here().id))
    found: CompanySettings | None = g.chosen
    return found


def held_here(kind: str) -> bool:
    """Whether records of a kind rest just now, or everything does."""
    chosen = chosen_here()
    return chosen is not None and pause.held(chosen, kind)


def rest(kinds: Sequence[str] = ()) -> Rest | None:
    """The pause that all of these kinds are in, or the whole company is; None while some of them travel."""
    chosen = chosen_here()
    if chosen is None:
        return None
    if chosen.paused:
        return _rest(chosen, "paused", ())
    held = tuple(kind for kind in kinds if kind in chosen.paused_kinds)
    return _rest(chosen, "paused_kinds", held) if kinds and len(held) == len(kinds) else None


def rests() -> dict[str, Rest]:
    """The kinds that are paused by themselves."""
    chosen = chosen_here()
    return {kind: _rest(chosen, "paused_kinds", (kind,)) for kind in chosen.paused_kinds} if chosen else {}


def refused(kinds: Sequence[str] = ()) -> bool:
    """Whether all of this rests, so that a button does nothing; the next page says by whom and since when."""
    found = rest(kinds)
    if found is None:
        return False
    text = f"{found.words}: {found.what}. Nothing of it is sent or brought in until it is resumed."
    say(text, url_for("settings.index", tab="schedule"), "See what is paused", "warning")
    return True


def say_so(error: PausedError) -> None:
    """Let the next page say by whom what was asked for is paused, and since when. Ends the transaction."""
    db.session.rollback()
    if not refused(error.kinds):
        flash(error.message, "warning")


def _rest(chosen: CompanySettings, field: str, kinds: tuple[str, ...]) -> Rest:
    """Who said so, and when: the newest change of the settings that did it."""
    query = (
        select(History.old, History.new, History.at, User.name)
        .outerjoin(User, User.id == History.user_id)
        .where(History.company_id == chosen.company_id, History.kind == CompanySettings.kind)
        .where(History.record_id == chosen.id, History.field == field)
        .order_by(History.id.desc())
    )
    for old, new, at, name in db.session.execute(query):
        if (not kinds and new == "True") or set(kinds) & (_kinds(new) - _kinds(old)):
            return Rest(kinds, at, name)
    return Rest(kinds, None, None)


def _kinds(text: str | None) -> set[str]:
    """The kinds that the history says were paused."""
    return set(from_text(CompanySettings.table().c.paused_kinds, text) or ())
