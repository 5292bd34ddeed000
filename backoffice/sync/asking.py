"""Asking the other side for what is not here: what it has of it, and why that has not come; and bringing it in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.database import folded
from backoffice.models import CompanySettings, Connection, Link, Match, Record, SyncJob
from backoffice.sync import freshness, notice_board, notices, pause
from backoffice.sync.loading import UNREADABLE
from backoffice.sync.mapper import Mapper, Payload
from backoffice.sync.provider import Notified, Provider
from backoffice.sync.verdict import Cause, causes
from backoffice.sync.why import Asked, known_by

#: So many rows of an answer are looked at.
MOST = 20


class There(StrEnum):
    """Why something that is there has not come."""

    KNOWN = "known"
    UNREADABLE = "unreadable"
    QUESTION = "question"
    LET_GO = "let_go"
    GONE = "gone"
    COMPANY_PAUSED = "company_paused"
    KIND_PAUSED = "kind_paused"
    KIND_OFF = "kind_off"
    BEFORE_START = "before_start"
    NEWER = "newer"
    MISSED = "missed"


#: What somebody can bring in.
TO_BE_HAD = frozenset({There.NEWER, There.MISSED})


@dataclass(frozen=True)
class Row:
    """One row of theirs: its name, and why it is not here."""

    kind: str
    external_id: str
    name: str
    there: There
    #: The record that it is here, with what stands in its way.
    record: Record | None = None
    causes: Sequence[Cause] = ()
    #: What makes no sense of it, or the day of it.
    detail: Any = None


def askable(provider: Provider) -> list[Mapper]:
    """The kinds that can be asked for by themselves."""
    return [mapper for mapper in provider.mappers if mapper.direction.comes and mapper.parent is None]


def ask(session: Session, provider: Provider, connection: Connection, mapper: Mapper, asked: Asked) -> list[Row]:
    """What the other side has of it: one call, made outside any transaction.

    Raises: as every call of a client.
    """
    external_id = asked.place.external_id if asked.place is not None else None
    session.expunge(connection)
    session.rollback()
    rows = provider.look(connection, mapper, asked.text, external_id)
    meant = [row for row in rows if _means(mapper, row, asked, external_id)][:MOST]
    settings = session.scalars(select(CompanySettings).filter_by(company_id=connection.company_id)).one()
    return [_row(session, connection, settings, mapper, payload) for payload in meant]


def _means(mapper: Mapper, payload: Payload, asked: Asked, external_id: str | None) -> bool:
    try:
        if external_id is not None:
            return mapper.external_id(payload).lower() == external_id.lower()
        values = mapper.load(payload)
    except UNREADABLE:
        return external_id is None
    held = [folded(str(values.get(column) or "")) for column in known_by(mapper.model)]
    return any(asked.key in one for one in held if one)


def _row(session: Session, connection: Connection, settings: CompanySettings, mapper: Mapper, payload: Payload) -> Row:
    try:
        external_id, values = mapper.external_id(payload), mapper.load(payload)
    except UNREADABLE as error:
        return Row(mapper.kind, "", f"A {mapper.model.label}", There.UNREADABLE, detail=str(error))
    name = str(values.get("name") or external_id)
    of_theirs = Link.connection_id == connection.id, Link.kind == mapper.kind
    link = session.scalar(select(Link).where(*of_theirs, Link.external_id == external_id))
    if link is not None:
        record = session.get_one(mapper.model, link.record_id)
        said = causes(session, record, link, session.get_one(Connection, connection.id))
        return Row(mapper.kind, external_id, name, There.KNOWN, record, said)
    why = next(_reasons(session, connection, settings, mapper, payload, values, external_id))
    return Row(mapper.kind, external_id, name, why, detail=values.get("date"))


def _reasons(
    session: Session,
    connection: Connection,
    settings: CompanySettings,
    mapper: Mapper,
    payload: Payload,
    values: dict[str, Any],
    external_id: str,
) -> Iterator[There]:
    """Why a row is not here, the plainest first; it ends with that it is newer than the last look, or was missed."""
    of_theirs = Link.connection_id == connection.id, Link.kind == mapper.kind
    if session.scalar(select(Link.id).where(*of_theirs, Link.let_go_id == external_id)) is not None:
        yield There.LET_GO
    open_match = select(Match.id).join(Link).where(*of_theirs, Match.external_id == external_id)
    if session.scalar(open_match.where(Match.chosen.is_(None)).limit(1)) is not None:
        yield There.QUESTION
    if settings.paused:
        yield There.COMPANY_PAUSED
    if pause.held(settings, mapper.kind):
        yield There.KIND_PAUSED
    if not settings.brings_in(mapper.kind):
        yield There.KIND_OFF
    if not mapper.in_time(values, settings):
        yield There.BEFORE_START
    if not mapper.welcome(values, mapper.gone(payload), settings):
        yield There.GONE
    looked = freshness.last_update(session, connection.id, [mapper.kind])
    yield There.NEWER if _newer(mapper.version(payload), looked) else There.MISSED


def _newer(version: str, looked: datetime | None) -> bool:
    """Whether a row was changed after the list was last read; what has no time of change counts as missed."""
    try:
        changed = datetime.fromisoformat(version)
    except ValueError:
        return looked is None
    return looked is None or (changed.tzinfo is not None and changed > looked)


def bring_in(
    session: Session, provider: Provider, connection: Connection, mapper: Mapper, external_id: str
) -> SyncJob | None:
    """Read one row of theirs by its id with the next job. Commits; the caller rings. None where nothing can be read."""
    told = Notified(connection.external_id, mapper.resource, external_id, now())
    notice_board.put_up(session, provider, [told])
    return notices.ask(session, connection, provider, timedelta(0))
