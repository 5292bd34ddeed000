"""One request that writes: put down before it is sent, sent, and its outcome recorded, whatever it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select, update

from backoffice.clock import now
from backoffice.errors import (
    ConfigurationError,
    ConnectionLostError,
    RejectedError,
    TransientError,
    UnansweredError,
)
from backoffice.models import KINDS, AttemptState, Link, SyncAttempt, SyncAttemptItem
from backoffice.models.link import event
from backoffice.sync.loading import load_rows
from backoffice.sync.mapper import Mapper, Payload, Refusal
from backoffice.sync.provider import Outcome
from backoffice.sync.store import mark
from backoffice.sync.task import Task


@dataclass(frozen=True)
class Batch:
    """A request that has been put down and may be sent."""

    attempt_id: int
    mapper: Mapper
    action: str
    key: str
    payloads: Sequence[Payload]


def send(task: Task, batch: Batch, again: bool = False) -> None:
    """Send, and record the answer. What was certainly not done is released; what is uncertain stays open.

    What is sent `again` may have been done the first time, whatever keeps it from being sent now.
    Raises: RejectedError, with the request still open, when it was turned down as a whole because of what it holds.
    """
    task.turn.check()
    payloads = [batch.mapper.complete(task.session, payload) for payload in batch.payloads]
    task.session.rollback()
    try:
        outcomes = task.client.send(batch.mapper, batch.action, payloads, batch.key)
    except UnansweredError as error:
        _leave_open(task, batch, error)
        raise
    except RejectedError as error:
        if not (error.divisible or again):
            release(task, batch, f"turned down: {error.message}", task.client.correlation)
        raise
    except (TransientError, ConnectionLostError, ConfigurationError) as error:
        if not again:
            release(task, batch, f"not sent: {error.message}", task.client.correlation)
        raise
    record(task, batch, outcomes)


def _leave_open(task: Task, batch: Batch, error: UnansweredError) -> None:
    task.begin()
    attempt = task.session.get_one(SyncAttempt, batch.attempt_id)
    attempt.status, attempt.note, attempt.correlation = error.status, error.message, task.client.correlation
    task.commit()


def release(task: Task, batch: Batch, note: str, correlation: str | None = None) -> set[int]:
    """Close a request of which nothing was done; its records wait again. Returns their links.

    `correlation` is the provider's name of the answer, if one came.
    """
    task.begin()
    attempt = task.session.get_one(SyncAttempt, batch.attempt_id)
    close(attempt, AttemptState.SETTLED, note)
    attempt.correlation = correlation or attempt.correlation
    for item, link in linked_items(task, attempt):
        link.attempt_id = None
        item.outcome = "not sent"
    carried = {item.link_id for item in attempt.items}
    task.commit()
    return carried


def close(attempt: SyncAttempt, state: AttemptState, note: str | None = None) -> None:
    """Put down that the outcome of a request is known."""
    attempt.state, attempt.answered_at = state, now()
    attempt.note = note or attempt.note


def linked_items(task: Task, attempt: SyncAttempt) -> list[tuple[SyncAttemptItem, Link]]:
    """The records in a request with their links, locked in one order, as they are now."""
    for kind in sorted({item.kind for item in attempt.items}):  # records before their links, as an edit takes them
        table = KINDS[kind].table()
        mine = table.c.id.in_([item.record_id for item in attempt.items if item.kind == kind])
        task.session.execute(select(table.c.id).where(mine).order_by(table.c.id).with_for_update())
    ids = sorted(item.link_id for item in attempt.items)
    query = select(Link).where(Link.id.in_(ids)).order_by(Link.id).with_for_update()
    links = {link.id: link for link in task.session.scalars(query.execution_options(populate_existing=True))}
    return [(item, links[item.link_id]) for item in attempt.items if item.link_id in links]


def record(task: Task, batch: Batch, outcomes: Sequence[Outcome]) -> None:
    """Write down what became of each record of a request."""
    task.begin()
    attempt = task.session.get_one(SyncAttempt, batch.attempt_id)
    close(attempt, AttemptState.ANSWERED)
    attempt.correlation = task.client.correlation
    attempt.status = attempt.status or 200
    by_position = dict(enumerate(outcomes))
    for item, link in linked_items(task, attempt):
        link.attempt_id = None
        outcome = by_position[item.position]
        if outcome.payload is not None:
            done(task, batch.mapper, link, item, outcome.payload)
        else:
            _refused(task, link, item, outcome.refusal or Refusal("It was turned down without a reason.", "other"))
        if outcome.warnings:
            item.message = " ".join(outcome.warnings)
    task.session.flush()
    mark(task, batch.mapper, load_rows(task, batch.mapper, [each.payload for each in outcomes if each.payload]))
    task.commit(moved=True)


def _touch(task: Task, mapper: Mapper, record_id: int) -> None:
    """Let the documents of which something else is due now be read again, whoever goes on with the job."""
    if not mapper.moves_money:
        return
    kept, paged = task.session.get_one(mapper.model, record_id), task.provider.paged
    documents = {each.kind for each in task.provider.mappers if each.resource in paged}
    for ref in mapper.refs:
        if ref.kind in documents and (document_id := getattr(kept, ref.column)) is not None:
            where = Link.connection_id == task.connection_id, Link.kind == ref.kind, Link.record_id == document_id
            known = update(Link).where(*where).values(external_version=None)
            task.session.execute(known.execution_options(synchronize_session=False))


def done(task: Task, mapper: Mapper, link: Link, item: SyncAttemptItem, payload: Payload) -> None:
    """The provider has this revision; an edit made since stays pending."""
    item.outcome = "sent"
    if link.external_id is None:
        task.session.add(event(task.company_id, link, "linked", "created there"))
    link.external_id, link.external_version = mapper.external_id(payload), mapper.version(payload)
    link.agreed, link.gone = mapper.agreed(payload), mapper.gone(payload)
    link.changed_there = None
    link.synced_revision = max(link.synced_revision, item.revision)
    link.synced_at = link.sent_at = now()
    link.synced_by_id = task.job_id
    link.clear()
    _touch(task, mapper, item.record_id)
    task.tally["sent"] += 1


def _refused(task: Task, link: Link, item: SyncAttemptItem, refusal: Refusal) -> None:
    item.outcome, item.message = "refused", refusal.message
    if link.wanted_revision <= item.revision:
        refuse(task, link, _quotable(refusal, task.client.correlation))


def _quotable(refusal: Refusal, correlation: str | None) -> Refusal:
    """With what the provider's support asks for, under its own words."""
    raw = "\n".join(filter(None, (refusal.raw, correlation and f"Correlation id: {correlation}")))
    return replace(refusal, raw=raw)


def refuse(task: Task, link: Link, refusal: Refusal, more: Sequence[Refusal] = ()) -> None:
    """Put down why a record cannot go as it is, and what `more` was found; it waits for its mend."""
    link.refusal, link.refusal_cause = refusal.message, refusal.cause
    link.refusal_column, link.refusal_raw = refusal.column, refusal.raw
    link.findings = [{"message": r.message, "cause": r.cause, "column": r.column} for r in (refusal, *more)]
    link.synced_by_id = task.job_id
    task.tally["refused"] += 1
