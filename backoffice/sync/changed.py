"""Changed there: what a person does about a document that was changed after we had sent it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.models import KINDS, CompanySettings, Connection, Document, Line, Link, Record, TrackingOption
from backoffice.models.link import event
from backoffice.sync.books import Books
from backoffice.sync.lines import Values, content
from backoffice.sync.loading import resolve
from backoffice.sync.mapper import Mapper, Payload


@dataclass(frozen=True)
class Difference:
    """A field, or a whole line in words, in which the two sides differ. `key` is a column, or `lines.2`.

    None is nothing; a record stands there by its name.
    """

    key: str
    label: str
    ours: Any
    theirs: Any


def differences(session: Session, mapper: Mapper, link: Link) -> list[Difference]:
    """What differs between what we would send and what is there now."""
    record = _record(session, link)
    ours, theirs = _ours(session, mapper, link, record), _loaded(session, mapper, link, _there(link))
    aside = mapper.theirs | mapper.computed | mapper.standing | {"lines"}
    found = []
    for column in theirs.keys() - aside:
        if ours.get(column) != theirs[column]:
            mine, other = (named(mapper, session, column, side.get(column)) for side in (ours, theirs))
            found.append(Difference(column, record.column_label(column), mine, other))
    found.sort(key=lambda each: each.label)
    return [*found, *line_differences(session, ours.get("lines", []), theirs.get("lines", []))]


def line_differences(session: Session, ours: list[Values], theirs: list[Values]) -> Iterator[Difference]:
    """The lines in which two states of a document differ."""
    for number, (mine, other) in enumerate(zip_longest(ours, theirs), start=1):
        if mine is None or other is None or content([mine]) != content([other]):
            yield Difference(
                f"lines.{number}", f"Line {number}", _line_words(session, mine), _line_words(session, other)
            )


def keep_theirs(session: Session, mapper: Mapper, link: Link) -> None:
    """Take what is there; what it was here stays in the history. Commits nothing."""
    keys = {difference.key for difference in differences(session, mapper, link)}
    record = _record(session, link)
    _take(session, mapper, link, record, keys)
    session.flush()
    session.refresh(link)
    link.wanted_revision = link.synced_revision = record.revision
    _answered(session, mapper, link, "theirs was kept")


def send_ours(session: Session, mapper: Mapper, link: Link) -> None:
    """Let ours overwrite what is there now, and nothing that is changed there from here on. Commits nothing."""
    record = _record(session, link)
    link.wanted_revision, link.synced_revision = record.revision, min(link.synced_revision, record.revision - 1)
    link.changed_at = now()
    _answered(session, mapper, link, "ours is sent")
    session.info.setdefault("to_ring", set()).add(link.connection_id)


def merge(session: Session, mapper: Mapper, link: Link, theirs: Collection[str]) -> None:
    """Take theirs of these fields and lines, and send the outcome. Commits nothing."""
    _take(session, mapper, link, _record(session, link), theirs)
    session.flush()
    session.refresh(link)
    send_ours(session, mapper, link)


def _answered(session: Session, mapper: Mapper, link: Link, how: str) -> None:
    link.agreed = mapper.agreed(_there(link))
    link.clear()
    link.changed_there = None
    session.add(event(_record(session, link).company_id, link, "settled", how))


def _take(session: Session, mapper: Mapper, link: Link, record: Record, keys: Collection[str]) -> None:
    """Give a record their values of these fields and lines."""
    theirs = _loaded(session, mapper, link, _there(link))
    for column in set(keys) & theirs.keys() - {"lines"}:
        setattr(record, column, theirs[column])
    if isinstance(record, Document):
        numbers = {int(key.partition(".")[2]) for key in keys if key.startswith("lines.")}
        _take_lines(record, theirs["lines"], numbers)


def _take_lines(document: Document, theirs: list[Values], numbers: Collection[int]) -> None:
    for number in sorted(numbers, reverse=True):
        there = theirs[number - 1] if number <= len(theirs) else None
        here: Line | None = document.lines[number - 1] if number <= len(document.lines) else None
        if there is None and here is not None:
            document.lines.remove(here)
        elif there is not None and here is not None:
            for column in Line.content:
                setattr(here, column, there[column])
    for number in sorted(numbers):
        if len(document.lines) < number <= len(theirs):
            document.lines.append(document.line(**{c: theirs[number - 1][c] for c in Line.content}))


def _record(session: Session, link: Link) -> Record:
    return session.get_one(KINDS[link.kind], link.record_id)


def _there(link: Link) -> Payload:
    assert link.changed_there is not None, "asked of a document that was changed there"
    return link.changed_there


def _ours(session: Session, mapper: Mapper, link: Link, record: Record) -> dict[str, Any]:
    """What we would send, read as they would show it."""
    connection = session.get_one(Connection, link.connection_id)
    settings = session.scalars(select(CompanySettings).filter_by(company_id=record.company_id)).one()
    return _loaded(session, mapper, link, mapper.whole(record, Books(session, connection, settings)))


def _loaded(session: Session, mapper: Mapper, link: Link, payload: Payload) -> dict[str, Any]:
    values = {**mapper.load(payload), **mapper.names(payload)}
    resolve(session, link.connection_id, mapper, [values])
    return values


def named(mapper: Mapper, session: Session, column: str, value: Any) -> Any:
    """A value as it is; a record by its name."""
    ref = next((ref for ref in mapper.refs if ref.column == column), None)
    if ref is not None and value is not None:
        return str(session.get(KINDS[ref.kind], value) or "")
    return None if value == "" else value


def _line_words(session: Session, line: Values | None) -> str | None:
    """All that is kept of a line, so that two that differ never read alike."""
    if line is None:
        return None
    parts = [f"{line['quantity'].normalize():f} × {line['description'] or ''} at {line['unit_price'].normalize():f}"]
    parts += [f"item {line['item_code']}"] if line["item_code"] else []
    parts += [f"{line['discount'].normalize():f} % off"] if line["discount"] else []
    parts += [f"{line['discount_amount'].normalize():f} off"] if line["discount_amount"] else []
    parts += [f"account {line['account_code']}"] if line["account_code"] else []
    parts += [f"tax {line['tax_code']}"] if line["tax_code"] else []
    options = (line["tracking_1_id"], line["tracking_2_id"])
    parts += [str(session.get_one(TrackingOption, option)) for option in options if option]
    return ", ".join(parts)
