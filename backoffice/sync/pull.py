"""Pull: bring in every list once; the paged ones by their changes, the others whole."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from sqlalchemy import insert, select, update

from backoffice.clock import now
from backoffice.errors import QuestionError
from backoffice.models import History, Link, PullRun
from backoffice.sync import match
from backoffice.sync.intake import receive, reread
from backoffice.sync.mapper import Mapper
from backoffice.sync.provider import Page
from backoffice.sync.reading import Reading
from backoffice.sync.task import Task
from backoffice.sync.writer import ENGINE


def pull(task: Task) -> None:
    """Bring in every list that the task's kinds come from, each once."""
    mappers = sorted(task.mappers(), key=task.provider.mappers.index)
    for resource, group in groupby(mappers, key=lambda mapper: mapper.resource):
        pull_resource(task, resource, list(group))


def pull_resource(task: Task, resource: str, mappers: Sequence[Mapper]) -> None:
    """Bring in one list."""
    reread(task, mappers)
    if resource in task.provider.paged:
        Reading(task, resource, mappers).read()
    else:
        _pull_whole(task, resource, mappers)
    task.pause_here()


def _pull_whole(task: Task, resource: str, mappers: Sequence[Mapper]) -> None:
    """Read a list that comes in one call; what is missing from it is gone there."""
    page = task.client.whole(resource)
    _ask_about_emptiness(task, resource, mappers[0].model.plural(), page)
    task.begin()
    for mapper in mappers:
        present = receive(task, [mapper], page.rows, strict=True)
        _archive_missing(task, mapper, present)
        match.settle(task, mapper)
    text = f"Read {len(page.rows)} {mappers[0].model.plural()}"
    run = PullRun(connection_id=task.connection_id, sync_job_id=task.job_id, resource=resource, next_page=2)
    run.provider_time, run.item_count, run.finished_at = page.provider_time, len(page.rows), now()
    task.session.add(run)
    task.commit({"text": text, "done": len(page.rows), "total": len(page.rows)}, moved=True)


def _ask_about_emptiness(task: Task, resource: str, many: str, page: Page) -> None:
    """Raises: QuestionError when a list that had rows comes back empty."""
    if page.rows or resource in task.accept_empty:
        return
    known = task.session.scalar(
        select(Link.id)
        .where(Link.connection_id == task.connection_id, Link.resource == resource, Link.external_id.is_not(None))
        .where(Link.gone.is_(None))
        .limit(1)
    )
    task.session.rollback()
    if known is not None:
        raise QuestionError(
            f"{task.provider.name} answered with an empty list of {many}, and some are known here. "
            "Nothing was changed. Were they really all deleted there?",
            resource,
        )


def _archive_missing(task: Task, mapper: Mapper, present: set[str]) -> None:
    """Archive here what a complete list no longer holds, and say why."""
    links = task.session.execute(
        select(Link.id, Link.record_id, Link.external_id).where(
            Link.connection_id == task.connection_id,
            Link.kind == mapper.kind,
            Link.external_id.is_not(None),
            Link.gone.is_(None),
        )
    )
    missing = [(link_id, record_id) for link_id, record_id, external_id in links if external_id not in present]
    if not missing:
        return
    record_ids = [record_id for _, record_id in missing]
    table = mapper.model.table()
    task.session.execute(
        update(mapper.model)
        .where(table.c.id.in_(record_ids))
        .values(archived=True, revision=table.c.revision + 1, changed_at=now())
        .execution_options(**ENGINE)
    )
    task.session.execute(
        update(Link)
        .where(Link.id.in_([link_id for link_id, _ in missing]))
        .values(gone="deleted", wanted_revision=Link.wanted_revision + 1, synced_revision=Link.wanted_revision + 1)
        .execution_options(synchronize_session=False)
    )
    reason = f"no longer in {task.provider.name}'s list"
    entry = {"company_id": task.company_id, "kind": mapper.kind, "action": "archived there", "at": now()}
    rows = [{**entry, "record_id": i, "new": reason, "sync_job_id": task.job_id} for i in record_ids]
    task.session.execute(insert(History.table()), rows)
    task.session.expire_all()
    task.tally["archived"] += len(missing)
