"""Comparing: whether a row of theirs is what is kept here of it; what differs, and what that most likely came from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.models import Cause, Drift, Link, Match, Record
from backoffice.models.history import as_text
from backoffice.sync import pause
from backoffice.sync.books import Books
from backoffice.sync.changed import line_differences, named
from backoffice.sync.held import Held, held, name_let_go
from backoffice.sync.intake import ids_in
from backoffice.sync.lines import Values
from backoffice.sync.loading import Loaded, load
from backoffice.sync.mapper import Mapper, Payload, as_kept, digest
from backoffice.sync.reconciliation.as_sent import as_sent
from backoffice.sync.task import Task

#: What is said of a row that was made there.
HEADLINE = ("name", "number", "code", "email", "contact_id", "date", "due_date", "amount", "total")
#: What stands on the page for a record of theirs that is not here.
UNKNOWN = "one that is not known here"
GONE = {"archived": Cause.ARCHIVED_THERE, "voided": Cause.VOIDED_THERE, "deleted": Cause.DELETED_THERE}


@dataclass(frozen=True)
class Finding:
    """A difference: what it most likely came from, and each column with both values."""

    cause: Cause
    differences: Sequence[dict[str, Any]]
    record_id: int | None = None
    name: str = ""
    payload: Payload | None = None
    version: str | None = None

    @property
    def fingerprint(self) -> str:
        return digest([self.cause, list(self.differences)])


@dataclass(frozen=True)
class Verdict:
    """What is to be said of one row of theirs."""

    external_id: str
    #: Whether it belongs to a record of ours; if not, whether the company wants it.
    known: bool = False
    wanted: bool = False
    #: Why it was not compared.
    explained: str | None = None
    finding: Finding | None = None

    @property
    def open(self) -> bool:
        """Whether a difference that was found before may well be there still."""
        return self.finding is not None or self.explained in ("paused", "waiting", "unconfirmed")


def compare(task: Task, mapper: Mapper, payloads: Sequence[Payload]) -> list[Verdict]:
    """Compare the rows of one kind in an answer; writes nothing. Call it inside a transaction."""
    aside = len(task.notes)
    loaded = load(task, mapper, payloads, strangers=True)
    del task.notes[aside:]  # an Update says what cannot be read
    found = weigh(task, mapper, loaded)
    unreadable = ids_in(mapper, payloads) - loaded.keys()
    return [*found, *(Verdict(external_id, explained="unreadable") for external_id in sorted(unreadable))]


def weigh(task: Task, mapper: Mapper, loaded: Mapping[str, Loaded]) -> list[Verdict]:
    """The same for rows that have been read."""
    known = held(task, mapper, loaded)
    name_let_go(task, mapper, known, loaded)
    judging = _Comparison(task, mapper, _spoken_for(task, mapper, loaded.keys() - known.keys()))
    return [judging.row(known.get(key), row) for key, row in loaded.items()]


def _spoken_for(task: Task, mapper: Mapper, ids: Collection[str]) -> dict[str, str]:
    """Rows that are nobody's here for a reason: let go by hand, or a question already."""
    if not ids:
        return {}
    let_go = select(Link.let_go_id).where(
        Link.connection_id == task.connection_id, Link.kind == mapper.kind, Link.let_go_id.in_(ids)
    )
    asked = select(Match.external_id).join(Link).where(
        Match.connection_id == task.connection_id, Link.kind == mapper.kind, Match.external_id.in_(ids)
    )  # fmt: skip
    found = {str(key): "unlinked" for key in task.session.scalars(let_go)}
    return found | dict.fromkeys(task.session.scalars(asked), "match")


