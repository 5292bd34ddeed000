"""Books: what a company kept with one organisation is set aside while it is linked to another one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import ForeignKey, Table, inspect, select
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, mapped_column, with_loader_criteria
from sqlalchemy.orm.exc import StaleDataError

from backoffice.database import RowId

#: The option of a statement that reads what was set aside as well.
EVERY_BOOK = {"every_book": True}


class Booked:
    """Belongs to the book that was open when it was made: it neither shows nor travels while another one is open."""

    #: The connection in whose book it rests; None in the open book.
    book_id: Mapped[int | None] = mapped_column(
        RowId, ForeignKey("connection.id", ondelete="CASCADE"), nullable=True, sort_order=20
    )


_OPEN_BOOK = with_loader_criteria(
    Booked, lambda cls: cls.book_id.is_(None), include_aliases=True, propagate_to_loaders=False
)


def only_open_book(state: ORMExecuteState) -> None:
    """Every question about records finds those of the open book, unless it is asked of every book."""
    loads = state.is_column_load or state.is_relationship_load
    if state.is_select and not loads and not state.execution_options.get("every_book"):
        state.statement = state.statement.options(_OPEN_BOOK)


def keep_apart(session: Session, rows: Iterable[Any]) -> None:
    """See that nothing is written in a book that is closed, or names what rests in one.

    Whoever opens a book waits for all that is being written of its company, so that what is found stays true.
    Raises: StaleDataError, where another book was opened since it was read.
    """
    named: dict[Table, set[int | None]] = defaultdict(set)
    for row in rows:
        named[row.__table__].add(row.id)
        for part in (row, *getattr(row, "lines", ())):
            for column, table in _names(part.__class__):
                named[table].add(getattr(part, column))
    for table, ids in named.items():
        closed = select(table.c.id).where(table.c.id.in_(ids - {None}), table.c.book_id.is_not(None))
        if session.scalar(closed.limit(1)) is not None:
            raise StaleDataError("another book was opened meanwhile")


@cache
def _names(model: Any) -> list[tuple[str, Table]]:
    """The columns of a model that name what is kept in a book."""
    mapper = inspect(model)
    keys = [(mapper.get_property_by_column(key.parent).key, key.column.table) for key in model.__table__.foreign_keys]
    return [(column, table) for column, table in keys if "book_id" in table.c]
