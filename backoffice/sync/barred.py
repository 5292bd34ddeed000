"""Barred: what would be turned down of a record that is there, said before a person changes it or takes it back here.

It rests on what was read last; what bars is read once more before anything is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from backoffice.models import Link, Record
from backoffice.models.settings import settings_of
from backoffice.sync.books import Books
from backoffice.sync.mapper import Mapper, Refusal


def changing(session: Session, mapper: Mapper, link: Link, record: Record) -> Sequence[Refusal]:
    """Why no change of it would be taken now."""
    books = _books(session, link, record)
    return mapper.check(record, link.gone, books) if books else ()


def ending(session: Session, mapper: Mapper, link: Link, record: Record) -> Sequence[Refusal]:
    """Why it could not be voided, or taken back, now."""
    books = _books(session, link, record)
    return mapper.check_ending(record, books) if books else ()


def _books(session: Session, link: Link, record: Record) -> Books | None:
    """What is known of the organisation; nothing where the record is not there, or nothing was chosen yet."""
    settings = settings_of(session, record.company_id)
    if settings is None or link.external_id is None:
        return None
    return Books(session, link.connection, settings)
