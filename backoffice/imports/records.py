"""Files of contacts and items: each row is one record, new or known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Boolean, String, select
from sqlalchemy.orm import Session

from backoffice.database import Exact, folded
from backoffice.imports import values
from backoffice.imports.books import Codes, Parties, kept_by_provider, lots
from backoffice.imports.plan import Cells, Entry, Options, Plan, Verdict, obstacle, overlong
from backoffice.imports.reader import Sheet
from backoffice.imports.sorts import Sort
from backoffice.imports.values import CellError
from backoffice.models import Contact, Item, Side, Strictness
from backoffice.models.duplicate import strictness_of
from backoffice.models.likeness import keys_of, twins

#: Where a record that is known stands: its id and whether it is archived.
Known = dict[str, tuple[int, bool]]


def plan_records(
    session: Session, company_id: int, sort: Sort, sheet: Sheet, columns: dict[str, int], options: Options
) -> Plan:
    """What a file of contacts or items would do. Writes nothing."""
    plan = Plan(sort, [], obstacle(sort, sheet, columns))
    if plan.obstacle:
        return plan
    find = _finder(session, company_id, sort)
    codes = {side: Codes(session, company_id, side) for side in Side} if sort.model is Item else {}
    kept = kept_by_provider(session, sort.model, company_id)
    seen: dict[str, int] = {}
    for row in sheet.rows:
        entry = Entry([row], "")
        cells = Cells(sort, columns, row, entry)
        overlong(row, entry)
        read = _values(sort, cells, options, codes)
        entry.title = str(read.get("code") or read.get("name") or f"line {row.line}")
        entry.about = str(read.get("name") or "") if sort.model is Item else str(read.get("email") or "")
        _once(sort, cells, seen, row.line)
        if entry.verdict is not Verdict.BAD:
            _settle(entry, sort, cells, find, read, company_id, options, kept)
        plan.entries.append(entry)
    if sort.model is Contact:
        _note_likely(session, company_id, plan.entries)
    return plan


def _note_likely(session: Session, company_id: int, entries: list[Entry]) -> None:
    """Say of each new contact which ones it may be that are here already; it is added all the same."""
    strictness = strictness_of(session, company_id)
    new = [(entry, entry.record) for entry in entries if entry.record is not None and strictness is not Strictness.OFF]
    wanted = [keys_of({column: getattr(record, column) for column in Contact.business_columns()}) for _, record in new]
    found = twins(session, company_id, wanted)
    like = [[twin.contact_id for twin in one if twin.equal or strictness is Strictness.ALIKE] for one in found]
    names = _active_names(session, {i for ids in like for i in ids})
    for (entry, _), ids in zip(new, like, strict=True):
        known = [names[i] for i in ids if i in names]
        if known:
            entry.notes.append(f"It may be {' or '.join(known[:3])}, here already. It is listed under Duplicates then.")


def _active_names(session: Session, ids: Iterable[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for lot in lots(sorted(ids), 500):
        query = select(Contact.id, Contact.name).where(Contact.id.in_(lot), Contact.archived.is_(False))
        found |= {row.id: row.name for row in session.execute(query)}
    return found


def _values(sort: Sort, cells: Cells, options: Options, codes: dict[Side, Codes]) -> dict[str, Any]:
    """The columns of ours that a row fills."""
    found: dict[str, Any] = {}
    for target in sort.targets:
        if target.key not in cells:
            continue
        if target.required and not cells[target.key]:
            cells.bad(target.key, "is missing. Fill it in.")
        value = cells.take(target.key, _meaning(sort, target.key, options, codes))
        if value is not None:
            found[target.key] = value
    return found


def _meaning(sort: Sort, key: str, options: Options, codes: dict[Side, Codes]) -> Callable[[str], Any]:
    """What reads a cell of one column."""
    column = sort.model.table().c[key]
    if key in ("email", "currency"):
        return {"email": values.email, "currency": values.currency}[key]
    if key.endswith(("_account", "_tax")) and codes:
        side = codes[Side.SALES if key.startswith("sales") else Side.PURCHASES]
        return side.account if key.endswith("_account") else side.tax
    if isinstance(column.type, Exact):
        places = column.type.places
        return lambda cell: values.number(cell, places, options.formats)
    if isinstance(column.type, Boolean):
        return values.truth
    assert isinstance(column.type, String)
    longest = column.type.length
    return lambda cell: values.text(cell, longest)


def _once(sort: Sort, cells: Cells, seen: dict[str, int], line: int) -> None:
    """Note what an earlier row of the file says already."""
    for key in ("code",) if sort.model is Item else ("name", "number"):
        if cells[key]:
            same = seen.setdefault(f"{key} {folded(cells[key])}", line)
            if same != line:
                cells.bad(key, f"“{values.shown(cells[key])}” stands on line {same} already. Remove one of the two.")


def _finder(session: Session, company_id: int, sort: Sort) -> Callable[[Cells], int | None]:
    """What finds the record that a row means. Its result raises CellError where that cannot be told."""
    if sort.model is Contact:
        parties = Parties(session, company_id)

        def find(cells: Cells) -> int | None:
            # E-mail addresses are shared within families and firms: they tell nobody apart here.
            party = parties.find(cells["number"], "", cells["name"])
            return party.id if party else None

        return find
    query = select(Item.id, Item.code, Item.archived).where(Item.company_id == company_id)
    known: Known = {folded(code): (id_, archived) for id_, code, archived in session.execute(query)}

    def find_item(cells: Cells) -> int | None:
        found = known.get(folded(cells["code"]))
        if found and found[1]:
            raise CellError("is that of an archived item. Restore it, or choose another one.")
        return found[0] if found else None

    return find_item


def _settle(
    entry: Entry,
    sort: Sort,
    cells: Cells,
    find: Callable[[Cells], int | None],
    read: dict[str, Any],
    company_id: int,
    options: Options,
    kept: set[int],
) -> None:
    """Decide whether a row is new, known or a change."""
    try:
        known = find(cells)
    except CellError as error:
        cells.bad("code" if sort.model is Item else "name", str(error))
        return
    if known is None:
        mark = {sort.party_mark: True} if sort.party_mark else {}
        entry.record = sort.model(company_id=company_id, **mark, **read)
    elif known in kept:
        entry.verdict = Verdict.HERE
        entry.notes.append("It comes from the accounting system and is changed there; nothing is changed here.")
    elif options.change_known:
        entry.verdict, entry.known_id, entry.values = Verdict.CHANGE, known, read
    else:
        entry.verdict = Verdict.HERE
