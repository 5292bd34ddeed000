"""What a cell means: text, a number, a date, a truth; or why it means nothing, in words for whoever typed it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from backoffice.database import folded
from backoffice.models import Treatment

#: What a whole number of 64 bits holds at four decimals.
LARGEST = Decimal(10) ** 14
LONGEST_TEXT = 10_000
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]\d{2}:\d{2}.*)?", re.ASCII)
SHORT = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})", re.ASCII)
WORDY = re.compile(r"(\d{1,2})[ -]([A-Za-z]{3,9})\.?[ -](\d{4})", re.ASCII)
POINT = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?", re.ASCII)
COMMA = re.compile(r"[+-]?(?:\d{1,3}(?:\.\d{3})+|\d+)?(?:,\d+)?", re.ASCII)
EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+")
YES, NO = {"yes", "y", "true", "1", "x", "ja", "oui"}, {"no", "n", "false", "0", "", "nein", "non"}
#: How tax stands in prices, as people and other programs write it.
TREATMENTS = {
    "exclusive": Treatment.EXCLUSIVE,
    "taxexclusive": Treatment.EXCLUSIVE,
    "excl": Treatment.EXCLUSIVE,
    "net": Treatment.EXCLUSIVE,
    "inclusive": Treatment.INCLUSIVE,
    "taxinclusive": Treatment.INCLUSIVE,
    "incl": Treatment.INCLUSIVE,
    "gross": Treatment.INCLUSIVE,
    "none": Treatment.NONE,
    "notax": Treatment.NONE,
}
#: Blanks and marks that people write around and within amounts.
AROUND = str.maketrans("", "", " \u00a0\u202f$€£¥")


class CellError(ValueError):
    """A cell means nothing; the message says why and what to do."""


@dataclass(frozen=True)
class Formats:
    """How a file writes what can be read in two ways."""

    #: 3/4/2026 is the third of April.
    day_first: bool = True
    #: 1.234,56 is a good thousand.
    decimal_comma: bool = False


def text(cell: str, longest: int | None) -> str | None:
    """Text as a column keeps it. Raises: CellError."""
    if "\0" in cell:
        raise CellError("holds a character that cannot be kept. Type it anew.")
    limit = longest or LONGEST_TEXT
    if len(cell) > limit:
        raise CellError(f"is {len(cell):,} characters long; at most {limit:,} are kept. Shorten it.")
    return cell or None


def number(cell: str, places: int, formats: Formats) -> Decimal:
    """A number, exactly as it is written. Raises: CellError."""
    plain = cell.translate(AROUND)
    negative = plain.startswith("(") and plain.endswith(")")
    plain = plain[1:-1] if negative else plain
    if (
        len(plain) > 60
        or not re.search(r"\d", plain)
        or not (COMMA if formats.decimal_comma else POINT).fullmatch(plain)
    ):
        example = "1234,56" if formats.decimal_comma else "1234.56"
        raise CellError(f"“{shown(cell)}” is not a number. Write it as {example}.")
    thousands, point = (".", ",") if formats.decimal_comma else (",", ".")
    found = Decimal(plain.replace(thousands, "").replace(point, "."))
    if abs(found) >= LARGEST:
        raise CellError(f"“{shown(cell)}” is too large.")
    if found != round(found, places):
        raise CellError(f"“{shown(cell)}” has more than {places} decimal places. Round it.")
    return -round(found, places) if negative else round(found, places)


def date(cell: str, formats: Formats) -> dt.date:
    """A date. Raises: CellError."""
    year, month, day = _parts(cell, formats)
    try:
        found = dt.date(year, month, day)
    except ValueError as error:
        hint = ", day first" if formats.day_first else ", month first"
        hint = hint if SHORT.fullmatch(cell) else ""
        raise CellError(f"“{shown(cell)}” is no date{hint}. Write it as 2026-11-21.") from error
    if not 1990 <= found.year <= 2100:
        raise CellError(f"“{shown(cell)}” is in the year {found.year}. Write it as 2026-11-21.")
    return found


def _parts(cell: str, formats: Formats) -> tuple[int, int, int]:
    if found := ISO.fullmatch(cell):
        return int(found[1]), int(found[2]), int(found[3])
    if found := SHORT.fullmatch(cell):
        day, month = (1, 2) if formats.day_first else (2, 1)
        year = int(found[3])
        return year + (2000 if year < 100 else 0), int(found[month]), int(found[day])
    if (found := WORDY.fullmatch(cell)) and found[2][:3].lower() in MONTHS:
        return int(found[3]), MONTHS.index(found[2][:3].lower()) + 1, int(found[1])
    raise CellError(f"“{shown(cell)}” is no date. Write it as 2026-11-21.")


def truth(cell: str) -> bool:
    """Yes or no. Raises: CellError."""
    word = cell.casefold()
    if word not in YES | NO:
        raise CellError(f"“{shown(cell)}” is neither yes nor no.")
    return word in YES


def currency(cell: str) -> str | None:
    """A currency's code. Raises: CellError."""
    if cell and not re.fullmatch("[A-Za-z]{3}", cell):
        raise CellError(f"“{shown(cell)}” is not a currency. Write its three letters, such as NZD.")
    return cell.upper() or None


def treatment(cell: str) -> Treatment:
    """How tax stands in a document's prices. Raises: CellError."""
    word = "".join(folded(cell).split())
    if word not in TREATMENTS:
        raise CellError(f"“{shown(cell)}” is none of: exclusive, inclusive, none.")
    return TREATMENTS[word]


def email(cell: str) -> str | None:
    """An e-mail address. Raises: CellError."""
    if cell and not EMAIL.fullmatch(cell):
        raise CellError(f"“{shown(cell)}” is not an e-mail address. Write it as name@example.com.")
    return text(cell, 255)


def shown(cell: str) -> str:
    """The beginning of a cell, for a sentence about it."""
    plain = cell.replace("\0", "")
    return plain if len(plain) <= 40 else f"{plain[:39]}…"


def ambiguous_dates(cells: Iterable[str]) -> tuple[bool, bool]:
    """Whether the dates of a column are day first, and whether anything in it says so."""
    pairs = [(int(found[1]), int(found[2])) for cell in cells if (found := SHORT.fullmatch(cell))]
    if any(first > 12 for first, _ in pairs):
        return True, True
    month_first = any(second > 12 for _, second in pairs)
    return not month_first, month_first or not pairs


def writes_decimal_comma(cells: Iterable[str]) -> bool:
    """Whether numbers stand with a comma before their decimals: some are so, and none with a point."""
    plain = [cell.translate(AROUND) for cell in cells]
    comma = any(re.fullmatch(r"[+-]?[\d.]*,(\d{1,2}|\d{4})", cell, re.ASCII) for cell in plain)
    return comma and not any(re.search(r"\.\d{1,2}$", cell, re.ASCII) for cell in plain)
