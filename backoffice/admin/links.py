"""What is known of records on the other side: their links, and the badges that pages show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from flask import current_app, g, url_for
from sqlalchemy import select

from backoffice.admin.pauses import held_here
from backoffice.admin.words import GONE_WORDS, LINK_BADGES, Badge, kind_label, relative
from backoffice.extensions import db
from backoffice.models import KINDS, Connection, Link, LinkState, Record
from backoffice.sync.mapper import Mapper
from backoffice.sync.match import QUESTION
from backoffice.sync.provider import Provider

#: So much of a reason stands in a badge.
FIRST_WORDS = 60
#: Records are read in lots of so many.
LOT = 500
#: The cause of a refusal for which the other side holds an archived twin.
ARCHIVED_THERE = "archived_there"


def connection_here() -> Connection | None:
    """The active connection of the company whose page this is; read once a request."""
    if "connection" not in g:
        query = select(Connection).where(Connection.company_id == g.company.id, Connection.active)
        g.connection = db.session.scalar(query)
    found: Connection | None = g.connection
    return found


def provider_of(connection: Connection) -> Provider | None:
    """The accounting system of a connection, if this deployment still has it."""
    found: Provider | None = current_app.extensions["providers"].get(connection.provider)
    return found


def provider_here() -> Provider | None:
    """The accounting system that this company is linked to."""
    connection = connection_here()
    return provider_of(connection) if connection else None


def provider_name(first: bool = False) -> str:
    """What the accounting system of this company is called; in capitals as the first word of a sentence."""
    provider = provider_here()
    name = provider.name if provider else "the accounting system"
    return name[:1].upper() + name[1:] if first else name


def their_statuses(kind: str) -> list[str]:
    """The states that documents of a kind have in the accounting systems of this deployment."""
    providers: Iterable[Provider] = current_app.extensions["providers"].values()
    return list(dict.fromkeys(status for provider in providers for status in provider.statuses(kind)))


def sends(kind: str) -> bool:
    """Whether our edits of this kind go to the other side; true as long as nothing is linked."""
    connection = connection_here()
    route = connection and db.session.info.get("routes", {}).get((connection.provider, kind))
    return not route or route.direction.sends


def links_of(kind: str, record_ids: Iterable[int]) -> dict[int, Link]:
    """The links of these records in the linked organisation, by record."""
    connection, ids = connection_here(), list(record_ids)
    if connection is None or not ids:
        return {}
    query = select(Link).where(Link.connection_id == connection.id, Link.kind == kind, Link.record_id.in_(ids))
    return {link.record_id: link for link in db.session.scalars(query)}


def records_of(found: Sequence[Link]) -> dict[tuple[str, int], Record]:
    """The records of links, by kind and number; without those that are not here any more."""
    return records_at((link.kind, link.record_id) for link in found)


def records_at(named: Iterable[tuple[str, int | None]]) -> dict[tuple[str, int], Record]:
    """The records of this company that rows name, by kind and number; each kind is read at once."""
    wanted: dict[str, set[int]] = {}
    for kind, record_id in named:
        if record_id is not None and kind in KINDS:
            wanted.setdefault(kind, set()).add(record_id)
    records: dict[tuple[str, int], Record] = {}
    for kind, found in wanted.items():
        model, ids = KINDS[kind], sorted(found)
        for start in range(0, len(ids), LOT):
            query = select(model).where(model.company_id == g.company.id, model.id.in_(ids[start : start + LOT]))
            records |= {(kind, record.id): record for record in db.session.scalars(query)}
    return records


def link_of(record: Record) -> Link | None:
    return links_of(record.kind, [record.id]).get(record.id)


def read_only(record: Record, link: Link | None) -> bool:
    """Whether the other side has the final word on this record."""
    return bool(link and link.external_id and not sends(record.kind))


def badge(link: Link | None) -> Badge:
    """What is known of a record, with since when and by which job."""
    if link is None:
        return LINK_BADGES[LinkState.NOT_INTEGRATED]
    if link.state in (LinkState.WAITING, LinkState.BLOCKED) and held_here(link.kind):
        return replace(LINK_BADGES[LinkState.PAUSED], tooltip="It waits until somebody resumes what is paused")
    shown = replace(LINK_BADGES[link.state].at(provider_name()), tooltip=_tooltip(link))
    if link.state is LinkState.GONE and link.gone in GONE_WORDS:
        return replace(shown, word=GONE_WORDS[link.gone].format(provider=provider_name()))
    if link.state is LinkState.REFUSED:
        return replace(shown, detail=shortened(link.refusal or ""))
    if link.state is LinkState.BLOCKED:
        return replace(shown, word=f"Blocked by {blocker_name(link)}")
    return shown


def shortened(text: str) -> str:
    return text if len(text) <= FIRST_WORDS else f"{text[: FIRST_WORDS - 1].rstrip()}…"


def _tooltip(link: Link) -> str:
    if link.state is LinkState.REFUSED:
        return link.refusal or ""
    if link.state is LinkState.PAUSED:
        return link.paused_reason or "Paused here: nothing of it is sent or brought in"
    if link.pending:
        return f"Waiting since {relative(link.changed_at)}"
    if link.synced_at is None:
        return ""
    job = f" by sync job {link.synced_by_id}" if link.synced_by_id else ""
    return f"Equal on both sides {relative(link.synced_at)}{job}"


def record_at(kind: str | None, record_id: int | None) -> Record | None:
    """A record of this company by kind and number."""
    model = KINDS.get(kind or "")
    found = db.session.get(model, record_id) if model and record_id else None
    return found if found and found.company_id == g.company.id else None


def blocker_name(link: Link) -> str:
    """The name of what has to go first."""
    if link.blocked_kind == QUESTION:
        return "a question: which one is it?"
    blocker = record_at(link.blocked_kind, link.blocked_record_id)
    return f"{kind_label(link.blocked_kind or '')} {blocker}" if blocker else kind_label(link.blocked_kind or "record")


def page_of(record: Record) -> str:
    """The page here of a record."""
    return url_for(f"{screen_of(record)}.details_view", id=record.id)


def screen_of(record: Record) -> str:
    """The screen that shows a record."""
    screens: dict[str, str] = current_app.extensions["screens"]
    return screens["expense" if getattr(record, "expense", False) else record.kind]


def record_url(link: Link | None) -> str | None:
    """Where a person sees the record on the other side's own pages."""
    provider = link and provider_of(link.connection)
    if not link or not provider or not link.external_id:
        return None
    return provider.record_url(link.connection, link.kind, link.external_id)


def mapper_of(link: Link) -> Mapper | None:
    """How the kind of a link looks on the other side."""
    provider = provider_of(link.connection)
    return next((m for m in getattr(provider, "mappers", ()) if m.kind == link.kind), None)


def twin_url(link: Link | None, record: Record | None) -> str | None:
    """Where a person finds the archived twin that a record was refused for, to restore it there."""
    if link is None or record is None or link.refusal_cause != ARCHIVED_THERE:
        return None
    model = type(record)
    same = select(model.id).where(model.company_id == record.company_id, model.name_key == record.name_key)
    query = select(Link).where(
        Link.connection_id == link.connection_id, Link.kind == link.kind, Link.id != link.id,
        Link.gone.is_not(None), Link.external_id.is_not(None), Link.record_id.in_(same),
    )  # fmt: skip
    return record_url(link) or record_url(db.session.scalar(query.order_by(Link.id).limit(1)))


def can_retry(link: Link | None) -> bool:
    """Whether trying again does something: only what was refused is not sent by itself."""
    return link is not None and link.state is LinkState.REFUSED
