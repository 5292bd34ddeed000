"""Matches: before the first push, what would be linked, what would be created, and what only a person can say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import select

from backoffice.admin import links, standing
from backoffice.admin.company_base import Page
from backoffice.admin.messages import say
from backoffice.extensions import db
from backoffice.models import Connection, Link, Match, Record
from backoffice.queue import doorbell
from backoffice.sync import by_hand, jobs, match
from backoffice.sync.lease import lock_connection
from backoffice.sync.mapper import Mapper

PER_PAGE = 100
NONE_OF_THESE = "none"
STILL_READING = "The lists are still being read. Wait until that job has ended, so that you see all there is."
CHANGED = "What waits here has changed since this page was made; nothing was linked or sent. Look again, then confirm."


class Sort(IntEnum):
    """What a person is told of a record that waits, in the order of the page."""

    IN_DOUBT = 0
    TO_LINK = 1
    TO_CREATE = 2
    TO_UPDATE = 3


@dataclass(frozen=True)
class Waiting:
    """A link that waits for a person's word, and what its record may be there."""

    link: Link
    matches: Sequence[Match]

    @property
    def sort(self) -> Sort:
        if self.link.external_id is not None:
            return Sort.TO_UPDATE
        if len(self.matches) > 1 or self.link.blocked_kind == match.QUESTION:
            return Sort.IN_DOUBT
        return Sort.TO_LINK if self.matches else Sort.TO_CREATE


@dataclass(frozen=True)
class Pair:
    """A column of ours: what they hold in it, and what we do."""

    label: str
    theirs: Any
    ours: Any

    @property
    def differs(self) -> bool:
        return bool((self.theirs or None) != (self.ours or None))


@dataclass(frozen=True)
class Candidate:
    """One of theirs that may be a record of ours, in columns of ours."""

    match: Match
    pairs: Sequence[Pair]
    gone: str | None


@dataclass(frozen=True)
class Question:
    """A record of ours as the page shows it."""

    sort: Sort
    link: Link
    record: Record
    endpoint: str
    candidates: Sequence[Candidate]


