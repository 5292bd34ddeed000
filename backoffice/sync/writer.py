"""The writer: gathers what differs on a page and writes it with a handful of statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Update, bindparam, insert, update

from backoffice.clock import now
from backoffice.database import folded
from backoffice.models import History, Link, Winner
from backoffice.models.history import as_text
from backoffice.models.link import CLEARED
from backoffice.sync.loading import Loaded, agreed
from backoffice.sync.mapper import Mapper
from backoffice.sync.task import Task

#: Marks the engine's own bulk statements, which keep revision and history themselves.
ENGINE = {"engine": True, "synchronize_session": False}


def diff(row: Row[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns in which they differ from what we hold."""
    mine = row._mapping
    return {column: value for column, value in values.items() if mine[column] != value}


class Writer:
    """What is to be written of one page of one kind."""

    def __init__(self, task: Task, mapper: Mapper) -> None:
        self._task, self._mapper = task, mapper
        self._table = mapper.model.table()
        self._records: list[dict[str, Any]] = []
        self._seen: list[dict[str, Any]] = []
        self._agreed: list[dict[str, Any]] = []
        self._history: list[dict[str, Any]] = []

    def known(self, row: Row[Any], theirs: Loaded) -> None:
        """Decide for a row that is linked: theirs, ours, or nothing to do."""
        changes = diff(row, theirs.values)
        if row.link_paused:
            if row.link_version != theirs.version:
                self._see(row, None, row.link_gone)  # to be read again when it is resumed
        elif row.link_attempt_id is not None:
            return  # its own request is settled first
        elif not row.link_pending or not changes:
            self.take(row, theirs, changes)
        elif row.link_version == theirs.version or row.link_agreed == agreed(self._mapper, theirs):
            self._marks(row, changes)
            if row.link_version != theirs.version:
                self._see(row, theirs.version, theirs.gone)
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
            self._agree(row, theirs, revision)

    def _marks(self, row: Row[Any], changes: dict[str, Any]) -> None:
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
        self._marks(row, changes)
        self._task.notes.append(
            f"{name} was edited on both sides; ours will be sent, {self._task.provider.name}'s are in its history."
        )
        for column, value in changes.items():
            if column not in self._mapper.theirs:
                self._entry(row.id, "overruled there", column, value, row._mapping[column])
        self._see(row, theirs.version, theirs.gone)

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

    def _see(self, row: Row[Any], version: str | None, gone: str | None) -> None:
        """Their state was seen; what is wanted stays as it is."""
        self._seen.append({"row_id": row.link_id, "new_external_version": version, "new_gone": gone})

    def _agree(self, row: Row[Any], theirs: Loaded, revision: int) -> None:
        """Both sides hold the same now, and nothing stands in the way any more."""
        self._agreed.append(
            {
                "row_id": row.link_id,
                "new_external_version": theirs.version,
                "new_gone": theirs.gone,
                "new_agreed": agreed(self._mapper, theirs),
                "new_wanted_revision": revision,
                "new_synced_revision": revision,
                "new_synced_by_id": self._task.job_id,
                "new_synced_at": now(),
            }
        )

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
                "agreed": agreed(self._mapper, row),
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
        for links, constants in ((self._seen, {}), (self._agreed, CLEARED)):
            if links:
                session.connection().execute(_link_update(links[0], constants), links)
        if self._history:
            session.execute(insert(History.table()), self._history)
        session.expire_all()


def _link_update(example: dict[str, Any], constants: dict[str, Any]) -> Update:
    """Set on each link what the parameters hold, and the constants on all of them."""
    table = Link.table()
    given: dict[str, Any] = {name.removeprefix("new_"): bindparam(name) for name in example if name != "row_id"}
    return update(table).where(table.c.id == bindparam("row_id")).values({**given, **constants})
