"""Books: what a company kept with one organisation is set aside while it is linked to another one."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, ORMExecuteState, mapped_column, with_loader_criteria

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
