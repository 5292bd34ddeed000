"""The history of a record as people read it: who changed what, from what to what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from backoffice.admin.words import ACTION_WORDS
from backoffice.extensions import db
from backoffice.models import KINDS, History, Record, SyncJob, User

PER_PAGE = 50
#: How the history keeps a tick, and how people read it.
TRUTHS = {"True": "Yes", "False": "No"}


@dataclass(frozen=True)
class Entry:
    """One line of a history."""

    at: datetime
    action: str
    field: str
    old: str | None
    new: str | None
    user: str | None
    job_id: int | None
    job: str | None


def history_of(record: Record, page: int) -> tuple[list[Entry], bool]:
    """One page of a record's history, the newest first, and whether there is more."""
    query = (
        select(History)
        .where(History.company_id == record.company_id, History.kind == record.kind, History.record_id == record.id)
        .order_by(History.id.desc())
        .offset(page * PER_PAGE)
        .limit(PER_PAGE + 1)
    )
    rows = db.session.scalars(query).all()
    return entries(rows[:PER_PAGE]), len(rows) > PER_PAGE


def entries(rows: Sequence[History]) -> list[Entry]:
    """Rows of the history with the names of people, jobs and fields."""
    user_ids = {row.user_id for row in rows if row.user_id}
    job_ids = {row.sync_job_id for row in rows if row.sync_job_id}
    users = {u.id: u.name for u in db.session.scalars(select(User).where(User.id.in_(user_ids)))}
    titles = {j.id: j.title for j in db.session.scalars(select(SyncJob).where(SyncJob.id.in_(job_ids)))}
    return [_entry(row, users, titles) for row in rows]


def _entry(row: History, users: dict[int, str], titles: dict[int, str]) -> Entry:
    return Entry(
        at=row.at,
        action=ACTION_WORDS.get(row.action, row.action.capitalize()),
        field=_label(row),
        old=TRUTHS.get(row.old or "", row.old),
        new=TRUTHS.get(row.new or "", row.new),
        user=users.get(row.user_id or 0),
        job_id=row.sync_job_id,
        job=titles.get(row.sync_job_id or 0),
    )


def _label(row: History) -> str:
    model = KINDS.get(row.kind)
    if not row.field or model is None or row.field not in model.__table__.c:
        return (row.field or "").replace("_", " ").capitalize()
    return model.column_label(row.field)
