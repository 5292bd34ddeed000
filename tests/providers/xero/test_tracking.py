"""Tracking at Xero: categories and options out of one list."""

from __future__ import annotations

import pytest

from backoffice.providers.xero.tracking import TrackingCategoryMapper, TrackingOptionMapper

REGION, NORTH, SOUTH = (f"00000000-0000-4000-8000-00000000000{number}" for number in range(3))
CATEGORIES, OPTIONS = TrackingCategoryMapper(), TrackingOptionMapper()
ROW = {
    "TrackingCategoryID": REGION,
    "Name": "Region",
    "Status": "ACTIVE",
    "Options": [
        {"TrackingOptionID": NORTH, "Name": "North", "Status": "ACTIVE"},
        {"TrackingOptionID": SOUTH, "Name": "South", "Status": "ARCHIVED"},
    ],
}


def test_an_option_knows_its_category() -> None:
    north, south = OPTIONS.rows(ROW)
    ref = OPTIONS.refs[0]
    assert (OPTIONS.external_id(north), north[ref.key], ref.kind) == (NORTH, REGION, CATEGORIES.kind)
    assert OPTIONS.load(south) == {"name": "South", "archived": True}


def test_a_category_does_not_move_with_its_options() -> None:
    (before,), (after,) = CATEGORIES.rows(ROW), CATEGORIES.rows({**ROW, "Options": []})
    assert CATEGORIES.version(before) == CATEGORIES.version(after)
    assert CATEGORIES.load(before) == {"name": "Region", "archived": False}


@pytest.mark.parametrize("options", ["North", [None], {"a": 1}])
def test_options_that_are_none(options: object) -> None:
    with pytest.raises(ValueError, match="Options"):
        OPTIONS.rows({**ROW, "Options": options})
