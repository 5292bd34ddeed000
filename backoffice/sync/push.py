"""Push: look at what is about to be overwritten, claim what waits, and send it in batches."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from uuid import uuid4

from backoffice.errors import RejectedError
from backoffice.models import Link, Record, SyncAttempt, SyncAttemptItem
from backoffice.sync import pending, settle
from backoffice.sync.attempt import Batch, record, refuse, release, send
from backoffice.sync.books import Books
from backoffice.sync.intake import by_ids, reread
from backoffice.sync.mapper import Mapper, Payload, Refusal, push_order
from backoffice.sync.pending import due_links
from backoffice.sync.preflight import load_records, preflight
from backoffice.sync.provider import Outcome
from backoffice.sync.task import Task

#: Rows whose state there is looked at before they are sent, so that the look is never old.
LOOK_AHEAD = 200
#: Records that are looked for at a time, a call each.
LOOKED_FOR = 10


def push(task: Task, only: Collection[int] | None = None) -> None:
    """Send what waits, or `only` these links, each kind after those it refers to."""
    ahead = pending.kinds_waiting(task.session, task.connection_id)
    for mapper in _to_send(task):
        if not task.going([mapper]) or mapper.kind not in ahead:
            continue
        task.begin()
        pending.unblock(task.session, task.connection_id)
        task.commit()
        if mapper.kind in task.perhaps_there:
            _look_for(task, mapper)
        preflight(task, mapper, only)
        _send_all(task, mapper, "create", None if only is None else set(only))
        while task.going([mapper]) and (looked_at := _look(task, mapper, only)):
            _send_all(task, mapper, "update", looked_at)
        ahead = pending.kinds_waiting(task.session, task.connection_id)
    reread(task, task.provider.mappers)  # of some documents something else is due now


def look_for(task: Task, mappers: Iterable[Mapper]) -> None:
    """Find out which of the records that wait to be created are there already, as some may be after a restore."""
    if task.confirmed:
        task.perhaps_there = pending.kinds_perhaps_there(task.session, task.connection_id)
    for mapper in task.going(mapper for mapper in mappers if mapper.kind in task.perhaps_there):
        _look_for(task, mapper)


def _look_for(task: Task, mapper: Mapper) -> None:
    while batch := _claim(task, mapper, "create", LOOKED_FOR, None, perhaps_there=True):
        settle.look_up(task, batch)
        task.pause_here()


def _to_send(task: Task) -> list[Mapper]:
    """The mappers of the task's kinds and of all that these refer to, in the order of sending."""
    ordered = push_order(task.provider.mappers)
    wanted = {mapper.kind for mapper in task.mappers()}
    for mapper in reversed(ordered):
        if mapper.kind in wanted:
            wanted |= {ref.kind for ref in mapper.refs}
    return task.going(mapper for mapper in ordered if mapper.kind in wanted)


def _look(task: Task, mapper: Mapper, only: Collection[int] | None) -> set[int]:
    """Read again what is about to be overwritten there; returns the links that were looked at."""
    links = due_links(task.session, task.connection_id, mapper.kind, created=True, limit=LOOK_AHEAD, among=only)
    looked_at = {link.id: link.external_id for link in links if link.external_id}
    task.session.rollback()
    if looked_at and mapper.direction.comes and mapper.parent is None:
        by_ids(task, mapper, list(looked_at.values()))
    return set(looked_at)