@dataclass
class _Comparison:
    task: Task
    mapper: Mapper
    spoken_for: Mapping[str, str]

    @cached_property
    def _books(self) -> Books:
        return self.task.books()

    def row(self, row: Held | None, theirs: Loaded) -> Verdict:
        if row is None:
            return self._stranger(theirs)
        reason = self._aside(row, theirs)
        if reason:
            return Verdict(theirs.external_id, known=True, explained=reason)
        found = [*self._merge(row, theirs), *self._columns(row, theirs)]
        finding = self._finding(row, theirs, found) if found else None
        return Verdict(theirs.external_id, known=True, finding=finding)

    def _aside(self, row: Held, theirs: Loaded) -> str | None:
        """Why a row is not compared: what differs in it is known, or asked about, already."""
        settings = self.task.settings
        if row.link_paused or pause.held(settings, self.mapper.kind):
            return "paused"
        if row.link_attempt_id is not None:
            return "unconfirmed"
        if row.link_in_question:
            return "changed"
        if row.link_pending:
            return "waiting"
        return None if self.mapper.in_time(theirs.values, settings) else "not wanted"

    # What is here and there.

    def _columns(self, row: Held, theirs: Loaded) -> Iterator[dict[str, Any]]:
        mapper, sends = self.mapper, row.link_sent_at is not None
        ended = bool(theirs.gone) or row.archived
        aside = mapper.computed | (mapper.standing if sends and mapper.asks else frozenset())
        columns = [
            c for c, value in theirs.values.items() if c not in aside and c != "lines" and row.values[c] != value
        ]
        lines = "lines" in theirs.values and any(
            line_differences(self.task.session, row.values["lines"], theirs.values["lines"])
        )
        ours = row.values
        if sends and mapper.asks and ended:
            columns, lines = [c for c in columns if c in mapper.theirs], False
        elif sends and (lines or set(columns) - mapper.theirs):
            ours = {**row.values, **as_sent(self.task, mapper, self._books, row, theirs)}
            columns = [c for c in columns if ours[c] != theirs.values[c]]
        if sends and "archived" in mapper.standing and row.archived != bool(theirs.gone):
            columns.append("archived")
        yield from (self._side_by_side(column, ours[column], theirs) for column in sorted(columns))
        if lines:
            yield from _line_cells(self.task.session, ours["lines"], theirs.values["lines"])

    def _side_by_side(self, column: str, ours: Any, theirs: Loaded) -> dict[str, Any]:
        mapper, session = self.mapper, self.task.session
        value = named(mapper, session, column, theirs.values[column])
        if value is None and mapper.names(theirs.payload).get(column):
            value = UNKNOWN
        label = mapper.model.column_label(column)
        return _cell(column, label, named(mapper, session, column, ours), value)

    def _merge(self, row: Held, theirs: Loaded) -> Iterator[dict[str, Any]]:
        """A merge there that nothing here has followed yet."""
        if not theirs.merged_into:
            return
        link = held(self.task, self.mapper, [theirs.merged_into]).get(theirs.merged_into)
        followed = select(Link.merged_into_id).where(Link.id == row.link_id)
        if self.task.session.scalar(followed) is None and (link is None or link.id != row.id):
            yield _cell("merged_into", "Merged into", None, link.name if link else UNKNOWN)

    # What that means.

    def _finding(self, row: Held, theirs: Loaded, found: Sequence[dict[str, Any]]) -> Finding:
        cause = self._cause(row, theirs, {each["column"] for each in found})
        return Finding(cause, found, row.id, self._name(row.id, theirs), as_kept(theirs.payload), theirs.version)

    def _name(self, record_id: int, theirs: Loaded) -> str:
        record: Record | None = self.task.session.get(self.mapper.model, record_id)
        return str(record or theirs.values.get("name") or "")[:255]

    def _cause(self, row: Held, theirs: Loaded, columns: set[str]) -> Cause:
        if "merged_into" in columns:
            return Cause.MERGED_THERE
        if "archived" in columns:
            return GONE[theirs.gone] if theirs.gone else Cause.ALIVE_THERE
        if columns <= self.mapper.theirs:
            return Cause.MARKS_MOVED
        if theirs.agrees(row.link_agreed):
            return Cause.CHANGED_HERE
        if row.link_version == theirs.version:
            return Cause.EDITED_SILENTLY
        return Cause.RENAMED_THERE if columns == {"name"} else Cause.EDITED_THERE

    def _stranger(self, theirs: Loaded) -> Verdict:
        """A row that belongs to nothing here."""
        task, mapper = self.task, self.mapper
        if reason := self.spoken_for.get(theirs.external_id):
            return Verdict(theirs.external_id, explained=reason)
        names = {column: key for column, key in mapper.names(theirs.payload).items() if key}
        values = {c: self._expected(c, names.get(c)) if v is None else v for c, v in theirs.values.items()}
        if pause.held(task.settings, mapper.kind) or not mapper.welcome(values, theirs.gone, task.settings):
            return Verdict(theirs.external_id, explained="not wanted")
        cells = [self._side_by_side(c, None, theirs) for c in HEADLINE if theirs.values.get(c)]
        name = str(theirs.values.get("name") or "")[:255]
        finding = Finding(Cause.MADE_THERE, cells, None, name, as_kept(theirs.payload), theirs.version)
        return Verdict(theirs.external_id, wanted=True, finding=finding)

    def _expected(self, column: str, external_id: str | None) -> int | None:
        """Something in place of a record that was made there too, and would come in with this one."""
        ref = next((ref for ref in self.mapper.refs if ref.column == column and ref.fetched), None)
        if ref is None or external_id is None:
            return None
        made = select(Drift.id).where(
            Drift.connection_id == self.task.connection_id, Drift.kind == ref.kind, Drift.settled_at.is_(None),
            Drift.external_id == external_id, Drift.cause == Cause.MADE_THERE,
        )  # fmt: skip
        return self.task.session.scalar(made)


def _cell(column: str, label: str, ours: Any, theirs: Any) -> dict[str, Any]:
    return {"column": column, "label": label, "ours": _plain(ours), "theirs": _plain(theirs)}


def _plain(value: Any) -> Any:
    """A value as JSON keeps it."""
    return value if isinstance(value, bool) else as_text(value)


def _line_cells(session: Session, ours: list[Values], theirs: list[Values]) -> Iterator[dict[str, Any]]:
    for each in line_differences(session, ours, theirs):
        yield _cell(each.key, each.label, each.ours, each.theirs)
