"""Sync jobs: chosen, for later, pressed twice, waiting, failed, asking; each says what it does and why."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from tests.browser.conftest import Journey


def test_a_job_of_chosen_kinds_and_one_for_later_that_is_cancelled(journey: Journey) -> None:
    page = journey.page
    journey.sign_in()
    journey.linked()
    journey.follow("Sync jobs")
    journey.follow("New sync job")
    for box in page.get_by_role("checkbox").all():
        box.uncheck()
    page.get_by_label("Tax rates").check()
    journey.picture("new-job")
    journey.press("Start the job")
    journey.sees("Update started.")
    journey.until_done()
    journey.follow(re.compile("^Completed"))
    newest = page.get_by_role("main").get_by_role("listitem").first
    expect(newest).to_contain_text("tax rates")
    expect(newest).not_to_contain_text("contacts")
    expect(newest).to_contain_text("No objects need to be updated")

    journey.follow("New sync job")
    page.get_by_label("Later, at").check()
    then = datetime.now(UTC) + timedelta(days=2)
    page.get_by_label("Day and time").fill(f"{then:%Y-%m-%dT%H:%M}")
    journey.press("Start the job")
    journey.follow(re.compile("^Pending"))
    journey.sees(re.compile("due in"))
    journey.picture("job-for-later")
    journey.follow("Update")
    journey.press("Cancel")
    expect(page.get_by_role("dialog")).to_contain_text(re.compile(r"Cancel Update \(.*\)\?"))
    journey.picture("cancel-a-job")
    journey.confirm("Cancel this job")
    journey.sees("The job is cancelled.")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Cancelled")


def test_pressed_twice_it_is_one_job(journey: Journey) -> None:
    journey.sign_in()
    journey.linked()
    journey.follow("Sync jobs")
    before = journey.job_count("Completed")
    other = journey.second_tab()
    journey.played("POST", "faults", {"kind": "slow", "seconds": 60, "path": "Contacts"})
    for tab in (journey, other):
        tab.go("/c/1/suppliers/")
    journey.page.get_by_role("button", name="Update", exact=True).dblclick()
    journey.sees(re.compile("Update started|under way already"))
    other.press("Update")
    other.sees("An update of this is under way already; it looks once more before it ends.")
    other.picture("pressed-twice")
    other.follow("Sync jobs")
    assert other.job_count("Running") + other.job_count("Pending") == 1
    journey.played("DELETE", "faults")
    other.until_done()
    other.page.reload()
    assert other.job_count("Completed") == before + 1


def test_a_job_that_met_trouble_says_so_and_goes_on_afterwards(journey: Journey) -> None:
    page = journey.page
    journey.sign_in()
    journey.linked()
    journey.played("POST", "faults", {"kind": "500", "method": "GET", "path": "Contacts", "count": None})
    journey.played("POST", "faults", {"kind": "html", "method": "GET", "path": "Items", "count": None})
    journey.follow("Suppliers")
    journey.update()
    journey.sees("The accounting system could not answer just now.")  # told on the page without a reload
    journey.follow("Sync jobs")
    journey.follow(re.compile("^Pending"))
    waiting = page.get_by_role("main").get_by_role("listitem").filter(has_text="contacts").first
    expect(waiting).to_contain_text("Waiting")
    expect(waiting).to_contain_text("on again at")
    journey.picture("waits-after-a-fault")

    journey.follow("Items")
    journey.update()
    journey.until_done()
    journey.follow("Sync jobs")
    journey.follow(re.compile("^Failed"))
    failed = page.get_by_role("main").get_by_role("listitem").filter(has_text="items").first
    expect(failed).to_contain_text("The accounting system sent something that cannot be read.")
    journey.picture("failed")
    failed.get_by_role("link", name="Update").click()
    journey.sees("This job did not get through.")
    journey.picture("failed-job")
    journey.played("DELETE", "faults")
    journey.press("Retry")
    journey.sees("Started again.")
    journey.until_done()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Completed")

    journey.follow("Sync jobs")
    journey.until_done()  # the one that waited has gone on by itself
    page.reload()
    assert journey.job_count("Pending") == 0


def test_why_a_job_failed_is_told_where_it_was_asked_for(journey: Journey) -> None:
    journey.sign_in()
    journey.linked()
    journey.played("POST", "faults", {"kind": "html", "method": "GET", "path": "Items", "count": None})
    journey.follow("Items")
    journey.update()
    journey.until_done()
    expect(journey.page.get_by_role("main")).to_contain_text(
        "The accounting system sent something that cannot be read."
    )


def test_an_empty_list_is_a_question(journey: Journey) -> None:
    page = journey.page
    journey.sign_in()
    journey.linked()
    journey.played("POST", "faults", {"kind": "empty-list", "path": "TrackingCategories", "count": None})
    journey.follow("Tracking")
    expect(page.get_by_role("row", name=re.compile("Integrated")).first).to_be_visible()
    journey.update()
    journey.until_done()
    journey.follow("Sync jobs")
    journey.follow(re.compile("^Failed"))
    journey.sees(re.compile("Xero answered with an empty list of .* Were they really all deleted there"))
    journey.picture("an-empty-list")
    journey.press("They are really gone")
    expect(page.get_by_role("dialog")).to_contain_text("Archive here what is no longer in Xero")
    journey.picture("really-gone")
    journey.confirm("They are really gone")
    journey.sees("Started again.")
    journey.until_done()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Completed")
    journey.follow("Tracking")
    expect(page.get_by_role("row", name=re.compile("Integrated"))).to_have_count(0)
    journey.follow("Archived")
    expect(page.get_by_role("row", name=re.compile("Deleted in Xero")).first).to_be_visible()
    journey.picture("archived-there")


def test_a_job_that_waits_for_a_limit_says_until_when(journey: Journey) -> None:
    """The last of its demo: for the rest of the minute no call is made."""
    page = journey.page
    journey.sign_in()
    journey.linked()
    journey.played("DELETE", "limits")  # a fresh minute there, so that the wait is long enough to be seen
    journey.played("POST", "faults", {"kind": "minute", "path": "Contacts", "count": None})
    journey.follow("Suppliers")
    journey.update()
    journey.sees(re.compile(r"Waiting for Xero’s minute limit, on again at \d\d:\d\d:\d\d"))
    journey.picture("waits-for-the-minute-limit")
    journey.follow("Sync jobs")
    journey.follow(re.compile("^Pending"))
    expect(page.get_by_role("main").get_by_role("listitem").first).to_contain_text(
        re.compile("Waiting.*on again at", re.DOTALL)
    )
    journey.picture("pending-for-the-minute-limit")
    journey.follow("Update")
    journey.picture("job-that-waits-for-the-minute-limit")
    journey.press("Cancel")
    journey.confirm("Cancel this job")
    journey.sees("The job is cancelled.")
