"""Linking and unlinking: a company and an organisation of a provider."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, insert, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.errors import ConflictError
from backoffice.models import (
    KINDS,
    Company,
    CompanySettings,
    Connection,
    ConnectionState,
    JobState,
    Link,
    StartedBy,
    SyncJob,
    Urgency,
)
from backoffice.models.link import CLEARED
from backoffice.sync import jobs, open_book
from backoffice.sync.lease import lock_connection
from backoffice.sync.mapper import Mapper
from backoffice.sync.pending import SETTINGS
from backoffice.sync.provider import Organisation, Provider


class AnotherBookError(ConflictError):
    """This is another organisation than the one whose book is open; say --another-book to set that book aside."""


def link(
    session: Session,
    provider: Provider,
    company_id: int,
    organisation: Organisation,
    authorisation_id: int,
    user_id: int | None,
    another_book: bool = False,
) -> tuple[Connection, SyncJob]:
    """Link a company to an organisation and ask for the first sync. Commits; the caller rings for the job.

    The same organisation as before wakes its connection with all its links. With another one, what is kept here
    rests with the organisation that it came from, and the other's book is opened, or begun: only if `another_book`.
    Raises: ConflictError, in words for people, when company or organisation are linked otherwise, or the company goes;
    AnotherBookError.
    """
    _refuse_gone(session, company_id)
    _refuse_taken(session, provider, company_id, organisation)
    connection = session.scalar(
        select(Connection).filter_by(company_id=company_id, provider=provider.key, external_id=organisation.external_id)
    ) or Connection(company_id=company_id, provider=provider.key, external_id=organisation.external_id)
    leaving = open_book.open_with(session, company_id)
    if leaving is not None and leaving.id != connection.id:
        _close(session, leaving, organisation, another_book)
    else:
        leaving = None
    resting = not connection.active or connection.id is None
    connection.authorisation_id, connection.consent_id = authorisation_id, organisation.consent_id
    connection.organisation = organisation.name
    connection.active, connection.state = True, ConnectionState.CONNECTED
    connection.problem = connection.lost_reason = None
    connection.linked_at, connection.unlinked_at = now(), None
    session.add(connection)
    try:
        session.flush()
    except IntegrityError as error:
        session.rollback()
        raise ConflictError(f"{organisation.name} was linked elsewhere just now. Unlink it there first.") from error
    if leaving is not None:
        open_book.turn_to(session, connection, leaving)
    if resting:
        connection.push_confirmed_at = None  # what was written here meanwhile is shown before it is sent
        open_links(session, connection, provider.mappers)
    kinds = [mapper.kind for mapper in provider.mappers]
    title = "First sync" if resting else "Update"
    started_by = StartedBy.PERSON if user_id else StartedBy.COMMAND
    job, _ = jobs.request_update(
        session, connection, kinds, user_id=user_id, title=title, urgency=Urgency.BACKGROUND, started_by=started_by
    )
    return connection, job


def _refuse_gone(session: Session, company_id: int) -> None:
    company = session.get(Company, company_id, populate_existing=True)
    if company is None or company.deletion_id is not None:
        raise ConflictError("The company is being deleted, or was; nothing is linked to it any more.")


def _refuse_taken(session: Session, provider: Provider, company_id: int, organisation: Organisation) -> None:
    other = session.scalar(
        select(Connection).where(
            Connection.provider == provider.key,
            Connection.external_id == organisation.external_id,
            Connection.active,
            Connection.company_id != company_id,
        )
    )
    if other is not None:
        name = session.get_one(Company, other.company_id).name
        raise ConflictError(f"{organisation.name} is linked to {name} already. Unlink it there first.")


def _close(session: Session, leaving: Connection, organisation: Organisation, another_book: bool) -> None:
    """Let go of the book that is open, if somebody has said so and nothing is under way in it."""
    if leaving.usable:
        raise ConflictError(
            f"This company is linked to {leaving.organisation}. Unlink that before you link {organisation.name}."
        )
    if not another_book:
        raise AnotherBookError
    running = select(SyncJob.id).where(SyncJob.connection_id == leaving.id, SyncJob.state == JobState.RUNNING)
    if session.scalar(running.limit(1)) is not None:
        raise ConflictError(f"A job for {leaving.organisation} is just ending. Try again in a moment.")
    if leaving.active:
        let_go(session, leaving)  # it has ended on the other side


def open_links(session: Session, connection: Connection, mappers: Sequence[Mapper]) -> None:
    """Let what was written here while there was no link wait to be sent."""
    settings = session.scalars(select(CompanySettings).filter_by(company_id=connection.company_id)).one()
    for mapper in mappers:
        if not mapper.direction.sends or not settings.sends(mapper.kind):
            continue
        model = KINDS[mapper.kind]
        table = model.table()
        mine = and_(Link.connection_id == connection.id, Link.kind == mapper.kind)
        held = update(Link).where(mine, Link.blocked_kind == SETTINGS).values(changed_at=now(), **CLEARED)
        session.execute(held.execution_options(synchronize_session=False))
        newer = select(table.c.revision).where(table.c.id == Link.record_id).scalar_subquery()
        session.execute(
            update(Link)
            .where(mine, Link.wanted_revision < newer)
            .values(wanted_revision=newer, changed_at=now(), **CLEARED)
            .execution_options(synchronize_session=False)
        )
        unlinked = select(
            literal(connection.id),
            literal(mapper.resource),
            literal(mapper.kind),
            table.c.id,
            table.c.revision,
            literal(0),
            table.c.changed_at,
            literal(False),
        ).where(
            table.c.company_id == connection.company_id,
            table.c.archived.is_(False),
            table.c.book_id.is_(None),
            model.outgoing(settings),
            table.c.id.not_in(select(Link.record_id).where(mine)),
        )
        columns = ["connection_id", "resource", "kind", "record_id", "wanted_revision", "synced_revision"]
        session.execute(insert(Link).from_select([*columns, "changed_at", "paused"], unlinked))


def unlink(session: Session, connection: Connection) -> None:
    """Stop all calls for a company. Records and links stay as they are. Commits."""
    let_go(session, connection)
    session.commit()


def let_go(session: Session, connection: Connection) -> None:
    """End a connection here: what waits is cancelled, what runs ends after its batch. Commits nothing."""
    lock_connection(session, connection.id)
    connection.active, connection.state, connection.unlinked_at = False, ConnectionState.UNLINKED, now()
    connection.problem = connection.lost_reason = None
    session.flush()
    session.execute(
        update(SyncJob)
        .where(SyncJob.connection_id == connection.id, SyncJob.state == JobState.PENDING)
        .values(state=JobState.CANCELLED, ended_at=now(), waiting_for=None, waiting_kind=None)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(SyncJob)
        .where(SyncJob.connection_id == connection.id, SyncJob.state == JobState.RUNNING)
        .values(cancel_requested=True)
        .execution_options(synchronize_session=False)
    )


def revive(session: Session, connection: Connection) -> None:
    """Take a connection up again that the other side answers for once more. Commits."""
    lock_connection(session, connection.id)
    session.execute(
        update(Connection)
        .where(Connection.id == connection.id, Connection.active)
        .values(state=ConnectionState.CONNECTED, problem=None, lost_reason=None)
        .execution_options(synchronize_session=False)
    )
    session.commit()
    session.refresh(connection)
