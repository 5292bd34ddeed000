"""Matching: finding out that a record of ours and one of the provider's are the same, and asking when in doubt."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.database import folded
from backoffice.models import Connection, History, Link, Match, Record
from backoffice.models.record import author
from backoffice.sync.mapper import Mapper
from backoffice.sync.store import Loaded, create, held, load_rows, overwrite
from backoffice.sync.task import Task

#: What stands in a link's `blocked_kind` while a person has to choose.
QUESTION = "match"


def keep_candidates(task: Task, mapper: Mapper, fresh: Sequence[Loaded]) -> list[Loaded]:
    """Put aside the new rows that may be a record of ours; return those that match nothing here.

    Rows that somebody unlinked by hand from a record of ours are left alone.
    """
    if not fresh:
        return []
    let_go = set(
        task.session.scalars(
            select(Link.let_go_id).where(
                Link.connection_id == task.connection_id,
                Link.kind == mapper.kind,
                Link.let_go_id.in_([row.external_id for row in fresh]),
            )
        )
    )
    index = _waiting(task, mapper)
    unmatched = []
    for row in fresh:
        found = _candidates(mapper, index, row)
        for record_id, column in found.items():
            keep(task, mapper, _link_of(task, mapper, record_id), column, row)
        if not found and row.external_id not in let_go:
            unmatched.append(row)
    return unmatched


#: Records that wait, by column, folded value, and the records that they belong to.
Index = dict[tuple[str, str, tuple[int, ...]], list[int]]


def _waiting(task: Task, mapper: Mapper) -> Index:
    """Records of ours that are not linked there yet."""
    model = mapper.model
    linked = select(Link.record_id).where(
        Link.connection_id == task.connection_id,
        Link.kind == mapper.kind,
        Link.external_id.is_not(None) | Link.paused,
    )
    columns = [getattr(model, column) for column in (*mapper.match_by, *(ref.column for ref in mapper.refs))]
    query = select(model.id, *columns).where(
        model.company_id == task.company_id, model.archived.is_(False), model.id.not_in(linked)
    )
    index: Index = defaultdict(list)
    for record_id, *values in task.session.execute(query):
        owners = tuple(values[len(mapper.match_by) :])
        for column, value in zip(mapper.match_by, values, strict=False):
            if value:
                index[column, folded(str(value)), owners].append(record_id)
    return index


def _candidates(mapper: Mapper, index: Index, row: Loaded) -> dict[int, str]:
    """The records that a row may be, each with the first column that says so."""
    found: dict[int, str] = {}
    owners = tuple(row.values[ref.column] for ref in mapper.refs)
    for column in mapper.match_by:
        for record_id in index.get((column, folded(str(row.values.get(column) or "")), owners), ()):
            found.setdefault(record_id, column)
    return found


def keep(task: Task, mapper: Mapper, link_id: int, column: str, row: Loaded) -> None:
    """Keep a row as one that the record of a link may be, because of this column."""
    payload = json.loads(json.dumps(row.payload, default=str))
    known = task.session.scalar(select(Match).where(Match.link_id == link_id, Match.external_id == row.external_id))
    if known is None:
        known = Match(connection_id=task.connection_id, resource=mapper.resource, link_id=link_id)
        task.session.add(known)
    known.external_id, known.payload, known.matched_by = row.external_id, payload, column
    task.session.flush()


def _link_of(task: Task, mapper: Mapper, record_id: int) -> int:
    """The link of a record, made if it has none: kinds that only come in have none before they are matched."""
    where = {"connection_id": task.connection_id, "kind": mapper.kind, "record_id": record_id}
    found = task.session.scalar(select(Link.id).filter_by(**where))
    if found is not None:
        return found
    link = Link(**where, resource=mapper.resource)
    task.session.add(link)
    task.session.flush()
    return link.id


def settle(task: Task, mapper: Mapper) -> None:
    """After a list was read: link what is clear, ask about what is not, inside the caller's transaction."""
    matches = task.session.scalars(
        select(Match)
        .join(Link)
        .where(Match.connection_id == task.connection_id, Link.kind == mapper.kind)
        .order_by(Match.link_id, Match.id)
    ).all()
    by_link: dict[int, list[Match]] = defaultdict(list)
    for match in matches:
        by_link[match.link_id].append(match)
    best = {link_id: _best(mapper, found) for link_id, found in by_link.items()}
    claimed = [found[0].external_id for found in best.values() if len(found) == 1]
    for link_id, found in best.items():
        clear = len(found) <= 1 and not (found and claimed.count(found[0].external_id) > 1)
        if not clear:
            _ask(task.session, link_id)
        elif task.confirmed or not mapper.direction.sends:
            _decide(task, mapper, link_id, found[0] if found else None, by_link[link_id])
    _release(task, mapper)


