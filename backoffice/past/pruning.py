"""Pruning: history, letters and jobs are forgotten when a company has kept them long enough, a lot at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, not_, or_, select
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.models import RECORDS, Company, CompanySettings, Connection, Document, History, Mail, MailState, Status
from backoffice.past.old_jobs import prune_jobs

#: So many rows go in one transaction.
LOT = 2_000


@dataclass
class Pruned:
    """How much was forgotten."""

    history: int = 0
    letters: int = 0
    jobs: int = 0


@dataclass(frozen=True)
class _Kept:
    """Before which moments a company's history and jobs are forgotten."""

    company_id: int
    history: datetime
    jobs: datetime


def prune(session: Session) -> Pruned:
    """Forget what every company has kept for long enough. Commits after each lot.

    Documents that are not approved keep their history: it says who wrote them.
    """
    found = Pruned()
    for kept in _companies(session):
        found.history += _in_lots(session, History, _old_history(kept))
        found.letters += _in_lots(session, Mail, _old_letters(kept))
        connections = session.scalars(select(Connection.id).where(Connection.company_id == kept.company_id)).all()
        session.rollback()
        found.jobs += sum(prune_jobs(session, kept.company_id, each, kept.jobs) for each in connections)
    return found


def _companies(session: Session) -> list[_Kept]:
    starts: Any = CompanySettings.table().c
    days = (starts.keep_history, starts.keep_jobs)
    chosen = select(Company.id, *(func.coalesce(column, column.default.arg) for column in days))
    rows = session.execute(chosen.outerjoin(CompanySettings).order_by(Company.id)).all()
    session.rollback()
    return [_Kept(key, now() - timedelta(days=history), now() - timedelta(days=jobs)) for key, history, jobs in rows]


def _old_history(kept: _Kept) -> Select[int]:
    old = History.company_id == kept.company_id, History.at < kept.history
    return select(History.id).where(*old, not_(_undecided(kept.company_id))).order_by(History.at, History.id)


def _undecided(company_id: int) -> ColumnElement[bool]:
    """What is about documents that nobody has approved yet."""
    return or_(*(_of_drafts(model, company_id) for model in _documents()))


def _documents() -> Iterator[Any]:
    return (model for model in RECORDS if issubclass(model, Document))


def _of_drafts(model: Any, company_id: int) -> ColumnElement[bool]:
    open_steps = model.status.in_((Status.DRAFT, Status.AWAITING_APPROVAL))
    drafts = select(model.id).where(model.company_id == company_id, open_steps)
    return and_(History.kind == model.kind, History.record_id.in_(drafts))


def _old_letters(kept: _Kept) -> Select[int]:
    ended = Mail.state.in_((MailState.SENT, MailState.FAILED)), Mail.ended_at < kept.history
    return select(Mail.id).where(Mail.company_id == kept.company_id, *ended).order_by(Mail.id)


def _in_lots(session: Session, model: Any, old: Select[int]) -> int:
    """Delete the rows that a question finds until it finds no more; says how many."""
    gone = 0
    while ids := session.scalars(old.limit(LOT).execution_options(every_book=True)).all():
        session.execute(delete(model).where(model.id.in_(ids)).execution_options(synchronize_session=False))
        session.commit()
        gone += len(ids)
    session.rollback()
    return gone
