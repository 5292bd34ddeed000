"""Pull: bring in every list once; the paged ones by their changes, the others whole."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby

from sqlalchemy import select

from backoffice.clock import now
from backoffice.models import Link, PullRun
from backoffice.sync import match
from backoffice.sync.emptiness import ask_about_emptiness
from backoffice.sync.intake import by_ids, ids_in, receive, reread
from backoffice.sync.mapper import Mapper
from backoffice.sync.provider import Page
from backoffice.sync.reading import Reading
from backoffice.sync.store import archive_missing
from backoffice.sync.task import Task


def pull(task: Task, kinds: Collection[str] | None = None) -> None:
    """Bring in every list that the task's kinds come from, each once; or only those in which these may be already."""
    for resource, mappers in lists(task, kinds):
        pull_resource(task, resource, mappers)


def lists(task: Task, kinds: Collection[str] | None = None) -> list[tuple[str, list[Mapper]]]:
    """The lists that a pull reads, each with the kinds that come in it."""
    mappers = [mapper for mapper in task.mappers(kinds) if mapper.direction.comes]
    if kinds is not None:
        matched = {mapper.resource for mapper in mappers if mapper.kind in kinds and mapper.match_by}
        mappers = [mapper for mapper in mappers if mapper.resource in matched]
    else:
        read = {mapper.resource for mapper in mappers if _of_interest(task, mapper)}
        mappers = [mapper for mapper in mappers if mapper.resource in read]
    return [(resource, list(group)) for resource, group in groupby(mappers, key=lambda mapper: mapper.resource)]


def _of_interest(task: Task, mapper: Mapper) -> bool:
    """Whether a kind is brought in, or some of it is there already whose state is followed."""
    if task.settings.brings_in(mapper.kind):
        return True
    known = select(Link.id).where(
        Link.connection_id == task.connection_id, Link.kind == mapper.kind, Link.external_id.is_not(None)
    )
    found = task.session.scalar(known.limit(1)) is not None
    task.session.rollback()
    return found


def pull_resource(task: Task, resource: str, mappers: Sequence[Mapper]) -> None:
    """Bring in one list, without the kinds that are paused."""
    if not task.going(mappers):
        return
    reread(task, mappers)
    if resource in task.provider.paged:
        Reading(task, resource, mappers).read()
    else:
        _pull_whole(task, resource, mappers)
        task.pause_here()


def pull_rows(task: Task, resource: str, ids: Collection[str]) -> None:
    """Bring in only these rows of one list, as they are there now; the others are left to the next reading."""
    mappers = [mapper for mapper in task.provider.mappers if mapper.resource == resource]
    if resource in task.provider.paged:
        by_ids(task, mappers[0], sorted(ids))
        task.begin()
        match.settle(task, mappers)
        task.commit()
    else:
        _take_in(task, mappers, _whole(task, resource, mappers), ids)
        task.commit()
    task.pause_here()


def _pull_whole(task: Task, resource: str, mappers: Sequence[Mapper]) -> None:
    """Read a list that comes in one call; what is missing from it is gone there."""
    page = _whole(task, resource, mappers)
    _take_in(task, mappers, page)
    text = f"Read {len(page.rows)} {mappers[0].model.plural()}"
    run = PullRun(connection_id=task.connection_id, sync_job_id=task.job_id, resource=resource, next_page=2)
    run.provider_time, run.item_count, run.finished_at = page.provider_time, len(page.rows), now()
    task.session.add(run)
    task.commit({"text": text, "done": len(page.rows), "total": len(page.rows)}, moved=True)


def _whole(task: Task, resource: str, mappers: Sequence[Mapper]) -> Page:
    page = task.client.whole(resource)
    ask_about_emptiness(task, resource, mappers[0].model.plural(), page)
    return page


def _take_in(task: Task, mappers: Sequence[Mapper], page: Page, only: Collection[str] | None = None) -> None:
    """Begin a transaction, and write a whole list, or `only` what comes with the rows of these ids."""
    task.begin()
    rows = [row for row in page.rows if only is None or any(ids_in(mapper, [row]) & set(only) for mapper in mappers)]
    among = () if only is None else (Link.external_id.in_(only),)
    for mapper in task.going(mappers):
        receive(task, [mapper], rows, strict=True)
        archive_missing(task, mapper, ids_in(mapper, page.rows), *among)
        match.settle(task, [mapper])
