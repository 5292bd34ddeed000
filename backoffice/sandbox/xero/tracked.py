"""Tracking on lines: categories and options by id or by name, two at most."""

from __future__ import annotations

from backoffice.sandbox.xero.fields import Text
from backoffice.sandbox.xero.shelf import Json

TRACKING = {"TrackingCategoryID": Text(), "TrackingOptionID": Text(), "Name": Text(), "Option": Text()}
MOST = 2


def tracking_of(categories: list[Json], sent: list[Json]) -> tuple[list[Json], list[str]]:
    """Each with all four keys, and what is wrong with them."""
    problems = ["A line item can have at most two tracking categories."] if len(sent) > MOST else []
    found: list[Json] = []
    for one in sent:
        category = _pick(categories, one.get("TrackingCategoryID"), one.get("Name"), "TrackingCategoryID")
        options = category["Options"] if category else []
        option = _pick(options, one.get("TrackingOptionID"), one.get("Option"), "TrackingOptionID")
        if category is None or category["Status"] != "ACTIVE":
            problems.append(f"The tracking category {_called(one, 'Name', 'TrackingCategoryID')} is not active.")
        elif option is None or option["Status"] != "ACTIVE":
            problems.append(f"The tracking option {_called(one, 'Option', 'TrackingOptionID')} is not active.")
        else:
            found.append(
                {
                    "Name": category["Name"],
                    "Option": option["Name"],
                    "TrackingCategoryID": category["TrackingCategoryID"],
                    "TrackingOptionID": option["TrackingOptionID"],
                }
            )
    if len({one["TrackingCategoryID"] for one in found}) < len(found):
        problems.append("A line item can have one option of each tracking category.")
    return found, problems


def _pick(rows: list[Json], row_id: str | None, name: str | None, key: str) -> Json | None:
    if row_id:
        return next((row for row in rows if row[key] == row_id.lower()), None)
    return next((row for row in rows if name and row["Name"].casefold() == name.casefold()), None)


def _called(sent: Json, name: str, key: str) -> str:
    return str(sent.get(name) or sent.get(key) or "''")
