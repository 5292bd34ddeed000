"""The provider's word, written here in bulk: one look at what we hold, one write of what differs, one of history."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, insert, select, update

from backoffice.clock import now
from backoffice.models import History, Link
from backoffice.sync.held import Held, diff, held, held_locked, name_let_go
from backoffice.sync.judge import Judge
from backoffice.sync.lines import ENGINE
from backoffice.sync.loading import Loaded
from backoffice.sync.mapper import Mapper
from backoffice.sync.task import Task


def store_known(task: Task, mapper: Mapper, loaded: Mapping[str, Loaded]) -> list[Loaded]:
    """Write what they say of records that are linked, inside the caller's transaction; returns the other rows."""
    rows = held(task, mapper, loaded)
    differing = [key for key, row in rows.items() if _differs(row, loaded[key])]
    if differing:
        locked = held_locked(task, mapper, differing)
        name_let_go(task, mapper, locked, loaded)
        rows = {key: row for key, row in rows.items() if key not in differing} | locked
    judge = Judge(task, mapper)
    for key, row in rows.items():
        judge.known(row, loaded[key])
    judge.flush()
    return [row for key, row in loaded.items() if key not in rows]


def overwrite(task: Task, mapper: Mapper, pairs: Sequence[tuple[Held, Loaded]]) -> None:
    """Give records of ours the provider's values, whatever they hold; what is overwritten is in the history."""
    judge = Judge(task, mapper)
    for row, theirs in pairs:
        judge.take(row, theirs, diff(row, theirs.values))
    judge.flush()


def create(task: Task, mapper: Mapper, rows: Sequence[Loaded]) -> None:
    """Make records of rows that nothing here matches, and that the company wants."""
    judge = Judge(task, mapper)
    judge.create([row for row in rows if mapper.welcome(row.values, row.gone, task.settings)])
    judge.flush()


def mark(task: Task, mapper: Mapper, loaded: Mapping[str, Loaded]) -> None:
    """Take what only they know of records that were sent just now, inside the caller's transaction."""
    judge = Judge(task, mapper)
    for key, row in held(task, mapper, loaded, lock=True).items():
        judge.marks(row, loaded[key])
    judge.flush()


def _differs(row: Held, theirs: Loaded) -> bool:
    moved = row.link_pending or row.link_version != theirs.version or row.link_gone != theirs.gone
    return moved or row.link_agreed != theirs.agreed or bool(diff(row, theirs.values))


def archive_missing(task: Task, mapper: Mapper, present: Collection[str], *among: ColumnElement[bool]) -> None:
    """Archive here what a complete list no longer holds, and say why; `among` narrows down what it is a list of."""
    links = task.session.execute(
        select(Link.id, Link.record_id, Link.external_id).where(
            Link.connection_id == task.connection_id,
            Link.kind == mapper.kind,
            Link.external_id.is_not(None),
            Link.gone.is_(None),
            Link.paused.is_(False),
            Link.attempt_id.is_(None),
            *among,
        )
    )
    missing = [(link_id, record_id) for link_id, record_id, external_id in links if external_id not in present]
    if missing:
        _archive(task, mapper, missing)
        task.tally["archived"] += len(missing)


def _archive(task: Task, mapper: Mapper, missing: Sequence[tuple[int, int]]) -> None:
    """Archive these here: (link, record)."""
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
