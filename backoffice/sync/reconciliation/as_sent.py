"""Ours as it would look there: what is compared of a record that was sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backoffice.sync.books import Books
from backoffice.sync.held import Held
from backoffice.sync.lines import Values
from backoffice.sync.loading import UNREADABLE, Loaded, resolve
from backoffice.sync.mapper import Mapper
from backoffice.sync.task import Task

#: Cells of a line that may be filled in from elsewhere before it is sent.
FILLED_IN = ("item_code", "description", "account_code", "tax_code")


def as_sent(task: Task, mapper: Mapper, books: Books, row: Held, theirs: Loaded) -> dict[str, Any]:
    """The columns that are ours to say, as they would show them; where something is theirs to fill in, it is."""
    session = task.session
    record = session.get_one(mapper.model, row.id)
    try:
        payload = mapper.whole(record, books)
        values = {**mapper.load(payload), **mapper.names(payload)}
    except UNREADABLE:
        return {}  # it cannot be sent as it is: it is compared as it stands
    resolve(session, task.connection_id, mapper, [values])
    shown = {c: v for c, v in values.items() if c not in mapper.theirs | mapper.computed | mapper.standing}
    for column in mapper.stays & shown.keys():
        if row.values[column] is None:
            shown[column] = theirs.values[column]
    if "lines" in shown:
        filled_in = FILLED_IN if theirs.agrees(row.link_agreed) else ()
        _leave_to_them(row.values["lines"], shown["lines"], theirs.values["lines"], filled_in)
    return shown


def _leave_to_them(
    raw: Sequence[Values], shown: Sequence[Values], theirs: Sequence[Values], filled_in: Sequence[str]
) -> None:
    """Where a cell is filled in from a default or a mapping, which may have moved since, what is there holds.

    So it does for how many there are of mere words.
    """
    for kept, line, there in zip(raw, shown, theirs, strict=False):
        for column in filled_in:
            if kept[column] != line[column]:
                line[column] = there[column]
        if not any(each[column] for each in (kept, there) for column in ("item_code", "account_code", "unit_price")):
            line["quantity"] = there["quantity"]
