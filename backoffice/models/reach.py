"""Reach: which companies are open to a person. Whoever is limited finds those and no other, in every question."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, ORMExecuteState, Session, with_loader_criteria

from backoffice.models.company import Company
from backoffice.models.user import Role, User, user_company

#: Where a session keeps whose questions it asks, when that person is limited.
LIMITED_TO = "limited_to"


def limit(session: Session, user: User) -> None:
    """From now on every question of this session about companies finds those that are open to the person."""
    session.info[LIMITED_TO] = user.id if user.bounded else None


def only_within_reach(state: ORMExecuteState) -> None:
    """Put the limit of a session into each of its questions about companies."""
    user_id = state.session.info.get(LIMITED_TO)
    loads = state.is_column_load or state.is_relationship_load
    if user_id is not None and state.is_select and not loads:
        mine = with_loader_criteria(Company, open_to(user_id), include_aliases=True, propagate_to_loaders=False)
        state.statement = state.statement.options(mine)


def open_to(user_id: int) -> ColumnElement[bool]:
    """The companies that were chosen for a person."""
    return Company.id.in_(select(user_company.c.company_id).where(user_company.c.user_id == user_id))


def enters(session: Session, user: User, company_id: int) -> bool:
    """Whether a company is open to a person, wherever that is asked from."""
    chosen = select(user_company.c.user_id)
    mine = chosen.where(user_company.c.user_id == user.id, user_company.c.company_id == company_id)
    return not user.bounded or session.scalar(mine) is not None


def admitted(company_id: int | InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """The people to whom a company is open, as `User.bounded` has it; a condition on `User`."""
    mine = select(user_company.c.user_id).where(user_company.c.company_id == company_id)
    return or_(User.limited.is_(False), User.role == Role.ADMINISTRATOR, User.id.in_(mine))


def choose(session: Session, user: User, company_ids: Iterable[int] | None) -> None:
    """Open these companies to a person, and no other; None opens all, those of tomorrow too. Commits nothing."""
    user.limited = company_ids is not None
    user.companies = list(session.scalars(existing().where(Company.id.in_(company_ids or ()))))


def existing() -> Select[Company]:
    """The companies that can be chosen, by name; one that is being deleted cannot."""
    return select(Company).where(Company.deletion_id.is_(None)).order_by(func.lower(Company.name), Company.id)
