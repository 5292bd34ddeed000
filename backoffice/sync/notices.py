"""Reading by their ids the rows that the provider told of, with the fewest calls; and seeing to it that a job does."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from backoffice.clock import now
from backoffice.models import (
    CompanySettings,
    Connection,
    ConnectionState,
    JobState,
    Link,
    Notice,
    StartedBy,
    SyncJob,
    Work,
)
from backoffice.sync import jobs, notice_board
from backoffice.sync.intake import by_ids, fetch_missing, ids_in, receive
from backoffice.sync.lease import lock_connection
from backoffice.sync.loading import UNREADABLE
from backoffice.sync.mapper import Mapper, Payload
from backoffice.sync.pending import REST_AFTER_FAILURE
from backoffice.sync.provider import Provider, Providers
from backoffice.sync.task import Task

#: By so much the time of a row may differ from the time of the notice of it.
MARGIN = timedelta(minutes=1)


def ask(session: Session, connection: Connection, provider: Provider, gather: timedelta) -> SyncJob | None:
    """See to it that a job reads what waits, when its time has come; None where nothing can be read. Commits."""
    lock_connection(session, connection.id)
    settings = session.scalars(select(CompanySettings).filter_by(company_id=connection.company_id)).one()
    notice_board.spare(session, connection.id, provider, settings)
    lists = [] if settings.paused else notice_board.waiting(session, connection.id, provider, settings)
    if not lists or session.scalar(select(_failed_just_now(connection.id))):
        session.commit()
        return None
    full = provider.ids_per_call
    due = min(notice_board.due_at(session, connection.id, resource, full, gather) for resource in lists)
    job, _ = jobs.request(
        session,
        connection,
        Work.NOTICES,
        [mapper.kind for mapper in provider.mappers if mapper.resource in lists],
        title=f"Changed in {provider.name}",
        due_at=due,
        started_by=StartedBy.WEBHOOK,
    )
    return job


def unread(session: Session, providers: Providers) -> list[int]:
    """Connections with something to read, no job that will read it, and none that failed at it just now."""
    mine = SyncJob.connection_id == Connection.id, SyncJob.work == Work.NOTICES
    will_read = exists().where(*mine, SyncJob.state.in_(jobs.OPEN))
    rows = session.execute(
        select(Connection, CompanySettings)
        .join(CompanySettings, CompanySettings.company_id == Connection.company_id)
        .where(Connection.id.in_(select(Notice.connection_id).where(Notice.pending)))
        .where(Connection.active, Connection.state == ConnectionState.CONNECTED, ~CompanySettings.paused)
        .where(~will_read, ~_failed_just_now(Connection.id))
    ).all()
    return [
        connection.id
        for connection, settings in rows
        if notice_board.waiting(session, connection.id, providers[connection.provider], settings)
    ]


def _failed_just_now(connection_id: int | InstrumentedAttribute[int]) -> ColumnElement[bool]:
    return exists().where(
        SyncJob.connection_id == connection_id,
        SyncJob.work == Work.NOTICES,
        SyncJob.state.in_((JobState.FAILED, JobState.CANCELLED)),
        SyncJob.ended_at > now() - REST_AFTER_FAILURE,
    )


def read(task: Task) -> None:
    """Read what waits, as far as its time has come, and ask for another job for the rest."""
    task.begin()
    notice_board.spare(task.session, task.connection_id, task.provider, task.settings)
    task.commit()
    lists = notice_board.waiting(task.session, task.connection_id, task.provider, task.settings)
    task.session.rollback()
    for resource in lists:
        while _read_some(task, resource):
            task.pause_here()
    connection = task.session.get_one(Connection, task.connection_id)
    ask(task.session, connection, task.provider, task.gather)
    task.session.rollback()


def _read_some(task: Task, resource: str) -> bool:
    """One call; says whether it was made."""
    full = task.provider.ids_per_call
    mappers = task.going(mapper for mapper in task.provider.mappers if mapper.resource == resource)
    if not mappers:
        return False
    batch = notice_board.next_to_read(task.session, task.connection_id, resource, full)
    task.session.rollback()
    if not batch:
        return False
    told = [each for _, each in batch]
    since = min(seen_to for _, seen_to in told) - MARGIN
    rows = task.client.by_ids(resource, [external_id for external_id, _ in batch], since)
    fetch_missing(task, mappers, rows)
    task.begin()
    receive(task, mappers, rows)
    notice_board.take_down(task.session, told, read_at=now())
    if len(batch) < full:
        notice_board.had_room(task.session, task.connection_id, resource)
    task.commit({"text": f"Reading what was changed in {task.provider.name}", "done": None, "total": None}, moved=True)
    _follow(task, mappers, rows, since)
    return True


def _follow(task: Task, mappers: Sequence[Mapper], rows: Sequence[Payload], since: datetime) -> None:
    """Read the rows of other lists that these name for the first time, or name no longer."""
    for mapper in mappers:
        target = next((each for each in task.going(task.provider.mappers) if each.kind == mapper.carries), None)
        if target is not None:
            moved = _new_parts(task, mapper, target, rows) | _lost_parts(task, mapper, target, rows)
            task.session.rollback()
            by_ids(task, target, sorted(moved), since)


def _carried(mapper: Mapper, rows: Sequence[Payload]) -> dict[str, Payload]:
    found: dict[str, Payload] = {}
    for payload in rows:
        with suppress(*UNREADABLE):  # it was set aside, with its reason, when it was loaded
            for row in mapper.rows(payload):
                found |= mapper.carried(row)
    return found


def _new_parts(task: Task, mapper: Mapper, target: Mapper, rows: Sequence[Payload]) -> set[str]:
    """What these rows carry that is not known here and is wanted."""
    wanted = {key for key, part in _carried(mapper, rows).items() if _wanted(task, target, part)}
    known = select(Link.external_id).where(
        Link.connection_id == task.connection_id, Link.kind == target.kind, Link.external_id.in_(wanted)
    )
    return wanted - set(task.session.scalars(known))


def _wanted(task: Task, target: Mapper, part: Payload) -> bool:
    try:
        return target.in_time(target.load(part), task.settings)
    except UNREADABLE:
        return task.settings.brings_in(target.kind)  # the row itself may tell more


def _lost_parts(task: Task, mapper: Mapper, target: Mapper, rows: Sequence[Payload]) -> set[str]:
    """What is known here as a part of these rows and is not carried any more."""
    table = target.model.table()
    columns = [table.c[ref.column] for ref in target.refs if ref.kind == mapper.kind]
    mine = Link.connection_id == task.connection_id
    parents = select(Link.record_id).where(mine, Link.kind == mapper.kind, Link.external_id.in_(ids_in(mapper, rows)))
    found = task.session.scalars(
        select(Link.external_id)
        .join(table, table.c.id == Link.record_id)
        .where(mine, Link.kind == target.kind, Link.external_id.is_not(None), Link.gone.is_(None))
        .where(or_(*(column.in_(parents) for column in columns)))
    )
    return {str(external_id) for external_id in found} - _carried(mapper, rows).keys()
