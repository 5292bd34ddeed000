"""Settling: finding out what became of every request that has no outcome, before anything new is sent."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

import structlog
from sqlalchemy import literal, select, union_all
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from backoffice.clock import now
from backoffice.database import folded
from backoffice.errors import RejectedError
from backoffice.models import AttemptState, Link, SyncAttempt, SyncAttemptItem
from backoffice.sync import match
from backoffice.sync.attempt import Batch, close, done, linked_items, refuse, release, send
from backoffice.sync.loading import UNREADABLE, Loaded, load_rows
from backoffice.sync.mapper import Mapper, Payload, Refusal
from backoffice.sync.store import mark
from backoffice.sync.task import Task

log = structlog.get_logger()

#: Why a request is set aside.
CANNOT_BE_TOLD = "It was sent and never answered, and what is there now cannot be told apart. Look there, then retry."
LOST_ITS_WORKERS = "Whoever sent it was lost, again and again; it may be there or not. Look there, then retry."


def settle(task: Task) -> None:
    """Settle every open request of this connection.

    A creation that was never answered is sent again under its key while the provider remembers the key. One that was
    answered by a failure (which the provider remembers too), or that is older, is looked up. Of an update, what is
    there is read and compared with what was sent; it is repeated only where nobody changed anything since.
    """
    for attempt_id, retried in _unsettled(task):
        unsettled = _take_up_again(task, attempt_id) if retried else attempt_id
        try:
            _settle_one(task, unsettled)
        except (IntegrityError, *UNREADABLE):
            log.exception("a request could not be settled", attempt=unsettled)
            _set_aside(task, unsettled, CANNOT_BE_TOLD)


def set_aside(task: Task) -> bool:
    """Set aside every open request, since whoever deals with them is lost. Says whether there were any."""
    ids = [attempt_id for attempt_id, retried in _unsettled(task) if not retried]
    for attempt_id in ids:
        _set_aside(task, attempt_id, LOST_ITS_WORKERS)
    return bool(ids)


def _unsettled(task: Task) -> list[tuple[int, bool]]:
    """The requests of this connection that have no outcome, and those of which something that was set aside has been
    retried or edited since. Ends the transaction.
    """
    unanswered = select(SyncAttempt.id.label("id"), literal(0).label("retried")).where(
        SyncAttempt.connection_id == task.connection_id, SyncAttempt.state == AttemptState.OPEN
    )
    retried = (
        select(SyncAttemptItem.attempt_id, literal(1))
        .join(Link, Link.id == SyncAttemptItem.link_id)
        .where(SyncAttemptItem.outcome == SyncAttemptItem.SET_ASIDE, Link.connection_id == task.connection_id)
        .where(Link.refusal.is_(None), Link.attempt_id.is_(None))
    )
    found = task.session.execute(union_all(unanswered, retried.distinct()).order_by("id")).all()
    task.session.rollback()
    return [(attempt_id, bool(again)) for attempt_id, again in found]


def _set_aside(task: Task, attempt_id: int, why: str) -> None:
    """Let a person look at a request that we cannot make out, rather than hold up all that comes after it."""
    task.begin()
    attempt = task.session.get_one(SyncAttempt, attempt_id)
    close(attempt, AttemptState.SETTLED, "not answered; set aside for a person to look at")
    for item, link in linked_items(task, attempt):
        link.attempt_id, item.outcome = None, SyncAttemptItem.SET_ASIDE
        refuse(task, link, Refusal(why, "doubtful"))
    task.commit(moved=True)


def _take_up_again(task: Task, attempt_id: int) -> int:
    """Put down anew what was set aside and is retried, to be looked for and never to be sent again. Says its id."""
    task.begin()
    old = task.session.get_one(SyncAttempt, attempt_id)
    anew = SyncAttempt(connection_id=task.connection_id, sync_job_id=task.job_id, resource=old.resource)
    anew.action, anew.idempotency_key = old.action, f"backoffice-{uuid4()}"
    task.session.add(anew)
    task.session.flush()
    for item, link in linked_items(task, old):
        if item.outcome == SyncAttemptItem.SET_ASIDE and link.refusal is None and link.attempt_id is None:
            same = {"link_id": link.id, "kind": item.kind, "record_id": item.record_id, "revision": item.revision}
            anew.items.append(SyncAttemptItem(position=len(anew.items), payload=item.payload, **same))
            item.outcome, link.attempt_id, link.perhaps_there = "taken up again", anew.id, True
    anew_id = anew.id
    task.commit()
    return anew_id


def _settle_one(task: Task, attempt_id: int) -> None:
    attempt = task.session.get_one(SyncAttempt, attempt_id, options=[selectinload(SyncAttempt.items)])
    kinds = {item.kind for item in attempt.items}
    mapper = next(m for m in task.provider.mappers if m.kind in kinds or (not kinds and m.resource == attempt.resource))
    if not task.going([mapper]):
        task.session.rollback()
        return
    payloads = [item.payload for item in attempt.items]
    batch = Batch(attempt.id, mapper, attempt.action, attempt.idempotency_key, payloads)
    remembered = attempt.status is None and now() - attempt.created_at < task.provider.key_memory
    remembered = remembered and not _perhaps_there(task, attempt)  # what came of the key since is not known here
    task.session.rollback()
    if not payloads:
        release(task, batch, "its records were taken out of it")
    elif batch.action == "update":
        _compare(task, batch, remembered)
    elif remembered:
        _repeat(task, batch)
    else:
        look_up(task, batch)


def _perhaps_there(task: Task, attempt: SyncAttempt) -> bool:
    found = select(Link.id).where(Link.attempt_id == attempt.id, Link.perhaps_there).limit(1)
    return task.session.scalar(found) is not None


def _repeat(task: Task, batch: Batch) -> None:
    """Send a creation again under its key: the provider answers as it did, or does it now."""
    try:
        send(task, batch, again=True)
    except RejectedError as error:
        if not error.divisible:
            raise
        release(task, batch, error.message, task.client.correlation)


def _compare(task: Task, batch: Batch, remembered: bool) -> None:
    """Read what is there now: where it is what was sent, the update arrived; else the record waits again.

    Where nothing of it arrived and nobody changed anything, it is repeated under its key: should the first one be on
    its way still, the provider takes it for this one, and it overwrites nothing that is sent later.
    """
    rows = _read(task, batch)
    if remembered and _untouched(task, batch, rows):
        _repeat(task, batch)
        return
    task.begin()
    attempt = task.session.get_one(SyncAttempt, batch.attempt_id)
    close(attempt, AttemptState.SETTLED, "not answered; settled by reading what is there")
    for item, link in linked_items(task, attempt):
        link.attempt_id, link.perhaps_there = None, False
        there = rows.get(str(item.payload[batch.mapper.id_key]))
        if there is not None and _same(batch.mapper, item.payload, there):
            done(task, batch.mapper, link, item, there)
        else:
            item.outcome = "not there"
    task.session.flush()
    arrived = [rows[item.payload[batch.mapper.id_key]] for item in attempt.items if item.outcome == "sent"]
    mark(task, batch.mapper, load_rows(task, batch.mapper, arrived))
    task.commit(moved=bool(task.tally["sent"]))


def _read(task: Task, batch: Batch) -> dict[str, Payload]:
    """What is there now, by their ids."""
    ids = [str(payload[batch.mapper.id_key]) for payload in batch.payloads]
    size, rows = task.provider.ids_per_call, {}
    for start in range(0, len(ids), size):
        for row in task.client.by_ids(batch.mapper.resource, ids[start : start + size]):
            rows[str(row.get(batch.mapper.id_key))] = row
    return rows


def _untouched(task: Task, batch: Batch, rows: dict[str, Payload]) -> bool:
    """Whether every record is there as both sides last agreed, so that neither we nor anybody else changed it since."""
    carried = select(Link.external_id, Link.agreed).where(Link.attempt_id == batch.attempt_id)
    agreed = {str(key): digest for key, digest in task.session.execute(carried)}
    task.session.rollback()
    ids = [str(payload[batch.mapper.id_key]) for payload in batch.payloads]
    if not all(each in rows and agreed.get(each) for each in ids):
        return False
    try:
        return all(batch.mapper.agreed(rows[each]) == agreed[each] for each in ids)
    except UNREADABLE:
        return False


def _same(mapper: Mapper, sent: Payload, there: Payload) -> bool:
    """Whether a row holds what was sent, as far as we keep it."""
    try:
        return mapper.arrived(sent, there)
    except UNREADABLE:
        return False


def look_up(task: Task, batch: Batch) -> None:
    """Find out by each record's look-up key whether it was created."""
    found = [task.client.find(batch.mapper, payload) for payload in batch.payloads]
    task.begin()
    attempt = task.session.get_one(SyncAttempt, batch.attempt_id)
    close(attempt, AttemptState.SETTLED, "settled by looking each record up")
    for item, link in linked_items(task, attempt):
        link.attempt_id, link.perhaps_there = None, False
        _settle_item(task, batch.mapper, link, item, found[item.position])
    task.commit(moved=any(item.outcome == "adopted" for item in attempt.items))


