"""What we hold of a row of theirs, as a value among others in Python."""

from __future__ import annotations

import copy

import pytest

from backoffice.sync.held import Held


def test_it_is_copied_and_asked_like_any_other_value() -> None:
    row = Held({"id": 1, "link_id": 2})
    assert (row.id, copy.copy(row).link_id, hasattr(row, "nothing")) == (1, 2, False)
    with pytest.raises(AttributeError, match="nothing"):
        _ = row.nothing
