"""The history of a record, a mapping or settings as people read it: who changed what, from what to what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from backoffice.admin.words import ACTION_WORDS, SIDE_WORDS, WINNER_WORDS
from backoffice.extensions import db
from backoffice.models import KINDS, CompanySettings, History, Record, SyncJob, TaxMapping, TaxRate, User

PER_PAGE = 50
#: How the history keeps a tick, and how people read it.
TRUTHS = {"True": "Yes", "False": "No"}
#: What is no record and has a history all the same.
TABLES = {**{kind: model.table() for kind, model in KINDS.items()}, TaxMapping.kind: TaxMapping.__table__}
LABELS = {
    (CompanySettings.kind, "conflict_winner"): "When both sides changed",
    (CompanySettings.kind, "nightly"): "Nightly update",
    (CompanySettings.kind, "nightly_at"): "Time of the nightly update",
}
#: Kept by a key, read in words.
VALUES = {
    (CompanySettings.kind, "conflict_winner"): {key.value: word for key, word in WINNER_WORDS.items()},
    (TaxMapping.kind, "side"): {key.value: word for key, word in SIDE_WORDS.items()},
}


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


def history_of(record: Record | TaxMapping | CompanySettings, page: int) -> tuple[list[Entry], bool]:
    """One page of its history, the newest first, and whether there is more."""
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
    rates = _rates(rows)
    return [_entry(row, users, titles, rates) for row in rows]


def _rates(rows: Sequence[History]) -> dict[str, str]:
    """The names of the tax rates that mappings were paired with, by number."""
    ids = {int(text) for row in rows if row.field == "tax_rate_id" for text in (row.old, row.new) if text}
    if not ids:
        return {}
    return {str(rate.id): str(rate) for rate in db.session.scalars(select(TaxRate).where(TaxRate.id.in_(ids)))}


def _entry(row: History, users: dict[int, str], titles: dict[int, str], rates: dict[str, str]) -> Entry:
    words = rates if row.field == "tax_rate_id" else VALUES.get((row.kind, row.field or ""), TRUTHS)
    return Entry(
        at=row.at,
        action=ACTION_WORDS.get(row.action, row.action.capitalize()),
        field=_label(row),
        old=words.get(row.old or "", row.old),
        new=words.get(row.new or "", row.new),
        user=users.get(row.user_id or 0),
        job_id=row.sync_job_id,
        job=titles.get(row.sync_job_id or 0),
    )


def _label(row: History) -> str:
    field = row.field or ""
    column = TABLES[row.kind].c.get(field) if row.kind in TABLES else None
    said = column.info.get("label") if column is not None else None
    return str(said or LABELS.get((row.kind, field)) or field.replace("_", " ").capitalize())
