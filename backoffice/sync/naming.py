"""Naming: records by their names, where a change of a field holds their numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from backoffice.models import KINDS, Record
from backoffice.models.line_changes import of_line
from backoffice.sync.lines import line_of

#: Ids in one question to the database.
LOT = 500


def in_lots(ids: Collection[int]) -> Iterator[list[int]]:
    """Ids, as many at a time as one question may carry."""
    every = list(ids)
    for start in range(0, len(every), LOT):
        yield every[start : start + LOT]


def put_names(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Put names where the differences of a preview's rows hold the ids of records."""
    places: dict[Table, list[tuple[dict[str, Any], str]]] = defaultdict(list)
    for row in rows:
        for difference in row["differences"]:
            table = _named_by(KINDS[row["kind"]], difference["column"])
            if table is not None:
                places[table] += [(difference, side) for side in ("from", "to") if difference[side]]
    for table, sides in places.items():
        names = _names(session, table, {int(difference[side]) for difference, side in sides})
        for difference, side in sides:
            difference[side] = names.get(difference[side], difference[side])


def _named_by(model: type[Record], column: str) -> Table | None:
    """The table of the records that a column names; None for any other column."""
    line, lines = of_line(column), line_of(model)
    owner = model if line is None else lines
    found = owner.table().c.get(line[1] or "" if line else column) if owner is not None else None
    target = next((key.column.table for key in found.foreign_keys), None) if found is not None else None
    return target if target is not None and "name" in target.c else None


def _names(session: Session, table: Table, ids: Collection[int]) -> dict[str, str]:
    names: dict[str, str] = {}
    for lot in in_lots(ids):
        known = session.execute(select(table.c.id, table.c.name).where(table.c.id.in_(lot)))
        names |= {str(row.id): row.name for row in known}
    return names
