"""The board of notices: what the provider told by itself, folded; what of it is known; when the rest is to be read.

A row is read at most once a minute, and of the calls that read rows of one list within any minute all but one are
full. So a minute's calls are never more than the changed rows divided by those that one call reads, rounded up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, bindparam, case, func, not_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.database import is_postgresql
from backoffice.models import NEVER, CompanySettings, Connection, Link, Notice, NoticeReading
from backoffice.sync import pause
from backoffice.sync.provider import Notified, Provider

MINUTE = timedelta(minutes=1)
#: What is known of a notice before its row is read: (id, change it tells of).
Told = tuple[int, datetime]


def put_up(session: Session, provider: Provider, notices: Sequence[Notified]) -> tuple[set[int], int]:
    """Put down what was told; returns the connections that can be read, and how much is about strangers.

    The newest change of a row is kept, so what comes twice, late or out of order says nothing new. Commits nothing.
    """
    known: dict[str, list[Connection]] = defaultdict(list)
    told = {notice.organisation for notice in notices}
    linked = select(Connection).where(Connection.provider == provider.key, Connection.external_id.in_(told))
    for connection in session.scalars(linked):
        known[connection.external_id].append(connection)
    newest: dict[tuple[int, str, str], datetime] = {}
    for notice in notices:
        for connection in known.get(notice.organisation, ()):
            key = (connection.id, notice.resource, notice.external_id)
            newest[key] = max(newest.get(key, NEVER), notice.changed_at)
    if newest:
        _write(session, newest)
    usable = {connection.id for found in known.values() for connection in found if connection.usable}
    return usable, sum(notice.organisation not in known for notice in notices)


def _write(session: Session, newest: Mapping[tuple[int, str, str], datetime]) -> None:
    """Always in the same order, so that no two deliveries wait for each other in a circle."""
    statement = (postgresql if is_postgresql(session) else sqlite).insert(Notice.table())
    new, waits = statement.excluded, Notice.seen_to > Notice.read_to
    statement = statement.on_conflict_do_update(
        index_elements=["connection_id", "resource", "external_id"],
        set_={"seen_to": new.seen_to, "noticed_at": case((waits, Notice.noticed_at), else_=new.noticed_at)},
        where=Notice.seen_to < new.seen_to,
    )
    keys = ("connection_id", "resource", "external_id", "seen_to")
    rows = [dict(zip(keys, (*key, newest[key]), strict=True)) for key in sorted(newest)]
    session.execute(statement, [{**row, "read_to": NEVER, "noticed_at": now()} for row in rows])


def take_down(session: Session, told: Iterable[Told], **values: datetime) -> None:
    """Say of these that they are read up to the change that was told of; one told of since goes on waiting.

    Hand them over in the order of their external ids, as deliveries write them.
    """
    table = Notice.table()
    statement = update(table).where(table.c.id == bindparam("row"))
    changes = {"read_to": bindparam("seen", type_=table.c.read_to.type), **values}
    rows = [{"row": notice_id, "seen": seen_to} for notice_id, seen_to in told]
    if rows:
        session.connection().execute(statement.values(changes), rows)


def spare(session: Session, connection_id: int, provider: Provider, settings: CompanySettings) -> None:
    """Take down what needs no call: what is known here, as our own changes are, and what nobody wants.

    Commits nothing.
    """
    mappers = {mapper.kind: mapper for mapper in provider.mappers}
    wanted = {mapper.resource for mapper in provider.mappers if settings.brings_in(mapper.kind)}
    same_row = (Link.resource == Notice.resource) & (Link.external_id == Notice.external_id)
    query = (
        select(Notice.resource, Notice.external_id, Notice.id, Notice.seen_to, Link.kind, Link.external_version)
        .outerjoin(Link, (Link.connection_id == Notice.connection_id) & same_row)
        .where(Notice.connection_id == connection_id, Notice.pending)
    )
    known = [
        (resource, external_id, notice_id, seen_to)
        for resource, external_id, notice_id, seen_to, kind, version in session.execute(query)
        if (mappers[kind].knows(version or "", seen_to) if kind in mappers else resource not in wanted)
    ]
    take_down(session, [(notice_id, seen_to) for _, _, notice_id, seen_to in sorted(known)])


def waiting(session: Session, connection_id: int, provider: Provider, settings: CompanySettings) -> list[str]:
    """The lists of which something waits that is not paused."""
    found = set(session.scalars(select(Notice.resource).where(Notice.connection_id == connection_id, Notice.pending)))
    going = {mapper.resource: None for mapper in provider.mappers if not pause.held(settings, mapper.kind)}
    return [resource for resource in going if resource in found]


def due_at(session: Session, connection_id: int, resource: str, full: int, gather: timedelta) -> datetime:
    """When rows of a list are to be read of which something waits: the first ones when others had time to join them,
    later ones when the minute is over or a call is full.
    """
    rested = _rested()
    count, first, again = session.execute(
        select(
            func.count(case((rested, Notice.id))),
            func.min(case((rested, Notice.noticed_at))),
            func.min(case((not_(rested), Notice.read_at))),
        ).where(Notice.connection_id == connection_id, Notice.resource == resource, Notice.pending)
    ).one()
    if count >= full:
        return now()
    ready = [first + gather] if first else []
    ready += [again + MINUTE] if again else []
    last = _last_with_room(session, connection_id, resource)
    return max(min(ready, default=now()), last + MINUTE)


def next_to_read(session: Session, connection_id: int, resource: str, full: int) -> list[tuple[str, Told]]:
    """The rows of a list for the next call, the longest waiting first: (external id, what is told of it).

    Nothing, while the minute of the last call that had room is not over and no call can be filled.
    """
    rows = session.execute(
        select(Notice.external_id, Notice.id, Notice.seen_to)
        .where(Notice.connection_id == connection_id, Notice.resource == resource, Notice.pending, _rested())
        .order_by(Notice.noticed_at, Notice.id)
        .limit(full)
    ).all()
    if len(rows) < full and _last_with_room(session, connection_id, resource) > now() - MINUTE:
        return []
    return sorted((external_id, (notice_id, seen_to)) for external_id, notice_id, seen_to in rows)


def had_room(session: Session, connection_id: int, resource: str) -> None:
    """Put down that a call was made that had room for more. Commits nothing."""
    session.merge(NoticeReading(connection_id=connection_id, resource=resource, read_at=now()))


def _rested() -> ColumnElement[bool]:
    """Rows that no call has read within the last minute; what a wrong clock put down for later does not count."""
    return or_(Notice.read_at.is_(None), Notice.read_at <= now() - MINUTE, Notice.read_at > now() + MINUTE)


def _last_with_room(session: Session, connection_id: int, resource: str) -> datetime:
    found = session.get(NoticeReading, (connection_id, resource), populate_existing=True)
    return found.read_at if found is not None and found.read_at <= now() + MINUTE else NEVER
