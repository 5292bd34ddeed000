"""What a person decides about links: which candidate it is, this one instead of that, none at all."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.database import folded
from backoffice.errors import ConflictError
from backoffice.models import KINDS, Connection, Document, Link, Match, Record
from backoffice.models.link import event
from backoffice.sync.lease import lock_connection, lock_records


def choose(session: Session, connection: Connection, choices: dict[int, str | None], hold: Iterable[int]) -> None:
    """Put down a person's word: link -> the external id it is (None: none of them), and links not to be created.

    The next job of the connection carries it out. Commits nothing.
    """
    lock_connection(session, connection.id)
    for link_id, external_id in choices.items():
        for match in session.scalars(
            select(Match).where(Match.link_id == link_id, Match.connection_id == connection.id)
        ):
            match.chosen = match.external_id == external_id
    held_back = select(Link).where(Link.id.in_(list(hold)), Link.connection_id == connection.id)
    for link in session.scalars(held_back):
        link.paused, link.paused_reason = True, "held back before the first push"
    if connection.push_confirmed_at is None:
        connection.push_confirmed_at = now()


def link_by_hand(session: Session, record: Record, other: Record) -> None:
    """Make `record` the one that is linked where `other` was: it takes the other's values, the other is archived.

    Both belong to one company and are of one kind; `other` is integrated. Commits nothing.
    Raises: ConflictError while either is being sent.
    """
    if isinstance(record, Document):
        raise ConflictError("Documents are linked by their number and party. Give both the same, then update.")
    lock_records(session, type(record), (record.id, other.id))
    there, mine = _at_rest(session, link_of(session, other)), _at_rest(session, link_of(session, record))
    assert there is not None, "the screen offers integrated records only"
    unsent = there.pending
    for column in sorted(record.synced_columns()):
        setattr(record, column, getattr(other, column))
    session.flush()
    if mine is not None:
        session.delete(mine)
        session.flush()
    there.record_id = record.id
    there.wanted_revision, there.synced_revision = record.revision, record.revision - unsent
    there.paused, there.let_go_id = False, None
    there.clear()
    session.add(event(record.company_id, there, "linked", f"by hand; before, to {other}"))
    session.flush()
    other.archived = True


def unlink_record(session: Session, link: Link, company_id: int) -> None:
    """Let go of the row of theirs that a record is: nothing travels either way until somebody resumes it.

    Raises: ConflictError while it is being sent.
    """
    _at_rest(session, link)
    session.add(event(company_id, link, "unlinked", "by hand"))
    link.let_go_id = link.external_id
    link.external_id = link.external_version = link.gone = None
    link.paused, link.paused_reason = True, "unlinked by hand"
    link.synced_revision = link.wanted_revision
    session.execute(delete(Match).where(Match.link_id == link.id))


def create_again(session: Session, link: Link, company_id: int) -> None:
    """Let a record whose row there is gone be created there anew; what matches it by then is asked about first.

    Raises: ConflictError while it is being sent.
    """
    _at_rest(session, link)
    session.add(event(company_id, link, "unlinked", f"{link.external_id} is gone there; it is created again"))
    link.external_id = link.external_version = link.agreed = link.gone = link.changed_there = None
    link.wanted_revision, link.synced_revision = session.get_one(KINDS[link.kind], link.record_id).revision, 0
    link.sent_at, link.changed_at = None, now()
    link.clear()
    session.info.setdefault("to_ring", set()).add(link.connection_id)


def _at_rest(session: Session, link: Link | None) -> Link | None:
    """The link, locked. Raises: ConflictError while a request that carries its record has no outcome."""
    if link is not None:
        session.refresh(link, with_for_update=True)
        if link.attempt_id is not None:
            raise ConflictError("This record is being sent just now. Try again in a moment.")
    return link


def link_of(session: Session, record: Record) -> Link | None:
    """A record's link with the organisation that its company is linked to now."""
    return session.scalar(
        select(Link)
        .join(Connection)
        .where(Link.kind == record.kind, Link.record_id == record.id, Connection.active)
        .where(Connection.company_id == record.company_id)
    )


def integrated_like(session: Session, record: Record, text: str, limit: int = 20) -> list[Record]:
    """Integrated records of the same kind and company whose name holds the text: candidates for linking by hand."""
    model = type(record)
    linked = (
        select(Link.record_id)
        .join(Connection)
        .where(
            Link.kind == record.kind,
            Link.external_id.is_not(None),
            Connection.active,
            Connection.company_id == record.company_id,
        )
    )
    query = select(model).where(
        model.company_id == record.company_id,
        model.id != record.id,
        model.id.in_(linked),
        model.name_key.contains(folded(text), autoescape=True),
    )
    return list(session.scalars(query.order_by(model.name_key).limit(limit)))
