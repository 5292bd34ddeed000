"""Sync now, for many companies at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from flask import current_app
from flask_login import current_user
from sqlalchemy import select

from backoffice.errors import PausedError
from backoffice.extensions import db
from backoffice.models import Company, Connection
from backoffice.queue import doorbell
from backoffice.sync import jobs

#: Why some were not brought up to date.
NOT_STARTED = {"unlinked": "not linked", "lost": "linked no more and must be linked again", "paused": "paused"}


def sync_now(ids: Sequence[int]) -> Counter[str]:
    """Ask for an update of each of these companies; says how many were started, and how many not for which reason."""
    session, tally = db.session(), Counter[str]()
    rows = session.scalars(
        select(Connection)
        .select_from(Company)
        .outerjoin(Connection, (Connection.company_id == Company.id) & Connection.active)
        .where(Company.id.in_(ids), Company.deletion_id.is_(None))
        .order_by(Company.id)
    ).all()
    started = []
    for connection in rows:
        outcome = _outcome(connection)
        if outcome == "started":
            kinds = [m.kind for m in current_app.extensions["providers"][connection.provider].mappers]
            try:
                started.append(jobs.request_update(session, connection, kinds, user_id=current_user.id)[0].id)
            except PausedError:
                session.rollback()
                outcome = "paused"
        tally[outcome] += 1
    for job_id in started:
        doorbell.ring("run", job_id, urgent=True)
    return tally


def _outcome(connection: Connection | None) -> str:
    if connection is None or connection.provider not in current_app.extensions["providers"]:
        return "unlinked"
    if not connection.usable:
        return "lost"
    return "started"
