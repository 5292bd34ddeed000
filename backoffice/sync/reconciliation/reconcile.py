"""Reconciliation: compare everything on both sides, and say that they are equal, or in what they differ.

It overwrites nothing: no record, no link, no bookmark. It spends only calls that nobody else needs today.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.models import (
    ComparedList,
    Connection,
    Drift,
    Link,
    Reconciliation,
    StartedBy,
    SyncJob,
    Urgency,
    Work,
)
from backoffice.sync import jobs
from backoffice.sync.provider import Provider
from backoffice.sync.pull import lists
from backoffice.sync.reconciliation import drift
from backoffice.sync.reconciliation.compared import ComparedReading
from backoffice.sync.reconciliation.spare import need_spare_calls
from backoffice.sync.task import Task

TITLE = "Reconciliation"


def request_reconciliation(
    session: Session,
    connection: Connection,
    kinds: Sequence[str],
    *,
    user_id: int | None = None,
    started_by: StartedBy = StartedBy.SCHEDULE,
) -> tuple[SyncJob, bool]:
    """Ask for a reconciliation; says also whether the job is new. Commits; the caller rings. Raises: PausedError."""
    return jobs.request(
        session,
        connection,
        Work.RECONCILE,
        kinds,
        title=TITLE,
        user_id=user_id,
        urgency=Urgency.BACKGROUND,
        started_by=started_by,
        thorough=True,
    )


def reconcile(task: Task) -> None:
    """Compare everything."""
    run_id = _open(task)
    need_spare_calls(task, _calls_needed(task))
    for resource, mappers in lists(task):
        ComparedReading(task, run_id, resource, mappers).read()
        task.pause_here()
    _finish(task, run_id)


def _open(task: Task) -> int:
    """Go on with the job's own reconciliation, or begin one; those that others broke off are given up."""
    task.begin()
    mine = select(Reconciliation).where(
        Reconciliation.connection_id == task.connection_id, Reconciliation.finished_at.is_(None)
    )
    run = task.session.scalar(mine.where(Reconciliation.sync_job_id == task.job_id))
    for other in task.session.scalars(mine):
        if other is not run:
            task.session.delete(other)
    if run is None:
        run = Reconciliation(company_id=task.company_id, connection_id=task.connection_id, sync_job_id=task.job_id)
        task.session.add(run)
    task.session.flush()
    run_id = run.id
    task.commit()
    return run_id


def _calls_needed(task: Task) -> int:
    connection = task.session.get_one(Connection, task.connection_id)
    needed = estimate(task.session, connection, task.provider)
    task.session.rollback()
    return needed


def estimate(session: Session, connection: Connection, provider: Provider) -> int:
    """How many calls a reconciliation costs, by what is known to be there."""
    links = select(Link.resource, func.count(Link.external_id)).where(Link.connection_id == connection.id)
    known = dict(session.execute(links.group_by(Link.resource)).all())
    counted = _last_counts(session, connection)
    resources = {mapper.resource for mapper in provider.mappers if mapper.direction.comes}
    rows = (max(known.get(each, 0), counted.get(each, 0)) for each in resources & provider.paged)
    return sum(max(1, -(-number // provider.page_size)) for number in rows) + len(resources - provider.paged)


def _last_counts(session: Session, connection: Connection) -> dict[str, int]:
    run = last(session, connection)
    return {each.resource: each.item_count or 0 for each in run.lists} if run else {}


def last(session: Session, connection: Connection) -> Reconciliation | None:
    """The last reconciliation that came to its end."""
    mine = select(Reconciliation).where(
        Reconciliation.connection_id == connection.id, Reconciliation.finished_at.is_not(None)
    )
    return session.scalar(mine.order_by(Reconciliation.id.desc()).limit(1))


def _finish(task: Task, run_id: int) -> None:
    task.begin()
    session = task.session
    drift.explain(task, run_id)
    session.flush()
    waiting = select(Drift.kind, func.count()).where(Drift.reconciliation_id == run_id, Drift.waits())
    found = dict(session.execute(waiting.group_by(Drift.kind)).all())
    run, rows, whole, apart = session.get_one(Reconciliation, run_id), 0, True, 0
    for each in session.scalars(select(ComparedList).where(ComparedList.reconciliation_id == run_id)):
        each.counts = {kind: {**counts, "differences": found.get(kind, 0)} for kind, counts in each.counts.items()}
        rows += sum(counts["theirs"] for counts in each.counts.values())
        apart += sum(sum(counts["explained"].values()) for counts in each.counts.values())
        whole = whole and each.complete
    run.finished_at, run.differences = now(), sum(found.values())
    run.complete, run.calls = whole, task.calls
    task.notes.append(_said(run.differences, rows, whole, apart))
    task.commit(moved=True)


def _said(differences: int, rows: int, whole: bool, apart: int) -> str:
    """`apart` is how many rows were not compared: they wait, are paused, are not wanted …"""
    if differences:
        return f"{differences:,} {'difference' if differences == 1 else 'differences'} found among {rows:,} rows."
    if not whole:
        return "No difference was found, but not all was seen."
    but = f", but for {apart:,} that were not compared; the drift report says why" if apart else ""
    return f"Both sides are equal{but}: {rows:,} rows."
