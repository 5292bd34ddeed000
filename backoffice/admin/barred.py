"""Barred: what the other side would turn down of a record, as pages say it before a person tries."""

from __future__ import annotations

from flask import g

from backoffice.admin import links
from backoffice.extensions import db
from backoffice.models import Link, Record
from backoffice.sync import barred
from backoffice.sync.books import Books


def why_no_change(record: Record, link: Link | None) -> list[str]:
    """Why no change of it would be taken there now; a refusal that stands says it already."""
    mapper = links.mapper_of(link) if link and not link.refusal else None
    found = barred.changing(mapper, link, record, _books_here()) if link and mapper else ()
    return [each.message for each in found]


def why_no_end(record: Record, link: Link | None) -> str:
    """Why it could not be voided, or taken back, there now; empty if it could, or is not there."""
    mapper = links.mapper_of(link) if link else None
    found = barred.ending(mapper, link, record, _books_here()) if link and mapper else ()
    return found[0].message if found else ""


def _books_here() -> Books | None:
    """What is known of the organisation that this company is linked to; read once a request."""
    if "books" not in g:
        connection = links.connection_here()
        g.books = barred.books_of(db.session(), connection) if connection else None
    found: Books | None = g.books
    return found