class MatchesView(Page):
    """What waits for a person's word before it is linked or created."""

    in_menu = False

    def __init__(self) -> None:
        super().__init__("Matches", "Sync", endpoint="matches", url="matches")

    @expose("/", methods=("GET", "POST"))
    def index(self) -> ResponseReturnValue:
        connection = links.connection_here()
        if connection is None:
            return redirect(url_for("integrations.index"))
        if request.method == "POST":
            return self._confirm(connection)
        found = waiting(connection)
        first = connection.push_confirmed_at is None
        whole = "all" in request.args or len(found) <= PER_PAGE
        page = 0 if whole else min(max(request.args.get("page", 0, type=int), 0), len(found) // PER_PAGE)
        shown = found if whole else found[page * PER_PAGE : (page + 1) * PER_PAGE]
        return self.render(
            "matches.html",
            questions=questions(connection, shown),
            Sort=Sort,
            counts={sort: sum(1 for one in found if one.sort is sort) for sort in Sort},
            first=first,
            # What is confirmed before the first push is all that waits, so all of it has to be on the page.
            confirmable=whole or not first,
            fingerprint=fingerprint(found),
            page=page,
            more=not whole and (page + 1) * PER_PAGE < len(found),
            reading=standing.reading(connection),
            none=NONE_OF_THESE,
            fresh=standing.freshness(),
        )

    def _confirm(self, connection: Connection) -> ResponseReturnValue:
        session = db.session()
        lock_connection(session, connection.id)
        session.refresh(connection)  # somebody else may have confirmed meanwhile
        found = waiting(connection)
        problem = self._problem(connection, found)
        if problem:
            session.rollback()
            flash(problem, "warning")
            return redirect(url_for("matches.index", all=request.args.get("all")), code=303)
        choices, hold = decided(found)
        undecided = sum(1 for one in found if one.sort is Sort.IN_DOUBT and one.link.id not in choices)
        by_hand.choose(session, connection, choices, hold)
        session.commit()
        provider = links.provider_of(connection)
        kinds = [m.kind for m in provider.mappers if m.direction.sends] if provider else []
        job, _ = jobs.request_update(session, connection, kinds, user_id=current_user.id, title="Matches")
        doorbell.ring("run", job.id, urgent=True)
        left = f" {undecided} in doubt still wait for you." if undecided else ""
        say(f"It is being carried out.{left}", url_for("sync_jobs.details", id=job.id), "See the job")
        return redirect(url_for("matches.index" if undecided else "integrations.index"), code=303)

    def _problem(self, connection: Connection, found: Sequence[Waiting]) -> str | None:
        """Why nothing can be confirmed just now."""
        if standing.reading(connection) is not None:
            return STILL_READING
        first = connection.push_confirmed_at is None
        return CHANGED if first and request.form.get("shown") != fingerprint(found) else None


def waiting(connection: Connection) -> list[Waiting]:
    """The links that wait for a person's word, those in doubt first."""
    query = select(Link).where(Link.connection_id == connection.id, ~Link.paused)
    if connection.push_confirmed_at is not None:
        query = query.where(Link.external_id.is_(None), Link.blocked_kind == match.QUESTION)
    else:
        query = query.where(Link.external_id.is_(None) | Link.pending)
    matches: dict[int, list[Match]] = {}
    open_ones = select(Match).where(Match.connection_id == connection.id, Match.chosen.is_not(False))
    for one in db.session.scalars(open_ones.order_by(Match.id)):
        matches.setdefault(one.link_id, []).append(one)
    found = [Waiting(link, matches.get(link.id, ())) for link in db.session.scalars(query.order_by(Link.kind, Link.id))]
    return sorted(found, key=lambda one: one.sort)


def fingerprint(found: Iterable[Waiting]) -> str:
    """The same as long as the same revisions of the same records wait, with the same candidates."""
    lines = sorted(
        f"{one.link.id} {one.link.wanted_revision} {sorted(m.external_id for m in one.matches)}" for one in found
    )
    return sha256("\n".join(lines).encode()).hexdigest()


def decided(found: Sequence[Waiting]) -> tuple[dict[int, str | None], set[int]]:
    """What the form says: link -> the external id it is or None, and the links not to be created."""
    choices: dict[int, str | None] = {}
    for one in found:
        said = request.form.get(f"choice-{one.link.id}")
        if said == NONE_OF_THESE:
            choices[one.link.id] = None
        elif said in {candidate.external_id for candidate in one.matches}:
            choices[one.link.id] = said
    new = {one.link.id for one in found if one.sort in (Sort.TO_CREATE, Sort.TO_UPDATE)}
    return choices, {link_id for link_id in new if f"create-{link_id}" not in request.form}


def questions(connection: Connection, shown: Sequence[Waiting]) -> list[Question]:
    """What waits as the page shows it: the records, and what the candidates hold."""
    records = links.records_of([one.link for one in shown])
    mappers = {m.kind: m for m in getattr(links.provider_of(connection), "mappers", ())}
    return [
        Question(
            one.sort,
            one.link,
            record,
            links.screen_of(record),
            [_candidate(mappers.get(one.link.kind), record, candidate) for candidate in one.matches],
        )
        for one in shown
        if (record := records.get((one.link.kind, one.link.record_id))) is not None
    ]


def _candidate(mapper: Mapper | None, record: Record, one: Match) -> Candidate:
    if mapper is None:
        return Candidate(one, [], None)
    try:
        return Candidate(one, pairs(mapper, record, mapper.load(one.payload)), mapper.gone(one.payload))
    except (ValueError, KeyError, TypeError):
        return Candidate(one, [], None)


def pairs(mapper: Mapper, record: Record, theirs: Mapping[str, Any]) -> list[Pair]:
    """What identifies the record for people, and every other mapped column in which the two differ."""
    columns = dict.fromkeys((*mapper.match_by, *(field.column for field in mapper.fields)))
    found = {
        column: Pair(record.column_label(column), theirs[column], getattr(record, column))
        for column in columns
        if column in theirs
    }
    return [pair for column, pair in found.items() if column in mapper.match_by or pair.differs]
