"""The provider's word, written here in bulk: one look at what we hold, one write of what differs, one of history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Update, bindparam, func, insert, select, update

from backoffice.clock import now
from backoffice.database import folded
from backoffice.errors import UnreadableError
from backoffice.models import History, Link, Winner
from backoffice.models.record import as_text
from backoffice.sync.mapper import Mapper, Payload
from backoffice.sync.task import Task

#: What a mapper raises for a row that makes no sense.
UNREADABLE = (ValueError, KeyError, TypeError, ArithmeticError, AttributeError)
#: Marks the engine's own bulk statements, which keep revision and history themselves.
ENGINE = {"engine": True, "synchronize_session": False}


@dataclass(frozen=True)
class Loaded:
    """A row of theirs, in columns of ours."""

    external_id: str
    version: str
    gone: str | None
    values: dict[str, Any]
    payload: Payload


def load(task: Task, mapper: Mapper, payloads: Iterable[Payload]) -> dict[str, Loaded]:
    """Read an answer by external id; what makes no sense is set aside with its reason, and the rest goes on.

    Raises: UnreadableError when there were rows and none could be read.
    """
    rows: list[Payload] = []
    aside = len(task.notes)
    for payload in payloads:
        try:
            rows += mapper.rows(payload)
        except UNREADABLE as error:
            _set_aside(task, mapper, payload, error)
    loaded = load_rows(task, mapper, rows)
    if not loaded and len(task.notes) > aside:
        raise UnreadableError(f"Nothing in the list of {mapper.resource} could be read; nothing was changed here.")
    return loaded


def load_rows(task: Task, mapper: Mapper, rows: Iterable[Payload]) -> dict[str, Loaded]:
    """Read rows of one kind by external id; one that makes no sense is set aside with its reason."""
    loaded: dict[str, Loaded] = {}
    for row in rows:
        try:
            external_id = mapper.external_id(row)
            loaded[external_id] = Loaded(external_id, mapper.version(row), mapper.gone(row), mapper.load(row), row)
        except UNREADABLE as error:
            _set_aside(task, mapper, row, error)
    _resolve(task, mapper, loaded)
    return loaded


def _set_aside(task: Task, mapper: Mapper, row: Payload, error: Exception) -> None:
    known = row.get(mapper.id_key, "without an id") if isinstance(row, dict) else "no row at all"
    task.notes.append(f"A {mapper.model.label} could not be read and was set aside ({known}): {error}")


def _resolve(task: Task, mapper: Mapper, loaded: dict[str, Loaded]) -> None:
    """Put our record ids where their rows name other rows; set aside what names something unknown."""
    for ref in mapper.refs:
        wanted = {str(row.payload.get(ref.key)) for row in loaded.values()}
        rows = task.session.execute(
            select(Link.external_id, Link.record_id).where(
                Link.connection_id == task.connection_id, Link.kind == ref.kind, Link.external_id.in_(wanted)
            )
        )
        known = {row.external_id: row.record_id for row in rows}
        for row in list(loaded.values()):
            target = known.get(str(row.payload.get(ref.key)))
            if target is None:
                task.notes.append(f"A {mapper.model.label} was set aside: it belongs to a {ref.kind} not known here.")
                del loaded[row.external_id]
            else:
                row.values[ref.column] = target


def held(task: Task, mapper: Mapper, ids: Iterable[str], lock: bool = False) -> dict[str, Row[Any]]:
    """What we hold of these external ids: columns of the record, and of its link with `link_` before the name."""
    table = mapper.model.table()
    columns: list[Any] = [
        table,
        Link.id.label("link_id"),
        Link.external_id.label("link_external_id"),
        Link.external_version.label("link_version"),
        (Link.wanted_revision > Link.synced_revision).label("link_pending"),
        Link.attempt_id.label("link_attempt_id"),
        Link.paused.label("link_paused"),
        Link.gone.label("link_gone"),
    ]
    query = (
        select(*columns)
        .join_from(Link, table, Link.record_id == table.c.id)
        .where(
            Link.connection_id == task.connection_id,
            Link.resource == mapper.resource,
            Link.kind == mapper.kind,
            Link.external_id.in_(list(ids)),
        )
        .order_by(table.c.id)
    )
    if lock:
        query = query.with_for_update(of=[table, Link.table()])
    return {row.link_external_id: row for row in task.session.execute(query)}


def store_known(task: Task, mapper: Mapper, loaded: Mapping[str, Loaded]) -> list[Loaded]:
    """Write what they say of records that are linked, inside the caller's transaction; returns the other rows."""
    rows = held(task, mapper, loaded)
    differing = [key for key, row in rows.items() if _differs(row, loaded[key])]
    if differing:
        rows |= held(task, mapper, differing, lock=True)
    write = _Writer(task, mapper)
    for key, row in rows.items():
        write.known(row, loaded[key])
    write.flush()
    return [row for key, row in loaded.items() if key not in rows]


