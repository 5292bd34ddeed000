"""Barred: what the other side would turn down of a record, as pages say it before a person tries."""

from __future__ import annotations

from backoffice.admin import links
from backoffice.extensions import db
from backoffice.models import Link, Record
from backoffice.sync import barred


def why_no_change(record: Record, link: Link | None) -> list[str]:
    """Why no change of it would be taken there now; a refusal that stands says it already."""
    mapper = links.mapper_of(link) if link and not link.refusal else None
    if link is None or mapper is None:
        return []
    return [each.message for each in barred.changing(db.session(), mapper, link, record)]


def why_no_end(record: Record, link: Link | None) -> str:
    """Why it could not be voided, or taken back, there now; empty if it could, or is not there."""
    mapper = links.mapper_of(link) if link else None
    found = barred.ending(db.session(), mapper, link, record) if link and mapper else ()
    return found[0].message if found else ""