def _best(mapper: Mapper, found: Sequence[Match]) -> list[Match]:
    """The candidates that are left after a person's word, by the strongest key, the active ones before archived."""
    chosen = [match for match in found if match.chosen]
    if chosen:
        return chosen
    open_ones = [match for match in found if match.chosen is None]
    if not open_ones:
        return []
    rank = min(mapper.match_by.index(match.matched_by) for match in open_ones)
    strongest = [match for match in open_ones if mapper.match_by.index(match.matched_by) == rank]
    return [match for match in strongest if not mapper.gone(match.payload)] or strongest


def _ask(session: Session, link_id: int) -> None:
    session.execute(
        update(Link)
        .where(Link.id == link_id)
        .values(blocked_kind=QUESTION)
        .execution_options(synchronize_session=False)
    )


def _decide(task: Task, mapper: Mapper, link_id: int, match: Match | None, among: Sequence[Match]) -> None:
    link = task.session.get_one(Link, link_id)
    link.clear()
    for other in among:
        other.chosen = False
    task.session.flush()
    if match and mapper.gone(match.payload) and mapper.direction.sends:
        _explain_archived(task, mapper, link)
    elif match:
        _adopt(task, mapper, link, match)


def _explain_archived(task: Task, mapper: Mapper, link: Link) -> None:
    refusal = mapper.archived_twin()
    link.refusal, link.refusal_cause, link.refusal_column = refusal.message, refusal.cause, refusal.column
    link.synced_by_id = task.job_id
    task.tally["refused"] += 1


def _adopt(task: Task, mapper: Mapper, link: Link, match: Match) -> None:
    """Link a record to the row it is; the row's values stay."""
    link.external_id = match.external_id
    task.session.add(event(task.company_id, link, "linked", f"by {match.matched_by}", task.job_id))
    payload, external_id = match.payload, match.external_id
    task.session.flush()
    loaded = load_rows(task, mapper, [payload])
    overwrite(task, mapper, [(held(task, mapper, [external_id])[external_id], loaded[external_id])])
    task.session.execute(delete(Match).where(Match.link_id == link.id, Match.external_id == external_id))


def _release(task: Task, mapper: Mapper) -> None:
    """Rows that nobody's record turned out to be become records of their own."""
    rejected = task.session.scalars(
        select(Match).join(Link).where(Match.connection_id == task.connection_id, Link.kind == mapper.kind)
    ).all()
    undecided = {match.external_id for match in rejected if match.chosen is None}
    free = {m.external_id: m.payload for m in rejected if m.chosen is False and m.external_id not in undecided}
    for match in rejected:
        if match.chosen is False:
            task.session.delete(match)
    task.session.flush()
    loaded = load_rows(task, mapper, list(free.values())) if free else {}
    taken = held(task, mapper, loaded)
    create(task, mapper, [row for key, row in loaded.items() if key not in taken])


def event(company_id: int, link: Link, action: str, note: str, job_id: int | None) -> History:
    """A line in a record's history about its link."""
    return History(
        company_id=company_id,
        kind=link.kind,
        record_id=link.record_id,
        action=action,
        new=note,
        user_id=author.get().user_id,
        sync_job_id=job_id,
    )


