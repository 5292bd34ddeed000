"""The outbox: after a flush, the linked organisation wants the new revision of what is to be sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.models.connection import Connection
from backoffice.models.link import CLEARED, Link, Route, Routes
from backoffice.models.record import Record
from backoffice.models.settings import BRINGS_IN, CompanySettings
from backoffice.models.sync_job import PullRun


def want(session: Session, records: Iterable[Record]) -> None:
    """Let the organisations of their companies want these records as they are now."""
    by_kind: dict[tuple[int, str], dict[int, Record]] = defaultdict(dict)
    for record in records:
        by_kind[record.company_id, record.kind][record.id] = record
    for (company_id, kind), found in by_kind.items():
        connection = session.scalar(select(Connection).where(Connection.company_id == company_id, Connection.active))
        settings = session.scalar(select(CompanySettings).filter_by(company_id=company_id))
        if connection is not None and (settings is None or settings.sends(kind)):
            _want(session, connection, settings, kind, found)


def _want(
    session: Session, connection: Connection, settings: CompanySettings | None, kind: str, records: dict[int, Record]
) -> None:
    routes: Routes = session.info.get("routes", {})
    route = routes.get((connection.provider, kind))
    outgoing = _outgoing(session, records, settings) if route and route.direction.sends else set()
    links = session.execute(
        select(Link.id, Link.record_id, Link.external_id)
        .where(Link.connection_id == connection.id, Link.kind == kind, Link.record_id.in_(list(records)))
        .order_by(Link.id)
    ).all()
    raised = [link for link in links if link.external_id is not None or link.record_id in outgoing]
    new = outgoing - {link.record_id for link in links} - {i for i, record in records.items() if record.archived}
    if raised:
        _raise(session, [{"row_id": link.id, "revision": records[link.record_id].revision} for link in raised])
    if new and route:
        rows = [_opened(connection, route, settings, records[record_id]) for record_id in sorted(new)]
        session.execute(insert(Link), rows)
    if raised or new:
        session.info.setdefault("to_ring", set()).add(connection.id)


def _outgoing(session: Session, records: dict[int, Record], settings: CompanySettings | None) -> set[int]:
    """Those of some records of one kind that are to be sent; what is not known there yet goes only if it is one."""
    if settings is None:
        return set(records)
    model: Any = type(next(iter(records.values())))
    return set(session.scalars(select(model.id).where(model.id.in_(list(records)), model.outgoing(settings))))


def _raise(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    table = Link.table()
    statement = update(table).where(table.c.id == bindparam("row_id"))
    values = {"wanted_revision": bindparam("revision"), "changed_at": now(), **CLEARED}
    session.connection().execute(statement.values(values), rows)


def _opened(connection: Connection, route: Route, settings: CompanySettings | None, record: Record) -> dict[str, Any]:
    """A link that waits to be created in the organisation, or first for a person's word."""
    held = record.held(settings) if settings else None
    return {
        "connection_id": connection.id,
        "resource": route.resource,
        "kind": record.kind,
        "record_id": record.id,
        "wanted_revision": record.revision,
        "synced_revision": 0,
        "changed_at": now(),
        "paused": held is not None,
        "paused_reason": held,
    }


#: Causes that a setting or a mapping of ours mends.
MENDED_HERE = ("tax_unmapped", "total_differs", "account_missing", "contact_not_sent")


def reconsider(session: Session, company_id: int, read_again: bool) -> None:
    """A setting or a mapping was changed: forget what it may have mended, begin lists anew of which more is wanted.

    A job that reads one of these lists finds its place in it gone, and begins anew as well.
    """
    mine = select(Connection).where(Connection.company_id == company_id, Connection.active)
    connection = session.scalar(mine.with_for_update(key_share=True) if read_again else mine)
    if connection is None:
        return
    mended = session.execute(
        update(Link)
        .where(Link.connection_id == connection.id, Link.refusal_cause.in_(MENDED_HERE))
        .values(changed_at=now(), **CLEARED)
        .returning(Link.id)
        .execution_options(synchronize_session=False)
    )
    if mended.scalars().all():
        session.info.setdefault("to_ring", set()).add(connection.id)
    if read_again:
        routes: Routes = session.info.get("routes", {})
        lists = {route.resource for (provider, kind), route in routes.items() if kind in BRINGS_IN}
        readings = PullRun.connection_id == connection.id, PullRun.resource.in_(lists)
        session.execute(delete(PullRun).where(*readings).execution_options(synchronize_session=False))
