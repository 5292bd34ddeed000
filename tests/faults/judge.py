"""The judge: reads both databases when all is at rest, and finds what was lost and what was doubled.

It asks neither the application nor the played Xero: it reads the rows of the one and the file of the other.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from backoffice.sandbox.xero.world import FILE
from tests.faults.desk import Desk
from tests.faults.house import UNREST

#: What we keep of each kind: the name it is known by, and what the judge compares; money in cents.
HERE = {
    "contact": "SELECT name, email FROM contact WHERE company_id = :company",
    "item": "SELECT code, name FROM item WHERE company_id = :company",
    "purchase_order": "SELECT name, total FROM purchase_order WHERE company_id = :company",
    "bill": "SELECT name, total FROM bill WHERE company_id = :company",
    "invoice": "SELECT name, total FROM invoice WHERE company_id = :company",
    "credit_note": "SELECT name, total FROM credit_note WHERE company_id = :company",
    "payment": "SELECT name, amount FROM payment WHERE company_id = :company AND NOT archived",
    "attachment": "SELECT name, size FROM attachment WHERE company_id = :company",
    "allocation": """
        SELECT credit_note.name || ' > ' || coalesce(invoice.name, bill.name), allocation.amount FROM allocation
          JOIN credit_note ON credit_note.id = allocation.credit_note_id
          LEFT JOIN invoice ON invoice.id = allocation.invoice_id
          LEFT JOIN bill ON bill.id = allocation.bill_id
         WHERE allocation.company_id = :company AND NOT allocation.archived""",
}
MONEY = {"purchase_order", "bill", "invoice", "credit_note", "payment", "allocation"}
LISTS = {
    "contact": ("Contacts", "Name", "EmailAddress"),
    "item": ("Items", "Code", "Name"),
    "purchase_order": ("PurchaseOrders", "PurchaseOrderNumber", "Total"),
    "bill": ("Invoices", "InvoiceNumber", "Total"),
    "invoice": ("Invoices", "InvoiceNumber", "Total"),
    "credit_note": ("CreditNotes", "CreditNoteNumber", "Total"),
    "payment": ("Payments", "Reference", "Amount"),
}
TYPES = {"bill": "ACCPAY", "invoice": "ACCREC"}
DEAD = {"DELETED", "VOIDED"}
#: Rows of ours by what the organisation calls them, two of which would be one of theirs kept twice.
TWICE = """
SELECT kind, external_id FROM link WHERE connection_id = :connection AND external_id IS NOT NULL
 GROUP BY kind, resource, external_id HAVING count(*) > 1
"""

#: By kind and name, what each row of that name holds.
Rows = dict[tuple[str, str], list[str]]


@dataclass
class Verdict:
    """What was lost and what was doubled, a line each, out of how many."""

    judged: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unrest: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.unrest)


def judge(desk: Desk) -> Verdict:
    """Hold both databases against what people did."""
    verdict = Verdict()
    here, there = _here(desk), _there(desk)
    for entry in desk.journal.values():
        verdict.judged[entry.kind] += 1
        wanted = next(iter(entry.values.values()), None)
        for side, rows in (("here", here), ("there", there)):
            found, what = rows[entry.kind, entry.marker], f"{entry.kind} {entry.marker}"
            if not found:
                verdict.lost.append(f"{what} is not {side}{_refusals(desk, entry.kind)}")
            elif len(found) > 1:
                verdict.doubled.append(f"{what} is {side} {len(found)} times")
            elif wanted is not None and found[0] != wanted:
                verdict.lost.append(f"{what} holds {found[0]} {side}, and {wanted} was written")
    _sums(verdict, here, there)
    verdict.doubled += [
        f"{kind} {key} is kept twice" for kind, key in desk.house.sql(TWICE, connection=desk.connection_id)
    ]
    if unrest := desk.house.one(UNREST):
        verdict.unrest.append(f"{unrest} things are still to be done: {_restless(desk)}")
    return verdict


def _refusals(desk: Desk, kind: str) -> str:
    """What was turned down or set aside of a kind, in its words."""
    said = "SELECT DISTINCT refusal FROM link WHERE connection_id = :id AND kind = :kind AND refusal IS NOT NULL"
    return "".join(f"; refused: {row[0]}" for row in desk.house.sql(said, id=desk.connection_id, kind=kind))


def _sums(verdict: Verdict, here: Rows, there: Rows) -> None:
    """Nobody's journal holds what was here before; of it as many must be on both sides."""
    for kind in ("contact", "item", "purchase_order", "bill", "invoice", "credit_note", "payment", "allocation"):
        ours, theirs = (sum(len(rows) for (k, _), rows in side.items() if k == kind) for side in (here, there))
        if ours != theirs:
            found = verdict.lost if ours < theirs else verdict.doubled
            found.append(f"{ours} of the kind {kind} here, {theirs} there")


def _restless(desk: Desk) -> str:
    jobs = desk.house.sql("SELECT id, title, state, waiting_for FROM sync_job WHERE state IN ('pending', 'running')")
    attempts = desk.house.sql("SELECT id, resource, status, note FROM sync_attempt WHERE state = 'open'")
    links = desk.house.sql(
        "SELECT kind, record_id, blocked_kind FROM link WHERE wanted_revision > synced_revision AND refusal IS NULL"
    )
    return f"jobs {jobs}, requests {attempts}, records {links}"


def _here(desk: Desk) -> Rows:
    rows: Rows = defaultdict(list)
    for kind, statement in HERE.items():
        for name, value in desk.house.sql(statement, company=desk.company_id):
            rows[kind, name].append(f"{value / 100:.2f}" if kind in MONEY else str(value))
    return rows


def _there(desk: Desk) -> Rows:
    rows: Rows = defaultdict(list)
    path = desk.house.directory / "xero" / FILE
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        for kind, (shelf, name, value) in LISTS.items():
            for body in _bodies(database, desk.organisation, shelf):
                if body.get("Type", "") == TYPES.get(kind, body.get("Type", "")) and body.get("Status") not in DEAD:
                    found = body.get(value)
                    rows[kind, body.get(name) or ""].append(f"{found:.2f}" if kind in MONEY else str(found))
        for name, size in database.execute(
            "SELECT file_name, length FROM attachment WHERE organisation = ?", (desk.organisation,)
        ):
            rows["attachment", name].append(str(size))
        for name, amount in _allocations(_bodies(database, desk.organisation, "CreditNotes")):
            rows["allocation", name].append(f"{amount:.2f}")
    return rows


def _bodies(database: sqlite3.Connection, organisation: str, shelf: str) -> Iterator[dict[str, Any]]:
    query = "SELECT body FROM resource WHERE organisation = ? AND kind = ?"
    return (json.loads(row[0]) for row in database.execute(query, (organisation, shelf)))


def _allocations(notes: Iterable[dict[str, Any]]) -> Iterator[tuple[str, float]]:
    for note in notes:
        for each in note.get("Allocations", ()):
            if not each.get("IsDeleted"):
                yield f"{note.get('CreditNoteNumber')} > {each['Invoice'].get('InvoiceNumber')}", each["Amount"]
