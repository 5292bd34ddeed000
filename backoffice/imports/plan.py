"""What an import would do, row by row, before it does it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from backoffice.imports.reader import Sheet, SheetRow
from backoffice.imports.sorts import Sort
from backoffice.imports.values import CellError, Formats
from backoffice.models import Record, Treatment


class Verdict(StrEnum):
    """What becomes of one record of a file."""

    ADD = "add"
    CHANGE = "change"
    HERE = "here"
    BAD = "bad"


@dataclass(frozen=True)
class Options:
    """What a person chose besides the columns."""

    formats: Formats = field(default_factory=Formats)
    #: How tax stands in the prices of documents that do not say so.
    treatment: Treatment = Treatment.EXCLUSIVE
    #: Whether parties that are not here are made, and records that are here are changed.
    create_parties: bool = False
    change_known: bool = False
    #: Whether documents come in approved.
    approved: bool = False

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Options:
        """From what was kept with the file; what makes no sense there counts as not chosen."""
        treatment = kept.get("treatment")
        return cls(
            Formats(bool(kept.get("day_first", True)), bool(kept.get("decimal_comma", False))),
            Treatment(treatment) if treatment in set(Treatment) else Treatment.EXCLUSIVE,
            bool(kept.get("create_parties")),
            bool(kept.get("change_known")),
            bool(kept.get("approved")),
        )


@dataclass(frozen=True)
class Problem:
    """Why a row is bad: the column as people call it, and what is wrong with it and what to do."""

    column: str
    said: str

    def __str__(self) -> str:
        return f"{self.column} {self.said}"


@dataclass
class Entry:
    """One record of a file, of one row or several."""

    rows: list[SheetRow]
    title: str
    about: str = ""
    verdict: Verdict = Verdict.ADD
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    #: What is to be added; in no session yet.
    record: Record | None = None
    #: What is to be changed, and to what.
    known_id: int | None = None
    values: dict[str, Any] = field(default_factory=dict)
    #: The party that has to be made first: its values, the same object for every document of it.
    new_party: dict[str, Any] | None = None

    @property
    def lines(self) -> str:
        """Where it stands in the file."""
        numbers = [row.line for row in self.rows]
        if len(numbers) == 1:
            return str(numbers[0])
        together = numbers[-1] - numbers[0] == len(numbers) - 1
        return f"{numbers[0]}–{numbers[-1]}" if together else ", ".join(map(str, numbers[:5]))

    def bad(self, column: str, said: str) -> None:
        """Say what is wrong with it."""
        self.verdict = Verdict.BAD
        self.problems.append(Problem(column, said))


@dataclass
class Plan:
    """What an import would do."""

    sort: Sort
    entries: list[Entry]
    #: What keeps the file from being looked at any closer, in words.
    obstacle: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """How many records of each verdict, and how many parties are made for them."""
        found = Counter(entry.verdict.value for entry in self.entries)
        parties = {id(e.new_party) for e in self.entries if e.new_party is not None and e.verdict is Verdict.ADD}
        return {**{verdict.value: found[verdict.value] for verdict in Verdict}, "parties": len(parties)}

    @property
    def good(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.verdict in (Verdict.ADD, Verdict.CHANGE)]


class Cells:
    """One row seen through the chosen columns; what is wrong with a cell is noted on its entry."""

    def __init__(self, sort: Sort, columns: dict[str, int], row: SheetRow, entry: Entry) -> None:
        self._sort, self._columns, self._row, self._entry = sort, columns, row, entry

    def __contains__(self, key: str) -> bool:
        return key in self._columns

    def __getitem__(self, key: str) -> str:
        """The cell of a target; empty where no column holds it."""
        at = self._columns.get(key)
        return self._row.cells[at] if at is not None else ""

    def take(self, key: str, meaning: Any, *args: Any) -> Any:
        """What a cell means; None where it is empty, or means nothing and is noted as bad."""
        if not self[key]:
            return None
        try:
            return meaning(self[key], *args)
        except CellError as error:
            self.bad(key, str(error))
            return None

    def bad(self, key: str, said: str) -> None:
        target = self._sort.target(key)
        where = f" (line {self._row.line})" if self._row is not self._entry.rows[0] else ""
        self._entry.bad(f"{target.label if target else key}{where}", said)


def obstacle(sort: Sort, sheet: Sheet, columns: dict[str, int]) -> str:
    """What has to be chosen before the rows can be looked at."""
    missing = [target.label for target in sort.targets if target.required and target.key not in columns]
    if sort.document is not None and not {"party", "party_number", "party_email"} & set(columns):
        missing.append(sort.party.capitalize())
    if missing:
        return f"Say which column holds: {', '.join(missing)}."
    return "" if sheet.rows else "The file has headings and no rows."


def overlong(row: SheetRow, entry: Entry) -> None:
    """Note a row that has more cells than there are headings."""
    if row.overlong:
        said = (
            "has more cells than there are headings. A text that holds the separator needs quotation marks around it."
        )
        entry.bad(f"Line {row.line}", said)
