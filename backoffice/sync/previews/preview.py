"""A preview: reads as an Update would, rehearses it with what was read, and keeps what it would have written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.errors import BackofficeError
from backoffice.models import (
    Connection,
    Preview,
    PreviewAnswer,
    PreviewRow,
    StartedBy,
    SyncJob,
    Urgency,
    Work,
)
from backoffice.sync import describe, jobs, pull
from backoffice.sync.previews.foreseen import Takedown
from backoffice.sync.previews.notebook import Notebook, Question
from backoffice.sync.previews.rehearsal import Replay, UnreadError, on_stage, stage
from backoffice.sync.reading import next_run
from backoffice.sync.task import Task
from backoffice.sync.update import bring_up_to_date, first_read

#: A rehearsal that asks for something new this often is given up.
ROUNDS = 12


@dataclass
class Report:
    """What a rehearsal found out, or what it has to know first."""

    wanted: Sequence[Question]
    rows: Sequence[dict[str, Any]] = ()
    calls: int = 0
    notes: Sequence[str] = ()


def ask(
    session: Session, connection: Connection, kinds: Sequence[str], *, push_only: bool, user_id: int | None
) -> SyncJob:
    """Ask for a preview of an Update of these kinds, or of a push. Commits; the caller rings.

    While one of the same is being taken, that one is returned. Raises: PausedError.
    """
    same = exists().where(Preview.sync_job_id == SyncJob.id, Preview.push_only.is_(push_only))
    job, _ = jobs.request(
        session,
        connection,
        Work.PREVIEW,
        kinds,
        title="Preview of a push" if push_only else "Preview of an Update",
        user_id=user_id,
        urgency=Urgency.PERSON,
        started_by=StartedBy.PERSON if user_id else StartedBy.COMMAND,
        among=same,
        then=partial(_begin, session, push_only),
    )
    return job


def _begin(session: Session, push_only: bool, job: SyncJob) -> None:
    """The preview of a job, where it has none yet."""
    if session.scalar(select(Preview.id).where(Preview.sync_job_id == job.id)) is None:
        own = {"company_id": job.company_id, "connection_id": job.connection_id, "push_only": push_only}
        session.add(Preview(sync_job_id=job.id, **own))


def take(task: Task) -> None:
    """Find out what an Update or a push would do, and keep it."""
    preview = task.session.scalar(select(Preview).where(Preview.sync_job_id == task.job_id))
    if preview is None:
        raise BackofficeError("This preview was let go of. Take a new one.")
    preview_id, push_only = preview.id, preview.push_only
    task.session.rollback()
    task.confirmed = task.confirmed or push_only  # what would go once somebody has said that it may
    notebook = Notebook(task, preview_id)
    _read_lists(task, notebook, push_only)
    for _ in range(ROUNDS):
        report = _rehearse(task, notebook, push_only)
        if not report.wanted:
            return _keep(task, preview_id, report)
        notebook.ask(report.wanted)
    raise BackofficeError("What is there kept moving while it was looked at. Nothing was changed; try again.")


def _read_lists(task: Task, notebook: Notebook, push_only: bool) -> None:
    """Read the lists that will be read, each from its bookmark, page by page."""
    kinds = first_read(task) if push_only else None
    if kinds == []:
        return
    for resource, mappers in pull.lists(task, kinds):
        if not task.going(mappers):
            continue
        if resource in task.provider.paged:
            _read_pages(task, notebook, resource)
        else:
            notebook.ask([Question(resource)])


def _read_pages(task: Task, notebook: Notebook, resource: str) -> None:
    run = next_run(task, resource, task.thorough)
    number, since = run.next_page, run.since
    task.session.rollback()
    while True:
        question = Question(resource, number, since)
        notebook.ask([question])
        page = notebook.page(question)
        if number >= (page.page_count or 0) and not (page.page_count is None and page.rows):
            return
        number += 1


def _rehearse(task: Task, notebook: Notebook, push_only: bool) -> Report:
    """Play it on the stage, in one transaction that is taken back."""
    task.begin()
    task.commit({"text": "Finding out what would change", "done": None, "total": None})
    with stage(task) as session:
        replay = Replay(notebook, session)
        acting = on_stage(task, session, replay, task.confirmed)
        try:
            describe.once_a_day(acting)
            bring_up_to_date(acting, push_only)
        except (UnreadError, BackofficeError):
            if not replay.wanted:
                raise
        if replay.wanted:
            return Report(replay.wanted)
        return Report((), Takedown(acting, replay).rows(), replay.calls + acting.tally["calls"], acting.notes)


def _keep(task: Task, preview_id: int, report: Report) -> None:
    task.begin()
    common = {"company_id": task.company_id, "preview_id": preview_id}
    task.session.execute(delete(PreviewRow).where(PreviewRow.preview_id == preview_id))
    task.session.execute(delete(PreviewAnswer).where(PreviewAnswer.preview_id == preview_id))
    if report.rows:
        task.session.execute(insert(PreviewRow.table()), [{**common, **row} for row in report.rows])
    preview = task.session.get_one(Preview, preview_id)
    preview.taken_at, preview.calls = now(), report.calls
    task.notes += report.notes
    task.commit(moved=True)
