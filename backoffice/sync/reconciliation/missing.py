"""Missing: what is linked and was not in a list is asked for by its id before it counts as gone there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import select

from backoffice.models import Cause, ComparedSeen, Link
from backoffice.sync.intake import asked_for
from backoffice.sync.mapper import Mapper, Payload
from backoffice.sync.reconciliation import drift
from backoffice.sync.reconciliation.compare import Finding, Verdict
from backoffice.sync.reconciliation.spare import need_spare_calls
from backoffice.sync.task import Task

#: So many rows that are missing from a list are looked for one by one; more mean that the list was not whole.
LOOKED_FOR = 400


def look(
    task: Task, mapper: Mapper, reconciliation_id: int, list_id: int, see: Callable[[Sequence[Payload]], object]
) -> bool:
    """Ask for what was not seen of a kind; `see` takes what comes, and what does not come is gone.

    False where too much was missing to be looked for: then nobody knows what is gone.
    """
    if not task.going([mapper]):
        return True
    missing = _missing(task, mapper, list_id)
    if len(missing) > LOOKED_FOR:
        task.notes.append(f"{len(missing)} {mapper.model.plural()} were not in the list, too many to look for.")
        return False
    asked = asked_for(task, mapper, list(missing))
    size = task.provider.ids_per_call
    for start in range(0, len(asked), size):
        need_spare_calls(task)
        rows = task.client.by_ids(mapper.resource, asked[start : start + size])
        task.begin()
        see(rows)
        task.commit()
        task.pause_here()
    _say_gone(task, mapper, reconciliation_id, _missing(task, mapper, list_id))
    return True


def _missing(task: Task, mapper: Mapper, list_id: int) -> dict[str, int]:
    """Records that are there as far as we know, and were not seen: external id -> record."""
    seen = select(ComparedSeen.external_id).where(ComparedSeen.list_id == list_id, ComparedSeen.kind == mapper.kind)
    table = mapper.model.table()
    query = select(Link.external_id, Link.record_id).join(table, table.c.id == Link.record_id)
    rows = task.session.execute(
        query.where(
            Link.connection_id == task.connection_id,
            Link.kind == mapper.kind,
            Link.external_id.is_not(None),
            Link.external_id.not_in(seen),
            Link.gone.is_(None),
            Link.paused.is_(False),
            Link.attempt_id.is_(None),
            ~Link.pending,
        )
    ).all()
    task.session.rollback()
    return {str(external_id): record_id for external_id, record_id in rows}


def _say_gone(task: Task, mapper: Mapper, reconciliation_id: int, gone: dict[str, int]) -> None:
    task.begin()
    cells = [{"column": "archived", "label": f"In {task.provider.name}", "ours": True, "theirs": False}]
    names = {i: str(task.session.get(mapper.model, i))[:255] for i in gone.values()}
    found = [
        Verdict(key, known=True, finding=Finding(Cause.DELETED_THERE, cells, record_id, names[record_id]))
        for key, record_id in gone.items()
    ]
    drift.keep(task, reconciliation_id, mapper.kind, found)
    task.commit()
