"""Push: claim what waits, send it in batches, record what became of it, and settle what was never answered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from backoffice.clock import now
from backoffice.database import folded
from backoffice.errors import (
    ConfigurationError,
    ConnectionLostError,
    RejectedError,
    TransientError,
    UnansweredError,
)
from backoffice.models import KINDS, AttemptState, Link, Record, SyncAttempt, SyncAttemptItem
from backoffice.sync import match
from backoffice.sync.mapper import Mapper, Payload, Refusal, push_order
from backoffice.sync.pending import due_links
from backoffice.sync.provider import Outcome
from backoffice.sync.pull import by_ids
from backoffice.sync.store import Loaded, load_rows
from backoffice.sync.task import Task

#: The largest body sent, in bytes; Xero takes 3.5 MB.
BATCH_BYTES = 3_000_000
#: Rows whose state there is looked at before they are sent, so that the look is never old.
LOOK_AHEAD = 200


def push(task: Task) -> None:
    """Send what waits, each kind after those it refers to."""
    for mapper in push_order(task.mappers()):
        _send_all(task, mapper, "create", mapper.batch_size)
        while _look(task, mapper):
            _send_all(task, mapper, "update", mapper.batch_size, most=LOOK_AHEAD)


def _look(task: Task, mapper: Mapper) -> bool:
    """Read again what is about to be overwritten there; says whether there is anything to overwrite."""
    links = due_links(task.session, task.connection_id, mapper.kind, created=True, limit=LOOK_AHEAD)
    ids = [link.external_id for link in links if link.external_id]
    task.session.rollback()
    if ids:
        by_ids(task, mapper, ids)
    return bool(ids)


def _send_all(task: Task, mapper: Mapper, action: str, size: int, most: int | None = None) -> None:
    """Send batch after batch. A batch that is turned down as a whole is halved, so that one fails alone."""
    sent = 0
    while most is None or sent < most:
        task.pause_here()
        batch = _claim(task, mapper, action, size)
        if batch is None:
            return
        sent += len(batch.payloads)
        try:
            _send(task, batch)
        except RejectedError as error:
            if len(batch.payloads) == 1:
                _record(task, batch, [Outcome(refusal=Refusal(error.message, "other", raw=error.raw))])
            else:
                _release(task, batch, "turned down as a whole; sent again in halves")
                size = max(1, len(batch.payloads) // 2)


@dataclass(frozen=True)
class _Batch:
    """A request that has been put down and may be sent."""

    attempt_id: int
    mapper: Mapper
    action: str
    key: str
    payloads: Sequence[Payload]


def _claim(task: Task, mapper: Mapper, action: str, size: int) -> _Batch | None:
    """Put down the next request. Records that cannot go are turned down here, without a call."""
    while True:
        task.begin()
        links = due_links(task.session, task.connection_id, mapper.kind, action == "update", size, lock=True)
        if not links:
            task.session.rollback()
            return None
        attempt = SyncAttempt(connection_id=task.connection_id, sync_job_id=task.job_id, resource=mapper.resource)
        attempt.action, attempt.idempotency_key = action, f"backoffice-{uuid4()}"
        bytes_left = BATCH_BYTES
        for link in links:
            record = task.session.get_one(KINDS[link.kind], link.record_id)
            payload = _payload(task, mapper, link, record)
            bytes_left -= len(json.dumps(payload, default=str)) if payload else 0
            if bytes_left < 0 and attempt.items:
                break
            if payload is not None:
                attempt.items.append(_item(link, record, len(attempt.items), payload))
        if attempt.items:
            return _put_down(task, mapper, attempt, links)
        task.commit()


def _payload(task: Task, mapper: Mapper, link: Link, record: Record) -> Payload | None:
    """What is sent of a record; None when it is known already that it would be turned down."""
    problem = mapper.check(record, link.gone)
    if problem:
        _refuse(task, link, problem)
        return None
    payload = mapper.dump(record)
    return {**payload, mapper.id_key: link.external_id} if link.external_id else payload


def _item(link: Link, record: Record, position: int, payload: Payload) -> SyncAttemptItem:
    return SyncAttemptItem(
        position=position,
        link_id=link.id,
        kind=link.kind,
        record_id=record.id,
        revision=record.revision,
        payload=payload,
    )


def _put_down(task: Task, mapper: Mapper, attempt: SyncAttempt, links: Sequence[Link]) -> _Batch:
    task.session.add(attempt)
    task.session.flush()
    carried = {item.link_id for item in attempt.items}
    for link in links:
        if link.id in carried:
            link.attempt_id = attempt.id
    batch = _Batch(
        attempt.id, mapper, attempt.action, attempt.idempotency_key, [item.payload for item in attempt.items]
    )
    task.commit(progress={"text": f"Sending {len(batch.payloads)} {mapper.resource}", "done": 0, "total": None})
    return batch


def _send(task: Task, batch: _Batch) -> None:
    """Send, and record the answer. What was certainly not done is released; what is uncertain stays open."""
    task.turn.check()
    try:
        outcomes = task.client.send(batch.mapper, batch.action, batch.payloads, batch.key)
    except UnansweredError as error:
        _leave_open(task, batch, error)
        raise
    except (TransientError, ConnectionLostError, ConfigurationError) as error:
        _release(task, batch, f"not sent: {error.message}")
        raise
    _record(task, batch, outcomes)


def _leave_open(task: Task, batch: _Batch, error: UnansweredError) -> None:
    task.begin()
    attempt = task.session.get_one(SyncAttempt, batch.attempt_id)
    attempt.status, attempt.note = error.status, error.message
    task.commit()


def _release(task: Task, batch: _Batch, note: str) -> None:
    """Close a request of which nothing was done; its records wait again."""
    task.begin()
    attempt = task.session.get_one(SyncAttempt, batch.attempt_id)
    _close(attempt, AttemptState.SETTLED, note)
    for item in attempt.items:
        task.session.get_one(Link, item.link_id).attempt_id = None
        item.outcome = "not there"
    task.commit()


def _close(attempt: SyncAttempt, state: AttemptState, note: str | None = None) -> None:
    attempt.state, attempt.answered_at = state, now()
    attempt.note = note or attempt.note


def _record(task: Task, batch: _Batch, outcomes: Sequence[Outcome]) -> None:
    """Write down what became of each record of a request."""
    task.begin()
    attempt = task.session.get_one(SyncAttempt, batch.attempt_id)
    _close(attempt, AttemptState.ANSWERED)
    attempt.status = attempt.status or 200
    for item, outcome in zip(attempt.items, outcomes, strict=True):
        link = task.session.get_one(Link, item.link_id)
        link.attempt_id = None
        if outcome.payload is not None:
            _done(task, batch.mapper, link, item, outcome.payload)
        else:
            refusal = outcome.refusal or Refusal("It was turned down without a reason.", "other")
            item.outcome, item.message = "refused", refusal.message
            if link.wanted_revision == item.revision:
                _refuse(task, link, refusal)
        if outcome.warnings:
            item.message = " ".join(outcome.warnings)
    task.commit()


def _done(task: Task, mapper: Mapper, link: Link, item: SyncAttemptItem, payload: Payload) -> None:
    """The provider has this revision; an edit made since stays pending."""
    item.outcome = "sent"
    if link.external_id is None:
        task.session.add(match.event(task.company_id, link, "linked", "created there", task.job_id))
    link.external_id, link.external_version = mapper.external_id(payload), mapper.version(payload)
    link.gone = mapper.gone(payload)
    link.synced_revision = max(link.synced_revision, item.revision)
    link.synced_at, link.synced_by_id = now(), task.job_id
    link.clear()
    task.tally["sent"] += 1


def _refuse(task: Task, link: Link, refusal: Refusal) -> None:
    link.refusal, link.refusal_cause = refusal.message, refusal.cause
    link.refusal_column, link.refusal_raw = refusal.column, refusal.raw
    link.synced_by_id = task.job_id
    task.tally["refused"] += 1


def settle(task: Task) -> None:
    """Find out what became of every request of this connection that has no outcome, before anything new is sent.

    A request that was never answered is sent again under its key while the provider remembers the key. One that
    was answered by a failure (which the provider remembers too), or that is older, is looked up.
    """
    open_attempts = select(SyncAttempt).where(
        SyncAttempt.connection_id == task.connection_id, SyncAttempt.state == AttemptState.OPEN
    )
    ids = [attempt.id for attempt in task.session.scalars(open_attempts.order_by(SyncAttempt.id))]
    task.session.rollback()
    for attempt_id in ids:
        _settle_one(task, attempt_id)


def _settle_one(task: Task, attempt_id: int) -> None:
    attempt = task.session.get_one(SyncAttempt, attempt_id, options=[selectinload(SyncAttempt.items)])
    mapper = next(m for m in task.provider.mappers if m.kind == attempt.items[0].kind)
    payloads = [item.payload for item in attempt.items]
    batch = _Batch(attempt.id, mapper, attempt.action, attempt.idempotency_key, payloads)
    remembered = attempt.status is None and now() - attempt.created_at < task.provider.key_memory
    task.session.rollback()
    if remembered:
        try:
            _send(task, batch)
        except RejectedError as error:
            _release(task, batch, error.message)
    elif batch.action == "update":
        _release(task, batch, "not answered; what is there now is read again before it is sent anew")
    else:
        _look_up(task, batch)


def _look_up(task: Task, batch: _Batch) -> None:
    """Find out by each record's look-up key whether it was created."""
    found = [task.client.find(batch.mapper, payload) for payload in batch.payloads]
    task.begin()
    attempt = task.session.get_one(SyncAttempt, batch.attempt_id)
    _close(attempt, AttemptState.SETTLED, "not answered; settled by looking each record up")
    for item, rows in zip(attempt.items, found, strict=True):
        link = task.session.get_one(Link, item.link_id)
        link.attempt_id = None
        _settle_item(task, batch.mapper, link, item, rows)
    task.commit()


def _settle_item(task: Task, mapper: Mapper, link: Link, item: SyncAttemptItem, rows: Sequence[Payload]) -> None:
    here = [row for row in rows if not mapper.gone(row)] or list(rows)
    if not here:
        item.outcome = "not there"
    elif len(here) == 1 and match.adopt_found(task, mapper, link, here[0]):
        _done(task, mapper, link, item, here[0])
        item.outcome = "adopted"
    elif len(here) == 1:
        item.outcome = "not there"
    else:
        item.outcome = "doubtful"
        link.blocked_kind = match.QUESTION
        for row in load_rows(task, mapper, here).values():
            match.keep(task, mapper, link.id, _matched_by(mapper, item, row), row)


def _matched_by(mapper: Mapper, item: SyncAttemptItem, row: Loaded) -> str:
    """The first look-up key in which a row equals what was sent."""
    sent = mapper.load(item.payload)
    equal = (c for c in mapper.lookup_key if sent.get(c) and folded(str(sent[c])) == folded(str(row.values[c])))
    return next(equal, mapper.lookup_key[-1])
