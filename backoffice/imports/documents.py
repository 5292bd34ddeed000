"""Files of orders, bills and invoices: a row a line; rows of the same number and party are one document."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Session

from backoffice.database import folded
from backoffice.imports import values
from backoffice.imports.books import Codes, Parties
from backoffice.imports.plan import Cells, Entry, Options, Plan, Verdict, obstacle, overlong
from backoffice.imports.reader import Sheet, SheetRow
from backoffice.imports.sorts import Sort
from backoffice.imports.values import CellError
from backoffice.models import Document, Line, LineDefaults, Status
from backoffice.models.document import NumberKey, worked_out
from backoffice.models.number import holders
from backoffice.models.totals import LARGEST, half_up, totals

PARTY = ("party_number", "party_email", "party")
DATES = ("date", "due_date", "delivery_date")
TEXTS = ("reference", "delivery_address", "attention_to", "telephone", "delivery_instructions")


def plan_documents(
    session: Session, company_id: int, sort: Sort, sheet: Sheet, columns: dict[str, int], options: Options
) -> Plan:
    """What a file of documents would do. Writes nothing."""
    plan = Plan(sort, [], obstacle(sort, sheet, columns))
    if not plan.obstacle:
        reading = _Reading(session, company_id, sort, columns, options)
        plan.entries = [reading.entry(rows) for rows in reading.grouped(sheet)]
        reading.settle(plan.entries)
    return plan


class _Reading:
    """One file, read against the books of one company."""

    def __init__(
        self, session: Session, company_id: int, sort: Sort, columns: dict[str, int], options: Options
    ) -> None:
        assert sort.document is not None
        self.session, self.company_id, self.sort, self.columns = session, company_id, sort, columns
        self.model, self.options = sort.document, options
        self.parties = Parties(session, company_id)
        self.codes = Codes(session, company_id, self.model.side)
        self.defaults = LineDefaults(session, company_id)
        self._new_parties: dict[str, dict[str, Any]] = {}

    def grouped(self, sheet: Sheet) -> Iterator[list[SheetRow]]:
        """The rows of each document; a row without a party goes on with the number above it."""
        groups: dict[tuple[str, ...], list[SheetRow]] = {}
        last: tuple[str, ...] = ("",)
        for row in sheet.rows:
            key = (self._cell(row, "name"), *(self._cell(row, each) for each in PARTY))
            if key[0] and key[0] == last[0] and not any(key[1:]):
                key = last
            elif not key[0]:
                key = ("", str(row.line))
            groups.setdefault(key, []).append(row)
            last = key
        yield from groups.values()

    def _cell(self, row: SheetRow, key: str) -> str:
        at = self.columns.get(key)
        return folded(row.cells[at]) if at is not None else ""

    # One document.

    def entry(self, rows: list[SheetRow]) -> Entry:
        """What a document's rows say."""
        entry = Entry(rows, "")
        cells = Cells(self.sort, self.columns, rows[0], entry)
        document = self.model(company_id=self.company_id, **self._header(cells))
        entry.title = document.name or f"line {rows[0].line}"
        self._party(entry, cells, document)
        document.lines = [self._line(entry, row, document) for row in rows]
        if entry.verdict is not Verdict.BAD:
            self._compare(entry, document)
        entry.record = document
        return entry

    def _header(self, cells: Cells) -> dict[str, Any]:
        for key in ("name", "date"):
            if not cells[key]:
                cells.bad(key, "is missing. Fill it in.")
        formats = self.options.formats
        found: dict[str, Any] = {
            "name": cells.take("name", values.text, 255) or "",
            "currency": cells.take("currency", values.currency),
            "currency_rate": self._rate(cells),
            "treatment": cells.take("treatment", values.treatment) or self.options.treatment,
            **{key: cells.take(key, values.date, formats) for key in DATES if key in cells},
            **{key: cells.take(key, values.text, _length(self.model, key)) for key in TEXTS if key in cells},
        }
        return {**found, "status": Status.APPROVED} if self.options.approved else found

    def _rate(self, cells: Cells) -> Decimal | None:
        rate: Decimal | None = cells.take("currency_rate", values.number, 10, self.options.formats)
        if rate is not None and not 0 < rate < 10**8:
            cells.bad("currency_rate", "has to be more than 0. Correct it, or leave it empty for the day’s rate.")
        return rate

    def _party(self, entry: Entry, cells: Cells, document: Document) -> None:
        """Find the party, or plan to make it."""
        number, email, name = (cells[key] for key in PARTY)
        key = next((each for each in ("party", "party_number", "party_email") if each in cells), "party")
        if not any((number, email, name)):
            cells.bad(key, "is missing. Fill it in.")
            return
        try:
            party = self.parties.find(number, email, name)
        except CellError as error:
            cells.bad(key, str(error))
            return
        if party is not None:
            document.contact_id, entry.about = party.id, party.name
        elif self.options.create_parties and name:
            self._make_party(entry, cells)
        else:
            self._missing(cells, key, name or number or email)

    def _missing(self, cells: Cells, key: str, asked: str) -> None:
        word = self.sort.party
        todo = f"Add the {word} first, correct the cell, or tick “Create {word}s that are missing”."
        cells.bad(key, f"“{values.shown(asked)}” is not here. {todo}")

    def _make_party(self, entry: Entry, cells: Cells) -> None:
        name = cells.take("party", values.text, 255)
        made = {
            "name": name,
            "number": cells.take("party_number", values.text, 50),
            "email": cells.take("party_email", values.email),
            self.sort.party_mark: True,
        }
        entry.new_party = self._new_parties.setdefault(folded(name), made)
        entry.about = str(name)
        entry.notes.append(f"{name} is added as a {self.sort.party}.")

    def _line(self, entry: Entry, row: SheetRow, document: Document) -> Line:
        cells = Cells(self.sort, self.columns, row, entry)
        overlong(row, entry)
        line: Any = self.model.line
        found = {
            "item_code": cells.take("item_code", self.codes.item),
            "description": cells.take("description", values.text, None),
            "account_code": cells.take("account_code", self.codes.account),
            "tax_code": cells.take("tax_code", self.codes.tax),
            "tracking_1_id": cells.take("tracking_1", self.codes.tracking),
            "tracking_2_id": cells.take("tracking_2", self.codes.tracking),
            **self._figures(cells),
        }
        if not (found["item_code"] or found["description"]):
            cells.bad("description", "is missing, and no item is named. Say what this line is.")
        return line(**found)  # type: ignore[no-any-return]

    def _figures(self, cells: Cells) -> dict[str, Decimal]:
        formats = self.options.formats
        found = {
            "quantity": cells.take("quantity", values.number, 4, formats),
            "unit_price": cells.take("unit_price", values.number, 4, formats),
            "discount": cells.take("discount", values.number, 4, formats),
        }
        quantity = found["quantity"] if found["quantity"] is not None else Decimal(1)
        discount = found["discount"] or Decimal(0)
        price = found["unit_price"]
        if price is None and cells["line_amount"] and "unit_price" not in cells:
            price = self._price(cells, quantity, discount)
        if not 0 <= discount <= 100:
            cells.bad("discount", "has to be between 0 and 100.")
            discount = Decimal(0)
        price = price or Decimal(0)
        if abs(quantity) * half_up(abs(price), self.model.price_places) >= LARGEST:
            cells.bad("quantity", "times the unit price is too large an amount.")
            quantity = price = Decimal(0)
        return {"quantity": quantity, "unit_price": price, "discount": discount}

    def _price(self, cells: Cells, quantity: Decimal, discount: Decimal) -> Decimal | None:
        """The unit price of a line that gives only what it comes to."""
        amount: Decimal | None = cells.take("line_amount", values.number, 2, self.options.formats)
        whole = quantity * (100 - discount) / 100
        return round(amount / whole, 4) if amount is not None and whole and abs(amount) < LARGEST else amount

    # What the file itself says that it comes to.

    def _compare(self, entry: Entry, document: Document) -> None:
        rates = [self.defaults.rate(self.model.side, line) for line in document.lines]
        amounts = [worked_out(document, line, rate) for line, rate in zip(document.lines, rates, strict=True)]
        came_to = totals(document.treatment, amounts).total
        if abs(came_to) >= LARGEST:
            entry.bad("Total", f"comes to {came_to:,.2f}, which is too large.")
            return
        for row, amount in zip(entry.rows, amounts, strict=True):
            self._same(Cells(self.sort, self.columns, row, entry), "line_amount", "the line comes to", amount.amount)
        stated = [row for row in entry.rows if self._cell(row, "total")]
        if stated:
            self._same(Cells(self.sort, self.columns, stated[0], entry), "total", "the lines come to", came_to)
        places = self.model.price_places
        if any(line.unit_price != half_up(line.unit_price, places) for line in document.lines):
            entry.notes.append(f"A unit price has more than {places} decimals; the accounting system keeps {places}.")
        currency = f" {document.currency}" if document.currency else ""
        entry.notes.insert(0, f"{came_to:,.2f}{currency}")

    def _same(self, cells: Cells, key: str, what: str, came_to: Decimal) -> None:
        said = cells.take(key, values.number, 2, self.options.formats)
        if said is not None and said != came_to:
            cells.bad(key, f"says {said:,.2f}, and {what} {came_to:,.2f}. Correct one of the two.")

    # All documents together.

    def settle(self, entries: list[Entry]) -> None:
        """Tell what is here already, and what takes another one's number."""
        here = holders(self.session, self.model, self.company_id, [entry.title for entry in entries])
        seen: dict[NumberKey, Entry] = {}
        for entry in entries:
            document: Any = entry.record
            party_id = document.contact_id or -id(entry.new_party)
            key = self.model.number_key(self.model.side, entry.title, party_id)
            others = here.get(key, [])
            if any(other.contact_id == party_id for other in others):
                entry.verdict, entry.problems = Verdict.HERE, []
                continue
            if others and document.name:
                whose = self.parties.name(others[0].contact_id)
                entry.bad("Number", f"{document.name} is that of another {self.sort.label}, of {whose}. Change it.")
            first = seen.setdefault(key, entry)
            if first is not entry and document.name:
                entry.bad("Number", f"{document.name} stands on line {first.lines} already, with another spelling of "
                          f"its {self.sort.party} or another one.")  # fmt: skip


def _length(model: type[Document], key: str) -> int | None:
    column = model.table().c[key]
    assert isinstance(column.type, String)
    return column.type.length
