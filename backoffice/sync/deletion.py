"""Deleting a company: at once it can no longer be used; its rows go in lots, whoever goes on with it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import CursorResult, Table, delete, exists, func, select, tuple_
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.models import Authorisation, Company, Connection, Deletion, JobState, SyncJob
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
    """From now on nothing of the company can be used. Commits; the caller rings."""
    active = select(Connection).where(Connection.company_id == company.id, Connection.active)
    for connection in session.scalars(active):
        let_go(session, connection)
    deletion = Deletion(name=company.name, user_id=user_id)
    session.add(deletion)
    session.flush()
    company.deletion_id = deletion.id
    session.commit()
    return deletion


def unfinished(session: Session) -> Sequence[int]:
    """The deletions that somebody has to go on with."""
    return session.scalars(select(Deletion.id).where(Deletion.ended_at.is_(None)).order_by(Deletion.id)).all()


def run(session: Session, deletion_id: int) -> bool:
    """Remove all there is of a company; False while a job of it has not come to its end yet."""
    company_id = session.scalar(select(Company.id).where(Company.deletion_id == deletion_id))
    session.rollback()
    if company_id is None:
        return True
    if _working(session, company_id):
        return False
    for table in owned_tables():
        while _remove(session, deletion_id, company_id, table):
            pass
    _end(session, deletion_id, company_id)
    return True


def _working(session: Session, company_id: int) -> bool:
    """Whether a worker is still at a job of the company; it ends after its batch."""
    held = select(SyncJob.id).where(SyncJob.company_id == company_id, SyncJob.state == JobState.RUNNING)
    found = session.scalar(held.where(SyncJob.lease_until > now()).limit(1)) is not None
    session.rollback()
    return found


def _remove(session: Session, deletion_id: int, company_id: int, table: Table) -> bool:
    """Remove a lot of rows; says whether there may be more."""
    deletion = session.get_one(Deletion, deletion_id, with_for_update=True, populate_existing=True)
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
        deletion.removed = {**deletion.removed, table.name: deletion.removed.get(table.name, 0) + outcome.rowcount}
    more = outcome.rowcount >= LOT
    session.commit()
    return more


def _consents(session: Session, company_id: int) -> list[int]:
    query = select(Connection.authorisation_id).where(Connection.company_id == company_id)
    return [key for key in session.scalars(query) if key is not None]


def _end(session: Session, deletion_id: int, company_id: int) -> None:
    session.execute(delete(Company).where(Company.id == company_id), execution_options=BULK)
    session.get_one(Deletion, deletion_id, populate_existing=True).ended_at = now()
    session.commit()
