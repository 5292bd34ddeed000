"""Reading one list of theirs whole, to compare it with what is here: without gaps, and resumable after every page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.database import is_postgresql
from backoffice.models import ComparedList, ComparedSeen, Drift, PullRun
from backoffice.sync.emptiness import ask_about_emptiness
from backoffice.sync.intake import ids_in, told_apart
from backoffice.sync.mapper import Mapper, Payload
from backoffice.sync.provider import Page
from backoffice.sync.reading import Reading
from backoffice.sync.reconciliation import drift, missing
from backoffice.sync.reconciliation.compare import Verdict, compare
from backoffice.sync.reconciliation.spare import need_spare_calls
from backoffice.sync.task import Task


class ComparedReading(Reading):
    """One list, compared page by page; it moves no bookmark and writes no record."""

    def __init__(self, task: Task, reconciliation_id: int, resource: str, mappers: Sequence[Mapper]) -> None:
        super().__init__(task, resource, mappers)
        self._reconciliation_id = reconciliation_id
        #: The kinds whose rows are the rows of the list itself.
        self._tops = [mapper for mapper in mappers if mapper.id_key == mappers[0].id_key]

    def read(self) -> None:
        if self._finished():
            return
        if self._resource in self._task.provider.paged:
            super().read()
        else:
            self._run = self._open()
            page = self._task.client.whole(self._resource)
            ask_about_emptiness(self._task, self._resource, self._mappers[0].model.plural(), page)
            self._write(1, page)
            self._finish(self._complete())

    def _finished(self) -> bool:
        found = self._list()
        self._task.session.rollback()
        return found is not None and found.finished_at is not None

    def _list(self) -> ComparedList | None:
        where = {"reconciliation_id": self._reconciliation_id, "resource": self._resource}
        return self._task.session.scalar(select(ComparedList).filter_by(**where))

    def _open(self) -> PullRun:
        """The place in the list; the row that keeps it is written with each page."""
        task = self._task
        task.begin()
        kept = self._list() or ComparedList(reconciliation_id=self._reconciliation_id, resource=self._resource)
        task.session.add(kept)
        task.session.flush()
        self._list_id = kept.id
        place = PullRun(connection_id=task.connection_id, resource=self._resource, since=None)
        for column in ("provider_time", "next_page", "page_count", "item_count", "passes"):
            setattr(place, column, getattr(kept, column))
        task.commit()
        return place

    def _save(self, **more: Any) -> None:
        kept = self._task.session.get_one(ComparedList, self._list_id)
        for column in ("provider_time", "next_page", "page_count", "item_count", "passes"):
            setattr(kept, column, getattr(self._run, column))
        for column, value in more.items():
            setattr(kept, column, value)

    def _write(self, number: int, page: Page) -> set[str]:
        """One page, one transaction."""
        task, run = self._task, self._run
        task.begin()
        ids = self._compare(page.rows)
        run.provider_time = run.provider_time or page.provider_time
        run.next_page, run.page_count, run.item_count = number + 1, page.page_count, page.item_count
        self._save()
        total = page.item_count or len(page.rows)
        task.commit({"text": f"Comparing {self._many}", "done": min(self._seen, total), "total": total}, moved=True)
        need_spare_calls(task)
        return ids

    def _compare(self, rows: Sequence[Payload]) -> set[str]:
        """Compare what is on a page, of every kind; returns the ids of the list's own rows."""
        for mapper in self._mappers:
            verdicts = compare(self._task, mapper, rows)
            drift.keep(self._task, self._reconciliation_id, mapper.kind, verdicts)
            _see(self._task.session, self._list_id, mapper.kind, verdicts)
        own = told_apart(self._mappers[0], rows)
        ours = {one for mapper in self._tops for one in ids_in(mapper, rows)}
        _see(self._task.session, self._list_id, "", [Verdict(key) for key in own - ours])
        self._seen = self._count()
        return own

    def _count(self) -> int:
        kinds = ["", *(mapper.kind for mapper in self._tops)]
        query = select(func.count(ComparedSeen.external_id.distinct())).where(
            ComparedSeen.list_id == self._list_id, ComparedSeen.kind.in_(kinds)
        )
        return self._task.session.scalar(query) or 0

    def _catch_up(self) -> None:
        assert self._run.provider_time is not None, "a list that was read has a time"
        since, number = self._run.provider_time - timedelta(seconds=1), 1
        while True:
            page = self._task.client.page(self._resource, number, since)
            self._task.begin()
            self._compare(page.rows)
            self._task.commit()
            need_spare_calls(self._task)
            if number >= (page.page_count or 1):
                return
            number += 1

    def _start_again(self) -> None:
        self._run.passes += 1
        self._run.next_page = 1
        self._task.begin()
        self._save()
        self._task.commit()

    def _finish(self, complete: bool) -> None:
        """Look for what is missing from the list, and put down how the list stands."""
        task = self._task
        if not complete:
            why = "came with one page twice" if self._repeated else "kept moving while it was compared"
            task.notes.append(f"The list of {self._many} {why}; look again later.")
        for mapper in self._mappers:
            found = missing.look(task, mapper, self._reconciliation_id, self._list_id, self._compare)
            complete = complete and found
        task.begin()
        kinds = [mapper.kind for mapper in self._mappers]
        if complete:
            drift.close_unseen(task, self._reconciliation_id, [each.kind for each in task.going(self._mappers)])
        self._save(complete=complete, finished_at=now(), counts={kind: self._counts(kind) for kind in kinds})
        task.session.execute(delete(ComparedSeen).where(ComparedSeen.list_id == self._list_id))
        task.commit(moved=True)

    def _counts(self, kind: str) -> dict[str, Any]:
        """How many there are on each side, and why some were not compared."""
        session = self._task.session
        mine = ComparedSeen.list_id == self._list_id, ComparedSeen.kind == kind
        known, wanted = (
            session.scalar(select(func.count()).select_from(ComparedSeen).where(*mine, column)) or 0
            for column in (ComparedSeen.known, ComparedSeen.wanted)
        )
        gone = select(func.count()).where(
            Drift.reconciliation_id == self._reconciliation_id, Drift.kind == kind, Drift.payload.is_(None)
        )
        explained = select(ComparedSeen.explained, func.count()).where(*mine, ComparedSeen.explained.is_not(None))
        reasons = {str(why): n for why, n in session.execute(explained.group_by(ComparedSeen.explained))}
        return {"ours": known + (session.scalar(gone) or 0), "theirs": known + wanted, "explained": reasons}


def _see(session: Session, list_id: int, kind: str, verdicts: Sequence[Verdict]) -> None:
    if not verdicts:
        return
    dialect = postgresql if is_postgresql(session) else sqlite
    rows = [
        {"list_id": list_id, "kind": kind, "external_id": one.external_id, "known": one.known, "wanted": one.wanted,
         "explained": one.explained}
        for one in verdicts
    ]  # fmt: skip
    statement: Any = dialect.insert(ComparedSeen.table())
    newer = {column: statement.excluded[column] for column in ("known", "wanted", "explained")}
    session.execute(
        statement.on_conflict_do_update(index_elements=["list_id", "kind", "external_id"], set_=newer), rows
    )
