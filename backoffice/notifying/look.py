"""The look: compares what needs a person now with what was told, and puts down what appeared and what was settled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from sqlalchemy import delete, exists, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.database import is_postgresql
from backoffice.models import Company, Need, NeedChange, Receiver, Subscription, Told
from backoffice.notifying import deliveries
from backoffice.sync import needs

#: A look is taken so often at the most, in seconds.
EVERY = 60


def companies_told(session: Session) -> Sequence[int]:
    """The companies of which anybody wants to hear."""
    somebody = exists().where(Subscription.company_id == Company.id)
    something = exists().where(Receiver.company_id == Company.id, Receiver.off_at.is_(None))
    query = select(Company.id).where(Company.deletion_id.is_(None), or_(somebody, something))
    return session.scalars(query.order_by(Company.id)).all()


def look(session: Session, home: str) -> list[int]:
    """Put down what changed in companies since the last look; returns deliveries to ring for. Commits for each.

    Two may look at the same time: each change is put down by one of them.
    """
    companies = companies_told(session)
    found = needs.of_companies(session, companies)
    told: dict[int, set[Need]] = {}
    for company_id, need in session.execute(select(Told.company_id, Told.need).where(Told.company_id.in_(companies))):
        told.setdefault(company_id, set()).add(need)
    session.rollback()
    made = []
    for company_id in companies:
        known, present = told.get(company_id, set()), {need for need, count in found[company_id].items() if count}
        if known != present:
            made += _put_down(session, company_id, found[company_id], present - known, known - present, home)
    return made


def _put_down(
    session: Session,
    company_id: int,
    found: Counter[Need],
    appeared: Collection[Need],
    settled: Collection[Need],
    home: str,
) -> list[int]:
    # One at a time, so that whoever reads changes by their numbers passes none by.
    session.execute(select(Company.id).where(Company.id == company_id).with_for_update())
    came, went = _began(session, company_id, appeared), _ended(session, company_id, settled)
    for need in (*came, *went):
        session.add(NeedChange(company_id=company_id, need=need, appeared=need in came))
    made = deliveries.put(session, company_id, found, came, went, home) if came or went else None
    session.commit()
    return [made] if made else []


def _began(session: Session, company_id: int, appeared: Collection[Need]) -> set[Need]:
    """Those that nobody else has put down meanwhile."""
    if not appeared:
        return set()
    dialect = postgresql if is_postgresql(session) else sqlite
    rows = [{"company_id": company_id, "need": need, "since": now()} for need in sorted(appeared)]
    added = dialect.insert(Told).values(rows).on_conflict_do_nothing().returning(Told.need)
    return set(session.scalars(added))


def _ended(session: Session, company_id: int, settled: Collection[Need]) -> set[Need]:
    mine = delete(Told).where(Told.company_id == company_id, Told.need.in_(settled)).returning(Told.need)
    return set(session.scalars(mine, execution_options={"synchronize_session": False})) if settled else set()
