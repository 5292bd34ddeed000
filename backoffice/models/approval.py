"""Approval: who may approve a document, who counts as its author, and that people take no step that is not open."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from backoffice.errors import BackofficeError
from backoffice.models.document import STEPS, Document, Status
from backoffice.models.history import History, author
from backoffice.models.settings import Approvers, CompanySettings
from backoffice.models.user import Role

#: Columns that say where a document stands and what follows from its lines: whoever changes only these wrote nothing.
ASIDE = (
    frozenset({"status", "archived", "attachment", "billed", "expense", "purchase_order_id"}) | Document.local_columns
)


class StepError(BackofficeError):
    """This step is not open to the document any more."""


class Bar(StrEnum):
    """Why somebody may not approve a document."""

    ROLE = "Only administrators approve documents of this company."
    AUTHOR = "You wrote it yourself; somebody else has to approve it."


def bar(settings: CompanySettings | None, role: Role, user_id: int, authors: Collection[int]) -> Bar | None:
    """What keeps a person from approving what these wrote; nothing if they may."""
    if settings is None:
        return None
    if settings.approvers is Approvers.ADMINISTRATORS and role is not Role.ADMINISTRATOR:
        return Bar.ROLE
    return Bar.AUTHOR if not settings.approve_own and user_id in authors else None


def why_frozen(session: Session, settings: CompanySettings | None, document: Document, role: Role, user_id: int) -> str:
    """Why a person cannot change a document; empty if they can."""
    if document.voided:
        return f"{document} is voided, and stays as it is."
    if document.status is not Status.APPROVED:
        return ""
    barred = bar(settings, role, user_id, authors_of(session, document))
    return f"{document} is approved. {barred} Only who may approve it changes it now." if barred else ""


def authors_of(session: Session, document: Document) -> set[int]:
    """Who made a document, and who changed it last before it was approved; nobody, where both came in."""
    if not document.id:
        return set()
    mine = select(History).where(
        History.company_id == document.company_id, History.kind == document.kind, History.record_id == document.id
    )
    created = mine.where(History.action == "created").order_by(History.id)
    rows = [session.scalar(created.limit(1)), _last_edit(session, document, mine)]
    return {row.user_id for row in rows if row is not None and row.user_id is not None}


def _last_edit(session: Session, document: Document, mine: Any) -> History | None:
    edits = mine.where(History.action == "changed", History.field.not_in(ASIDE), History.user_id.is_not(None))
    if document.status in (Status.APPROVED, Status.VOIDED):
        step = mine.where(History.field == "status", History.new == Status.APPROVED.value)
        approved = session.scalar(step.order_by(History.id.desc()).limit(1))
        edits = edits.where(History.id < (approved.id if approved else 0))
    found: History | None = session.scalar(edits.order_by(History.id.desc()).limit(1))
    return found


def keep_standing(session: Session) -> None:
    """Before a flush: what is voided is archived, and nothing else is; people take the steps that are open.

    Raises: StepError.
    """
    for row in (*session.new, *session.dirty):
        if isinstance(row, Document):
            _keep(row, row in session.new)


def _keep(document: Any, new: bool) -> None:
    status: Any = inspect(document).attrs.status.history
    who = author.get()
    if not new and status.deleted and who.user_id is not None and who.sync_job_id is None:
        before, after = status.deleted[0], document.status
        if after != before and after not in STEPS[before]:
            raise StepError(f"{document} is {before.value.replace('_', ' ')}; this step is not open to it.")
    if new or status.has_changes() or inspect(document).attrs.archived.history.has_changes():
        voided = document.status is Status.VOIDED
        if bool(document.archived) is not voided:
            document.archived = voided
