"""Linking: what was here before is shown before it is sent; unlinking keeps all; two companies never mix."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.conftest import DEMO, HARBOUR, Journey


def test_what_was_here_before_the_link_is_shown_before_it_is_sent(journey: Journey) -> None:
    page = journey.page
    there = {"Name": "Kowhai Print Works", "EmailAddress": "desk@kowhai.example"}
    journey.played("POST", "organisations/1/contacts", there)
    journey.sign_in()
    journey.new_supplier(1, "Kowhai Print Works", "old@ours.example")
    journey.new_supplier(1, "Brand New Boots Ltd")
    journey.picture("supplier-before-the-link")

    journey.go("/c/1/integrations/")
    journey.leave_for_xero()
    journey.press("Cancel")
    journey.sees("Xero was not linked.")
    journey.sees("You cancelled the sign-in; nothing was linked.")
    journey.picture("consent-cancelled")

    journey.leave_for_xero()
    journey.allow(DEMO)
    journey.sees("2 records to look at before they are sent.")
    journey.until_done()
    journey.picture("integrations-with-matches")
    journey.follow("See what would be linked and created")
    journey.heading("Matches")
    expect(page.get_by_role("heading", name="Would be linked 1")).to_be_visible()
    pair = page.get_by_role("row").filter(has=page.get_by_role("link", name="Kowhai Print Works"))
    expect(pair).to_contain_text("desk@kowhai.example")
    expect(pair).to_contain_text("ours: old@ours.example")
    expect(page.get_by_role("heading", name="Would be created in Xero 1")).to_be_visible()
    expect(page.get_by_label("Brand New Boots Ltd")).to_be_checked()
    journey.picture("matches")
    assert journey.played("GET", "stats")["writes"] == []
    assert "Brand New Boots Ltd" not in journey.contacts_there()

    journey.press("Link 1, create 1")
    journey.sees("It is being carried out.")
    journey.until_done()
    journey.follow("See the job")
    journey.picture("matches-carried-out")

    journey.go("/c/1/suppliers/?search=Kowhai+Print")
    expect(page.get_by_role("row", name=re.compile("desk@kowhai.example.*Integrated"))).to_be_visible()
    journey.follow("Kowhai Print Works")
    journey.follow("History")
    changed = page.get_by_role("row").filter(has_text="old@ours.example").filter(has_text="desk@kowhai.example")
    expect(changed).to_be_visible()
    journey.picture("history-of-a-linked-supplier")
    journey.go("/c/1/suppliers/?search=Boots")
    expect(page.get_by_role("row", name=re.compile("Brand New Boots Ltd.*Integrated"))).to_be_visible()
    assert "Brand New Boots Ltd" in journey.contacts_there()


def test_unlinking_keeps_the_records_and_linking_again_goes_on_where_it_stopped(journey: Journey) -> None:
    page = journey.page
    journey.sign_in()
    journey.linked()
    journey.follow("Suppliers")
    before = page.get_by_role("heading", level=1).inner_text()
    writes = len(journey.played("GET", "stats")["writes"])

    journey.go("/c/1/integrations/")
    journey.follow("Unlink")
    journey.heading(f"Unlink {DEMO}?")
    journey.picture("unlink")
    journey.press(f"Unlink {DEMO}")
    journey.sees(f"{DEMO} is unlinked. Both sides keep their records.")
    journey.picture("unlinked")
    journey.follow("Suppliers")
    expect(page.get_by_role("heading", level=1)).to_have_text(before)

    journey.linked()
    journey.picture("linked-again")
    journey.follow("Sync jobs")
    journey.follow("First sync")
    expect(page.get_by_text("Completed").first).to_be_visible()
    expect(page.get_by_role("definition").nth(0)).to_have_text("0")  # created
    journey.picture("first-sync-again")
    journey.follow("Suppliers")
    expect(page.get_by_role("heading", level=1)).to_have_text(before)
    expect(page.get_by_role("row", name=re.compile("Integrated")).first).to_be_visible()
    assert len(journey.played("GET", "stats")["writes"]) == writes


def test_two_companies_in_two_tabs_never_mix(journey: Journey) -> None:
    journey.sign_in()
    journey.linked()
    other = journey.second_tab()
    other.go("/companies/new")
    other.page.get_by_label(re.compile("^Name")).fill("Harbour Trading")
    other.press("Save")
    other.sees("Harbour Trading was added.")
    company = int(re.findall(r"/c/(\d+)/", other.page.url)[0])
    other.linked(company, HARBOUR)
    other.picture("second-company-linked")

    for tab, number, name in ((journey, 1, "Only In Demo Ltd"), (other, company, "Only In Harbour Ltd")):
        tab.go(f"/c/{number}/suppliers/new/")
        tab.page.get_by_label(re.compile("^Name")).fill(name)
    journey.press("Save")  # both forms were open before either was saved
    other.press("Save")
    for tab, ours, theirs in (
        (journey, "Only In Demo Ltd", "Only In Harbour Ltd"),
        (other, "Only In Harbour Ltd", "Only In Demo Ltd"),
    ):
        expect(tab.page.get_by_text("Integrated").first).to_be_visible(timeout=30_000)
        tab.follow("Suppliers")
        tab.page.get_by_label("Search").fill("Only In")
        tab.page.get_by_label("Search").press("Enter")
        expect(tab.page.get_by_role("link", name=ours, exact=True)).to_be_visible()
        expect(tab.page.get_by_role("link", name=theirs, exact=True)).to_have_count(0)
    journey.sees(DEMO)
    other.sees(HARBOUR)
    other.picture("suppliers-of-the-second-company")
    first, second = journey.contacts_there(1), journey.contacts_there(2)
    assert "Only In Demo Ltd" in first
    assert "Only In Demo Ltd" not in second
    assert "Only In Harbour Ltd" in second
    assert "Only In Harbour Ltd" not in first

    journey.go("/companies/")
    journey.sees(HARBOUR)
    journey.picture("companies")
