"""Why a record is not where it is looked for: all that can be said of one from what is kept here."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.models import CompanySettings, Connection, Contact, Document, Link, LinkState, Record, Status
from backoffice.models.link import Routes
from backoffice.sync import pause
from backoffice.sync.match import QUESTION
from backoffice.sync.pending import SETTINGS


class Cause(StrEnum):
    """What stands in the way of a record's being where somebody looks for it, the most telling first."""

    OTHER_COMPANY = "other_company"
    OTHER_BOOK = "other_book"
    MERGED = "merged"
    ARCHIVED = "archived"
    GONE_THERE = "gone_there"
    UNMARKED = "unmarked"
    UNLINKED = "unlinked"
    SKIPPED = "skipped"
    PAUSED = "paused"
    UNCONFIRMED = "unconfirmed"
    REFUSED = "refused"
    CHANGED = "changed"
    QUESTION = "question"
    BLOCKED = "blocked"
    COMPANY_PAUSED = "company_paused"
    KIND_PAUSED = "kind_paused"
    KIND_OFF = "kind_off"
    BEFORE_START = "before_start"
    NOT_APPROVED = "not_approved"
    COMES_IN = "comes_in"
    NOT_LINKED = "not_linked"
    LOST = "lost"
    UNCONFIRMED_PUSH = "unconfirmed_push"
    WAITING = "waiting"
    #: It is where it belongs.
    HERE = "here"


#: What a link's own state says.
STATES = {
    LinkState.UNCONFIRMED: Cause.UNCONFIRMED,
    LinkState.REFUSED: Cause.REFUSED,
    LinkState.CHANGED: Cause.CHANGED,
}


def causes(session: Session, record: Record, link: Link | None, connection: Connection | None) -> list[Cause]:
    """All that stands in the way of one record of the open book; `link` is the one with its organisation."""
    settings = session.scalars(select(CompanySettings).filter_by(company_id=record.company_id)).one()
    found = [*_here(record, link), *_on_its_way(session, record, link, connection, settings)]
    return list(dict.fromkeys(found)) or [Cause.HERE]


def _here(record: Record, link: Link | None) -> Iterator[Cause]:
    """What hides it in the lists here."""
    if link is not None and link.merged_into_id is not None:
        yield Cause.MERGED
    if record.archived:
        yield Cause.ARCHIVED
    if link is not None and link.gone and link.merged_into_id is None:
        yield Cause.GONE_THERE
    if isinstance(record, Contact) and not any(
        (record.supplier_here, record.customer_here, record.is_supplier, record.is_customer)
    ):
        yield Cause.UNMARKED


def _on_its_way(
    session: Session, record: Record, link: Link | None, connection: Connection | None, settings: CompanySettings
) -> Iterator[Cause]:
    """What keeps it from being the same on the other side."""
    if link is not None and link.paused:
        yield _set_aside(link)
    elif link is not None and link.state in STATES:
        yield STATES[link.state]
    elif link is None or link.pending or link.external_id is None:
        yield from _not_there(session, record, link, connection, settings)


def _set_aside(link: Link) -> Cause:
    if link.let_go_id is not None:
        return Cause.UNLINKED
    return Cause.SKIPPED if link.skipped else Cause.PAUSED


def _not_there(
    session: Session, record: Record, link: Link | None, connection: Connection | None, settings: CompanySettings
) -> Iterator[Cause]:
    if connection is None:
        yield Cause.NOT_LINKED
        return
    routes: Routes = session.info.get("routes", {})
    route = routes.get((connection.provider, record.kind))
    if route is not None and not route.direction.sends:
        yield Cause.COMES_IN
        return
    yield from _held_back(session, record, settings)
    if link is not None and link.blocked_kind == QUESTION:
        yield Cause.QUESTION
    elif link is not None and link.blocked_kind not in (None, SETTINGS):
        yield Cause.BLOCKED
    if not connection.usable:
        yield Cause.LOST
    elif connection.push_confirmed_at is None:
        yield Cause.UNCONFIRMED_PUSH
    elif link is not None and link.pending and not link.blocked_kind:
        yield Cause.WAITING


def _held_back(session: Session, record: Record, settings: CompanySettings) -> Iterator[Cause]:
    """What the settings say against its being sent."""
    if settings.paused:
        yield Cause.COMPANY_PAUSED
    if pause.held(settings, record.kind) and not settings.paused:
        yield Cause.KIND_PAUSED
    if not settings.sends(record.kind) or (isinstance(record, Contact) and not _goes_out(session, record, settings)):
        yield Cause.KIND_OFF
    if isinstance(record, Document) and record.status in (Status.DRAFT, Status.AWAITING_APPROVAL):
        yield Cause.NOT_APPROVED
    dated = getattr(record, "date", None)
    if dated is not None and settings.send_from is not None and dated < settings.send_from:
        yield Cause.BEFORE_START


def _goes_out(session: Session, record: Contact, settings: CompanySettings) -> bool:
    mine = select(Contact.id).where(Contact.id == record.id, Contact.outgoing(settings))
    return session.scalar(mine) is not None
