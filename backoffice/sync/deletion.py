"""Deleting a company: at once it can no longer be used; its rows go in lots, whoever goes on with it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import CursorResult, Table, delete, exists, func, select, tuple_, update
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.models import Authorisation, Company, Connection, Deletion, JobState, SyncJob
from backoffice.models.leased import Lease
from backoffice.models.owned import of_company, owned_tables
from backoffice.sync.linking import let_go
from backoffice.sync.open_book import BULK

#: So many rows are removed in one transaction.
LOT = 2000


def counted(session: Session, company_id: int) -> dict[str, int]:
    """How many rows each table holds of a company; those that hold none are left out."""
    found = {}
    for table in owned_tables():
        query = select(func.count()).select_from(table).where(of_company(table, company_id))
        if count := session.scalar(query):
            found[table.name] = count
    return found


def begin(session: Session, company: Company, user_id: int | None) -> Deletion:
    """From now on nothing of the company can be used. Commits; the caller rings.

    Where somebody else has begun it just now, theirs is the one.
    """
    _unlink(session, company.id)
    session.refresh(company, with_for_update=True)
    if company.deletion_id is not None:
        session.commit()
        return session.get_one(Deletion, company.deletion_id)
    deletion = Deletion(name=company.name, user_id=user_id)
    session.add(deletion)
    session.flush()
    company.deletion_id = deletion.id
    session.commit()
    return deletion


def resume(session: Session, deletion_id: int) -> bool:
    """Let a deletion that was given up go on; says whether it was one. Commits; the caller rings."""
    given_up = update(Deletion).where(Deletion.id == deletion_id, Deletion.reason.is_not(None))
    again = given_up.values(ended_at=None, reason=None, tries=0).returning(Deletion.id)
    found = session.scalar(again, execution_options=BULK)
    session.commit()
    return found is not None


def due(session: Session) -> Sequence[int]:
    """The deletions that have no end, and that nobody does."""
    return session.scalars(select(Deletion.id).where(Deletion.free()).order_by(Deletion.id).limit(1000)).all()


def run(session: Session, lease: Lease) -> bool:
    """Remove all there is of a company; False while a job of it has not come to its end yet.

    Raises: LeaseLostError when another worker has taken over.
    """
    company_id = session.scalar(select(Company.id).where(Company.deletion_id == lease.id))
    session.rollback()
    if company_id is not None:
        _unlink(session, company_id)  # what was linked at the very moment when it began
        session.commit()
        if _working(session, company_id):
            lease.give_back(session)
            return False
        for table in owned_tables():
            while _remove(session, lease, company_id, table):
                pass
        session.execute(delete(Company).where(Company.id == company_id), execution_options=BULK)
    lease.end(session)
    return True


def _unlink(session: Session, company_id: int) -> None:
    active = select(Connection).where(Connection.company_id == company_id, Connection.active)
    for connection in session.scalars(active).all():
        let_go(session, connection)


def _working(session: Session, company_id: int) -> bool:
    """Whether a worker is still at a job of the company; it ends after its batch."""
    held = select(SyncJob.id).where(SyncJob.company_id == company_id, SyncJob.state == JobState.RUNNING)
    found = session.scalar(held.where(SyncJob.lease_until > now()).limit(1)) is not None
    session.rollback()
    return found


def _remove(session: Session, lease: Lease, company_id: int, table: Table) -> bool:
    """Remove a lot of rows; says whether there may be more."""
    removed = session.scalars(select(Deletion.removed).where(Deletion.id == lease.id)).one()
    consents = _consents(session, company_id) if table is Connection.table() else []
    columns = list(table.primary_key.columns)
    key = columns[0] if len(columns) == 1 else tuple_(*columns)
    lot = select(*columns).where(of_company(table, company_id)).limit(LOT)
    outcome = session.execute(delete(table).where(key.in_(lot)), execution_options=BULK)
    assert isinstance(outcome, CursorResult)
    if consents:
        unused = ~exists().where(Connection.authorisation_id == Authorisation.id)
        session.execute(delete(Authorisation).where(Authorisation.id.in_(consents), unused), execution_options=BULK)
    if outcome.rowcount:
        removed = {**removed, table.name: removed.get(table.name, 0) + outcome.rowcount}
    more = outcome.rowcount >= LOT
    lease.write(session, removed=removed)
    return more


def _consents(session: Session, company_id: int) -> list[int]:
    query = select(Connection.authorisation_id).where(Connection.company_id == company_id)
    return [key for key in session.scalars(query) if key is not None]
