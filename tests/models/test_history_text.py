"""The history keeps text; what it says of any column of any kind can be read back exactly."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import JSON, Boolean, Column, Date, Enum, Integer, String

from backoffice.database import Exact
from backoffice.models import RECORDS, Document
from backoffice.models.history import as_text, from_text

LINES = [model.line for model in RECORDS if issubclass(model, Document)]
COLUMNS: list[Column[Any]] = [
    *(model.table().c[column] for model in RECORDS for column in model.business_columns()),
    *(line.table().c[column] for line in LINES for column in line.content),
]


def values(column: Column[Any]) -> st.SearchStrategy[Any]:
    """What a column can hold, as it is read from the database."""
    sort = column.type
    if isinstance(sort, Enum):
        return st.sampled_from(list(sort.enum_class or ()))
    if isinstance(sort, Exact):
        whole = st.integers(-(2**63) + 1, 2**63 - 1)
        return whole.map(lambda number: Decimal(number).scaleb(-sort.places))
    found = {Boolean: st.booleans(), Date: st.dates(), Integer: st.integers(-(2**63), 2**63 - 1), String: st.text()}
    return next(strategy for kind, strategy in found.items() if isinstance(sort, kind))


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_what_the_history_says_is_read_back_exactly(column: Column[Any]) -> None:
    @settings(deadline=None, max_examples=20)
    @given(values(column) | st.none())
    def round_trip(value: Any) -> None:
        back = from_text(column, as_text(value))
        assert (back, type(back), str(back)) == (value, type(value), str(value))

    round_trip()


@pytest.mark.parametrize(
    ("sort", "text"),
    [
        (Boolean(), "yes"),
        (Exact(2), "ten"),
        (Date(), "21 Nov 2026"),
        (Integer(), "1.5"),
        (JSON(), "{}"),
        (JSON(), "['contact']"),
    ],
    ids=str,
)
def test_what_no_value_can_have_been_is_not_guessed(sort: Any, text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the reader says of it
        from_text(Column("held", sort), text)


@pytest.mark.parametrize("kinds", [[], ["bill"], ["bill", "purchase_order"]])
def test_a_list_is_kept_as_people_write_one(kinds: list[str]) -> None:
    kept = as_text(kinds)
    assert (kept, from_text(Column("held", JSON()), kept)) == (", ".join(kinds), kinds)


def test_an_empty_text_is_not_nothing() -> None:
    held: Column[Any] = Column("held", String(5))
    assert (from_text(held, ""), from_text(held, None)) == ("", None)
    assert from_text(Column("held", Date()), as_text(date(2026, 11, 2))) == date(2026, 11, 2)
