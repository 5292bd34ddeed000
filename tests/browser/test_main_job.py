"""The main job: link a company, watch the first sync, edit a supplier, see it there, Update, find the jobs."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import Journey


def test_from_the_first_sign_in_to_no_objects_need_to_be_updated(journey: Journey) -> None:
    page = journey.page
    journey.go("/")
    journey.picture("sign-in")
    journey.sign_in()
    journey.sees("Not linked")
    journey.picture("overview-not-linked")

    journey.follow("Suppliers")
    journey.picture("suppliers-empty")

    journey.follow("Integrations")
    journey.press("Link to Xero")
    journey.picture("sign-in-at-xero")
    journey.press("Sign in")
    journey.sees("Demo Company (NZ)")
    journey.picture("consent-at-xero")
    journey.press("Allow access")
    journey.sees("Demo Company (NZ) is linked")
    journey.sees("✓ Linked")
    journey.picture("integrations-connected")

    journey.follow("Sync jobs")
    journey.sees("First sync")
    journey.sees(re.compile(r"\d+ new"))  # the running job tells its end without a reload
    page.get_by_role("link", name=re.compile("^Completed")).click()
    journey.sees(re.compile(r"\d+ new"))
    journey.picture("sync-jobs-after-first-sync")

    journey.follow("Suppliers")
    row = page.locator("tbody tr").first
    expect(row.get_by_text("Integrated")).to_be_visible()
    journey.picture("suppliers-integrated")
    name = row.get_by_role("link").first.inner_text()

    journey.follow(name)
    journey.picture("supplier")
    journey.follow("Edit")
    page.get_by_label("City").fill("Whangarei")
    journey.picture("supplier-form")
    journey.press("Save")
    expect(page.get_by_text("Whangarei").first).to_be_visible()
    expect(page.get_by_text("Integrated").first).to_be_visible(timeout=30_000)

    with page.expect_popup() as opened:
        page.get_by_role("link", name=re.compile("Open in Xero")).first.click()
    theirs = opened.value
    expect(theirs.locator("input[value='Whangarei']").first).to_be_visible()
    theirs.close()

    page.get_by_role("link", name="History", exact=True).click()
    journey.sees("Whangarei")
    journey.picture("supplier-history")

    journey.follow("Suppliers")
    journey.press("Update")
    journey.sees("No objects need to be updated")
    journey.picture("no-objects-need-to-be-updated")

    journey.follow("Sync jobs")
    for title in ("First sync", "On save", "Update"):
        expect(page.get_by_role("link", name=title, exact=True).first).to_be_visible()
    journey.picture("sync-jobs")
    journey.follow("On save")
    journey.sees(name)
    journey.picture("sync-job")
    journey.follow("Sync queue")
    journey.picture("sync-queue")
    journey.follow("What is synchronised")
    journey.sees("Contacts")
    journey.picture("what-is-synchronised")
    journey.follow("Overview")
    journey.picture("overview-linked")


def test_what_is_changed_there_comes_here_and_a_refusal_says_what_to_mend(journey: Journey) -> None:
    page = journey.page
    journey.sign_in()
    journey.linked()
    journey.follow("Suppliers")
    names = [link.inner_text() for link in page.locator("tbody tr td a[href*='details']").all()[:2]]

    page.goto(f"{journey.xero}/organisation/1/contacts?q={names[0]}")
    page.get_by_role("link", name=names[0]).first.click()
    page.get_by_label(re.compile("E-?mail", re.IGNORECASE)).first.fill("changed@there.example")
    page.get_by_role("button", name=re.compile("Save", re.IGNORECASE)).first.click()

    journey.go("/c/1/suppliers/")
    journey.press("Update")
    journey.sees("1 updated")
    page.reload()
    journey.sees("changed@there.example")

    journey.follow(names[1])
    journey.follow("Edit")
    page.get_by_label("Name", exact=False).first.fill("Angle <Brackets>")
    journey.press("Save")
    journey.sees(re.compile("Refused"))
    journey.picture("refused")
    journey.go("/c/1/sync-queue/")
    journey.picture("sync-queue-refused")
    expect(page.locator("tbody").get_by_text(re.compile("Xero takes no < and > in a name"))).to_be_visible()
    journey.follow("Angle <Brackets>")
    journey.follow("Mend it")
    page.get_by_label("Name", exact=False).first.fill("Mended Ltd")
    journey.press("Save")
    expect(page.get_by_text("Integrated").first).to_be_visible(timeout=30_000)
