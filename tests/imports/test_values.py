"""What a cell means, exactly; and why it means nothing."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.imports.sorts import SORTS, guessed
from backoffice.imports.values import (
    CellError,
    Formats,
    ambiguous_dates,
    currency,
    date,
    email,
    number,
    text,
    truth,
    writes_decimal_comma,
)

COMMA, MONTH_FIRST = Formats(decimal_comma=True), Formats(day_first=False)


@pytest.mark.parametrize(
    ("cell", "formats", "meant"),
    [
        ("1,234.5678", Formats(), "1234.5678"),
        ("-0.5", Formats(), "-0.5"),
        (".5", Formats(), "0.5"),
        ("12", Formats(), "12"),
        ("(12.50)", Formats(), "-12.50"),
        ("$ 1 234.00", Formats(), "1234"),
        ("1.234,50", COMMA, "1234.5"),
        ("0,1", COMMA, "0.1"),
        ("+3", Formats(), "3"),
        ("99999999999999", Formats(), "99999999999999"),
    ],
)
def test_numbers_are_exact(cell: str, formats: Formats, meant: str) -> None:
    assert number(cell, 4, formats) == Decimal(meant)


@pytest.mark.parametrize(
    "cell",
    ["x", "1e400", "1e3", "NaN", "Infinity", "-", ".", ",", "1,23", "1.2.3", "1.23456", "100000000000000", "9" * 500,
     "--1", "0x10", "١٢", "1_000", "(1", "=1+1", "\0"],
)  # fmt: skip
def test_what_is_no_number_is_said_so(cell: str) -> None:
    with pytest.raises(CellError):
        number(cell, 4, Formats())


@given(st.text(max_size=80))
def test_no_cell_breaks_a_meaning(cell: str) -> None:
    for meaning in (
        lambda: number(cell, 4, Formats()),
        lambda: number(cell, 2, COMMA),
        lambda: date(cell, Formats()),
        lambda: truth(cell),
        lambda: currency(cell),
        lambda: email(cell),
        lambda: text(cell, 40),
    ):
        with suppress(CellError):
            meaning()


@given(st.decimals(min_value=-(10**13), max_value=10**13, places=4))
def test_every_number_that_we_write_is_read_back(value: Decimal) -> None:
    assert number(str(value), 4, Formats()) == value
    assert number(f"{value:,}", 4, Formats()) == value


@pytest.mark.parametrize(
    ("cell", "formats", "meant"),
    [
        ("2026-11-21", Formats(), (2026, 11, 21)),
        ("3/4/2026", Formats(), (2026, 4, 3)),
        ("3/4/2026", MONTH_FIRST, (2026, 3, 4)),
        ("03.04.26", Formats(), (2026, 4, 3)),
        ("21 Nov 2026", Formats(), (2026, 11, 21)),
        ("2026-11-21 00:00:00", Formats(), (2026, 11, 21)),
    ],
)
def test_dates(cell: str, formats: Formats, meant: tuple[int, int, int]) -> None:
    assert date(cell, formats) == dt.date(*meant)


@pytest.mark.parametrize(
    "cell", ["21/13/2026", "2026-02-30", "0001-01-01", "9999-01-01", "today", "1/2", "12/31/2026", "45000"]
)
def test_what_is_no_date_is_said_so(cell: str) -> None:
    with pytest.raises(CellError, match="2026-11-21"):
        date(cell, Formats())


def test_how_a_file_writes_dates_and_numbers_is_found_out() -> None:
    assert ambiguous_dates(["3/4/2026", "13/4/2026"]) == (True, True)
    assert ambiguous_dates(["3/4/2026", "4/13/2026"]) == (False, True)
    assert ambiguous_dates(["3/4/2026"]) == (True, False)
    assert ambiguous_dates(["2026-01-01", ""]) == (True, True)
    assert writes_decimal_comma(["1.234,50", "3"])
    assert not writes_decimal_comma(["1,234.50", "3"])
    assert not writes_decimal_comma(["1,234", "3"])


def test_columns_are_guessed_from_headings() -> None:
    xero = ["*ContactName", "EmailAddress", "*InvoiceNumber", "*InvoiceDate", "*DueDate", "*Description", "*Quantity",
            "*UnitAmount", "*AccountCode", "*TaxType", "Currency"]  # fmt: skip
    found = guessed(SORTS["bill"], xero)
    assert {key: xero[at] for key, at in found.items()} == {
        "party": "*ContactName", "party_email": "EmailAddress", "name": "*InvoiceNumber", "date": "*InvoiceDate",
        "due_date": "*DueDate", "description": "*Description", "quantity": "*Quantity", "unit_price": "*UnitAmount",
        "account_code": "*AccountCode", "tax_code": "*TaxType", "currency": "Currency",
    }  # fmt: skip
    assert guessed(SORTS["supplier"], ["A", "Name"], {"name": "A"})["name"] == 0
    plain = guessed(SORTS["invoice"], ["Name", "Invoice number", "Date"])
    assert (plain["party"], plain["name"]) == (0, 1)
    assert guessed(SORTS["item"], ["Name", "Code"]) == {"code": 1, "name": 0}


@given(st.lists(st.text(max_size=20), max_size=20))
def test_no_column_is_guessed_twice(headers: list[str]) -> None:
    for sort in SORTS.values():
        found = guessed(sort, headers)
        assert len(set(found.values())) == len(found)
