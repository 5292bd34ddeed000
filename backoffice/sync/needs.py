"""What needs a person, company by company: the one place that says so. Menus count it, notifications tell of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from backoffice.models import (
    Alert,
    CompanySettings,
    Connection,
    ConnectionState,
    Drift,
    Duplicate,
    Link,
    LinkState,
    Need,
    Receiver,
    Strictness,
    SyncJob,
)
from backoffice.sync import freshness
from backoffice.sync.duplicates import pairs
from backoffice.sync.match import QUESTION

Needs = dict[int, Counter[Need]]


def turned_down() -> ColumnElement[bool]:
    """Refused, and not set aside by a person since."""
    return Link.refusal.is_not(None) & ~Link.paused


def on_its_way() -> ColumnElement[bool]:
    """Changed here, and neither refused nor set aside by a person."""
    return Link.pending & Link.refusal.is_(None) & ~Link.paused


def changed_there() -> ColumnElement[bool]:
    """Changed on the other side after we had sent it, so that somebody has to choose."""
    return Link.changed_there.is_not(None) & (Link.state == LinkState.CHANGED.value)


def in_doubt() -> ColumnElement[bool]:
    """May be one of several there, so that somebody has to say which."""
    return (Link.blocked_kind == QUESTION) & ~Link.paused & Connection.push_confirmed_at.is_not(None)


def unconfirmed() -> ColumnElement[bool]:
    """Was here before the company was linked, and goes nowhere before somebody has looked."""
    goes = Link.external_id.is_(None) | Link.pending
    return goes & ~Link.paused & Connection.push_confirmed_at.is_(None)


def of_companies(session: Session, ids: Collection[int]) -> Needs:
    """How many things of each sort wait for a person in each of these companies; one question a sort."""
    found: Needs = defaultdict(Counter)
    for need, company_id, query in _questions():
        for key, count in session.execute(query.where(company_id.in_(ids)).group_by(company_id)):
            found[key][need] += count
    return found


def _questions() -> Iterator[tuple[Need, InstrumentedAttribute[int], Select[int, int]]]:
    mine = Connection.company_id
    linked = select(mine, func.count()).where(Connection.active)
    of_links = linked.join(Link, Link.connection_id == Connection.id)
    yield Need.LINK_LOST, mine, linked.where(Connection.state != ConnectionState.CONNECTED)
    yield Need.JOBS, mine, linked.join(SyncJob, SyncJob.connection_id == Connection.id).where(freshness.failed())
    yield Need.REFUSED, mine, of_links.where(turned_down())
    yield Need.CHANGED, mine, of_links.where(changed_there())
    yield Need.MATCHES, mine, of_links.where(in_doubt())
    yield Need.MATCHES, mine, of_links.where(unconfirmed())
    yield Need.DRIFT, mine, linked.join(Drift, Drift.connection_id == Connection.id).where(Drift.waits())
    alerts = select(Alert.company_id, func.count()).where(Alert.acknowledged_at.is_(None))
    yield Need.ALERTS, Alert.company_id, alerts
    for strictness in (Strictness.EQUAL, Strictness.ALIKE):
        likely = pairs(CompanySettings.company_id, strictness).where(CompanySettings.ask_duplicates == strictness)
        counted = likely.with_only_columns(Duplicate.company_id, func.count(), maintain_column_froms=True)
        yield Need.DUPLICATES, Duplicate.company_id, counted
    off = select(Receiver.company_id, func.count()).where(Receiver.off_at.is_not(None))
    yield Need.WEBHOOK_OFF, Receiver.company_id, off