def _settle_item(task: Task, mapper: Mapper, link: Link, item: SyncAttemptItem, rows: Sequence[Payload]) -> None:
    here = [row for row in load_rows(task, mapper, rows).values() if not match.taken(task, mapper, row)]
    here = [row for row in here if not row.gone] or [row for row in here if not mapper.asks]
    same = [row for row in here if _same(mapper, item.payload, row.payload)]
    record = task.session.get_one(mapper.model, link.record_id)
    if same and (len(here) == 1 or not mapper.match_by):
        done(task, mapper, link, item, same[0].payload)
        item.outcome = "adopted"
        task.session.flush()
        mark(task, mapper, {same[0].external_id: same[0]})
    elif len(here) == 1 and mapper.match_by and not mapper.doubtful(record, here[0].values):
        item.outcome = "adopted"
        match.adopt(task, mapper, link, here[0], "found there")
    elif here and mapper.match_by:
        _ask(task, mapper, link, item, here)
    else:
        item.outcome = "not there"


def _ask(task: Task, mapper: Mapper, link: Link, item: SyncAttemptItem, rows: Sequence[Loaded]) -> None:
    """Let a person say which of these it is, if any."""
    item.outcome = "doubtful"
    link.blocked_kind = match.QUESTION
    for row in rows:
        match.keep(task, mapper, link.id, _matched_by(mapper, item, row), row)


def _matched_by(mapper: Mapper, item: SyncAttemptItem, row: Loaded) -> str:
    """The first look-up key in which a row equals what was sent."""
    sent = mapper.load(item.payload)
    equal = (c for c in mapper.lookup_key if sent.get(c) and folded(str(sent[c])) == folded(str(row.values[c])))
    return next(equal, mapper.lookup_key[-1])
