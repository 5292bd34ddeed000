"""Companies: another organisation and back, three of them under one consent, ends on the other side, deletion."""

from __future__ import annotations

import re
import zipfile

from playwright.sync_api import Locator, expect

from tests.browser.conftest import DEMO, HARBOUR, Journey

COMPANY = "Demo Company"


def unlink(journey: Journey, company: int, organisation: str) -> None:
    journey.go(f"/c/{company}/integrations/disconnect/")
    journey.press(f"Unlink {organisation}")
    journey.sees(f"{organisation} is unlinked.")


def new_company(journey: Journey, name: str) -> int:
    journey.go("/companies/new")
    journey.page.get_by_label(re.compile("^Name")).fill(name)
    journey.press("Save")
    journey.sees(f"{name} was added.")
    return int(re.findall(r"/c/(\d+)/", journey.page.url)[0])


def suppliers(journey: Journey, company: int = 1) -> set[str]:
    """The names on the first page of suppliers."""
    journey.go(f"/c/{company}/suppliers/")
    return set(journey.page.locator("tbody tr td:nth-child(2)").all_inner_texts())


def card(journey: Journey, name: str) -> Locator:
    return journey.page.locator("section.company").filter(has=journey.page.get_by_role("link", name=name, exact=True))


def option(journey: Journey, company: str, name: str) -> None:
    """Choose from the menu of a company's card."""
    one = card(journey, company)
    one.get_by_label(f"Options of {company}").click()
    one.get_by_role("button", name=name, exact=True).or_(one.get_by_role("link", name=name, exact=True)).click()


def choose_another(journey: Journey, organisation: str) -> None:
    journey.leave_for_xero()
    journey.page.get_by_label(organisation).check()
    journey.press("Allow access")
    journey.heading(f"{organisation} is another organisation")


def test_another_organisation_is_another_book_and_the_first_one_comes_back(journey: Journey) -> None:
    journey.sign_in()
    journey.linked()
    first = suppliers(journey)
    journey.go("/c/1/")
    journey.picture("overview-linked")
    unlink(journey, 1, DEMO)
    journey.go("/c/1/")
    journey.picture("overview-unlinked")
    journey.linked()
    assert suppliers(journey) == first

    unlink(journey, 1, DEMO)
    choose_another(journey, HARBOUR)
    journey.picture("another-organisation")
    journey.follow("Cancel")
    journey.sees("Not linked")
    assert suppliers(journey) == first

    journey.go("/c/1/integrations/")
    choose_another(journey, HARBOUR)
    journey.press(f"Start a new book with {HARBOUR}")
    journey.sees(f"{HARBOUR} is linked")
    journey.until_done()
    journey.sees("Other books of Demo Company")
    journey.picture("a-new-book")
    second = suppliers(journey)
    assert second
    assert second <= set(journey.contacts_there(2))
    assert second != first
    assert journey.played("GET", "stats")["writes"] == []
    journey.go("/c/1/integrations/")
    journey.page.get_by_role("main").get_by_role("link", name=DEMO, exact=True).click()
    journey.heading(f"The book of {DEMO}")
    journey.picture("set-aside")

    unlink(journey, 1, HARBOUR)
    choose_another(journey, DEMO)
    journey.picture("back-to-the-first")
    journey.press(f"Go back to the book of {DEMO}")
    journey.sees(f"{DEMO} is linked")
    journey.until_done()
    assert suppliers(journey) == first
    expect(journey.page.get_by_role("row", name=re.compile("Integrated")).first).to_be_visible()
    assert journey.played("GET", "stats")["writes"] == []


