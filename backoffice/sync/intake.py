"""Intake: rows of theirs, however they came; known ones are stored, new ones matched or made."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from backoffice.models import Link
from backoffice.sync import match
from backoffice.sync.loading import UNREADABLE, load
from backoffice.sync.mapper import Mapper, Payload, digest
from backoffice.sync.store import create, store_known
from backoffice.sync.task import Task


def receive(task: Task, mappers: Sequence[Mapper], payloads: Sequence[Payload], strict: bool = False) -> set[str]:
    """Write rows of theirs, inside the caller's transaction; returns the ids of the first kind's rows.

    Raises: UnreadableError, if `strict`, when there were rows and none could be read.
    """
    for mapper in mappers:
        loaded = load(task, mapper, payloads, strict)
        fresh = store_known(task, mapper, loaded)
        create(task, mapper, match.keep_candidates(task, mapper, fresh))
    return ids_in(mappers[0], payloads)


def ids_in(mapper: Mapper, payloads: Sequence[Payload]) -> set[str]:
    """What tells the rows of an answer apart: their ids, and a digest of what has no usable one."""
    found: set[str] = set()
    for payload in payloads:
        try:
            found |= {mapper.external_id(row) for row in mapper.rows(payload)}
        except UNREADABLE:
            found.add(digest(payload))
    return found


def reread(task: Task, mappers: Sequence[Mapper]) -> None:
    """Read by their ids the rows that changed there while nobody here was to take them."""
    for mapper in mappers:
        if mapper.resource not in task.provider.paged:
            continue  # it is read whole anyway
        stale = task.session.scalars(
            select(Link.external_id).where(
                Link.connection_id == task.connection_id,
                Link.kind == mapper.kind,
                Link.external_id.is_not(None),
                Link.external_version.is_(None),
                Link.paused.is_(False),
                Link.attempt_id.is_(None),
            )
        ).all()
        task.session.rollback()
        by_ids(task, mapper, [external_id for external_id in stale if external_id])


def by_ids(task: Task, mapper: Mapper, ids: Sequence[str]) -> None:
    """Read rows by their ids, in batches, and write what differs."""
    size = task.provider.ids_per_call
    for start in range(0, len(ids), size):
        rows = task.client.by_ids(mapper.resource, ids[start : start + size])
        task.begin()
        receive(task, [mapper], rows)
        task.commit()
