"""Applying a preview: what was chosen of it is done as it is now, never as it was foreseen; the rest stays offered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from backoffice.models import (
    Link,
    Preview,
    PreviewRow,
    StartedBy,
    SyncJob,
    Urgency,
    Work,
)
from backoffice.models.preview import APPLYING
from backoffice.sync import jobs
from backoffice.sync.lease import lock_connection
from backoffice.sync.preflight import load_records
from backoffice.sync.pull import pull_rows
from backoffice.sync.push import push
from backoffice.sync.task import Task


def apply_all(session: Session, preview: Preview, user_id: int | None) -> SyncJob:
    """Do all of a preview: an ordinary Update, or push, of its kinds. Commits; the caller rings.

    Raises: PausedError.
    """
    work, title = (Work.PUSH, "Push") if preview.push_only else (Work.UPDATE, "Update")
    mine = PreviewRow.preview_id == preview.id, PreviewRow.action.in_(APPLYING)
    return _request(session, preview, work, preview.job.kinds, title, user_id, mine)


def apply_chosen(
    session: Session, preview: Preview, chosen: ColumnElement[bool], user_id: int | None
) -> SyncJob | None:
    """Do the rows of a preview that a condition chooses. None when none of them is offered any more.

    Commits; the caller rings. Raises: PausedError.
    """
    lock_connection(session, preview.connection_id)
    mine = PreviewRow.preview_id == preview.id, PreviewRow.open.is_(True), chosen
    kinds = sorted(session.scalars(select(PreviewRow.kind).where(*mine).distinct()))
    if not kinds:
        session.rollback()
        return None
    return _request(session, preview, Work.APPLY, kinds, "Apply chosen", user_id, mine)


def _request(
    session: Session,
    preview: Preview,
    work: Work,
    kinds: Sequence[str],
    title: str,
    user_id: int | None,
    rows: Sequence[ColumnElement[bool]],
) -> SyncJob:
    """Ask for the job that does these rows, and say on each that it does."""

    def hand_over(job: SyncJob) -> None:
        taken = update(PreviewRow).where(*rows).values(applied_by_id=job.id)
        session.execute(taken.execution_options(synchronize_session=False))

    started_by = StartedBy.PERSON if user_id else StartedBy.COMMAND
    job, _ = jobs.request(
        session,
        preview.connection,
        work,
        kinds,
        title=title,
        user_id=user_id,
        urgency=Urgency.PERSON,
        started_by=started_by,
        then=hand_over,
    )
    return job


def apply(task: Task) -> None:
    """Read again, and write, what was chosen of what comes in; then send what was chosen of what goes out."""
    rows = task.session.scalars(select(PreviewRow).where(PreviewRow.applied_by_id == task.job_id)).all()
    incoming = [(row.kind, row.source_id) for row in rows if not row.outgoing and row.source_id]
    outgoing = [(row.kind, row.record_id) for row in rows if row.outgoing and row.record_id]
    task.session.rollback()
    for resource, ids in _by_list(task, incoming).items():
        pull_rows(task, resource, ids)
    if not task.confirmed:
        give_back(task)
    elif outgoing:
        push(task, only=_with_what_goes_first(task, _links(task, outgoing)))


def give_back(task: Task) -> None:
    """Offer again what the job was to send of a preview: nobody has agreed yet that anything is sent."""
    task.begin()
    mine = PreviewRow.applied_by_id == task.job_id, PreviewRow.outgoing
    offered = update(PreviewRow).where(*mine).values(applied_by_id=None).returning(PreviewRow.id)
    if task.session.scalars(offered.execution_options(synchronize_session=False)).all():
        task.notes.append("Nothing was sent: say first, under Matches, that what waits may go. It is offered again.")
    task.commit()


def _by_list(task: Task, rows: Sequence[tuple[str, str]]) -> dict[str, set[str]]:
    """The ids to read, by list, in the order in which lists are read."""
    chosen: dict[str, set[str]] = defaultdict(set)
    for mapper in task.provider.mappers:
        found = {source_id for kind, source_id in rows if kind == mapper.kind}
        if found:
            chosen[mapper.resource] |= found
    return chosen


def _links(task: Task, records: Sequence[tuple[str, int]]) -> set[int]:
    """The links of these records."""
    found: set[int] = set()
    for kind in {kind for kind, _ in records}:
        ids = [record_id for of_kind, record_id in records if of_kind == kind]
        mine = Link.connection_id == task.connection_id, Link.kind == kind, Link.record_id.in_(ids)
        found |= set(task.session.scalars(select(Link.id).where(*mine)))
    task.session.rollback()
    return found


def _with_what_goes_first(task: Task, link_ids: set[int]) -> set[int]:
    """These links, and those of the records that have to be there before them and are not yet."""
    mappers = {mapper.kind: mapper for mapper in task.provider.mappers}
    every, new = set(link_ids), set(link_ids)
    while new:
        links = task.session.scalars(select(Link).where(Link.id.in_(new))).all()
        named: set[tuple[str, int]] = set()
        for kind in {link.kind for link in links}:
            mapper = mappers[kind]
            kept = load_records(task, mapper, [link.record_id for link in links if link.kind == kind])
            named |= {(ref.kind, getattr(one, ref.column) or 0) for one in kept.values() for ref in mapper.refs}
        absent = select(Link.id).where(Link.id.in_(_links(task, sorted(named))), Link.external_id.is_(None))
        new = set(task.session.scalars(absent)) - every
        task.session.rollback()
        every |= new
    return every
