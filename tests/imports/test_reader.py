"""Reading CSV: whatever a spreadsheet writes is read as it was meant; whatever else comes is refused in words."""

from __future__ import annotations

import codecs
import csv
import io
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.admin.export import cell
from backoffice.imports.reader import LARGEST_FILE, MOST_ROWS, UnreadableFileError, armed, delimiter_of, read

TABLE = "Name,Total\nCafé,1\n"
#: A cell as a record of ours may hold it: without blanks around it, and without what no database keeps.
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40).map(str.strip)


@pytest.mark.parametrize(
    ("content", "noted"),
    [
        (TABLE.encode(), False),
        (codecs.BOM_UTF8 + TABLE.encode(), False),
        (TABLE.encode("utf-16"), False),
        (codecs.BOM_UTF16_BE + TABLE.encode("utf-16-be"), False),
        (TABLE.encode("cp1252"), True),
    ],
)
def test_any_usual_encoding_is_read(content: bytes, noted: bool) -> None:
    sheet = read(content)
    assert (sheet.headers, sheet.rows[0].cells, bool(sheet.note)) == (("Name", "Total"), ("Café", "1"), noted)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_out(delimiter: str) -> None:
    text = delimiter.join(["Name", "Street", "Total"]) + "\n" + delimiter.join(["Acme", '"1, Main; St"', '"1,5"'])
    assert delimiter_of(text) == delimiter
    assert read(text.encode()).rows[0].cells == ("Acme", "1, Main; St", "1,5")


def test_excels_own_line_about_the_delimiter_is_heeded() -> None:
    assert read(b"sep=;\r\nName;Total\r\nA, B, C;1\r\n").rows[0].cells == ("A, B, C", "1")


def test_rows_know_their_line_and_whether_they_are_too_long() -> None:
    sheet = read(b'Name,Note\n\n"two\nlines",x\nAcme\nA,b,c\n')
    assert [(row.line, row.cells, row.overlong) for row in sheet.rows] == [
        (3, ("two\nlines", "x"), False),
        (5, ("Acme", ""), False),
        (6, ("A", "b"), True),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b'Name\n"Acme\nB\n', "line 2 is never closed"),
        (b'Name\n"Acme" x\n', "Line 2"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"%PDF-1.7", "a PDF"),
        (b"\0\1\0\2" * 100, "no text"),
        (codecs.BOM_UTF8 + b"\xff\xfe\xff", "which encoding"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8x", "which encoding"),
        (b"Name," * 300 + b"\n", "more than 200 columns"),
        (b"x" * 200_000 + b"\n", "131,072"),
        (b"Name\n" + b"A\n" * (MOST_ROWS + 1), "more than 20,000 rows"),
        (b"x" * (LARGEST_FILE + 1), "larger than 10 MB"),
    ],
)
def test_what_cannot_be_read_is_said_in_words(content: bytes, said: str) -> None:
    with pytest.raises(UnreadableFileError, match=said):
        read(content)


@given(st.binary(max_size=2000))
@settings(max_examples=300, deadline=None)
def test_no_file_breaks_the_reader(content: bytes) -> None:
    with suppress(UnreadableFileError):
        sheet = read(content)
        assert all(len(row.cells) == len(sheet.headers) for row in sheet.rows)


@given(st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Z", "Cc")), max_size=600))
@settings(max_examples=300, deadline=None)
def test_no_text_breaks_the_reader(text: str) -> None:
    with suppress(UnreadableFileError):
        read(text.encode())


@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=8),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
@settings(max_examples=200, deadline=None)
def test_what_our_own_files_hold_is_read_back_exactly(rows: list[list[str]], delimiter: str, encoding: str) -> None:
    buffer = io.StringIO()
    writer: Any = csv.writer(buffer, delimiter=delimiter)
    writer.writerow(["One", "Two", "Three"])
    writer.writerows([cell(text) for text in row] for row in rows)
    sheet = read(buffer.getvalue().encode(encoding))
    assert [row.cells for row in sheet.rows] == [tuple(row) for row in rows if any(cell(text).strip() for text in row)]


@given(CELLS)
def test_a_formula_is_disarmed_and_comes_back(text: str) -> None:
    written = cell(text)
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))
    assert armed(written) == text
