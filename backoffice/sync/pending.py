"""The outbox, as one indexed query: what is ahead of what its organisation has; and a person's say over it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from backoffice.clock import now
from backoffice.errors import ConflictError
from backoffice.models import (
    KINDS,
    AttemptState,
    CompanySettings,
    Connection,
    ConnectionState,
    JobState,
    Link,
    LinkState,
    Match,
    SyncAttempt,
    SyncAttemptItem,
    SyncJob,
    Work,
)
from backoffice.models.link import Routes, event
from backoffice.sync import jobs

#: After a job that failed, what waits is left alone for so long; an edit or a press begins at once all the same.
REST_AFTER_FAILURE = timedelta(minutes=15)


#: What stands in a link's `blocked_kind` while the settings hold it back.
SETTINGS = "settings"


def due() -> ColumnElement[bool]:
    """What can be sent now."""
    return and_(
        Link.pending,
        Link.paused.is_(False),
        Link.attempt_id.is_(None),
        Link.refusal.is_(None),
        Link.blocked_kind.is_(None),
        Link.changed_there.is_(None),
    )


def due_links(
    session: Session,
    connection_id: int,
    kind: str,
    created: bool,
    limit: int,
    among: Iterable[int] | None = None,
    lock: bool = False,
    perhaps_there: bool = False,
) -> Sequence[Link]:
    """Links to send, oldest change first: those that exist there (`created`), or those that are to be created.

    A record that may be one of theirs is not created before that is decided; what is `perhaps_there` is asked for
    apart, to be looked for. What somebody else is writing
    just now is left out of a locked look; its commit rings for it.
    """
    query = (
        select(Link)
        .where(Link.connection_id == connection_id, Link.kind == kind, due())
        .where(Link.external_id.is_not(None) if created else _uncreated(perhaps_there))
        .order_by(Link.changed_at, Link.id)
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    if among is not None:
        query = query.where(Link.id.in_(list(among)))
    return session.scalars(query.with_for_update(skip_locked=True) if lock else query).all()


def _uncreated(perhaps_there: bool) -> ColumnElement[bool]:
    return and_(Link.external_id.is_(None), Link.perhaps_there.is_(perhaps_there), ~_undecided())


def _undecided() -> ColumnElement[bool]:
    return exists().where(Match.link_id == Link.id, Match.chosen.is_not(False))


def kinds_waiting(session: Session, connection_id: int) -> set[str]:
    """The kinds of which anything is ahead of what its organisation has, whatever stands in its way.

    Ends the transaction.
    """
    query = select(Link.kind).where(Link.connection_id == connection_id, Link.pending)
    found = set(session.scalars(query.distinct()))
    session.rollback()
    return found


def kinds_to_create(session: Session, connection_id: int, kinds: Sequence[str]) -> Sequence[str]:
    """Those of these kinds of which something is to be created."""
    query = select(Link.kind).where(Link.connection_id == connection_id, Link.kind.in_(kinds), due())
    return session.scalars(query.where(Link.external_id.is_(None)).distinct()).all()


def kinds_perhaps_there(session: Session, connection_id: int) -> set[str]:
    """The kinds of which something that waits to be created may be there already. Ends the transaction."""
    where = Link.connection_id == connection_id, Link.pending, Link.external_id.is_(None), Link.perhaps_there
    found = set(session.scalars(select(Link.kind).where(*where).distinct()))
    session.rollback()
    return found


def unblock(session: Session, connection_id: int) -> None:
    """Let go of what waited for records that have arrived there by now, or never will. Commits nothing."""
    blocked = Link.connection_id == connection_id, Link.blocked_record_id.is_not(None)
    other = aliased(Link)
    arrived = exists().where(
        other.connection_id == Link.connection_id,
        other.kind == Link.blocked_kind,
        other.record_id == Link.blocked_record_id,
        other.external_id.is_not(None),
    )
    for kind in session.scalars(select(Link.blocked_kind).where(*blocked).distinct()).all():
        table = KINDS[str(kind)].table()
        ended = exists().where(table.c.id == Link.blocked_record_id, table.c.archived)
        session.execute(
            update(Link)
            .where(*blocked, Link.blocked_kind == kind, or_(arrived, ended))
            .values(blocked_kind=None, blocked_record_id=None)
            .execution_options(synchronize_session=False)
        )


def anything_to_push(session: Session, connection_id: int) -> bool:
    """Whether a connection has anything to send or to settle of what is not paused."""
    company_id = session.get_one(Connection, connection_id).company_id
    settings = session.scalars(select(CompanySettings).filter_by(company_id=company_id)).one()
    if settings.paused:
        return False
    unsettled = (
        select(SyncAttempt.id)
        .where(SyncAttempt.connection_id == connection_id, SyncAttempt.state == AttemptState.OPEN)
        .where(~SyncAttempt.items.any(SyncAttemptItem.kind.in_(settings.paused_kinds)))
    )
    waiting = select(Link.id).where(Link.connection_id == connection_id, due(), Link.kind.not_in(settings.paused_kinds))
    return any(session.scalar(query.limit(1)) is not None for query in (unsettled, waiting))


def left_behind(session: Session) -> Sequence[int]:
    """Connections with something to send or to settle, no job that will do it, and none that failed at it just now."""
    sends = SyncJob.work.in_([work for work in Work if work.sends])
    will_do_it = exists().where(SyncJob.connection_id == Connection.id, sends, jobs.covers_now())
    failed_just_now = exists().where(
        SyncJob.connection_id == Connection.id,
        SyncJob.work == Work.PUSH,
        SyncJob.state == JobState.FAILED,
        SyncJob.ended_at > now() - REST_AFTER_FAILURE,
    )
    unsettled = exists().where(SyncAttempt.connection_id == Connection.id, SyncAttempt.state == AttemptState.OPEN)
    waiting = exists().where(Link.connection_id == Connection.id, due())
    found = session.execute(
        select(Connection.id, CompanySettings.paused_kinds)
        .join(CompanySettings, CompanySettings.company_id == Connection.company_id)
        .where(Connection.active, Connection.state == ConnectionState.CONNECTED)
        .where(Connection.push_confirmed_at.is_not(None), CompanySettings.paused.is_(False))
        .where(or_(unsettled, waiting), ~will_do_it, ~failed_just_now)
    ).all()
    return [connection_id for connection_id, paused in found if not paused or anything_to_push(session, connection_id)]


def pause(session: Session, link: Link, reason: str) -> None:
    """Neither send nor take this record until it is resumed."""
    link.paused, link.paused_reason = True, reason[:255]
    _note(session, link, "paused", reason)


def resume(session: Session, link: Link) -> None:
    """Go on with a record; what was held back on either side goes with the next job.

    Raises: ConflictError when it was unlinked by hand, and another record is linked to that row of theirs by now.
    """
    if link.let_go_id is not None:
        mine = Link.connection_id == link.connection_id, Link.kind == link.kind
        other = session.scalar(select(Link.record_id).where(*mine, Link.external_id == link.let_go_id))
        if other is not None:
            taken = session.get_one(KINDS[link.kind], other)
            raise ConflictError(f"{taken} is linked to what this was linked to. Unlink it first, or link this by hand.")
        link.external_id, link.let_go_id = link.let_go_id, None
    elif link.external_id is None and _sends(session, link):
        link.synced_revision = 0
        link.wanted_revision = session.get_one(KINDS[link.kind], link.record_id).revision
    link.paused, link.skipped, link.paused_reason = False, False, None
    _note(session, link, "resumed")
    retry(session, link)


def _sends(session: Session, link: Link) -> bool:
    """Whether records of its kind go out at all."""
    routes: Routes = session.info.get("routes", {})
    route = routes.get((session.get_one(Connection, link.connection_id).provider, link.kind))
    return route is not None and route.direction.sends


def retry(session: Session, link: Link) -> None:
    """Forget why it was turned down, and try again."""
    link.clear()
    link.changed_at = now()
    session.info.setdefault("to_ring", set()).add(link.connection_id)


def weigh_again(session: Session, link_ids: Collection[int]) -> None:
    """Let those of these that were turned down wait again: what they are there, or is open of them, has moved."""
    refused = Link.id.in_(link_ids), Link.refusal.is_not(None), Link.paused.is_(False)
    found = session.scalars(select(Link).where(*refused).execution_options(populate_existing=True)).all()
    for link in found:
        link.clear()
        link.changed_at = now()
    session.flush()


def skip(session: Session, link: Link, reason: str) -> None:
    """Take what waits off the queue: nothing of the record travels until somebody resumes it."""
    link.clear()
    link.paused, link.skipped, link.paused_reason = True, True, reason[:255]
    _note(session, link, "skipped", reason)


def counts(session: Session, connection: Connection) -> dict[str, dict[LinkState, int]]:
    """How many links are in each state, by kind."""
    # Grouped from outside: PostgreSQL does not see that two equal expressions with parameters are one.
    one = select(Link.kind, Link.state.label("state")).where(Link.connection_id == connection.id).subquery()
    found: dict[str, dict[LinkState, int]] = {}
    for kind, state, number in session.execute(
        select(one.c.kind, one.c.state, func.count()).group_by(one.c.kind, one.c.state)
    ):
        found.setdefault(kind, {})[LinkState(state)] = number
    return found


def _note(session: Session, link: Link, action: str, note: str | None = None) -> None:
    company_id = session.get_one(Connection, link.connection_id).company_id
    session.add(event(company_id, link, action, note))
