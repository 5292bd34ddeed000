"""The open book: what a company keeps with one organisation rests while it is linked to another one."""

from __future__ import annotations

from sqlalchemy import Table, func, select, update
from sqlalchemy.orm import Session

from backoffice.database import Base
from backoffice.models import Company, Connection
from backoffice.models.book import Booked

#: A bulk statement that passes revision and history by: no record is edited, only laid aside or taken up.
BULK = {"engine": True, "synchronize_session": False}


def tables() -> list[Table]:
    """Every table whose rows belong to a book."""
    found = {mapper.local_table for mapper in Base.registry.mappers if issubclass(mapper.class_, Booked)}
    return sorted((table for table in found if isinstance(table, Table)), key=lambda table: table.name)


def open_with(session: Session, company_id: int) -> Connection | None:
    """The connection whose book is open: the one that was linked last; None where there was never any."""
    mine = select(Connection).where(Connection.company_id == company_id)
    return session.scalar(mine.order_by(Connection.linked_at.desc(), Connection.id.desc()).limit(1))


def turn_to(session: Session, connection: Connection, leaving: Connection) -> None:
    """Lay aside what is kept in the book of `leaving`, and take up that of `connection`. Commits nothing.

    Records, their links and their bookmarks stay as they are; what rests is neither shown, sent nor matched.
    What is being written is waited for: see `backoffice.models.book.keep_apart`.
    """
    session.execute(select(Company.id).where(Company.id == connection.company_id).with_for_update())
    for table in tables():
        mine = table.c.company_id == connection.company_id
        rest = update(table).where(mine, table.c.book_id.is_(None)).values(book_id=leaving.id)
        session.execute(rest, execution_options=BULK)
        wake = update(table).where(mine, table.c.book_id == connection.id).values(book_id=None)
        session.execute(wake, execution_options=BULK)
    session.expire_all()


def resting(session: Session, company_id: int) -> dict[int, dict[str, int]]:
    """How many rows rest in each book that is closed, by connection and table."""
    found: dict[int, dict[str, int]] = {}
    for table in tables():
        mine = table.c.company_id == company_id, table.c.book_id.is_not(None)
        query = select(table.c.book_id, func.count()).where(*mine).group_by(table.c.book_id)
        for book_id, count in session.execute(query):
            found.setdefault(book_id, {})[table.name] = count
    return found
