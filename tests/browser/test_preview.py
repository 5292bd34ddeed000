"""A preview, from the list that it is asked for on to the rows that are applied."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Journey


def test_what_would_change_is_seen_first_and_applied_in_part(journey: Journey) -> None:
    page = journey.page
    journey.sign_in()
    journey.linked()
    first, second = [one for one in journey.contacts_there().values() if one.get("IsSupplier")][:2]
    for one in (first, second):
        journey.played(
            "PATCH", f"organisations/1/contacts/{one['ContactID']}", {"EmailAddress": f"{one['Name'][:3]}@new.example"}
        )
    journey.go("/c/1/suppliers/")
    page.get_by_role("main").get_by_label("More").first.click()
    journey.press("Preview an Update")
    journey.heading("Preview of an Update")
    journey.until_done()
    journey.go(page.url.removeprefix(journey.home))
    journey.sees("2 changed")
    journey.sees("Nothing has been changed, here or there.")
    row = page.get_by_role("main").get_by_role("listitem").filter(has_text=first["Name"])
    expect(row).to_contain_text("@new.example")
    journey.picture("preview")
    page.get_by_label("All of this list").check()
    expect(page.get_by_label(f"Apply {second['Name']}")).to_be_checked()
    page.get_by_label(f"Apply {second['Name']}").uncheck()
    expect(page.get_by_label("All of this list")).not_to_be_checked()
    journey.press("Apply chosen")
    journey.sees("It is being done.")
    journey.follow("See the job")
    journey.until_done()
    journey.heading("Apply chosen")
    journey.picture("applied")
    journey.go(f"/c/1/suppliers/?search={first['Name']}")
    journey.sees(f"{first['Name'][:3]}@new.example")
    journey.go("/c/1/previews/")
    expect(page.get_by_role("main").get_by_role("listitem").filter(has_text=first["Name"])).to_contain_text("Done")
    expect(page.get_by_label(f"Apply {second['Name']}")).to_be_visible()
    journey.picture("the-rest-is-offered")
