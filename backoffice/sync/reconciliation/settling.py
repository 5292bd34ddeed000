"""Settling drift: what a person may choose for a difference, and its way through the engine's ordinary doors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import groupby

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.errors import ConflictError
from backoffice.models import (
    Cause,
    CompanySettings,
    Connection,
    Drift,
    Link,
    Settled,
    StartedBy,
    SyncJob,
    Urgency,
    Work,
)
from backoffice.sync import by_hand, changed, jobs, pause
from backoffice.sync.intake import asked_for, fetch_missing, ids_in, receive
from backoffice.sync.lease import lock_connection, lock_records
from backoffice.sync.mapper import Mapper, Payload
from backoffice.sync.reconciliation import drift
from backoffice.sync.reconciliation.compare import Verdict, compare
from backoffice.sync.store import archive_missing
from backoffice.sync.task import Task


class Way(StrEnum):
    """What may be done about a difference."""

    #: What is there is read again by its id and holds here; a job does it, for it costs a call.
    TAKE = "take"
    SEND = "send"
    CREATE = "create"
    UNLINK = "unlink"
    LEAVE = "leave"


#: Why a row that was asked for is not what holds here, by what explains it.
NOT_TAKEN = {
    "paused": "it is paused",
    "unconfirmed": "it is being sent",
    "changed": "it was changed on both sides",
    "waiting": "it was changed here meanwhile",
    "not wanted": "the settings leave it out",
    "unlinked": "it was unlinked by hand",
    "match": "it may be a record that is here already",
    "unreadable": "it cannot be read",
}


def ways(mapper: Mapper, row: Drift) -> tuple[Way, ...]:
    """What makes sense for a difference, the likeliest first."""
    sends, fixed = mapper.direction.sends, mapper.moves_money
    match row.cause:
        case Cause.DELETED_THERE | Cause.VOIDED_THERE:
            again = (Way.CREATE,) if sends and mapper.parent is None else ()
            return (Way.TAKE, *again, Way.UNLINK, Way.LEAVE)
        case Cause.ARCHIVED_THERE:
            return Way.TAKE, Way.UNLINK, Way.LEAVE
        case Cause.MERGED_THERE | Cause.MADE_THERE | Cause.MARKS_MOVED:
            return Way.TAKE, Way.LEAVE
        case Cause.ALIVE_THERE:
            here = () if mapper.asks else (Way.TAKE,)
            return (*((Way.SEND,) if sends else ()), *here, Way.LEAVE)
        case Cause.CHANGED_HERE if sends and not fixed:
            return Way.SEND, Way.TAKE, Way.LEAVE
    return (Way.TAKE, Way.SEND, Way.LEAVE) if sends and not fixed else (Way.TAKE, Way.LEAVE)


def settle(session: Session, connection: Connection, mapper: Mapper, row: Drift, way: Way, user_id: int | None) -> None:
    """Do what a person chose for a difference; with it goes what comes with it. Commits nothing.

    What is to be taken has to be read again: `request` has it done.
    Raises: ConflictError, in words for people, where that is not open to it.
    """
    lock_connection(session, connection.id)
    session.refresh(row)
    if row.settled_at is not None or way not in ways(mapper, row):
        raise ConflictError(f"{row.name} was settled meanwhile. Look again.")
    for each in (row, *_with(session, row)) if way in (Way.TAKE, Way.LEAVE) else (row,):
        each.user_id, each.taking = user_id, None
        each.left_at = now() if way is Way.LEAVE else None
    if way is Way.SEND:
        _send(session, mapper, row, user_id)
    elif way is Way.CREATE:
        by_hand.create_again(session, _link(session, row), row.company_id)
        drift.close(row, Settled.CREATED_AGAIN, user_id)
    elif way is Way.UNLINK:
        by_hand.unlink_record(session, _link(session, row), row.company_id)
        drift.close(row, Settled.UNLINKED, user_id)


def _with(session: Session, row: Drift) -> Iterable[Drift]:
    """The differences that come with one."""
    query = select(Drift).where(Drift.because_id == row.id, Drift.settled_at.is_(None))
    for each in session.scalars(query).all():
        yield each
        yield from _with(session, each)


def _link(session: Session, row: Drift) -> Link:
    query = select(Link).filter_by(connection_id=row.connection_id, kind=row.kind, external_id=row.external_id)
    link = session.scalar(query.with_for_update().execution_options(populate_existing=True))
    if link is None:
        raise ConflictError(f"{row.name} is not linked any more. Look again.")
    return link


def _send(session: Session, mapper: Mapper, row: Drift, user_id: int | None) -> None:
    """Let ours overwrite what was seen there, and nothing that is changed there from here on."""
    link = _link(session, row)
    if link.attempt_id is not None or link.paused:
        raise ConflictError(f"{row.name} is being sent or paused just now. Try again later.")
    settings = session.scalars(select(CompanySettings).filter_by(company_id=row.company_id)).one()
    if not settings.sends(row.kind) or pause.held(settings, row.kind):
        raise ConflictError(f"{row.name} is not sent: its kind is paused, or the settings do not send it.")
    link.changed_there = row.payload
    changed.send_ours(session, mapper, link)
    drift.close(row, Settled.OURS, user_id)


def request(session: Session, connection: Connection, rows: Sequence[Drift], user_id: int | None) -> SyncJob:
    """Have a job take theirs of these differences, and no other job. Commits; the caller rings. Raises: PausedError."""
    every = [each for row in rows for each in (row, *_with(session, row))]

    def hand_over(job: SyncJob) -> None:
        for each in every:
            each.taking = job

    job, _ = jobs.request(
        session,
        connection,
        Work.SETTLE,
        sorted({each.kind for each in every}),
        title="Settle differences",
        user_id=user_id,
        urgency=Urgency.PERSON,
        started_by=StartedBy.PERSON,
        then=hand_over,
    )
    return job


def carry_out(task: Task) -> None:
    """Take what is there, for all differences that this job was given."""
    asked: dict[str, list[str]] = {}
    for row in task.session.scalars(select(Drift).where(_given(task)).order_by(Drift.id)):
        asked.setdefault(row.kind, []).append(row.external_id)
    task.session.rollback()
    for resource, group in groupby(task.provider.mappers, key=lambda mapper: mapper.resource):
        every = list(group)
        mappers = task.going(every)
        for mapper in every:
            if mapper not in mappers:
                _give_back(task, mapper, asked.get(mapper.kind, []))
                continue
            _take_all(task, resource, mappers, mapper, asked.get(mapper.kind, []))


def _given(task: Task) -> ColumnElement[bool]:
    """The differences of which this job is to take theirs."""
    return and_(Drift.taking_id == task.job_id, Drift.settled_at.is_(None))


def _give_back(task: Task, mapper: Mapper, ids: Sequence[str]) -> None:
    """Nothing of a paused kind is taken; a person may choose again when it is resumed."""
    if not ids:
        return
    task.begin()
    task.session.execute(update(Drift).where(_given(task), Drift.kind == mapper.kind).values(taking_id=None))
    task.notes.append(f"{mapper.model.plural().capitalize()} are paused; nothing of them was taken.")
    task.commit()


def _take_all(task: Task, resource: str, mappers: Sequence[Mapper], mapper: Mapper, ids: Sequence[str]) -> None:
    size = task.provider.ids_per_call
    for start in range(0, len(ids), size):
        batch = ids[start : start + size]
        answer = task.client.by_ids(resource, asked_for(task, mapper, batch))
        fetch_missing(task, mappers, answer)
        task.begin()
        batch, rows = _still_chosen(task, mapper, batch, answer)
        for each in mappers:
            receive(task, [each], rows)
        archive_missing(task, mapper, ids_in(mapper, rows), Link.external_id.in_(batch))
        task.session.flush()
        _keep_theirs(task, mapper, rows)
        _close(task, mapper, batch, rows)
        task.commit(moved=True)
        task.pause_here()


def _still_chosen(
    task: Task, mapper: Mapper, ids: Sequence[str], rows: Sequence[Payload]
) -> tuple[list[str], list[Payload]]:
    """The ids, and the rows, that nobody has decided about otherwise while they were read."""
    query = select(Drift.external_id).where(_given(task), Drift.kind == mapper.kind, Drift.external_id.in_(ids))
    chosen = list(task.session.scalars(query))
    dropped = set(ids).difference(chosen)
    return chosen, [row for row in rows if not dropped & ids_in(mapper, [row])]


def _keep_theirs(task: Task, mapper: Mapper, rows: Sequence[Payload]) -> None:
    """What was sent from here is not overwritten by reading it: the person's choice answers that question."""
    session = task.session
    if not mapper.asks:
        return
    for verdict in compare(task, mapper, rows):
        if verdict.explained != "changed" and (verdict.finding is None or not verdict.known):
            continue
        link = session.scalars(
            select(Link).filter_by(connection_id=task.connection_id, kind=mapper.kind, external_id=verdict.external_id)
        ).one()
        lock_records(session, mapper.model, [link.record_id])
        session.refresh(link, with_for_update=True)
        if verdict.finding is not None:
            link.changed_there = verdict.finding.payload
        changed.keep_theirs(session, mapper, link)
    session.flush()
    session.expire_all()


def _close(task: Task, mapper: Mapper, ids: Sequence[str], rows: Sequence[Payload]) -> None:
    """Put down what became of them; what still differs waits for a person again, as it is now."""
    found = {verdict.external_id: verdict for verdict in compare(task, mapper, rows)}
    query = select(Drift).where(_given(task), Drift.kind == mapper.kind, Drift.external_id.in_(ids))
    for row in task.session.scalars(query).all():
        why = _why_not_taken(task, row, found.get(row.external_id))
        if why:
            row.taking = None
            task.notes.append(f"{row.name or mapper.model.label} {why}; look at it once more.")
        else:
            drift.close(row, Settled.THEIRS)


def _why_not_taken(task: Task, row: Drift, verdict: Verdict | None) -> str:
    """Why theirs does not hold here now; empty where it does."""
    if verdict is None:
        return "was not taken" if drift.still_here(task, row) else ""
    if verdict.explained is not None:
        return f"was not taken: {NOT_TAKEN[verdict.explained]}"
    return "still differs" if verdict.finding is not None else ""