def overwrite(task: Task, mapper: Mapper, pairs: Sequence[tuple[Row[Any], Loaded]]) -> None:
    """Give records of ours the provider's values, whatever they hold; what is overwritten is in the history."""
    write = _Writer(task, mapper)
    for row, theirs in pairs:
        write.take(row, theirs, diff(row, theirs.values))
    write.flush()


def create(task: Task, mapper: Mapper, rows: Sequence[Loaded]) -> None:
    """Make records of rows that nothing here matches."""
    write = _Writer(task, mapper)
    write.create(rows)
    write.flush()


def diff(row: Row[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns in which they differ from what we hold."""
    mine = row._mapping
    return {column: value for column, value in values.items() if mine[column] != value}


def _differs(row: Row[Any], theirs: Loaded) -> bool:
    return bool(diff(row, theirs.values)) or row.link_version != theirs.version or row.link_gone != theirs.gone


class _Writer:
    """Gathers what differs on a page and writes it with a handful of statements."""

    def __init__(self, task: Task, mapper: Mapper) -> None:
        self._task, self._mapper = task, mapper
        self._table = mapper.model.table()
        self._records: list[dict[str, Any]] = []
        self._links: list[dict[str, Any]] = []
        self._history: list[dict[str, Any]] = []

    def known(self, row: Row[Any], theirs: Loaded) -> None:
        """Decide for a row that is linked: theirs, ours, or nothing to do."""
        changes = diff(row, theirs.values)
        if row.link_paused:
            if row.link_version != theirs.version:
                self._link(row, external_version=None)  # to be read again when it is resumed
        elif row.link_attempt_id is not None:
            return  # its own request is settled first
        elif not row.link_pending or not changes:
            self.take(row, theirs, changes)
        elif row.link_version == theirs.version:
            self._marks(row, theirs, changes)
        else:
            self._conflict(row, theirs, changes)

    def take(self, row: Row[Any], theirs: Loaded, changes: dict[str, Any]) -> None:
        """Their values stay."""
        revision = row.revision
        if changes:
            revision = self._change(row, changes, "changed")
            counted = "archived" if changes.get("archived") else "updated"
            self._task.tally[counted] += 1
        else:
            self._task.tally["unchanged"] += 1
        if changes or row.link_pending or row.link_version != theirs.version or row.link_gone != theirs.gone:
            agreed = {"wanted_revision": revision, "synced_revision": revision, "synced_by_id": self._task.job_id}
            self._link(row, external_version=theirs.version, gone=theirs.gone, synced_at=now(), **agreed)

    def _marks(self, row: Row[Any], theirs: Loaded, changes: dict[str, Any]) -> None:
        """Ours is ahead and theirs has not moved: only what they alone decide is taken."""
        marks = {column: value for column, value in changes.items() if column in self._mapper.theirs}
        if marks:
            self._change(row, marks, "changed", counted=False)

    def _conflict(self, row: Row[Any], theirs: Loaded, changes: dict[str, Any]) -> None:
        name = row.name
        if self._task.winner is Winner.PROVIDER:
            self._task.notes.append(
                f"{name} was edited on both sides; {self._task.provider.name}'s values stay, ours are in its history."
            )
            self.take(row, theirs, changes)
            return
        self._marks(row, theirs, changes)
        self._task.notes.append(
            f"{name} was edited on both sides; ours will be sent, {self._task.provider.name}'s are in its history."
        )
        for column, value in changes.items():
            if column not in self._mapper.theirs:
                self._entry(row.id, "overruled there", column, value, row._mapping[column])
        self._link(row, external_version=theirs.version)

    def _change(self, row: Row[Any], changes: dict[str, Any], action: str, counted: bool = True) -> int:
        merged = {**row._mapping, **changes}
        columns = {column: merged[column] for column in self._mapper.model.business_columns()}
        revision: int = row.revision + 1 if counted else row.revision
        self._records.append(
            {
                "row_id": row.id,
                **columns,
                "name_key": folded(merged["name"])[:255],
                "revision": revision,
                "changed_at": now(),
            }
        )
        for column, value in changes.items():
            self._entry(row.id, action, column, row._mapping[column], value)
        return revision

    def _link(self, row: Row[Any], **values: Any) -> None:
        known = {
            "external_version": row.link_version,
            "gone": row.link_gone,
            "wanted_revision": None,
            "synced_revision": None,
            "synced_by_id": None,
            "synced_at": None,
        }
        self._links.append({"row_id": row.link_id, **{f"new_{k}": v for k, v in {**known, **values}.items()}})

    def _entry(self, record_id: int, action: str, column: str | None = None, old: Any = None, new: Any = None) -> None:
        self._history.append(
            {
                "company_id": self._task.company_id,
                "kind": self._mapper.kind,
                "record_id": record_id,
                "action": action,
                "field": column,
                "old": as_text(old),
                "new": as_text(new),
                "at": now(),
                "sync_job_id": self._task.job_id,
            }
        )

    def create(self, rows: Sequence[Loaded]) -> None:
        """Insert rows that are new here, with their links."""
        if not rows:
            return
        moment = now()
        records = [
            {
                **row.values,
                "company_id": self._task.company_id,
                "name_key": folded(row.values.get("name"))[:255],
                "revision": 1,
                "created_at": moment,
                "changed_at": moment,
            }
            for row in rows
        ]
        statement = insert(self._table).returning(self._table.c.id, sort_by_parameter_order=True)
        ids = self._task.session.execute(statement, records, execution_options=ENGINE).scalars().all()
        links = [
            {
                "connection_id": self._task.connection_id,
                "resource": self._mapper.resource,
                "kind": self._mapper.kind,
                "record_id": record_id,
                "external_id": row.external_id,
                "external_version": row.version,
                "gone": row.gone,
                "wanted_revision": 1,
                "synced_revision": 1,
                "changed_at": moment,
                "synced_at": moment,
                "synced_by_id": self._task.job_id,
            }
            for record_id, row in zip(ids, rows, strict=True)
        ]
        self._task.session.execute(insert(Link.table()), links)
        for record_id in ids:
            self._entry(record_id, "created")
        self._task.tally["created"] += len(rows)

    def flush(self) -> None:
        """Write what was gathered."""
        session = self._task.session
        if self._records:
            columns = [c for c in self._records[0] if c != "row_id"]
            statement = (
                update(self._table)
                .where(self._table.c.id == bindparam("row_id"))
                .values({column: bindparam(column) for column in columns})
            )
            session.connection().execute(statement, self._records)
        if self._links:
            session.connection().execute(_link_update(), self._links)
        if self._history:
            session.execute(insert(History.table()), self._history)
        session.expire_all()


def _link_update() -> Update:
    """Set what is given; None leaves the counts and times as they are."""
    table = Link.table()
    keep = ("wanted_revision", "synced_revision", "synced_by_id", "synced_at")
    values: dict[str, Any] = {
        "external_version": bindparam("new_external_version"),
        "gone": bindparam("new_gone"),
        **{c: func.coalesce(bindparam(f"new_{c}", type_=table.c[c].type), table.c[c]) for c in keep},
    }
    return update(table).where(table.c.id == bindparam("row_id")).values(values)
