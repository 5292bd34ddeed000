"""Drift: both sides compared, what differs settled by its buttons, and equal in the end."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Journey

REPORT = "/c/1/drift-report/"


def reconcile(journey: Journey) -> None:
    journey.go(REPORT)
    journey.press("Reconcile now")
    journey.sees("Both sides are being compared")
    journey.until_done()
    journey.go(REPORT)


def test_what_no_change_feed_shows_is_found_and_settled(journey: Journey) -> None:
    page = journey.page
    journey.sign_in()
    journey.linked()
    journey.go(REPORT)
    journey.sees("Both sides have not been compared yet")
    journey.picture("never-compared")
    reconcile(journey)
    expect(page.get_by_role("main")).to_contain_text("✓ Equal")
    journey.picture("equal")

    there = [one for one in journey.contacts_there().values() if one["ContactStatus"] == "ACTIVE"]
    edited, merged, kept = there[0], there[1], there[2]
    contacts = "organisations/1/contacts"
    journey.played("POST", f"{contacts}/{edited['ContactID']}/edit-silently", {"EmailAddress": "silent@there.example"})
    journey.played("POST", f"{contacts}/{merged['ContactID']}/merge", {"Into": kept["ContactID"]})
    item = journey.played("GET", "organisations/1/items")[0]
    journey.played("DELETE", f"organisations/1/items/{item['ItemID']}")

    reconcile(journey)
    for words in ("Edited in Xero without a time", "Merged in Xero", "Deleted in Xero", "silent@there.example"):
        journey.sees(words)
    journey.picture("drift")
    journey.go("/c/1/")
    journey.sees("3 differences between here and Xero")

    for button, cause in (
        ("Take theirs", "without a time"),
        ("Follow the merge", "Merged"),
        ("Archive it here", "Del"),
    ):
        journey.go(REPORT)
        section = page.locator("section.drift").filter(has_text=re.compile(cause))
        section.get_by_role("button", name=button, exact=True).click()
        journey.sees("1 difference being settled")
        journey.until_done()
    reconcile(journey)
    expect(page.get_by_role("main")).to_contain_text("✓ Equal")
    journey.sees("Reconciliations so far")