def adopt_found(task: Task, mapper: Mapper, link: Link, payload: dict[str, Any]) -> bool:
    """Link a record to a row that a look-up found; False when the row belongs to another record already."""
    loaded = load_rows(task, mapper, [payload])
    row = next(iter(loaded.values()))
    if held(task, mapper, loaded):
        return False
    link.external_id, link.external_version = row.external_id, row.version
    task.session.add(event(task.company_id, link, "linked", "found there", task.job_id))
    task.session.flush()
    return True


def choose(session: Session, connection: Connection, choices: dict[int, str | None], hold: Iterable[int]) -> None:
    """Put down a person's word: link -> the external id it is (None: none of them), and links not to be created.

    The next job of the connection carries it out. Commits nothing.
    """
    for link_id, external_id in choices.items():
        for match in session.scalars(
            select(Match).where(Match.link_id == link_id, Match.connection_id == connection.id)
        ):
            match.chosen = match.external_id == external_id
    held_back = select(Link).where(Link.id.in_(list(hold)), Link.connection_id == connection.id)
    for link in session.scalars(held_back):
        link.paused, link.paused_reason = True, "held back before the first push"
    if connection.push_confirmed_at is None:
        connection.push_confirmed_at = now()


def link_by_hand(session: Session, record: Record, other: Record) -> None:
    """Make `record` the one that is linked where `other` was: it takes the other's values, the other is archived.

    Both belong to one company and are of one kind; `other` is integrated. Commits nothing.
    """
    there = link_of(session, other)
    assert there is not None, "the screen offers integrated records only"
    for column in sorted(record.synced_columns()):
        setattr(record, column, getattr(other, column))
    session.flush()
    mine = link_of(session, record) or Link(
        connection_id=there.connection_id, resource=there.resource, kind=record.kind, record_id=record.id
    )
    external_id, version, gone = there.external_id, there.external_version, there.gone
    session.delete(there)
    session.add(mine)
    session.flush()
    mine.external_id, mine.external_version, mine.gone = external_id, version, gone
    mine.wanted_revision = mine.synced_revision = record.revision
    mine.paused, mine.let_go_id, mine.synced_at = False, None, now()
    mine.clear()
    other.archived = True
    session.execute(delete(Match).where(Match.link_id == mine.id))
    session.add(event(record.company_id, mine, "linked", f"by hand; before, to {other}", None))


def unlink_record(session: Session, link: Link, company_id: int) -> None:
    """Let go of the row of theirs that a record is: nothing travels either way until somebody resumes it."""
    session.add(event(company_id, link, "unlinked", "by hand", None))
    link.let_go_id = link.external_id
    link.external_id = link.external_version = link.gone = None
    link.paused, link.paused_reason = True, "unlinked by hand"
    link.synced_revision = link.wanted_revision
    session.execute(delete(Match).where(Match.link_id == link.id))


def link_of(session: Session, record: Record) -> Link | None:
    """A record's link with the organisation that its company is linked to now."""
    return session.scalar(
        select(Link)
        .join(Connection)
        .where(Link.kind == record.kind, Link.record_id == record.id, Connection.active)
        .where(Connection.company_id == record.company_id)
    )


def integrated_like(session: Session, record: Record, text: str, limit: int = 20) -> list[Record]:
    """Integrated records of the same kind and company whose name holds the text: candidates for linking by hand."""
    model = type(record)
    linked = (
        select(Link.record_id)
        .join(Connection)
        .where(
            Link.kind == record.kind,
            Link.external_id.is_not(None),
            Connection.active,
            Connection.company_id == record.company_id,
        )
    )
    key = folded(text).replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    query = select(model).where(
        model.company_id == record.company_id,
        model.id != record.id,
        model.id.in_(linked),
        model.name_key.like(f"%{key}%", escape="\\"),
    )
    return list(session.scalars(query.order_by(model.name_key).limit(limit)))
