"""A webhook from end to end: registered in the played Xero, its key kept here, and a change there is here unasked."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Journey
from tests.running_demo import wait_for


def test_a_change_there_is_here_without_anybody_asking(journey: Journey) -> None:
    page = journey.page
    journey.sign_in()
    journey.linked()
    journey.sees("not set: every delivery is refused")
    journey.picture("webhook-without-a-key")
    address = page.locator("#webhook code").inner_text()

    page.goto(f"{journey.xero}/webhooks")
    page.get_by_label("Delivery address").first.fill(address)
    page.get_by_role("button", name="Save").first.click()
    page.get_by_role("button", name="Send intent to receive").first.click()
    expect(page.get_by_text("Intent to receive: Response not 200 OK: 401")).to_be_visible()
    key = page.get_by_label("Webhooks key").input_value()
    journey.picture("webhook-there")

    journey.go("/c/1/integrations/")
    page.get_by_label("Signing key").fill(key)
    journey.press("Keep the key")
    journey.sees("The signing key is kept.")
    assert key not in page.content()
    page.goto(f"{journey.xero}/webhooks")
    page.get_by_role("button", name="Send intent to receive").first.click()
    expect(page.get_by_text("Intent to receive: OK.")).to_be_visible()

    contact = next(iter(journey.contacts_there().values()))
    journey.played("PATCH", f"organisations/1/contacts/{contact['ContactID']}", {"Name": "Kowhai Print Works"})
    journey.go("/c/1/sync-jobs/")
    wait_for(lambda: page.reload() is not None and page.get_by_text("Changed in Xero").count() > 0, 60)
    journey.until_done()
    journey.sees("1 updated")
    journey.go("/c/1/integrations/")
    expect(page.locator("#webhook")).to_contain_text("✓ Delivered")
    journey.picture("webhook-that-delivers")
