"""Merged: two of theirs were made one there; what is here follows to the one that is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, insert, or_, select, update

from backoffice.clock import now
from backoffice.models import History, Link
from backoffice.models.history import as_text
from backoffice.models.link import event
from backoffice.sync.lease import lock_records
from backoffice.sync.lines import ENGINE
from backoffice.sync.loading import UNREADABLE, Loaded
from backoffice.sync.mapper import Fact, Mapper, Payload
from backoffice.sync.task import Task


def unknown(task: Task, mapper: Mapper, payloads: Sequence[Payload]) -> list[str]:
    """The ids of those that are left of a merge and not known here; each is asked for once a job."""
    named = set()
    for payload in payloads:
        try:
            named |= {into for row in mapper.rows(payload) if (into := mapper.merged_into(row))}
        except UNREADABLE:
            continue  # it is set aside, with its reason, when it is read
    named -= {fact.external_id for fact in task.read_again if fact.resource == mapper.resource}
    if not named:
        return []
    known = select(Link.external_id).where(
        Link.connection_id == task.connection_id, Link.kind == mapper.kind, Link.external_id.in_(named)
    )
    missing = named - set(task.session.scalars(known))
    task.session.rollback()
    task.read_again |= {Fact(mapper.resource, external_id) for external_id in missing}
    return sorted(missing)


def hold(task: Task, mapper: Mapper, loaded: Mapping[str, Loaded]) -> None:
    """Take all that merges will move before anything of an answer is written, in the order in which editors take it.

    What names a record comes before it, for whoever saves a document marks its party after; links come last.
    """
    merges = _merges(loaded)
    links = _links(task, mapper, {*loaded, *merges.values()}) if merges else {}
    apart = [links[key].record_id for key, into in merges.items() if key in links and _due(links, key, into)]
    if not apart:
        return
    session = task.session
    mine: list[ColumnElement[bool]] = [Link.id.in_([link.id for link in links.values()])]
    for other, column in _naming(task, mapper):
        naming = select(other.model.id).where(other.model.table().c[column].in_(apart))
        lock_records(session, other.model, session.scalars(naming))
        mine.append((Link.kind == other.kind) & Link.record_id.in_(naming))
    survivors = {link.merged_into_id or link.record_id for link in links.values()}
    lock_records(session, mapper.model, survivors | {link.record_id for link in links.values()})
    rows = select(Link.id).where(Link.connection_id == task.connection_id, or_(*mine)).order_by(Link.id)
    session.execute(rows.with_for_update())


def follow(task: Task, mapper: Mapper, loaded: Mapping[str, Loaded]) -> None:
    """Let what is here follow the merges that these rows tell of; the caller's transaction holds it."""
    _stand_alone_again(task, mapper, loaded)
    merges = _merges(loaded)
    links = _links(task, mapper, {*merges, *merges.values()}) if merges else {}
    due = [(links[key], links[into]) for key, into in merges.items() if key in links and into in links]
    for old, left in due:
        if _stands_apart(old, left):
            _follow(task, mapper, old, left.merged_into_id or left.record_id)
    if due:
        task.session.flush()
        task.session.expire_all()


def _merges(loaded: Mapping[str, Loaded]) -> dict[str, str]:
    """The ids of those that were merged, each with the one that is left."""
    return {row.external_id: row.merged_into for row in loaded.values() if row.merged_into}


def _stand_alone_again(task: Task, mapper: Mapper, loaded: Mapping[str, Loaded]) -> None:
    """What names one that is merged no more means itself from now on."""
    alone = [key for key, row in loaded.items() if row.merged_into is None and row.gone is None]
    mine = Link.connection_id == task.connection_id, Link.kind == mapper.kind, Link.external_id.in_(alone)
    merged = Link.merged_into_id.is_not(None), ~Link.paused, Link.attempt_id.is_(None)
    for link in task.session.scalars(select(Link).where(*mine, *merged)):
        link.merged_into_id = None


def _due(links: Mapping[str, Link], key: str, into: str) -> bool:
    """Whether a row that is known here follows another; one that is not known yet is made with the same answer."""
    return into not in links or _stands_apart(links[key], links[into])


