"""Barred: what would be turned down of a record that is there, said before a person changes it or takes it back here.

It rests on what was read last; what bars is read once more before anything is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from backoffice.models import Connection, Link, Record
from backoffice.models.settings import settings_of
from backoffice.sync.books import Books
from backoffice.sync.mapper import Mapper, Refusal


def changing(mapper: Mapper, link: Link, record: Record, books: Books | None) -> Sequence[Refusal]:
    """Why no change of it would be taken now."""
    return mapper.check(record, link.gone, books) if books and link.external_id else ()


def ending(mapper: Mapper, link: Link, record: Record, books: Books | None) -> Sequence[Refusal]:
    """Why it could not be voided, or taken back, now."""
    return mapper.check_ending(record, books) if books and link.external_id else ()


def books_of(session: Session, connection: Connection) -> Books | None:
    """What is known of the organisation; nothing where nothing was chosen yet."""
    settings = settings_of(session, connection.company_id)
    return Books(session, connection, settings) if settings else None
