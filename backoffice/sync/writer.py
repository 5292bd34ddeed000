"""The writer: gathers what differs on a page and writes it with a handful of statements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Update, bindparam, insert, update

from backoffice.clock import now
from backoffice.database import folded
from backoffice.models import Alert, History, Link
from backoffice.models.history import as_text
from backoffice.models.link import CLEARED
from backoffice.sync.held import Held
from backoffice.sync.lines import ENGINE, line_of, write_lines
from backoffice.sync.lines import changes as line_changes
from backoffice.sync.loading import Loaded
from backoffice.sync.mapper import Mapper, as_kept
from backoffice.sync.task import Task


class Writer:
    """What is to be written of one page of one kind."""

    def __init__(self, task: Task, mapper: Mapper) -> None:
        self._task, self._mapper = task, mapper
        self._table = mapper.model.table()
        self._lines: dict[int, list[dict[str, Any]]] = {}
        self._records: list[dict[str, Any]] = []
        self._seen: list[dict[str, Any]] = []
        self._agreed: list[dict[str, Any]] = []
        self._asked: list[dict[str, Any]] = []
        self._history: list[dict[str, Any]] = []
        self._alerts: list[dict[str, Any]] = []

    def change(self, row: Held, changes: dict[str, Any], counted: bool = True) -> int:
        """Give a record these values; returns its revision, which moves only if it is `counted`."""
        merged = {**row.values, **changes}
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
        if "lines" in changes:
            self._lines[row.id] = changes["lines"]
        for column, old, new in self._spelt_out(row, changes):
            self.entry(row.id, "changed", column, old, new)
        self.alert(row, changes)
        return revision

    def alert(self, row: Held, changes: dict[str, Any]) -> None:
        """Somebody has to look at a guarded column that they changed; what a first match fills in was never ours."""
        for column in sorted(self._mapper.model.guarded(row.values) & changes.keys()):
            old, new = row.values[column], changes[column]
            if old or row.link_agreed is not None:
                about = {"company_id": self._task.company_id, "kind": self._mapper.kind, "record_id": row.id}
                change = {"changed_column": column, "old": as_text(old), "new": as_text(new)}
                self._alerts.append({**about, **change, "at": now(), "sync_job_id": self._task.job_id})

    def _spelt_out(self, row: Held, changes: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
        """Each change as the history keeps it: (field, old, new)."""
        for column, value in changes.items():
            if column == "lines":
                yield from line_changes(row.lines, value)
            else:
                yield column, row.values[column], value

    def see(self, row: Held, version: str | None, gone: str | None) -> None:
        """Their state was seen; what is wanted stays as it is."""
        self._seen.append(
            {"row_id": row.link_id, "new_external_version": version, "new_gone": gone, "new_changed_there": None}
        )

    def ask(self, row: Held, theirs: Loaded) -> None:
        """Keep what it is there, until a person has decided."""
        self._asked.append(
            {
                "row_id": row.link_id,
                "new_external_version": theirs.version,
                "new_gone": theirs.gone,
                "new_changed_there": as_kept(theirs.payload),
            }
        )

    def agree(self, row: Held, theirs: Loaded, revision: int) -> None:
        """Both sides hold the same now, and nothing stands in the way any more."""
        self._agreed.append(
            {
                "row_id": row.link_id,
                "new_external_version": theirs.version,
                "new_gone": theirs.gone,
                "new_agreed": theirs.agreed,
                "new_changed_there": None,
                "new_wanted_revision": revision,
                "new_synced_revision": revision,
                "new_synced_by_id": self._task.job_id,
                "new_synced_at": now(),
            }
        )

    def entry(self, record_id: int, action: str, column: str | None = None, old: Any = None, new: Any = None) -> None:
        """A line in a record's history."""
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
        session, moment = self._task.session, now()
        statement = insert(self._table).returning(self._table.c.id, sort_by_parameter_order=True)
        records = [self._new_record(row, moment) for row in rows]
        ids = session.execute(statement, records, execution_options=ENGINE).scalars().all()
        made = list(zip(ids, rows, strict=True))
        self._lines |= {record_id: row.values["lines"] for record_id, row in made if "lines" in row.values}
        session.execute(insert(Link.table()), [self._new_link(record_id, row, moment) for record_id, row in made])
        for record_id in ids:
            self.entry(record_id, "created")
        self._task.tally["created"] += len(rows)

    def _new_record(self, row: Loaded, moment: datetime) -> dict[str, Any]:
        return {
            **{column: value for column, value in row.values.items() if column != "lines"},
            "company_id": self._task.company_id,
            "name_key": folded(row.values.get("name"))[:255],
            "revision": 1,
            "created_at": moment,
            "changed_at": moment,
        }

    def _new_link(self, record_id: int, row: Loaded, moment: datetime) -> dict[str, Any]:
        return {
            "connection_id": self._task.connection_id,
            "resource": self._mapper.resource,
            "kind": self._mapper.kind,
            "record_id": record_id,
            "external_id": row.external_id,
            "external_version": row.version,
            "agreed": row.agreed,
            "gone": row.gone,
            "wanted_revision": 1,
            "synced_revision": 1,
            "changed_at": moment,
            "synced_at": moment,
            "synced_by_id": self._task.job_id,
        }

    def flush(self) -> list[int]:
        """Write what was gathered; returns the records that were changed."""
        session = self._task.session
        if self._records:
            columns = [c for c in self._records[0] if c != "row_id"]
            statement = (
                update(self._table)
                .where(self._table.c.id == bindparam("row_id"))
                .values({column: bindparam(column) for column in columns})
            )
            session.connection().execute(statement, self._records)
        model = line_of(self._mapper.model)
        if model is not None and self._lines:
            write_lines(session, model, self._lines)
        for links, constants in ((self._seen, {}), (self._asked, {}), (self._agreed, CLEARED)):
            if links:
                session.connection().execute(_link_update(links[0], constants), links)
        if self._history:
            session.execute(insert(History.table()), self._history)
        if self._alerts:
            session.execute(insert(Alert.table()), self._alerts)
        session.expire_all()
        return [record["row_id"] for record in self._records]


def _link_update(example: dict[str, Any], constants: dict[str, Any]) -> Update:
    """Set on each link what the parameters hold, and the constants on all of them."""
    table = Link.table()
    columns = {name: table.c[name.removeprefix("new_")] for name in example if name != "row_id"}
    given: dict[str, Any] = {column.key: bindparam(name, type_=column.type) for name, column in columns.items()}
    return update(table).where(table.c.id == bindparam("row_id")).values({**given, **constants})