def _naming(task: Task, mapper: Mapper) -> list[tuple[Mapper, str]]:
    """What names records of a kind: the mapper of each, and its column."""
    return [(other, ref.column) for other in task.provider.mappers for ref in other.refs if ref.kind == mapper.kind]


def _links(task: Task, mapper: Mapper, ids: set[str]) -> dict[str, Link]:
    mine = Link.connection_id == task.connection_id, Link.kind == mapper.kind, Link.external_id.in_(ids)
    found = task.session.scalars(select(Link).where(*mine).execution_options(populate_existing=True))
    return {str(link.external_id): link for link in found}


def _stands_apart(old: Link, left: Link) -> bool:
    """Whether the record of a row that was merged does not say so yet; nothing of a paused one moves."""
    survivor = left.merged_into_id or left.record_id
    at_rest = not old.paused and old.attempt_id is None
    return at_rest and survivor not in (old.record_id, old.merged_into_id)


def _follow(task: Task, mapper: Mapper, old: Link, survivor_id: int) -> None:
    session = task.session
    merged, kept = (session.get_one(mapper.model, record_id) for record_id in (old.record_id, survivor_id))
    kept.absorb(merged)
    task.notes.append(f"{merged} was merged into {kept} in {task.provider.name}.")
    session.flush()
    _archive(task, mapper, old, f"merged into {kept}")
    old.merged_into_id = survivor_id
    before = update(Link).where(Link.connection_id == task.connection_id, Link.kind == mapper.kind)
    chain = before.where(Link.merged_into_id == old.record_id).values(merged_into_id=survivor_id)
    session.execute(chain.execution_options(synchronize_session=False))
    for other, column in _naming(task, mapper):
        _move(task, other, column, old.record_id, survivor_id)


def _archive(task: Task, mapper: Mapper, old: Link, words: str) -> None:
    """Nothing of the record is sent any more, whatever waited."""
    table = mapper.model.table()
    values = {"archived": True, "revision": table.c.revision + 1, "changed_at": now()}
    statement = update(mapper.model).where(table.c.id == old.record_id).values(values).returning(table.c.revision)
    revision = task.session.execute(statement.execution_options(**ENGINE)).scalar_one()
    old.clear()
    old.wanted_revision = old.synced_revision = revision
    task.session.add(event(task.company_id, old, "archived there", words))


def _move(task: Task, other: Mapper, column: str, old_id: int, new_id: int) -> None:
    """Let what names the one record name the other: what is there has moved already, what is not is edited here."""
    session, table = task.session, other.model.table()
    named = session.scalars(select(table.c.id).where(table.c[column] == old_id).order_by(table.c.id).with_for_update())
    ids = named.all()
    mine = Link.connection_id == task.connection_id, Link.kind == other.kind, Link.record_id.in_(ids)
    there = set(session.scalars(select(Link.record_id).where(*mine, Link.external_id.is_not(None))))
    if there:
        _move_there(task, other, column, sorted(there), (old_id, new_id))
    for record in session.scalars(select(other.model).where(table.c.id.in_(set(ids) - there))):
        setattr(record, column, new_id)


def _move_there(task: Task, other: Mapper, column: str, ids: Sequence[int], pair: tuple[int, int]) -> None:
    """In bulk, and what waited to be sent still waits."""
    session, table = task.session, other.model.table()
    values = {column: pair[1], "revision": table.c.revision + 1, "changed_at": now()}
    session.execute(update(other.model).where(table.c.id.in_(ids)).values(values).execution_options(**ENGINE))
    raised = {"wanted_revision": Link.wanted_revision + 1, "synced_revision": Link.synced_revision + 1}
    mine = Link.connection_id == task.connection_id, Link.kind == other.kind, Link.record_id.in_(ids)
    session.execute(update(Link).where(*mine).values(raised).execution_options(synchronize_session=False))
    entry = {"company_id": task.company_id, "kind": other.kind, "action": "changed", "field": column, "at": now()}
    words = {"old": as_text(pair[0]), "new": as_text(pair[1]), "sync_job_id": task.job_id}
    session.execute(insert(History.table()), [{**entry, **words, "record_id": record_id} for record_id in ids])
