"""The doors for machines do what their description says, over a real socket, whatever is sent."""

from __future__ import annotations

from pathlib import Path

import schemathesis

from tests.hostile.cases import TRIED, budget
from tests.hostile.conftest import Estate

SCHEMA = schemathesis.openapi.from_path(Path(__file__).parents[2] / "docs" / "openapi.yaml")


def test_every_door_for_machines_is_described(estate: Estate) -> None:
    views = estate.app.view_functions
    rules = [rule for rule in estate.app.url_map.iter_rules() if getattr(views[rule.endpoint], "machine", False)]
    doors = {rule.rule.replace("<key>", "xero").rstrip("/") for rule in rules}
    assert doors == set(SCHEMA)


@SCHEMA.parametrize()
@budget(40)
def test_a_door_does_what_its_description_says(case: schemathesis.Case, address: str) -> None:
    TRIED[f"{case.method} {case.path}"] += 1
    case.call_and_validate(base_url=address, timeout=30)
