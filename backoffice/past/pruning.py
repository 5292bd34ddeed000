"""Pruning, all of it: what was kept long enough is forgotten once a day, a lot at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, not_, or_, select
from sqlalchemy.orm import Session, aliased

from backoffice.clock import now
from backoffice.models import (
    RECORDS,
    Company,
    CompanySettings,
    Connection,
    Delivery,
    Document,
    Drift,
    History,
    Mail,
    MailState,
    NeedChange,
    Notice,
    Preview,
    Reconciliation,
    Status,
    SyncJob,
    Tick,
)
from backoffice.models.preview import OFFERED
from backoffice.past.old_jobs import prune_jobs
from backoffice.sync.jobs import OPEN

#: So many rows go in one transaction.
LOT = 2_000
#: A tick is older than this when nothing looks at it any more.
TICKS = timedelta(days=40)


@dataclass
class Pruned:
    """How much was forgotten."""

    history: int = 0
    letters: int = 0
    jobs: int = 0
    #: Previews, differences with their reconciliations, the provider's notices, what was told, and ticks.
    others: int = 0


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
        found.others += sum(_in_lots(session, model, old) for model, old in _others(kept, connections))
    found.others += _prune_ticks(session)
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
    """Of what was perhaps sent a document's waits for a person; nobody decides about a notification."""
    ended = Mail.state.in_((MailState.SENT, MailState.FAILED))
    doubtful = (Mail.state == MailState.PERHAPS_SENT) & Mail.record_id.is_(None)
    old = Mail.company_id == kept.company_id, Mail.ended_at < kept.history
    return select(Mail.id).where(*old, or_(ended, doubtful)).order_by(Mail.id)


def _others(kept: _Kept, connections: Sequence[int]) -> list[tuple[Any, Select[int]]]:
    """What goes with the jobs, and what nobody can use any more."""
    being_taken = select(SyncJob.id).where(SyncJob.company_id == kept.company_id, SyncJob.state.in_(OPEN))
    since = func.coalesce(Preview.taken_at, Preview.created_at)
    stale = since < now() - OFFERED, Preview.sync_job_id.not_in(being_taken)
    settled = Drift.settled_at < kept.jobs
    later = aliased(Reconciliation)
    newer = exists().where(later.connection_id == Reconciliation.connection_id, later.finished_at.is_not(None))
    compared = Reconciliation.finished_at < kept.jobs, newer.where(later.id > Reconciliation.id)
    delivered = Delivery.ended_at < kept.jobs
    read = ~Notice.pending, func.coalesce(Notice.read_at, Notice.noticed_at) < kept.jobs
    return [
        (Preview, select(Preview.id).where(Preview.company_id == kept.company_id, *stale)),
        (Drift, select(Drift.id).where(Drift.company_id == kept.company_id, settled)),
        (Reconciliation, select(Reconciliation.id).where(Reconciliation.company_id == kept.company_id, *compared)),
        (Delivery, select(Delivery.id).where(Delivery.company_id == kept.company_id, delivered)),
        (NeedChange, select(NeedChange.id).where(NeedChange.company_id == kept.company_id, NeedChange.at < kept.jobs)),
        (Notice, select(Notice.id).where(Notice.connection_id.in_(connections), *read)),
    ]


def _prune_ticks(session: Session) -> int:
    """Those of companies that are gone, or do without; what goes on keeps its last one."""
    gone = session.execute(delete(Tick).where(Tick.due_at < now() - TICKS).returning(Tick.schedule)).all()
    session.commit()
    return len(gone)


def _in_lots(session: Session, model: Any, old: Select[int]) -> int:
    """Delete the rows that a question finds, and that still are as it asks, until it finds no more; says how many."""
    gone, still = 0, [] if old.whereclause is None else [old.whereclause]
    while ids := session.scalars(old.limit(LOT).execution_options(every_book=True)).all():
        session.execute(delete(model).where(model.id.in_(ids), *still).execution_options(synchronize_session=False))
        session.commit()
        gone += len(ids)
    session.rollback()
    return gone