def _send_all(task: Task, mapper: Mapper, action: str, among: set[int] | None) -> None:
    """Send batch after batch, until the kind is paused.

    A batch that is turned down for what it holds is halved, so that one fails alone.
    """
    size = mapper.size(action)
    while True:
        task.pause_here()
        batch = _claim(task, mapper, action, size, among) if task.going([mapper]) else None
        if batch is None:
            return
        try:
            send(task, batch)
        except RejectedError as error:
            if not error.divisible:
                raise
            if len(batch.payloads) == 1:
                record(task, batch, [Outcome(refusal=Refusal(error.message, "other", raw=error.raw))])
            else:
                carried = release(task, batch, "turned down as a whole; sent again in halves", task.client.correlation)
                size = max(1, len(batch.payloads) // 2)
                among = None if among is None else among | carried


def _claim(
    task: Task, mapper: Mapper, action: str, size: int, among: set[int] | None, perhaps_there: bool = False
) -> Batch | None:
    """Put down the next request; of `among` each link is taken once. What cannot go is turned down here."""
    while True:
        task.begin()
        created = action == "update"
        these = task.session, task.connection_id, mapper.kind, created, size, among
        links = due_links(*these, lock=True, perhaps_there=perhaps_there)
        if not links:
            task.session.rollback()
            return None
        attempt = SyncAttempt(connection_id=task.connection_id, sync_job_id=task.job_id, resource=mapper.resource)
        attempt.action, attempt.idempotency_key = action, f"backoffice-{uuid4()}"
        claimed = _fill(task, mapper, attempt, links)
        if among is not None:
            among -= {link.id for link in claimed}
        if attempt.items:
            return _put_down(task, mapper, attempt, claimed)
        task.commit()


def _fill(task: Task, mapper: Mapper, attempt: SyncAttempt, links: Sequence[Link]) -> list[Link]:
    """Put records into a request until it is full; returns the links that were dealt with."""
    dealt_with: list[Link] = []
    bytes_left = mapper.batch_bytes
    books, records = task.books(), load_records(task, mapper, [link.record_id for link in links])
    books.look_up(mapper, records.values())
    for link in links:
        kept = records.get(link.record_id)
        if kept is None:
            task.session.delete(link)  # its record was deleted here
            continue
        payload = _payload(task, mapper, link, kept, books)
        bytes_left -= len(json.dumps(payload, default=str)) if payload else 0
        if bytes_left < 0 and attempt.items:
            break
        dealt_with.append(link)
        if payload is not None:
            attempt.items.append(_item(link, kept, len(attempt.items), payload))
    return dealt_with


def _payload(task: Task, mapper: Mapper, link: Link, kept: Record, books: Books) -> Payload | None:
    """What is sent of a record; None when nothing needs to go, when it waits for another, or would be turned down."""
    if kept.archived and (link.external_id is None or link.gone in ("deleted", "voided")):
        link.synced_revision = link.wanted_revision  # nothing of it is there; restored, it is created then
        return None
    if link.wanted_revision > kept.revision:  # never wait for a revision that there is not
        link.wanted_revision, link.synced_revision = kept.revision, min(link.synced_revision, kept.revision - 1)
    if not books.wanted(kept, link):
        link.blocked_kind, link.blocked_record_id = pending.SETTINGS, None
        return None
    mapper.refresh(kept, books)
    problems = () if link.perhaps_there else mapper.check(kept, link.gone, books)
    if problems:
        refuse(task, link, problems[0], problems[1:])
        return None
    if not kept.archived and (blocker := mapper.blocker(kept, books)):
        link.blocked_kind, link.blocked_record_id = blocker
        return None
    payload = mapper.dump(kept, books)
    return {**payload, mapper.id_key: link.external_id} if link.external_id else payload


def _item(link: Link, kept: Record, position: int, payload: Payload) -> SyncAttemptItem:
    return SyncAttemptItem(
        position=position,
        link_id=link.id,
        kind=link.kind,
        record_id=kept.id,
        revision=kept.revision,
        payload=payload,
    )


def _put_down(task: Task, mapper: Mapper, attempt: SyncAttempt, links: Sequence[Link]) -> Batch:
    task.session.add(attempt)
    task.session.flush()
    carried = {item.link_id for item in attempt.items}
    for link in links:
        if link.id in carried:
            link.attempt_id = attempt.id
    batch = Batch(attempt.id, mapper, attempt.action, attempt.idempotency_key, [item.payload for item in attempt.items])
    task.commit(progress={"text": f"Sending {len(batch.payloads)} {mapper.model.plural()}", "done": 0, "total": None})
    return batch
