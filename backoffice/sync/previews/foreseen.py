"""Foreseen: what a rehearsal has written, taken down before it is taken back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, and_, or_, select

from backoffice.models import KINDS, Foreseen, History, Link, Match, Record, SyncAttempt, SyncAttemptItem
from backoffice.models.history import as_text
from backoffice.sync.lines import changes as line_changes
from backoffice.sync.lines import held_lines, line_of
from backoffice.sync.loading import UNREADABLE, resolve
from backoffice.sync.mapper import Mapper, Payload
from backoffice.sync.match import QUESTION
from backoffice.sync.naming import in_lots, put_names
from backoffice.sync.pending import SETTINGS
from backoffice.sync.previews.rehearsal import Rehearsal, Replay

#: A record: its kind and id.
Key = tuple[str, int]
#: A column, what it is now, what it would be.
Difference = tuple[str, Any, Any]


class Takedown:
    """What becomes of each record, as rows of a preview."""

    def __init__(self, task: Rehearsal, replay: Replay) -> None:
        self._task, self._replay = task, replay
        self._session = task.session
        self._mappers = {mapper.kind: mapper for mapper in task.provider.mappers}

    def rows(self) -> list[dict[str, Any]]:
        """What would be written here, then what would be there, then what would not go."""
        sent = self._sent()
        found = [*self._here(sent), *self._there(sent), *self._left(set(sent))]
        self._session.rollback()
        put_names(self._session, found)
        return found

    def _sent(self) -> dict[Key, Row[Any]]:
        query = (
            select(SyncAttemptItem.kind, SyncAttemptItem.record_id, SyncAttemptItem.payload)
            .add_columns(SyncAttempt.action, SyncAttempt.idempotency_key)
            .join(SyncAttempt)
            .where(SyncAttempt.sync_job_id == self._task.job_id, SyncAttemptItem.outcome == "sent")
        )
        return {(row.kind, row.record_id): row for row in self._session.execute(query.order_by(SyncAttemptItem.id))}

    def _here(self, sent: Mapping[Key, Row[Any]]) -> Iterator[dict[str, Any]]:
        """What was written of each record before it was sent: what came after that comes of the sending."""
        by_kind: dict[str, dict[int, list[Any]]] = defaultdict(lambda: defaultdict(list))
        columns = (History.id, History.kind, History.record_id, History.action, History.field, History.old, History.new)
        written = select(*columns).where(History.sync_job_id == self._task.job_id)
        for entry in self._session.execute(written.order_by(History.id)):
            item = sent.get((entry.kind, entry.record_id))
            if entry.kind in self._mappers and (item is None or entry.id <= self._replay.sent[item.idempotency_key]):
                by_kind[entry.kind][entry.record_id].append(entry)
        for kind, records in by_kind.items():
            for ids in in_lots(records):
                yield from self._lot_here(self._mappers[kind], {i: records[i] for i in ids})

    def _lot_here(self, mapper: Mapper, records: Mapping[int, Sequence[Row[Any]]]) -> Iterator[dict[str, Any]]:
        rows, sources = self._records(mapper.model, records), self._sources(mapper, records)
        model = line_of(mapper.model)
        lines = held_lines(self._session, model, records) if model is not None else {}
        for record_id, entries in records.items():
            row, action = rows[record_id], _action(entries)
            if action is Foreseen.NEW:
                differences = [*_filled(mapper, row), *line_changes((), lines.get(record_id, ()))]
            else:
                differences = [(each.field, each.old, each.new) for each in entries if each.field]
            reason = " ".join(each.new for each in entries if each.new and not each.field)
            here = None if action is Foreseen.NEW else record_id
            yield _row(mapper, row, action, differences, reason, record_id=here, source_id=sources.get(record_id))

    def _records(self, model: type[Record], ids: Collection[int]) -> dict[int, Mapping[str, Any]]:
        table = model.table()
        found = self._session.execute(select(table).where(table.c.id.in_(list(ids))))
        return {row.id: dict(row._mapping) for row in found}

    def _sources(self, mapper: Mapper, ids: Collection[int]) -> dict[int, str]:
        """Of each record, the id of the row of theirs with which it comes: its own, or that of its parent."""
        table = mapper.model.table()
        ref = next((ref for ref in mapper.refs if ref.column == mapper.parent), None)
        kind, column = (ref.kind, table.c[ref.column]) if ref else (mapper.kind, table.c.id)
        joined = and_(Link.record_id == column, Link.kind == kind, Link.connection_id == self._task.connection_id)
        query = select(table.c.id, Link.external_id).join(Link, joined).where(table.c.id.in_(list(ids)))
        known = query.where(Link.external_id.is_not(None))
        return {record_id: str(external_id) for record_id, external_id in self._session.execute(known)}

    def _there(self, sent: Mapping[Key, Row[Any]]) -> Iterator[dict[str, Any]]:
        by_kind: dict[str, list[int]] = defaultdict(list)
        for kind, record_id in sent:
            by_kind[kind].append(record_id)
        for kind, every in by_kind.items():
            for ids in in_lots(every):
                yield from self._lot_there(self._mappers[kind], [sent[kind, i] for i in ids])

    def _lot_there(self, mapper: Mapper, items: Sequence[Row[Any]]) -> Iterator[dict[str, Any]]:
        rows = self._records(mapper.model, [item.record_id for item in items])
        there = [self._replay.there(mapper, item.payload.get(mapper.id_key)) for item in items]
        before = [_loaded(mapper, row) if row else {} for row in there]
        after = [_loaded(mapper, {**row, **item.payload}) for row, item in zip(there, items, strict=True)]
        resolve(self._session, self._task.connection_id, mapper, [*before, *after])
        for item, old, new in zip(items, before, after, strict=True):
            row = rows[item.record_id]
            action = Foreseen.NEW if item.action == "create" else Foreseen.CHANGED
            if item.action != "create" and row["archived"]:
                action = Foreseen.ARCHIVED
            yield _row(mapper, row, action, _compared(mapper, old, new), record_id=item.record_id, outgoing=True)

    def _left(self, sent: Collection[Key]) -> Iterator[dict[str, Any]]:
        """What would be refused, and what would wait for something."""
        covered = {mapper.kind for mapper in self._task.mappers() if mapper.direction.sends}
        waits = or_(Link.pending & ~Link.paused, Link.blocked_kind == QUESTION, Link.changed_there.is_not(None))
        refused = Link.refusal.is_not(None) & (Link.synced_by_id == self._task.job_id)
        stays = or_(refused, and_(Link.refusal.is_(None), waits, Link.kind.in_(covered)))
        query = select(Link).where(Link.connection_id == self._task.connection_id, stays).order_by(Link.kind, Link.id)
        by_kind: dict[str, dict[int, Link]] = defaultdict(dict)
        for link in self._session.scalars(query):
            if (link.kind, link.record_id) not in sent and link.kind in self._mappers:
                by_kind[link.kind][link.record_id] = link
        for kind, links in by_kind.items():
            for ids in in_lots(links):
                rows = self._records(KINDS[kind], ids)
                for link in (links[i] for i in ids if i in rows):
                    yield self._one_left(self._mappers[kind], link, rows[link.record_id])

    def _one_left(self, mapper: Mapper, link: Link, row: Mapping[str, Any]) -> dict[str, Any]:
        if link.refusal is None:
            return _row(mapper, row, Foreseen.WAITS, [], self._waits_for(link), record_id=row["id"], outgoing=True)
        reason = " ".join(str(one["message"]) for one in link.findings or ()) or link.refusal
        return _row(mapper, row, Foreseen.REFUSED, [], reason, record_id=row["id"], outgoing=True)

    def _waits_for(self, link: Link) -> str:
        provider = self._task.provider.name
        if link.attempt_id is not None:
            return "It was sent and no answer came. What became of it is found out first."
        if link.changed_there is not None:
            return f"It was changed in {provider} after it was sent. Somebody has to say which stays."
        if link.blocked_kind == QUESTION or self._in_doubt(link):
            return f"It may be one that is in {provider} already. Somebody has to say so."
        if link.blocked_kind == SETTINGS:
            return "The settings do not send it."
        if link.blocked_kind in KINDS and link.blocked_record_id:
            other = self._session.get(KINDS[link.blocked_kind], link.blocked_record_id)
            return f"It waits for {KINDS[link.blocked_kind].label} {other or ''}.".replace(" .", ".")
        if not self._task.confirmed:
            return "Nothing of yours is sent before somebody has looked at what matches."
        return "It waits for something else."

    def _in_doubt(self, link: Link) -> bool:
        candidates = select(Match.id).where(Match.link_id == link.id, Match.chosen.is_not(False))
        return self._session.scalar(candidates.limit(1)) is not None


def _action(entries: Sequence[Row[Any]]) -> Foreseen:
    actions = {entry.action for entry in entries}
    archived = any(entry.field == "archived" and entry.new == "True" for entry in entries)
    if "created" in actions:
        return Foreseen.NEW
    if "linked" in actions:
        return Foreseen.LINKED
    if "archived there" in actions or archived:
        return Foreseen.ARCHIVED
    return Foreseen.CHANGED if "changed" in actions else Foreseen.OVERRULED


def _row(
    mapper: Mapper,
    record: Mapping[str, Any],
    action: Foreseen,
    differences: Iterable[Difference],
    reason: str = "",
    *,
    record_id: int | None,
    source_id: str | None = None,
    outgoing: bool = False,
) -> dict[str, Any]:
    return {
        "outgoing": outgoing,
        "kind": mapper.kind,
        "record_id": record_id,
        "source_id": source_id,
        "name": (record["name"] or mapper.model.label)[:500],
        "action": action,
        "differences": [{"column": c, "from": as_text(old), "to": as_text(new)} for c, old, new in differences],
        "reason": reason or None,
    }


def _columns(mapper: Mapper) -> list[str]:
    every = (*(field.column for field in mapper.fields), *(ref.column for ref in mapper.refs))
    return list(dict.fromkeys(every))


def _filled(mapper: Mapper, record: Mapping[str, Any]) -> Iterator[Difference]:
    """What a new record holds."""
    for column in _columns(mapper):
        if record.get(column) not in (None, "", False):
            yield column, None, record[column]


def _loaded(mapper: Mapper, payload: Payload) -> dict[str, Any]:
    """A row of theirs in columns of ours; nothing of one that makes no sense."""
    try:
        return {**mapper.load(payload), **mapper.names(payload)}
    except UNREADABLE:
        return {}


def _compared(mapper: Mapper, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    """What differs of what is ours to change."""
    for column in _columns(mapper):
        before, after = old.get(column) or None, new.get(column) or None
        if before != after and column not in mapper.theirs | mapper.computed:
            yield column, before, after
    yield from line_changes(old.get("lines", ()), new.get("lines", ()))