def test_three_companies_two_of_them_under_one_consent(journey: Journey) -> None:
    page = journey.page
    journey.sign_in()
    journey.linked()
    second = new_company(journey, "Harbour Trading")
    journey.linked(second, HARBOUR)
    new_company(journey, "Nobody’s Books")
    journey.go("/companies/")
    journey.picture("companies-as-cards")
    expect(card(journey, COMPANY)).to_contain_text("Linked")
    expect(card(journey, "Nobody’s Books")).to_contain_text("Not linked")
    option(journey, COMPANY, "Sync now")
    journey.sees("Update started for 1 company.")
    expect(card(journey, COMPANY)).not_to_contain_text("Under way", timeout=60_000)
    expect(card(journey, COMPANY)).to_contain_text("just now")

    for name in (COMPANY, "Harbour Trading", "Nobody’s Books"):
        page.get_by_label(f"Select {name}").check()
    journey.sees("3 selected")
    page.locator("#many").get_by_role("button", name="Sync now").click()
    journey.sees("Update started for 2 companies.")
    journey.sees("1 company is not linked.")
    journey.follow("Table")
    journey.picture("companies-as-a-table")
    journey.follow("Not linked")
    expect(page.locator("tbody tr")).to_have_count(1)
    journey.follow("All")
    journey.follow("Cards")

    option(journey, COMPANY, "Unlink")
    journey.press(f"Unlink {DEMO}")
    journey.sees(f"{DEMO} is unlinked.")
    journey.go("/companies/")
    option(journey, "Harbour Trading", "Test connection")
    journey.sees(f"Xero answers for {HARBOUR}.")  # the consent that both shared still holds


def test_each_end_on_the_other_side_is_said_as_what_it_is(journey: Journey) -> None:
    page = journey.page
    journey.sign_in()
    journey.go("/companies/?search=Harbour")
    journey.follow("Harbour Trading")
    journey.heading("Harbour Trading")
    company = int(re.findall(r"/c/(\d+)/", page.url)[0])
    theirs = journey.second_tab()
    theirs.page.goto(f"{journey.xero}/connected-apps")
    theirs.press(f"Disconnect Back office from {HARBOUR}")
    journey.go("/companies/")
    option(journey, "Harbour Trading", "Sync now")
    expect(card(journey, "Harbour Trading")).to_contain_text("Needs linking again", timeout=60_000)
    journey.go(f"/c/{company}/")
    journey.sees(f"{HARBOUR} no longer lets this application in.")
    journey.picture("removed-in-xero")
    journey.leave_for_xero("Link to Xero again")
    journey.allow(HARBOUR)
    journey.until_done()

    journey.played("POST", "organisations/2/close")
    journey.go("/companies/")
    option(journey, "Harbour Trading", "Sync now")
    expect(card(journey, "Harbour Trading")).to_contain_text("Organisation closed", timeout=60_000)
    journey.go(f"/c/{company}/")
    journey.sees(f"{HARBOUR} is closed.")
    journey.picture("closed-in-xero")
    journey.played("POST", "organisations/2/reopen")
    journey.go("/companies/")
    option(journey, "Harbour Trading", "Test connection")
    journey.sees(f"Xero answers for {HARBOUR}.")

    journey.linked()
    before = suppliers(journey)
    journey.played("POST", "organisations/1/rotate")
    journey.go("/companies/")
    option(journey, COMPANY, "Sync now")
    expect(card(journey, COMPANY)).to_contain_text("Needs linking again", timeout=60_000)
    journey.go("/c/1/")
    journey.sees(f"{DEMO} was reset, or no longer lets this application in.")
    journey.leave_for_xero("Link to Xero again")
    page.get_by_label(DEMO).check()
    journey.press("Allow access")
    journey.sees("It has the same name and another id")
    journey.picture("reset-in-xero")
    journey.press(f"Start a new book with {DEMO}")
    journey.until_done()
    assert suppliers(journey) == before  # the same names, in another book
    assert journey.played("GET", "stats")["writes"] == []


def test_a_company_is_deleted_with_all_there_is_of_it(journey: Journey) -> None:
    page = journey.page
    journey.sign_in()
    journey.go("/companies/")
    option(journey, "Harbour Trading", "Delete")
    journey.heading("Delete Harbour Trading?")
    journey.picture("delete")
    with page.expect_download() as download:
        journey.follow("Download the archive")
    with zipfile.ZipFile(download.value.path()) as packed:
        assert "contact.csv" in packed.namelist()
    page.get_by_label("Type the company’s name").fill("Harbour")
    journey.press("Delete Harbour Trading")
    journey.sees("This is not its name.")
    page.get_by_label("Type the company’s name").fill("Harbour Trading")
    journey.press("Delete Harbour Trading")
    journey.sees(re.compile("Harbour Trading was deleted"), timeout=60_000)
    journey.picture("deleted")
    there = {one["tenantName"] for one in journey.played("GET", "connections")}
    assert HARBOUR not in there
    journey.go("/companies/")
    expect(card(journey, "Harbour Trading")).to_have_count(0)
    expect(card(journey, COMPANY)).to_contain_text("Linked")
