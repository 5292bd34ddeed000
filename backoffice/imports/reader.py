"""Reading a CSV file as spreadsheets write it: any usual encoding, comma, semicolon or tab."""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass

from backoffice.errors import BackofficeError

#: In bytes.
LARGEST_FILE = 10 * 1024 * 1024
MOST_ROWS = 20_000
MOST_COLUMNS = 200
DELIMITERS = (",", ";", "\t")
#: Rows that are looked at to tell the delimiter.
SAMPLE = 20
#: What other files begin with.
NO_CSV = {
    b"PK\x03\x04": "an Excel workbook or another packed file",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "a packed file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
#: Text that our own CSV files, and others, put an apostrophe before, lest a spreadsheet run it as a formula.
DISARMED = re.compile("'+[=+\\-@\t\r\n＝＋－＠]")
WINDOWS = (
    "The file is not in UTF-8 and was read as Windows-1252. Look whether letters such as é are right in the preview."
)


class UnreadableFileError(BackofficeError):
    """This file cannot be read as CSV."""


@dataclass(frozen=True)
class SheetRow:
    """One row of a file: the line it begins on, and its cells, as many as there are headings."""

    line: int
    cells: tuple[str, ...]
    #: Whether there is more in it than there are headings.
    overlong: bool = False


@dataclass(frozen=True)
class Sheet:
    """A file as a table."""

    headers: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    #: What a person should know about how it was read.
    note: str = ""

    def column(self, at: int) -> list[str]:
        """The cells of one column."""
        return [row.cells[at] for row in self.rows]


def read(content: bytes) -> Sheet:
    """A file as a table. Raises: UnreadableFileError, saying what is wrong and what to do."""
    if len(content) > LARGEST_FILE:
        raise UnreadableFileError("The file is larger than 10 MB. Cut it in two, and bring one after the other.")
    text, note = decoded(content)
    text, named = _named_delimiter(text)
    rows = _rows(text, named or delimiter_of(text))
    if not rows:
        raise UnreadableFileError("The file is empty. Its first row has to name the columns.")
    _, first = rows[0]
    headers = tuple(_header(cell) for cell in first)
    while headers and not headers[-1]:
        headers = headers[:-1]
    if not headers:
        raise UnreadableFileError("The first row is empty. It has to name the columns.")
    if len(headers) > MOST_COLUMNS:
        raise UnreadableFileError(f"The first row names more than {MOST_COLUMNS} columns. Is it the right file?")
    return Sheet(headers, tuple(_fitted(line, cells, len(headers)) for line, cells in rows[1:]), note)


def decoded(content: bytes) -> tuple[str, str]:
    """The text of a file, and what a person should know about how it was read. Raises: UnreadableFileError."""
    for start, what in NO_CSV.items():
        if content.startswith(start):
            raise UnreadableFileError(f"This is {what}, not a CSV file. Open it and save it as CSV (UTF-8).")
    for bom, encoding in BOMS:
        if content.startswith(bom):
            try:
                return content.decode(encoding), ""
            except UnicodeDecodeError as error:
                said = "The file says which encoding it has and does not keep to it. Save it again as CSV (UTF-8)."
                raise UnreadableFileError(said) from error
    if content[:4000].count(0) > len(content[:4000]) // 5:
        raise UnreadableFileError("This is no text. Save the table as CSV (UTF-8) and choose that file.")
    try:
        return content.decode("utf-8"), ""
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace"), WINDOWS


def delimiter_of(text: str) -> str:
    """What separates the cells: whatever gives the most columns in the same number, row after row."""

    def score(delimiter: str) -> tuple[int, int]:
        widths = []
        try:
            for cells in csv.reader(io.StringIO(text[:200_000], newline=""), delimiter=delimiter):
                widths += [len(cells)] if any(cells) else []
                if len(widths) == SAMPLE:
                    break
        except csv.Error:
            return (0, 0)
        head = widths[0] if widths else 0
        return (sum(width == head for width in widths) if head > 1 else 0, head)

    return max(DELIMITERS, key=score)


def _named_delimiter(text: str) -> tuple[str, str | None]:
    """Without the line `sep=;` that Excel reads, and what it says."""
    found = re.match(r"(?i)sep=([,;\t])\r?\n", text)
    return (text[found.end() :], found[1]) if found else (text, None)


def _rows(text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Every row that is not empty, with the line that it begins on."""
    found: list[tuple[int, list[str]]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append((line, cells))
            line = reader.line_num + 1
            if len(found) > MOST_ROWS + 1:
                raise UnreadableFileError(
                    f"The file has more than {MOST_ROWS:,} rows. Cut it in pieces, and bring one after the other."
                )
    except csv.Error as error:
        raise UnreadableFileError(_said(str(error), line)) from error
    return found


def _said(error: str, line: int) -> str:
    """What the reader of the library complains about, in words; it has no other way of telling."""
    if "field larger" in error:
        return f"From line {line} on, one cell is longer than 131,072 characters. Is a quotation mark not closed there?"
    if "unexpected end" in error:
        return f'A quotation mark that is opened on line {line} is never closed. Close it, or double it: "".'
    return f"Line {line}: a quotation mark stands within a cell. Put the whole cell in marks and double those in it."


def _header(cell: str) -> str:
    return " ".join(cell.replace("\0", "").lstrip("\ufeff").split())[:255]


def _fitted(line: int, cells: list[str], width: int) -> SheetRow:
    clean = tuple(armed(cell.strip()) for cell in cells[:width])
    return SheetRow(line, clean + ("",) * (width - len(clean)), any(cell.strip() for cell in cells[width:]))


def armed(cell: str) -> str:
    """A cell without the apostrophe that kept a spreadsheet from running it."""
    return cell[1:] if DISARMED.match(cell) else cell
