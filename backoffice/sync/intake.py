"""Intake: rows of theirs, however they came; known ones are stored, new ones matched or made."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, update

from backoffice.models import Link
from backoffice.sync import match, merged
from backoffice.sync.loading import UNREADABLE, Loaded, load
from backoffice.sync.mapper import Mapper, Payload, digest
from backoffice.sync.store import archive_missing, create, store_known
from backoffice.sync.task import Task


def receive(task: Task, mappers: Sequence[Mapper], payloads: Sequence[Payload], strict: bool = False) -> set[str]:
    """Write rows of theirs, inside the caller's transaction; returns the ids of the answer's own rows.

    Raises: UnreadableError, if `strict`, when there were rows and none could be read.
    """
    for mapper in task.going(mappers):
        loaded = load(task, mapper, payloads, strict)
        merged.hold(task, mapper, loaded)
        fresh = store_known(task, mapper, loaded)
        if mapper.parent is not None:
            _take_away(task, mapper, payloads, loaded)
        create(task, mapper, match.keep_candidates(task, mapper, fresh))
        merged.follow(task, mapper, loaded)
    return set().union(*(told_apart(mappers[0], [payload]) for payload in payloads))


def _take_away(task: Task, mapper: Mapper, payloads: Sequence[Payload], loaded: Mapping[str, Loaded]) -> None:
    """Archive what came with these rows before and no longer does."""
    ref = next(ref for ref in mapper.refs if ref.column == mapper.parent)
    parent = next(each for each in task.provider.mappers if each.kind == ref.kind)
    came = told_apart(parent, [payload for payload in payloads if _readable(mapper, payload)])
    parents = select(Link.record_id).where(
        Link.connection_id == task.connection_id, Link.kind == ref.kind, Link.external_id.in_(came)
    )
    model = mapper.model.table()
    children = select(model.c.id).where(model.c[ref.column].in_(parents))
    archive_missing(task, mapper, loaded.keys(), Link.record_id.in_(children))
    mine = Link.connection_id == task.connection_id, Link.kind == mapper.kind, Link.record_id.in_(children)
    rest = update(Link).where(*mine, Link.paused, Link.gone.is_(None), Link.external_id.not_in(list(loaded)))
    again = rest.values(external_version=None)  # to be read again when it is resumed
    task.session.execute(again.execution_options(synchronize_session=False))


def _readable(mapper: Mapper, payload: Payload) -> bool:
    """Whether what comes with a row can be read at all."""
    try:
        mapper.rows(payload)
    except UNREADABLE:
        return False
    return True


def ids_in(mapper: Mapper, payloads: Sequence[Payload]) -> set[str]:
    """What tells the rows of one kind in an answer apart."""
    found: set[str] = set()
    for payload in payloads:
        try:
            found |= told_apart(mapper, mapper.rows(payload))
        except UNREADABLE:
            found.add(digest(payload))
    return found


def told_apart(mapper: Mapper, rows: Sequence[Payload]) -> set[str]:
    """Ids, and a digest of what has no usable one."""
    found: set[str] = set()
    for row in rows:
        try:
            found.add(mapper.external_id(row))
        except UNREADABLE:
            found.add(digest(row))
    return found


def fetch_missing(task: Task, mappers: Sequence[Mapper], payloads: Sequence[Payload]) -> None:
    """Read by their ids the rows that an answer names and that are not known here. Call it outside a transaction."""
    for mapper in mappers:
        by_ids(task, mapper, merged.unknown(task, mapper, payloads))
    refs = {(ref, mapper) for mapper in task.going(mappers) for ref in mapper.refs if ref.fetched}
    for ref, mapper in refs:
        target = next(each for each in task.provider.mappers if each.kind == ref.kind)
        if target.resource == mapper.resource or target.resource not in task.provider.paged or not task.going([target]):
            continue
        wanted = _named(task, mapper, ref.column, payloads)
        if not wanted:
            continue
        known = select(Link.external_id).where(
            Link.connection_id == task.connection_id, Link.kind == ref.kind, Link.external_id.in_(wanted)
        )
        missing = wanted - set(task.session.scalars(known))
        task.session.rollback()
        by_ids(task, target, sorted(missing))


def _named(task: Task, mapper: Mapper, column: str, payloads: Sequence[Payload]) -> set[str]:
    """The external ids that the rows of an answer name in a column of ours; of those that the company wants."""
    found: set[str] = set()
    for payload in payloads:
        try:
            rows = [row for row in mapper.rows(payload) if mapper.in_time(mapper.load(row), task.settings)]
            found |= {name for row in rows if not mapper.gone(row) and (name := mapper.names(row).get(column))}
        except UNREADABLE:
            continue  # it is set aside, with its reason, when it is read
    return found


def reread(task: Task, mappers: Sequence[Mapper]) -> None:
    """Read by their ids the rows that changed there while nobody here was to take them."""
    paged = [mapper for mapper in task.going(mappers) if mapper.resource in task.provider.paged]  # others come whole
    if not paged:
        return
    stale_kinds = _stale(task, select(Link.kind).distinct(), [mapper.kind for mapper in paged])
    for mapper in paged:
        if mapper.kind not in stale_kinds:
            continue
        stale = _stale(task, select(Link.external_id), [mapper.kind])
        by_ids(task, mapper, asked_for(task, mapper, [external_id for external_id in stale if external_id]))
        _give_up(task, mapper, stale)


def _stale(task: Task, wanted: Select[Any], kinds: Collection[str]) -> Sequence[Any]:
    """What is wanted of the links whose rows are to be read again. Ends the transaction."""
    query = wanted.where(
        Link.connection_id == task.connection_id,
        Link.kind.in_(kinds),
        Link.external_id.is_not(None),
        Link.external_version.is_(None),
        Link.paused.is_(False),
        Link.attempt_id.is_(None),
    )
    found = task.session.scalars(query).all()
    task.session.rollback()
    return found


def _give_up(task: Task, mapper: Mapper, asked: Sequence[str | None]) -> None:
    """Do not ask for ever for rows that never come."""
    if not asked:
        return
    task.begin()
    unanswered = Link.external_version.is_(None) & Link.external_id.in_(asked)
    mine = Link.connection_id == task.connection_id, Link.kind == mapper.kind
    task.session.execute(
        update(Link)
        .where(*mine, unanswered)
        .values(external_version="never came")
        .execution_options(synchronize_session=False)
    )
    task.commit()


def by_ids(task: Task, mapper: Mapper, ids: Sequence[str], since: datetime | None = None) -> None:
    """Read rows by their ids, in batches, and write what differs, of every kind that comes in these rows.

    With `since` none of them has changed before.
    """
    mappers = [each for each in task.provider.mappers if each.resource == mapper.resource]
    size = task.provider.ids_per_call
    for start in range(0, len(ids), size):
        rows = task.client.by_ids(mapper.resource, ids[start : start + size], since)
        fetch_missing(task, mappers, rows)
        task.begin()
        receive(task, mappers, rows)
        task.commit()


def asked_for(task: Task, mapper: Mapper, ids: Sequence[str]) -> list[str]:
    """The ids by which rows are asked for: their own, or of what they come with."""
    if mapper.parent is None or not ids:
        return sorted(ids)
    ref = next(ref for ref in mapper.refs if ref.column == mapper.parent)
    table, kin = mapper.model.table(), Link.table().alias()
    query = (
        select(kin.c.external_id)
        .join_from(Link, table, table.c.id == Link.record_id)
        .join(kin, (kin.c.record_id == table.c[ref.column]) & (kin.c.connection_id == Link.connection_id))
        .where(Link.connection_id == task.connection_id, Link.kind == mapper.kind, Link.external_id.in_(ids))
        .where(kin.c.kind == ref.kind, kin.c.external_id.is_not(None))
    )
    found = sorted(set(task.session.scalars(query)))
    task.session.rollback()
    return found
