"""Why isn't it here? What is kept of anything that a person can name: by number, name, id or address. No call."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, String, func, or_, select
from sqlalchemy.orm import Session

from backoffice.database import folded
from backoffice.models import KINDS, Connection, Contact, History, Link, Match, Record, SyncJob
from backoffice.models.history import KNOWN_BY
from backoffice.models.likeness import Likeness, spelt
from backoffice.sync.provider import Place
from backoffice.sync.verdict import Cause, causes

#: What an id may look like.
ID = re.compile(r"[!-~]{1,64}")
#: So many of a kind are shown, and so many entries of the history are followed.
MOST, MOST_FORMER = 20, 50
#: Of so many of the latest jobs the notes are read.
LATEST_JOBS = 200
#: Letters that a part of a name needs to be looked for.
LEAST_PART = 3
EVERY_BOOK = {"every_book": True}


@dataclass(frozen=True)
class Asked:
    """What somebody wants to know of, as it is compared."""

    text: str
    place: Place | None = None

    @property
    def key(self) -> str:
        return folded(self.text)[:100]

    @property
    def ids(self) -> list[str]:
        """The external ids that it may be."""
        if self.place is not None:
            return [self.place.external_id]
        return list({self.text, self.text.lower()}) if ID.fullmatch(self.text) else []


@dataclass
class Hit:
    """One thing that is kept of it: a record and why it is not seen, or a trace without one."""

    kind: str
    record: Record | None = None
    link: Link | None = None
    causes: list[Cause] = field(default_factory=list)
    #: The column in which it was found, and whether it said so formerly or merely holds it as a part.
    column: str | None = None
    formerly: bool = False
    similar: bool = False
    #: What it was called, by whom it was written last, where there is no record any more.
    trace: History | None = None


@dataclass
class Findings:
    """All that is kept of what was asked for."""

    hits: list[Hit] = field(default_factory=list)
    #: Rows of theirs about which somebody is asked.
    candidates: list[Match] = field(default_factory=list)
    #: Notes of jobs that set it aside, with the job.
    notes: list[tuple[SyncJob, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.hits or self.candidates or self.notes)


def find(session: Session, company_id: int, asked: Asked, others: Collection[int]) -> Findings:
    """Everything that is kept of it here; in other companies that the person may see only if nothing is."""
    found = Findings()
    seen: set[tuple[str, int]] = set()
    for hit in _everywhere(session, company_id, asked):
        if hit.record is None or (hit.kind, hit.record.id) not in seen:
            seen |= {(hit.kind, hit.record.id)} if hit.record is not None else set()
            found.hits.append(hit)
    found.hits.sort(key=lambda hit: Cause.OTHER_BOOK in hit.causes)  # what can be used first
    found.candidates = _candidates(session, company_id, asked)
    if not found:
        found.notes = _notes(session, company_id, asked)
    if not found:
        found.hits = list(_similar(session, company_id, asked))
    if not found:
        found.hits = list(_elsewhere(session, asked, others))
    return found


def _everywhere(session: Session, company_id: int, asked: Asked) -> Iterator[Hit]:
    connection = session.scalar(select(Connection).where(Connection.company_id == company_id, Connection.active))
    for hit in (*_by_id(session, company_id, asked), *_by_columns(session, company_id, asked)):
        yield _judged(session, hit, connection)
    for hit in _by_history(session, company_id, asked):
        yield _judged(session, hit, connection) if hit.record is not None else hit


def _judged(session: Session, hit: Hit, connection: Connection | None) -> Hit:
    record = hit.record
    assert record is not None
    if record.book_id is not None:
        hit.causes = [Cause.OTHER_BOOK]
        return hit
    if connection is not None and (hit.link is None or hit.link.connection_id != connection.id):
        mine = Link.connection_id == connection.id, Link.kind == record.kind, Link.record_id == record.id
        hit.link = session.scalar(select(Link).where(*mine))
    hit.causes = causes(session, record, hit.link, connection)
    return hit


def _by_id(session: Session, company_id: int, asked: Asked) -> Iterator[Hit]:
    mine = select(Connection.id).where(Connection.company_id == company_id)
    for column in (Link.external_id, Link.let_go_id) if asked.ids else ():
        for link in session.scalars(
            select(Link).where(Link.connection_id.in_(mine), column.in_(asked.ids)).limit(MOST)
        ):
            record = _record(session, link.kind, link.record_id)
            if record is not None:
                yield Hit(link.kind, record, link)


def _record(session: Session, kind: str, record_id: int) -> Record | None:
    model = KINDS.get(kind)
    query = select(model).where(model.id == record_id) if model else None
    return session.scalar(query.execution_options(**EVERY_BOOK)) if query is not None else None


def known_by(model: type[Record]) -> list[str]:
    """The columns by which people know records of a kind."""
    table = model.table()
    return [name for name in sorted(KNOWN_BY) if name in table.c and isinstance(table.c[name].type, String)]


def _says(model: type[Record], key: str) -> ColumnElement[bool]:
    """Which records of a kind carry these words in a column by which people know them."""
    table = model.table()
    others = [func.lower(table.c[name]) == key for name in known_by(model) if name != "name"]
    return or_(table.c.name_key == key, *others)


def _by_columns(session: Session, company_id: int, asked: Asked) -> Iterator[Hit]:
    for model in KINDS.values() if asked.key else ():
        query = select(model).where(model.company_id == company_id, _says(model, asked.key)).limit(MOST)
        ordered = query.order_by(model.book_id.is_not(None), model.id)
        for record in session.scalars(ordered.execution_options(**EVERY_BOOK)):
            held = ((name, folded(getattr(record, name) or "")) for name in known_by(model))
            yield Hit(model.kind, record, column=next((name for name, value in held if value == asked.key), None))


def _by_history(session: Session, company_id: int, asked: Asked) -> Iterator[Hit]:
    """What was called so before, by the index over former names."""
    if not asked.key:
        return
    query = select(History).where(History.company_id == company_id, History.formerly == asked.key)
    for entry in session.scalars(query.order_by(History.id.desc()).limit(MOST_FORMER)):
        if entry.kind in KINDS:
            record = _record(session, entry.kind, entry.record_id)
            yield Hit(entry.kind, record, column=entry.field, formerly=True, trace=entry if record is None else None)


def _candidates(session: Session, company_id: int, asked: Asked) -> list[Match]:
    """Rows of theirs that may be a record of ours, until somebody has said so."""
    mine = select(Connection.id).where(Connection.company_id == company_id, Connection.active)
    query = select(Match).where(Match.connection_id.in_(mine), Match.chosen.is_(None)).limit(1_000)
    return [match for match in session.scalars(query) if _means(match, asked)][:MOST]


def _means(match: Match, asked: Asked) -> bool:
    says = (value for value in match.payload.values() if isinstance(value, str))
    return match.external_id in asked.ids or (bool(asked.key) and any(folded(value) == asked.key for value in says))


def _notes(session: Session, company_id: int, asked: Asked) -> list[tuple[SyncJob, str]]:
    """What the latest jobs say of it: an id that was set aside, or a name."""
    query = select(SyncJob).where(SyncJob.company_id == company_id).order_by(SyncJob.id.desc()).limit(LATEST_JOBS)
    wanted = [folded(i) for i in asked.ids] or [asked.key]
    return [
        (job, note)
        for job in session.scalars(query)
        for note in job.notes
        if any(one and one in folded(note) for one in wanted)
    ][:MOST]


def _similar(session: Session, company_id: int, asked: Asked) -> Iterator[Hit]:
    """Records whose name holds the words, and contacts that are spelled alike."""
    if len(asked.key) < LEAST_PART or asked.place is not None:
        return
    connection = session.scalar(select(Connection).where(Connection.company_id == company_id, Connection.active))
    for model in KINDS.values():
        for record in _like(session, model, company_id, asked):
            yield _judged(session, Hit(model.kind, record, column="name", similar=True), connection)


def _like(session: Session, model: type[Record], company_id: int, asked: Asked) -> Sequence[Record]:
    wanted: ColumnElement[bool] = model.name_key.contains(asked.key, autoescape=True)
    spelling = spelt(asked.text)
    if model is Contact and spelling:
        same = Likeness.company_id == company_id, Likeness.spelling == spelling
        wanted = or_(wanted, Contact.id.in_(select(Likeness.contact_id).where(*same)))
    query = select(model).where(model.company_id == company_id, wanted)
    return session.scalars(query.order_by(model.name_key, model.id).limit(MOST // 4)).all()


def _elsewhere(session: Session, asked: Asked, others: Collection[int]) -> Iterator[Hit]:
    """The same id or name in other companies."""
    if not others:
        return
    for record, link in (*_ids_elsewhere(session, asked, others), *_names_elsewhere(session, asked, others)):
        yield Hit(record.kind, record, link, [Cause.OTHER_COMPANY])


def _ids_elsewhere(session: Session, asked: Asked, others: Collection[int]) -> Iterator[tuple[Record, Link | None]]:
    query = select(Link).join(Connection).where(Link.external_id.in_(asked.ids), Connection.company_id.in_(others))
    for link in session.scalars(query.limit(MOST)) if asked.ids else ():
        record = _record(session, link.kind, link.record_id)
        if record is not None:
            yield record, link


def _names_elsewhere(session: Session, asked: Asked, others: Collection[int]) -> Iterator[tuple[Record, Link | None]]:
    """By the index over names; kinds without one are left out."""
    models = [model for model in KINDS.values() if _indexed(model)] if asked.key else []
    for model in models:
        query: Any = select(model).where(model.company_id.in_(others), model.name_key == asked.key)
        for record in session.scalars(query.order_by(model.id).limit(MOST // 4)):
            yield record, None


def _indexed(model: type[Record]) -> bool:
    wanted = ["company_id", "name_key"]
    return any([column.name for column in index.columns] == wanted for index in model.table().indexes)


def kinds_of(asked: Asked, kinds: Iterable[str]) -> list[str]:
    """The kinds that it may be of: the one that its address names, or all of these."""
    named = asked.place.kind if asked.place is not None else None
    return [kind for kind in kinds if named in (None, kind)]
