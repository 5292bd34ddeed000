"""Matching: finding out that a record of ours and one of the provider's are the same, and asking when in doubt."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from backoffice.database import folded
from backoffice.models import Link, Match
from backoffice.models.link import event
from backoffice.sync.held import held
from backoffice.sync.loading import Loaded, load_rows
from backoffice.sync.mapper import Mapper, as_kept
from backoffice.sync.store import create, overwrite
from backoffice.sync.task import Task

#: What stands in a link's `blocked_kind` while a person has to choose.
QUESTION = "match"


def keep_candidates(task: Task, mapper: Mapper, fresh: Sequence[Loaded]) -> list[Loaded]:
    """Put aside the new rows that may be a record of ours; return those that match nothing here.

    Rows that somebody unlinked by hand from a record of ours are left alone.
    """
    fresh = [row for row in fresh if not (row.gone and mapper.asks)]  # what has ended there is nobody's twin
    if not fresh:
        return []
    apart = _let_go(task, mapper, fresh) | _refresh(task, mapper, fresh)
    index = _waiting(task, mapper)
    unmatched = []
    for row in fresh:
        found = _candidates(mapper, index, row)
        for record_id, column in found.items():
            keep(task, mapper, _link_of(task, mapper, record_id), column, row)
        if not found and row.external_id not in apart:
            unmatched.append(row)
    return unmatched


def _let_go(task: Task, mapper: Mapper, fresh: Sequence[Loaded]) -> set[str]:
    """The ids that somebody unlinked by hand."""
    query = select(Link.let_go_id).where(
        Link.connection_id == task.connection_id,
        Link.kind == mapper.kind,
        Link.let_go_id.in_([row.external_id for row in fresh]),
    )
    return {found for found in task.session.scalars(query) if found}


def _refresh(task: Task, mapper: Mapper, fresh: Sequence[Loaded]) -> set[str]:
    """The ids that are candidates already, with what they hold now."""
    rows = {row.external_id: row for row in fresh}
    known = _matches(task, mapper, Match.external_id.in_(list(rows)))
    for match in known:
        match.payload = as_kept(rows[match.external_id].payload)
    task.session.flush()
    return {match.external_id for match in known}


def _matches(task: Task, mapper: Mapper, *conditions: ColumnElement[bool]) -> list[Match]:
    """The candidates of this connection and kind."""
    query = select(Match).join(Link).where(Match.connection_id == task.connection_id, Link.kind == mapper.kind)
    return list(task.session.scalars(query.where(*conditions).order_by(Match.link_id, Match.id)))


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
    columns = [
        getattr(model, column) for column in (*mapper.match_by, *mapper.within, *(r.column for r in mapper.refs))
    ]
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
    owners = tuple(row.values[column] for column in (*mapper.within, *(ref.column for ref in mapper.refs)))
    for column in mapper.match_by:
        for record_id in index.get((column, folded(str(row.values.get(column) or "")), owners), ()):
            found.setdefault(record_id, column)
    return found


def keep(task: Task, mapper: Mapper, link_id: int, column: str, row: Loaded) -> None:
    """Keep a row as one that the record of a link may be, because of this column."""
    known = task.session.scalar(select(Match).where(Match.link_id == link_id, Match.external_id == row.external_id))
    if known is None:
        known = Match(connection_id=task.connection_id, resource=mapper.resource, link_id=link_id)
        task.session.add(known)
    known.external_id, known.payload, known.matched_by = row.external_id, as_kept(row.payload), column
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


def in_doubt(task: Task, mappers: Sequence[Mapper]) -> list[Mapper]:
    """Those of some mappers of whose kinds there are candidates."""
    query = select(Link.kind).join(Match).where(Match.connection_id == task.connection_id).distinct()
    kinds = set(task.session.scalars(query))
    return task.going(mapper for mapper in mappers if mapper.kind in kinds)


def settle(task: Task, mappers: Sequence[Mapper]) -> None:
    """After a list was read: link what is clear, ask about what is not, inside the caller's transaction."""
    for mapper in in_doubt(task, mappers):
        _settle(task, mapper)


