"""Matches: before the first push, what would be linked, what would be created, and what only a person can say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import select

from backoffice.admin import links
from backoffice.admin.company_base import Page
from backoffice.admin.messages import say
from backoffice.admin.views import VIEW_OF_KIND
from backoffice.extensions import db
from backoffice.models import KINDS, Connection, Link, Match, Record
from backoffice.queue import doorbell
from backoffice.sync import jobs, match
from backoffice.sync.mapper import Mapper

#: Shown of each sort; the rest is counted.
MOST_SHOWN = 200
NONE_OF_THESE = "none"


@dataclass(frozen=True)
class Candidate:
    """One of theirs that may be a record of ours, in columns of ours."""

    match: Match
    values: Mapping[str, Any]
    gone: str | None


@dataclass(frozen=True)
class Question:
    """A record of ours, and what it may be there."""

    link: Link
    record: Record
    endpoint: str
    candidates: Sequence[Candidate]

    @property
    def doubtful(self) -> bool:
        return len(self.candidates) > 1 or self.link.blocked_kind == match.QUESTION


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
        waiting = questions(connection)
        if request.method == "POST":
            return self._confirm(connection, waiting)
        doubts = [q for q in waiting if q.doubtful]
        clear = [q for q in waiting if q.candidates and not q.doubtful]
        new = [q for q in waiting if not q.candidates and not q.doubtful]
        return self.render(
            "matches.html",
            doubts=doubts[:MOST_SHOWN],
            clear=clear[:MOST_SHOWN],
            new=new[:MOST_SHOWN],
            counts=(len(doubts), len(clear), len(new)),
            first=connection.push_confirmed_at is None,
            reading=links.open_job(list(KINDS)),
            none=NONE_OF_THESE,
            fresh=links.freshness(),
        )

    def _confirm(self, connection: Connection, waiting: Sequence[Question]) -> ResponseReturnValue:
        choices, hold = decided(waiting)
        undecided = sum(1 for q in waiting if q.doubtful and q.link.id not in choices)
        match.choose(db.session(), connection, choices, hold)
        db.session.commit()
        provider = links.provider_of(connection)
        kinds = [m.kind for m in provider.mappers if m.direction.sends] if provider else []
        job, _ = jobs.request_update(db.session(), connection, kinds, user_id=current_user.id, title="Matches")
        doorbell.ring("run", job.id, urgent=True)
        left = f" {undecided} in doubt still wait for you." if undecided else ""
        say(f"It is being carried out.{left}", url_for("sync_jobs.details", id=job.id), "See the job")
        return redirect(url_for("matches.index" if undecided else "integrations.index"), code=303)


def decided(waiting: Sequence[Question]) -> tuple[dict[int, str | None], set[int]]:
    """What the form says: link -> the external id it is or None, and the links not to be created."""
    choices: dict[int, str | None] = {}
    hold: set[int] = set()
    for question in waiting:
        said = request.form.get(f"choice-{question.link.id}")
        known = {candidate.match.external_id for candidate in question.candidates}
        if said in known:
            choices[question.link.id] = said
        elif said == NONE_OF_THESE:
            choices[question.link.id] = None
        if f"listed-{question.link.id}" in request.form and f"create-{question.link.id}" not in request.form:
            hold.add(question.link.id)
    return choices, hold


def questions(connection: Connection) -> list[Question]:
    """The records that are not linked there yet, with their candidates."""
    waiting = select(Link).where(Link.connection_id == connection.id, Link.external_id.is_(None), ~Link.paused)
    if connection.push_confirmed_at is not None:
        waiting = waiting.where(Link.blocked_kind == match.QUESTION)
    found = db.session.scalars(waiting.order_by(Link.kind, Link.id)).all()
    matches: dict[int, list[Match]] = {}
    open_ones = select(Match).where(Match.connection_id == connection.id, Match.chosen.is_not(False))
    for one in db.session.scalars(open_ones.order_by(Match.id)):
        matches.setdefault(one.link_id, []).append(one)
    records = _records(found)
    mappers = {m.kind: m for m in getattr(links.provider_of(connection), "mappers", ())}
    return [
        Question(
            link,
            records[link.kind, link.record_id],
            VIEW_OF_KIND[link.kind],
            [_candidate(mappers.get(link.kind), one) for one in matches.get(link.id, ())],
        )
        for link in found
        if (link.kind, link.record_id) in records
    ]


def _records(found: Sequence[Link]) -> dict[tuple[str, int], Record]:
    records: dict[tuple[str, int], Record] = {}
    for kind in {link.kind for link in found} & set(KINDS):
        ids = [link.record_id for link in found if link.kind == kind]
        for start in range(0, len(ids), 500):
            query = select(KINDS[kind]).where(KINDS[kind].id.in_(ids[start : start + 500]))
            records |= {(kind, record.id): record for record in db.session.scalars(query)}
    return records


def _candidate(mapper: Mapper | None, one: Match) -> Candidate:
    try:
        values = mapper.load(one.payload) if mapper else {}
        gone = mapper.gone(one.payload) if mapper else None
    except (ValueError, KeyError, TypeError):
        values, gone = {}, None
    return Candidate(one, values, gone)
