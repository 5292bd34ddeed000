"""Likely duplicates: comparing what jobs wrote, in lots, and counting what waits for an answer."""

from __future__ import annotations

from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from backoffice.models import Contact, Duplicate, Strictness
from backoffice.models.duplicate import compare, shown, stale, strictness_of
from backoffice.sync.task import Task

#: So many contacts are compared in one transaction.
LOT = 500


def catch_up(task: Task) -> None:
    """Compare the contacts that were written since they were last compared."""
    while ids := stale(task.session, task.company_id, LOT):
        task.begin()
        compare(task.session, task.company_id, ids)
        task.commit()
    task.session.rollback()


def pairs(company_id: int | InstrumentedAttribute[int], strictness: Strictness) -> Select[Duplicate, Contact, Contact]:
    """The pairs of a company that wait for an answer, with both contacts."""
    first, second = aliased(Contact), aliased(Contact)
    return (
        select(Duplicate, first, second)
        .join(first, first.id == Duplicate.first_id)
        .join(second, second.id == Duplicate.second_id)
        .where(Duplicate.company_id == company_id, first.archived.is_(False), second.archived.is_(False))
        .where(shown(strictness))
    )


def likely(session: Session, company_id: int) -> dict[str, int]:
    """How many pairs wait for an answer, by kind."""
    strictness = strictness_of(session, company_id)
    if strictness is Strictness.OFF:
        return {}
    waiting = pairs(company_id, strictness).with_only_columns(func.count(), maintain_column_froms=True)
    found = session.scalar(waiting) or 0
    return {Contact.kind: found} if found else {}
