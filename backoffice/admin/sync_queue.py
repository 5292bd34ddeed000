"""Sync queue: record by record what waits, what stands in its way, and what was sent lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import Select, false, func, or_, select

from backoffice.admin import links, words
from backoffice.admin.company_base import Page, not_found, number
from backoffice.admin.saving import return_to
from backoffice.admin.views import VIEW_OF_KIND
from backoffice.clock import now
from backoffice.extensions import db
from backoffice.models import KINDS, Connection, Link, LinkState, Record
from backoffice.queue import doorbell
from backoffice.sync import pending

PER_PAGE = 50
#: What counts as sent lately.
LATELY = timedelta(days=1)
QUEUE_STATES = (LinkState.WAITING, LinkState.BLOCKED, LinkState.UNCONFIRMED, LinkState.REFUSED, LinkState.PAUSED)


@dataclass(frozen=True)
class Line:
    """One record in the queue."""

    link: Link
    record: Record | None
    endpoint: str | None


class SyncQueueView(Page):
    """The records of one company that wait, or were just sent."""

    def __init__(self) -> None:
        super().__init__("Sync queue", "Sync", endpoint="sync_queue", url="sync-queue")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        connection = links.connection_here()
        state, page = request.args.get("state", ""), min(max(request.args.get("page", 0, type=int), 0), 100_000)
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
            states=[(s, words.LINK_BADGES[s]) for s in QUEUE_STATES],
            kinds=_kinds(connection),
            causes=_causes(connection),
            fresh=links.freshness(),
        )

    @expose("/retry/", methods=("POST",))
    def retry(self) -> ResponseReturnValue:
        link = self._one()
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
        return self._done(link.connection_id, "It is skipped. The next edit of it will be sent.")

    @expose("/resume/", methods=("POST",))
    def resume(self) -> ResponseReturnValue:
        link = self._one()
        pending.resume(db.session(), link)
        return self._done(link.connection_id, "It goes on.")

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
        return self._done(connection.id, f"{words.counted(len(found), 'record')} tried again.")

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
        ahead = Link.wanted_revision > Link.synced_revision
        query = query.where(or_(ahead, Link.refusal.is_not(None), Link.attempt_id.is_not(None), Link.paused))
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
    ids: dict[str, list[int]] = {}
    for link in found:
        ids.setdefault(link.kind, []).append(link.record_id)
    records: dict[tuple[str, int], Record] = {}
    for kind, numbers in ids.items():
        model = KINDS.get(kind)
        if model is not None:
            records |= {(kind, r.id): r for r in db.session.scalars(select(model).where(model.id.in_(numbers)))}
    return [Line(link, records.get((link.kind, link.record_id)), VIEW_OF_KIND.get(link.kind)) for link in found]


def _kinds(connection: Connection | None) -> list[str]:
    provider = links.provider_here()
    return [mapper.kind for mapper in provider.mappers] if provider else []


def _causes(connection: Connection | None) -> list[tuple[str, str, int]]:
    """Causes of refusals that more than one record shares: (cause, words, how many)."""
    query = (
        select(Link.refusal_cause, func.min(Link.refusal), func.count())
        .where(Link.connection_id == connection.id if connection else false(), Link.refusal.is_not(None))
        .group_by(Link.refusal_cause)
        .order_by(func.count().desc())
        .limit(20)
    )
    return [(cause or "", text or "", count) for cause, text, count in db.session.execute(query)]
