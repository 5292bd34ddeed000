"""Writing the good rows of a file: in lots, each one a transaction, through the hooks that keep history and links."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from backoffice.errors import ReadOnlyRecordError
from backoffice.imports.books import lots
from backoffice.imports.documents import plan_documents
from backoffice.imports.plan import Entry, Options, Plan, Verdict
from backoffice.imports.reader import Sheet
from backoffice.imports.records import plan_records
from backoffice.imports.sorts import Sort
from backoffice.models import Contact, Document, Record
from backoffice.models.leased import Lease

#: So many records are written in one transaction.
LOT = 100


def plan(
    session: Session, company_id: int, sort: Sort, sheet: Sheet, columns: dict[str, int], options: Options
) -> Plan:
    """What a file would do. Writes nothing."""
    make = plan_documents if sort.document else plan_records
    return make(session, company_id, sort, sheet, columns, options)


def write(session: Session, found: Plan, company_id: int, lease: Lease) -> dict[str, int]:
    """Write what a plan would add and change, and count it by verdict. Commits after each lot.

    What somebody else changes or adds meanwhile stays as they made it, and counts as bad.
    Raises: LeaseLostError when somebody else has gone on with the file.
    """
    done = Counter(found.counts)
    done[Verdict.ADD.value] = done[Verdict.CHANGE.value] = done["parties"] = 0
    made: dict[int, int] = {}
    for lot in lots(found.good, LOT):
        try:
            done += _write(session, found.sort, lot, company_id, made, lease)
        except (IntegrityError, StaleDataError, ReadOnlyRecordError):
            session.rollback()
            for entry in lot:
                _anew(entry)
                done += _write_one(session, found.sort, entry, company_id, made, lease)
    return {key: done[key] for key in (*(verdict.value for verdict in Verdict), "parties")}


def _write_one(
    session: Session, sort: Sort, entry: Entry, company_id: int, made: dict[int, int], lease: Lease
) -> Counter[str]:
    try:
        return _write(session, sort, [entry], company_id, made, lease)
    except (IntegrityError, StaleDataError, ReadOnlyRecordError):
        session.rollback()
        return Counter({Verdict.BAD.value: 1})


def _anew(entry: Entry) -> None:
    """Let a record that was rolled back be added as if for the first time."""
    for row in (entry.record, *getattr(entry.record, "lines", ())):
        if row is not None:
            row.id = None


def _write(
    session: Session, sort: Sort, lot: list[Entry], company_id: int, made: dict[int, int], lease: Lease
) -> Counter[str]:
    """One transaction. `made` holds the parties that were made for this file, by the plan's values of them."""
    fresh = _parties(session, lot, company_id, made)
    known = _known(session, sort.model, [entry.known_id for entry in lot if entry.known_id])
    for entry in lot:
        if entry.verdict is Verdict.CHANGE:
            record = known.get(entry.known_id or 0)
            for column, value in entry.values.items() if record else ():
                setattr(record, column, value)
        elif entry.record is not None:
            if isinstance(entry.record, Document) and entry.new_party is not None:
                entry.record.contact_id = {**made, **fresh}[id(entry.new_party)]
            session.add(entry.record)
    _mark(session, sort, lot)
    lease.write(session)
    made.update(fresh)
    counts = Counter(entry.verdict.value for entry in lot)
    counts["parties"] = len(fresh)
    return counts


def _parties(session: Session, lot: list[Entry], company_id: int, made: dict[int, int]) -> dict[int, int]:
    """Make the parties that the documents of a lot need and that are not there yet."""
    wanted = {id(entry.new_party): entry.new_party for entry in lot if entry.new_party is not None}
    fresh: dict[int, Contact] = {}
    for key, values in wanted.items():
        if key not in made:
            fresh[key] = Contact(company_id=company_id, **values)
    session.add_all(fresh.values())
    session.flush()
    return {key: contact.id for key, contact in fresh.items()}


def _mark(session: Session, sort: Sort, lot: list[Entry]) -> None:
    """Whoever has a document of this side is shown there from now on."""
    ids = {entry.record.contact_id for entry in lot if isinstance(entry.record, Document)}
    if ids:
        with session.no_autoflush:
            found = session.scalars(select(Contact).where(Contact.id.in_(ids))).all()
        for contact in found:
            if not getattr(contact, sort.party_mark):
                setattr(contact, sort.party_mark, True)


def _known(session: Session, model: Any, ids: list[int]) -> dict[int, Record]:
    """The records that are to be changed; a lot is small enough for one question."""
    return {record.id: record for record in session.scalars(select(model).where(model.id.in_(ids)))}