def _settle(task: Task, mapper: Mapper) -> None:
    _forget_stale(task, mapper, _matches(task, mapper))
    by_link: dict[int, list[Match]] = defaultdict(list)
    for match in _matches(task, mapper, Link.paused.is_(False)):
        by_link[match.link_id].append(match)
    best = {link_id: _best(mapper, found) for link_id, found in by_link.items()}
    claimed = Counter(found[0].external_id for found in best.values() if len(found) == 1)
    for link_id, found in best.items():
        clear = len(found) <= 1 and not (found and claimed[found[0].external_id] > 1)
        clear = clear and not (found and _doubtful(task, mapper, found[0]))
        if not clear:
            _ask(task.session, link_id)
        elif task.confirmed or not mapper.direction.sends:
            _decide(task, mapper, link_id, found[0] if found else None, by_link[link_id])
    _release(task, mapper)


def _forget_stale(task: Task, mapper: Mapper, candidates: Sequence[Match]) -> None:
    """Let go of candidates that are linked by now, and of undecided ones that no longer match what is kept here."""
    linked = set(held(task, mapper, {match.external_id for match in candidates}))
    index = _waiting(task, mapper)
    for match in candidates:
        if match.external_id in linked:
            task.session.delete(match)
        elif match.chosen is None and not match.link.paused:
            row = load_rows(task, mapper, [match.payload]).get(match.external_id)
            ended = row is not None and row.gone and mapper.asks
            if row is None or ended or match.link.record_id not in _candidates(mapper, index, row):
                match.chosen = False
    task.session.flush()


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


def _doubtful(task: Task, mapper: Mapper, match: Match) -> bool:
    """Whether the only candidate may be another one all the same, and nobody has said that it is the one."""
    row = load_rows(task, mapper, [match.payload]).get(match.external_id)
    record = task.session.get_one(mapper.model, match.link.record_id)
    return not match.chosen and row is not None and mapper.doubtful(record, row.values)


def _ask(session: Session, link_id: int) -> None:
    session.execute(
        update(Link)
        .where(Link.id == link_id)
        .values(blocked_kind=QUESTION)
        .execution_options(synchronize_session=False)
    )


def _decide(task: Task, mapper: Mapper, link_id: int, match: Match | None, among: Sequence[Match]) -> None:
    link = task.session.get_one(Link, link_id)
    if match and mapper.gone(match.payload) and mapper.direction.sends:
        _explain_archived(task, mapper, link)
        return
    for other in among:
        other.chosen = False
    link.clear()
    task.session.flush()
    row = match and load_rows(task, mapper, [match.payload]).get(match.external_id)
    if match and row:
        adopt(task, mapper, link, row, f"by {match.matched_by}")


def _explain_archived(task: Task, mapper: Mapper, link: Link) -> None:
    """It stays a candidate: when it is restored there, it is linked."""
    refusal = mapper.archived_twin()
    if (link.refusal, link.refusal_cause) == (refusal.message, refusal.cause):
        return
    link.clear()
    link.refusal, link.refusal_cause, link.refusal_column = refusal.message, refusal.cause, refusal.column
    link.synced_by_id = task.job_id
    task.tally["refused"] += 1


def taken(task: Task, mapper: Mapper, row: Loaded) -> bool:
    """Whether a row of theirs belongs to a record already."""
    return bool(held(task, mapper, [row.external_id]))


def adopt(task: Task, mapper: Mapper, link: Link, row: Loaded, how: str) -> None:
    """Link a record to the row it is, inside the caller's transaction; the row's values stay."""
    lock = select(mapper.model.id).where(mapper.model.id == link.record_id).with_for_update()
    task.session.execute(lock)  # the record before its link, as an edit takes them
    task.session.refresh(link, with_for_update=True)
    link.external_id, link.perhaps_there = row.external_id, False
    link.clear()
    task.session.add(event(task.company_id, link, "linked", how))
    task.session.execute(delete(Match).where(Match.link_id == link.id, Match.external_id == row.external_id))
    task.session.flush()
    overwrite(task, mapper, [(held(task, mapper, [row.external_id], lock=True)[row.external_id], row)])


def _release(task: Task, mapper: Mapper) -> None:
    """Rows that nobody's record turned out to be become records of their own."""
    rejected = _matches(task, mapper)
    undecided = {match.external_id for match in rejected if match.chosen is not False}
    free = {m.external_id: m.payload for m in rejected if m.chosen is False and m.external_id not in undecided}
    for match in rejected:
        if match.chosen is False:
            task.session.delete(match)
    task.session.flush()
    loaded = load_rows(task, mapper, free.values())
    known = held(task, mapper, loaded)
    create(task, mapper, [row for key, row in loaded.items() if key not in known])
