"""The application is removed in Xero: it says so, keeps what is edited meanwhile, and sends it once linked again."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import DEMO, Journey


def test_what_is_edited_while_the_link_is_lost_arrives_after_it_is_mended(journey: Journey) -> None:
    page = journey.page
    journey.sign_in()
    journey.linked()
    theirs = journey.second_tab()
    theirs.page.goto(f"{journey.xero}/connected-apps")
    theirs.press(f"Disconnect Back office from {DEMO}")
    theirs.sees("No app is connected.")

    journey.follow("Suppliers")
    name = page.get_by_role("row").nth(1).get_by_role("link").first.inner_text()
    journey.update()
    journey.until_done()
    journey.picture("update-fails")
    page.reload()
    journey.sees(f"{DEMO} was reset, or no longer lets this application in.")
    journey.picture("needs-reconnecting")
    journey.follow("Sync jobs")
    journey.follow(re.compile("^Failed"))
    journey.sees(f"{DEMO} was reset, or no longer lets this application in.")
    expect(page.get_by_role("main").get_by_role("listitem").first).to_contain_text(re.compile("Link the company again"))
    journey.picture("failed-for-want-of-a-link")

    journey.follow("Suppliers")
    journey.follow(name)
    journey.follow("Edit")
    page.get_by_label("City").fill("Kaikoura")
    journey.press("Save")
    journey.sees(f"{name} was saved.")
    journey.sees("Kaikoura")
    journey.sees(f"{DEMO} was reset, or no longer lets this application in.")
    expect(page.get_by_role("heading", level=1, name=name)).to_contain_text("Waiting")
    journey.picture("edited-meanwhile")
    assert "Kaikoura" not in str(journey.contacts_there()[name])

    journey.follow(re.compile("^Integrations"))
    journey.picture("integrations-needs-reconnecting")
    journey.leave_for_xero("Link to Xero again")
    journey.allow(DEMO)
    journey.until_done()
    expect(page.get_by_text("no longer lets this application in")).to_have_count(0)
    journey.picture("reconnected")
    journey.follow("Suppliers")
    journey.follow(name)
    expect(page.get_by_role("heading", level=1, name=name)).to_contain_text("Integrated", timeout=30_000)
    expect(page.get_by_text("Kaikoura").first).to_be_visible()
    assert "Kaikoura" in str(journey.contacts_there()[name])
