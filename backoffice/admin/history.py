"""The history of a record, a mapping or settings as people read it: who changed what, from what to what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from backoffice.admin.settings_form import SETTING_WORDS, setting_labels
from backoffice.admin.words import ACTION_WORDS, SIDE_WORDS, STATUS_BADGES, TREATMENT_WORDS
from backoffice.extensions import db
from backoffice.models import (
    KINDS,
    Account,
    AccountMapping,
    CompanySettings,
    Contact,
    Document,
    History,
    Item,
    PurchaseOrder,
    Record,
    SyncJob,
    TaxMapping,
    TaxRate,
    TrackingOption,
    User,
)
from backoffice.models.line_changes import of_line

PER_PAGE = 50
#: How the history keeps a tick, and how people read it.
TRUTHS = {"True": "Yes", "False": "No"}
#: What is no record and has a history all the same.
MAPPINGS: tuple[type[TaxMapping | AccountMapping], ...] = (TaxMapping, AccountMapping)
TABLES = {**{kind: model.table() for kind, model in KINDS.items()}, **{one.kind: one.table() for one in MAPPINGS}}
#: Fields that hold the number of another record.
NAMED: dict[str, type[Record]] = {
    "tax_rate_id": TaxRate,
    "item_id": Item,
    "contact_id": Contact,
    "account_id": Account,
    "purchase_order_id": PurchaseOrder,
    "tracking_1_id": TrackingOption,
    "tracking_2_id": TrackingOption,
}
LABELS = {(CompanySettings.kind, column): label for column, label in setting_labels().items()}
#: Kept by a key, read in words.
VALUES = {
    **{(CompanySettings.kind, column): words for column, words in SETTING_WORDS.items()},
    **{(one.kind, "side"): {key.value: word for key, word in SIDE_WORDS.items()} for one in MAPPINGS},
    **{(kind, "status"): {key.value: badge.word for key, badge in STATUS_BADGES.items()} for kind in KINDS},
    **{(kind, "treatment"): {key.value: word for key, word in TREATMENT_WORDS.items()} for kind in KINDS},
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


def history_of(record: Record | TaxMapping | AccountMapping | CompanySettings, page: int) -> tuple[list[Entry], bool]:
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
    names = {field: _names(rows, field, model) for field, model in NAMED.items()}
    return [_entry(row, users, titles, names) for row in rows]


def _field(row: History) -> str:
    """The field, without the line that it is in."""
    line = of_line(row.field)
    return (line[1] if line else row.field) or ""


def _names(rows: Sequence[History], field: str, model: type[Record]) -> dict[str, str]:
    """The names of the records that a field named, by number."""
    ids = {int(text) for row in rows if _field(row) == field for text in (row.old, row.new) if text}
    if not ids:
        return {}
    found = db.session.scalars(select(model).where(model.id.in_(ids)))
    return {str(record.id): str(record) for record in found}


def _entry(row: History, users: dict[int, str], titles: dict[int, str], names: dict[str, dict[str, str]]) -> Entry:
    words = names.get(_field(row)) or VALUES.get((row.kind, row.field or ""), TRUTHS)
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
    field, line = row.field or "", of_line(row.field)
    if line:
        return _line_label(row.kind, *line)
    column = TABLES[row.kind].c.get(field) if row.kind in TABLES else None
    said = column.info.get("label") if column is not None else None
    return str(said or LABELS.get((row.kind, field)) or field.replace("_", " ").capitalize())


def _line_label(kind: str, number: int, column: str | None) -> str:
    model = KINDS[kind]
    said = model.line.column_label(column) if column and issubclass(model, Document) else None
    return f"Line {number}: {said}" if said else f"Line {number}"
