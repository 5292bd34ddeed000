"""The history of a record, a mapping or settings as people read it: who changed what, from what to what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flask_login import current_user
from sqlalchemy import JSON, select

from backoffice.admin.company_base import here
from backoffice.admin.doors import doors_here
from backoffice.admin.settings_form import SETTING_WORDS, setting_labels
from backoffice.admin.words import ACTION_WORDS, SIDE_WORDS, STATUS_BADGES, TREATMENT_WORDS, kinds_text, their_status
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
    Role,
    SyncJob,
    TaxMapping,
    TaxRate,
    TrackingOption,
    User,
)
from backoffice.models.history import from_text
from backoffice.models.line_changes import of_line
from backoffice.past.bring_back import offer
from backoffice.past.doors import COMPUTED, GONE, NO_FORM, STEPS, WHOLE_LINE, Doors

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
#: Settings that are lists of kinds.
LISTS = {(CompanySettings.kind, c.name): c for c in CompanySettings.table().c if isinstance(c.type, JSON)}

#: What is not worth a sentence on every line: nobody ever writes these by hand.
UNSAID = frozenset({NO_FORM, COMPUTED, WHOLE_LINE, STEPS, GONE})


@dataclass(frozen=True)
class Entry:
    """One line of a history."""

    id: int
    at: datetime
    action: str
    kind: str
    field: str
    old: str | None
    new: str | None
    user: str | None
    #: The job that wrote it, as long as it is kept; and what it is called, or that it was one.
    job_id: int | None
    job: str | None
    #: What it is about, if that is a record that is still here.
    record: Record | None = None
    #: Whether the old value can be brought back by the person who looks; or a sentence why not.
    may_bring_back: bool = False
    why_not: str = ""


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
    records, doors = _records(rows), _doors()
    found = []
    for row in rows:
        record = records.get((row.kind, row.record_id))
        may, why_not = _offered(doors, record, row)
        found.append(replace(_entry(row, users, titles, names), record=record, may_bring_back=may, why_not=why_not))
    return found


def _records(rows: Sequence[History]) -> dict[tuple[str, int], Record]:
    """The records of this company that these lines are about."""
    found: dict[tuple[str, int], Record] = {}
    for kind in {row.kind for row in rows} & set(KINDS):
        model, ids = KINDS[kind], {row.record_id for row in rows if row.kind == kind}
        query = select(model).where(model.company_id == here().id, model.id.in_(ids))
        found |= {(kind, record.id): record for record in db.session.scalars(query)}
    return found


def _doors() -> Doors | None:
    """The doors of the person who looks; None if nothing is open to them."""
    return doors_here() if current_user.is_authenticated and current_user.may(Role.OPERATOR) else None


def _offered(doors: Doors | None, record: Record | None, row: History) -> tuple[bool, str]:
    """Whether a line's old value can be brought back, and why not where that is worth saying."""
    if doors is None or record is None or not row.field or (row.old is None and row.action != "changed"):
        return False, ""
    found = offer(doors, record, row)
    return not (found.why_not or found.already), "" if found.why_not in UNSAID or found.already else found.why_not


def _column(field: str | None) -> str:
    """The column of a field, without the line that it is in."""
    line = of_line(field)
    return (line[1] if line else field) or ""


def _names(rows: Sequence[History], column: str, model: type[Record]) -> dict[str, str]:
    """The names of the records that a column named, by number."""
    return _named(model, [text for row in rows if _column(row.field) == column for text in (row.old, row.new)])


def _named(model: type[Record], texts: Sequence[str | None]) -> dict[str, str]:
    ids = {int(text) for text in texts if text}
    found = db.session.scalars(select(model).where(model.id.in_(ids))) if ids else ()
    return {str(record.id): str(record) for record in found}


def shown_values(kind: str, field: str, *texts: str | None) -> tuple[str | None, ...]:
    """Values of one field as people read them, from the text that the history keeps."""
    model = NAMED.get(_column(field))
    words = _named(model, texts) if model else VALUES.get((kind, field), TRUTHS)
    return tuple(_said(kind, field, text, words) for text in texts)


def _said(kind: str, field: str | None, text: str | None, words: Mapping[str, str]) -> str | None:
    """One value as people read it, by the words that its field has."""
    column = LISTS.get((kind, field or ""))
    if field == "their_status" and text:
        return their_status(text)
    if column is not None:
        return kinds_text(from_text(column, text) or []).capitalize() or "Nothing"
    return words.get(text or "", text)


def _entry(row: History, users: dict[int, str], titles: dict[int, str], names: dict[str, dict[str, str]]) -> Entry:
    words = names.get(_column(row.field)) or VALUES.get((row.kind, row.field or ""), TRUTHS)
    title = titles.get(row.sync_job_id or 0)
    return Entry(
        id=row.id,
        at=row.at,
        action=ACTION_WORDS.get(row.action, row.action.capitalize()),
        kind=row.kind,
        field=field_label(row.kind, row.field or ""),
        old=_said(row.kind, row.field, row.old, words),
        new=_said(row.kind, row.field, row.new, words),
        user=users.get(row.user_id or 0),
        job_id=row.sync_job_id if title else None,
        job=title or ("A sync job" if row.sync_job_id else None),
    )


def field_label(kind: str, field: str) -> str:
    """What people call a field of a record, or of a line of it."""
    line = of_line(field)
    if line:
        return _line_label(kind, *line)
    column = TABLES[kind].c.get(field) if kind in TABLES else None
    said = column.info.get("label") if column is not None else None
    return str(said or LABELS.get((kind, field)) or field.replace("_", " ").capitalize())


def _line_label(kind: str, number: int, column: str | None) -> str:
    model = KINDS[kind]
    said = model.line.column_label(column) if column and issubclass(model, Document) else None
    return f"Line {number}: {said}" if said else f"Line {number}"
