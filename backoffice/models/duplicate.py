"""Likely duplicates: two contacts that may be one, and what somebody said of it, which holds for ever."""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    bindparam,
    delete,
    false,
    insert,
    or_,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.clock import now
from backoffice.database import Base, RowId, is_postgresql
from backoffice.models.company import Company
from backoffice.models.contact import Contact
from backoffice.models.history import author
from backoffice.models.likeness import Likeness, keys_of, pairs, twins
from backoffice.models.settings import CompanySettings, Strictness

log = structlog.get_logger()


class Duplicate(Base):
    """A pair of contacts of one company, the smaller number first. Open until it is answered."""

    __tablename__ = "duplicate"
    __table_args__ = (
        UniqueConstraint("first_id", "second_id"),
        Index("ix_duplicate_second", "second_id"),
        Index(
            "ix_duplicate_open",
            "company_id",
            "id",
            sqlite_where=text("answered_at IS NULL"),
            postgresql_where=text("answered_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id", ondelete="CASCADE"))
    first_id: Mapped[int] = mapped_column(RowId)
    second_id: Mapped[int] = mapped_column(RowId)
    #: The columns in which they are equal, with spaces between; empty if only their names are alike.
    equal_in: Mapped[str] = mapped_column(String(100), default="")
    #: When somebody said that they are two, and who.
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id", ondelete="SET NULL"))


def shown(strictness: Strictness) -> ColumnElement[bool]:
    """Which pairs wait for an answer under a setting."""
    if strictness is Strictness.OFF:
        return false()
    waiting = Duplicate.answered_at.is_(None)
    return waiting if strictness is Strictness.ALIKE else waiting & (Duplicate.equal_in != "")


def strictness_of(session: Session, company_id: int) -> Strictness:
    """Which contacts a company wants to be asked about."""
    query = select(CompanySettings.ask_duplicates).where(CompanySettings.company_id == company_id)
    return session.scalar(query) or Strictness.OFF


def stale(session: Session, company_id: int, limit: int) -> Sequence[int]:
    """Contacts that were written since they were last compared."""
    query = (
        select(Contact.id)
        .outerjoin(Likeness, Likeness.contact_id == Contact.id)
        .where(Contact.company_id == company_id)
        .where(or_(Likeness.revision.is_(None), Likeness.revision != Contact.revision))
    )
    return session.scalars(query.order_by(Contact.id).limit(limit)).all()


def after_commit(session: Session) -> None:
    """Compare the contacts that were just saved, in a transaction of their own; what a job wrote, the job compares."""
    ids = session.info.pop("to_compare", set())
    if not ids or author.get().sync_job_id is not None:
        return
    with Session(session.get_bind()) as own:
        query = select(Contact.company_id, Contact.id).where(Contact.id.in_(ids)).order_by(Contact.id)
        found: dict[int, list[int]] = {}
        for company_id, contact_id in own.execute(query).all():
            found.setdefault(company_id, []).append(contact_id)
        try:
            for company_id, mine in found.items():
                compare(own, company_id, mine)
            own.commit()
        except OperationalError as error:
            log.warning("contacts were not compared; the next job does that", error=type(error).__name__)


def after_rollback(session: Session) -> None:
    """Nothing of it was saved."""
    session.info.pop("to_compare", None)


def compare(session: Session, company_id: int, ids: Collection[int]) -> None:
    """Compare contacts with all others of their company, and keep the likely pairs. Commits and flushes nothing.

    One comparison at a time in a company. Call it while nothing of the company is locked but its connection and job.
    """
    with session.no_autoflush:
        session.execute(select(Company.id).where(Company.id == company_id).with_for_update(key_share=True))
        _keep_keys(session, company_id, ids)
        table = Likeness.table()
        mine = session.execute(select(table).where(table.c.contact_id.in_(ids), table.c.spelling.is_not(None)))
        keys = {row.contact_id: dict(row._mapping) for row in mine}
        like = twins(session, company_id, list(keys.values()))
        found = {(first, second): equal for first, second, equal in pairs(zip(keys, like, strict=True))}
        _forget_open(session, ids, found)
        _keep(session, [_row(company_id, *pair, equal_in=" ".join(found[pair])) for pair in sorted(found)], "equal_in")


def _keep_keys(session: Session, company_id: int, ids: Collection[int]) -> None:
    table = Contact.table()
    rows = session.execute(select(table).where(table.c.id.in_(ids), table.c.company_id == company_id)).mappings().all()
    nobody = dict.fromkeys(keys_of({}))
    kept = [
        {
            "contact_id": row["id"],
            "company_id": company_id,
            "revision": row["revision"],
            **(nobody if row["archived"] else keys_of(dict(row))),
        }
        for row in rows
    ]
    session.execute(delete(Likeness).where(Likeness.contact_id.in_(ids)), execution_options=QUIET)
    if kept:
        session.execute(insert(Likeness.table()), kept)


QUIET = {"synchronize_session": False}


def _forget_open(session: Session, ids: Collection[int], found: Container[tuple[int, int]]) -> None:
    """Let go of the pairs of these contacts that nobody has answered, but for those that were found again."""
    table = Duplicate.table()
    of_these = table.c.first_id.in_(ids) | table.c.second_id.in_(ids)
    query = select(table.c.id, table.c.first_id, table.c.second_id).where(of_these, table.c.answered_at.is_(None))
    gone = [{"row_id": key} for key, *pair in session.execute(query) if tuple(pair) not in found]
    if gone:
        one = delete(table).where(table.c.id == bindparam("row_id"), table.c.answered_at.is_(None))
        session.connection().execute(one, gone)


def _row(company_id: int, first: int, second: int, **values: Any) -> dict[str, Any]:
    return {"company_id": company_id, "first_id": first, "second_id": second, **values}


def _keep(session: Session, rows: Sequence[dict[str, Any]], *columns: str) -> None:
    """Put down pairs; one that is there already gets these columns, unless it is answered: that holds."""
    dialect: Any = postgresql if is_postgresql(session) else sqlite
    statement = dialect.insert(Duplicate.table())
    known = statement.on_conflict_do_update(
        index_elements=["first_id", "second_id"],
        set_={column: statement.excluded[column] for column in columns},
        where=Duplicate.answered_at.is_(None),
    )
    if rows:
        session.execute(known, rows)


def say_different(session: Session, company_id: int, one: int, other: int, user_id: int | None) -> None:
    """Put down that two contacts are two, for ever and both ways. Commits nothing."""
    first, second = sorted((one, other))
    said: dict[str, Any] = {"equal_in": "", "answered_at": now(), "answered_by_id": user_id}
    _keep(session, [_row(company_id, first, second, **said)], "answered_at", "answered_by_id")
