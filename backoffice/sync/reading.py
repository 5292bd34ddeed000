"""Reading a paged list without gaps, although it moves while it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.database import is_postgresql
from backoffice.models import PullRun, PullSeen
from backoffice.sync import match, pause
from backoffice.sync.emptiness import ask_about_emptiness
from backoffice.sync.intake import fetch_missing, receive
from backoffice.sync.mapper import Mapper
from backoffice.sync.provider import Client, Page
from backoffice.sync.task import GiveWayError, Task

#: A later reading starts this much before the earlier one did: clocks and seconds are not exact.
OVERLAP = timedelta(minutes=5)
#: How often a list is read from its start because rows moved while it was read.
PASSES = 3


class Reading:
    """One reading of a paged list, from its bookmark to its end, resumable after every page."""

    def __init__(self, task: Task, resource: str, mappers: Sequence[Mapper]) -> None:
        self._task, self._resource, self._mappers = task, resource, mappers
        self._many = " and ".join(mapper.model.plural() for mapper in mappers)
        self._thorough = task.thorough and any(mapper.unstamped for mapper in mappers)
        self._resumed = self._repeated = False
        #: So many rows were seen.
        self._seen = 0

    def read(self) -> None:
        """Read until every row that the provider counts was seen; else the bookmark stays where it is."""
        self._run = self._open()
        self._resumed = self._run.provider_time is not None
        if self._resumed:
            self._seen = self._count()
            self._task.session.rollback()
        self._pages(self._task.in_flight)
        if self._resumed:
            self._catch_up()  # rows on pages that were read before it was broken off may have changed since
        while not (complete := self._complete()) and not self._repeated and self._run.passes <= PASSES:
            self._catch_up()
            if complete := self._complete():
                break
            self._start_again()
            self._pages(1, stop_when_complete=True)
        if self._run.finished_at is None:
            self._finish(complete)

    def _open(self) -> PullRun:
        """Go on with a reading that was broken off, or begin one from the bookmark.

        The row is detached, so that reading it opens no transaction while a call is under way.
        """
        task = self._task
        task.begin()
        task.follow_settings()  # which say what it leaves out
        run = next_run(task, self._resource, self._thorough)
        task.session.add(run)
        run.sync_job_id = task.job_id
        task.session.flush()
        task.session.expunge(run)
        task.commit()
        return run

    def _begin(self) -> PullRun:
        """Start a writing transaction; returns the row as it is kept, locked.

        Raises: GiveWayError when more is wanted of the list than when it was opened.
        """
        self._task.begin()
        kept = self._task.session.get(PullRun, self._run.id, with_for_update=True, populate_existing=True)
        if kept is None:
            raise GiveWayError("the settings, which were changed")
        return kept

    def _note(self, kept: PullRun, **values: Any) -> None:
        """Put down where the reading stands, for us and for whoever goes on with it."""
        for row in (self._run, kept):
            for name, value in values.items():
                setattr(row, name, value)

    def _pages(self, in_flight: int, stop_when_complete: bool = False) -> None:
        previous: set[str] = set()
        for number, page in fetch(self._task.client, self._run, self._resource, in_flight):
            if number == 1 and self._run.since is None:
                ask_about_emptiness(self._task, self._resource, self._many, page)
            ids = self._write(number, page)
            if ids and ids == previous and number > 1:
                self._repeated = True  # by a provider that takes no notice of the page number
                break
            previous = ids
            self._task.pause_here()
            if stop_when_complete and self._complete():
                break

    def _write(self, number: int, page: Page) -> set[str]:
        """One page, one transaction. Where nothing moved, the last one is the end of the reading too."""
        task, run = self._task, self._run
        fetch_missing(task, self._mappers, page.rows)
        kept = self._begin()
        ids = receive(task, self._mappers, page.rows) if page.rows else set()
        self._see(ids)
        self._note(
            kept,
            provider_time=run.provider_time or page.provider_time,
            next_page=number + 1,
            page_count=None if page.page_count is None else max(page.page_count, run.page_count or 0),
            item_count=page.item_count,
            left_out=sorted({*run.left_out, *_lacking(task, self._resource)}),
        )
        if self._is_the_end(number):
            self._end(kept, complete=True)
        progress = {"text": f"Bringing in {self._many}", "done": self._seen, "total": page.item_count}
        task.commit(progress, moved=True)
        return ids

    def _is_the_end(self, number: int) -> bool:
        """Whether nothing is left to do after this page: none is under way, all was seen, and nothing is in doubt."""
        last = self._run.page_count is not None and number >= self._run.page_count
        done = last and self._complete() and not self._resumed
        return done and not match.in_doubt(self._task, self._mappers)

    def _complete(self) -> bool:
        """Whether as many rows were seen as the provider counts."""
        return self._run.item_count is None or self._seen >= self._run.item_count

    def _see(self, ids: set[str]) -> None:
        if not ids:
            return
        session = self._task.session
        dialect = postgresql if is_postgresql(session) else sqlite
        rows = [{"pull_run_id": self._run.id, "external_id": external_id} for external_id in sorted(ids)]
        session.execute(dialect.insert(PullSeen.table()).on_conflict_do_nothing(), rows)
        self._seen = self._count()

    def _count(self) -> int:
        seen = select(func.count()).select_from(PullSeen).where(PullSeen.pull_run_id == self._run.id)
        return self._task.session.scalar(seen) or 0

    def _catch_up(self) -> None:
        """Rows that were edited while the list was read have moved to its front: read what changed since its start."""
        assert self._run.provider_time is not None, "a list that was read has a time"
        since, number = self._run.provider_time - timedelta(seconds=1), 1
        while True:
            page = self._task.client.page(self._resource, number, since)
            fetch_missing(self._task, self._mappers, page.rows)
            self._begin()
            ids = receive(self._task, self._mappers, page.rows) if page.rows else set()
            self._see(ids)
            self._task.commit()
            if number >= (page.page_count or 1):
                return
            number += 1

    def _start_again(self) -> None:
        self._note(self._begin(), passes=self._run.passes + 1, next_page=1, page_count=None)
        self._task.commit()

    def _finish(self, complete: bool) -> None:
        kept = self._begin()
        match.settle(self._task, self._mappers)
        self._end(kept, complete)
        self._task.commit()

    def _end(self, kept: PullRun, complete: bool) -> None:
        """Move the bookmark, but only past a reading that saw everything. Commits nothing."""
        task = self._task
        if self._seen:
            task.session.execute(delete(PullSeen).where(PullSeen.pull_run_id == self._run.id))
        if complete:
            self._note(kept, finished_at=now())
        else:
            task.session.execute(delete(PullRun).where(PullRun.id == self._run.id))
            why = "came with one page twice" if self._repeated else "kept moving while it was read"
            task.notes.append(f"The list of {self._many} {why}; the next Update reads it again.")


def next_run(task: Task, resource: str, thorough: bool = False) -> PullRun:
    """The reading of a list that comes next: the one that was broken off, or a new one from the bookmark."""
    mine = select(PullRun).where(PullRun.connection_id == task.connection_id, PullRun.resource == resource)
    broken_off = mine.where(PullRun.finished_at.is_(None))
    if thorough:
        broken_off = broken_off.where(PullRun.since.is_(None))
    lacking = _lacking(task, resource)
    run = _newest(task.session, broken_off, lacking)
    if run is None:
        bookmark = _newest(task.session, mine.where(PullRun.finished_at.is_not(None)), lacking)
        since = bookmark.provider_time if bookmark else None
        run = PullRun(connection_id=task.connection_id, resource=resource, left_out=sorted(lacking))
        run.next_page, run.since = 1, since - OVERLAP if since and not thorough else None
    return run


def _lacking(task: Task, resource: str) -> set[str]:
    """The paused kinds that a reading of a list leaves out just now."""
    mappers = [mapper for mapper in task.provider.mappers if mapper.resource == resource]
    return pause.left_out(task.settings, mappers, task.provider.mappers)


def _newest(session: Session, runs: Select[PullRun], lacking: set[str]) -> PullRun | None:
    """The newest of some readings that lacks nothing of what is wanted now; those after it went on without it."""
    newest = runs.order_by(PullRun.id.desc()).limit(1)
    run = session.scalar(newest)
    while run is not None and not set(run.left_out) <= lacking:
        run = session.scalar(newest.where(PullRun.id < run.id))
    return run


def fetch(client: Client, run: PullRun, resource: str, in_flight: int) -> Iterator[tuple[int, Page]]:
    """The pages of a list from where it was left, in order; several may be under way at a time."""
    number, since = run.next_page, run.since
    pages = run.page_count if number > 1 else None
    if pages is None:
        first = client.page(resource, number, since)
        yield number, first
        number, pages = number + 1, first.page_count
        if pages is None:
            yield from _one_by_one(client, resource, number, since, len(first.rows))
            return
    with ThreadPoolExecutor(max_workers=in_flight) as pool:
        ahead: list[tuple[int, Future[Page]]] = []
        try:
            while number <= pages or ahead:
                while number <= pages and len(ahead) < in_flight:
                    ahead.append((number, pool.submit(copy_context().run, client.page, resource, number, since)))
                    number += 1
                at, answer = ahead.pop(0)
                page = answer.result()
                pages = max(pages, page.page_count or 0)
                yield at, page
        finally:
            for _, answer in ahead:
                answer.cancel()


def _one_by_one(
    client: Client, resource: str, number: int, since: datetime | None, rows: int
) -> Iterator[tuple[int, Page]]:
    """For a provider that gives no count: read until a page is empty."""
    while rows:
        page = client.page(resource, number, since)
        yield number, page
        rows, number = len(page.rows), number + 1
