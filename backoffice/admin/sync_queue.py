"""Sync queue: record by record what waits, what stands in its way, and what was sent lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import Select, false, or_, select

from backoffice.admin import links, standing, words
from backoffice.admin.addresses import return_to
from backoffice.admin.company_base import Page, not_found, number, page_number
from backoffice.clock import now
from backoffice.errors import ConflictError
from backoffice.extensions import db
from backoffice.models import KINDS, Connection, Link, LinkState, Record
from backoffice.queue import doorbell
from backoffice.sync import pending
from backoffice.wording import counted

PER_PAGE = 50
MOST_CAUSES = 20
#: What counts as sent lately.
LATELY = timedelta(days=1)
QUEUE_STATES = (
    LinkState.WAITING,
    LinkState.BLOCKED,
    LinkState.UNCONFIRMED,
    LinkState.REFUSED,
    LinkState.CHANGED,
    LinkState.PAUSED,
)


@dataclass(frozen=True)
class Line:
    """One record in the queue."""

    link: Link
    record: Record | None
    endpoint: str | None
    #: Whether it can be edited here, so that what it was refused for can be mended.
    mendable: bool


class SyncQueueView(Page):
    """The records of one company that wait, or were just sent."""

    def __init__(self) -> None:
        super().__init__("Sync queue", "Sync", endpoint="sync_queue", url="sync-queue")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        connection = links.connection_here()
        state, page = request.args.get("state", ""), page_number()
        kind, cause = request.args.get("kind", ""), request.args.get("cause", "").replace("\x00", "")[:60]
        rows = db.session.scalars(
            chosen(connection, state, kind, cause).offset(page * PER_PAGE).limit(PER_PAGE + 1)
        ).all()
        return self.render(
            "sync_queue.html",
            lines=_lines(rows[:PER_PAGE]),
            more=len(rows) > PER_PAGE,
            page=page,
            state=state,
            kind=kind,
            cause=cause,
            counts=_counts(connection),
            states=[(s, words.LINK_BADGES[s].at(links.provider_name())) for s in QUEUE_STATES],
            kinds=_kinds(),
            causes=standing.causes(connection, MOST_CAUSES),
            fresh=standing.freshness(),
        )

    @expose("/retry/", methods=("POST",))
    def retry(self) -> ResponseReturnValue:
        link = self._one()
        if not links.can_retry(link):
            flash("It was not refused: it is sent by itself as soon as it can be.", "info")
            return redirect(return_to(url_for("sync_queue.index")), code=303)
        pending.retry(db.session(), link)
        return self._done(link.connection_id, "It is tried again.")

    @expose("/skip/", methods=("POST",))
    def skip(self) -> ResponseReturnValue:
        link = self._one()
        reason = request.form.get("reason", "").replace("\x00", "").strip()[:255]
        if not reason:
            flash("Say why it is skipped; the reason is kept in the record’s history.", "danger")
            return redirect(return_to(url_for("sync_queue.index")), code=303)
        pending.skip(db.session(), link, reason)
        return self._done(link.connection_id, "It is skipped: nothing of it travels until you resume it.")

    @expose("/resume/", methods=("POST",))
    def resume(self) -> ResponseReturnValue:
        link = self._one()
        connection_id = link.connection_id
        try:
            pending.resume(db.session(), link)
        except ConflictError as error:
            flash(error.message, "warning")
            return redirect(url_for("sync_queue.index"), code=303)
        return self._done(connection_id, "It goes on.")

    @expose("/retry-cause/", methods=("POST",))
    def retry_cause(self) -> ResponseReturnValue:
        """Try again all that was refused for one cause."""
        connection = links.connection_here()
        cause = request.form.get("cause", "").replace("\x00", "")[:60]
        query = chosen(connection, LinkState.REFUSED.value, request.form.get("kind", ""), cause)
        found = db.session.scalars(query.limit(10_000)).all()
        for link in found:
            pending.retry(db.session(), link)
        if connection is None or not found:
            flash("There is nothing to try again.", "info")
            return redirect(url_for("sync_queue.index"), code=303)
        return self._done(connection.id, f"{counted(len(found), 'record')} tried again.")

    def _done(self, connection_id: int, said: str) -> ResponseReturnValue:
        db.session.commit()
        doorbell.ring("push", connection_id, urgent=True)
        flash(said, "success")
        return redirect(return_to(url_for("sync_queue.index")), code=303)

    def _one(self) -> Link:
        key, connection = number(request.form.get("link")), links.connection_here()
        link = db.session.get(Link, key) if key else None
        if link is None or connection is None or link.connection_id != connection.id:
            not_found("record in the queue")
        return link


def chosen(connection: Connection | None, state: str, kind: str, cause: str) -> Select[Any]:
    """The links that the filters leave."""
    query = select(Link).where(Link.connection_id == connection.id if connection else false())
    if kind in KINDS:
        query = query.where(Link.kind == kind)
    if state == "sent":
        recent = Link.synced_at > now() - LATELY
        return query.where(recent, Link.state == LinkState.INTEGRATED.value).order_by(Link.synced_at.desc(), Link.id)
    if state in set(QUEUE_STATES):
        query = query.where(Link.state == state)
    else:
        stands = or_(Link.refusal.is_not(None), Link.changed_there.is_not(None), Link.attempt_id.is_not(None))
        query = query.where(or_(Link.pending, stands, Link.paused))
    if cause:
        query = query.where(Link.refusal_cause == cause)
    return query.order_by(Link.changed_at, Link.id)


def _counts(connection: Connection | None) -> dict[LinkState, int]:
    counts: dict[LinkState, int] = {}
    for states in pending.counts(db.session(), connection).values() if connection else ():
        for state, count in states.items():
            counts[state] = counts.get(state, 0) + count
    return counts


def _lines(found: Sequence[Link]) -> list[Line]:
    records = links.records_of(found)
    return [_line(link, records.get((link.kind, link.record_id))) for link in found]


def _line(link: Link, record: Record | None) -> Line:
    endpoint = links.screen_of(record) if record is not None else None
    mendable = record is not None and not links.read_only(record, link)
    return Line(link, record, endpoint, mendable)


def _kinds() -> list[str]:
    provider = links.provider_here()
    return [mapper.kind for mapper in provider.mappers] if provider else []
