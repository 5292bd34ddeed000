"""Contacts on their journeys: asked for in Xero, changed there before somebody pays, made twice by mistake."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Journey
from tests.browser.desk import COMPANY, Desk

ROPE = {"description": "Rope", "quantity": "1", "unit_price": "100", "account_code": "300", "tax_code": "INPUT2"}


@pytest.fixture
def desk(journey: Journey) -> Desk:
    return Desk(journey)


def look(journey: Journey, text: str) -> None:
    journey.go(f"{COMPANY}/why/")
    journey.page.get_by_label("A number, a name").fill(text)
    journey.press("Find out")


def test_what_is_only_there_is_asked_for_and_brought_in(desk: Desk, journey: Journey) -> None:
    made = journey.played("POST", "organisations/1/contacts", {"Name": "Totara Tools", "ContactNumber": "TT-1"})
    look(journey, "TT-1")
    journey.sees("Nothing that was ever kept here is called so")
    journey.page.get_by_label("What is it?").select_option("contact")
    journey.press("Ask Xero now")
    journey.sees("it was made or changed there after the last Update")
    journey.picture("why-asked")
    journey.press("Bring it in")
    journey.sees("It is being brought in.")
    journey.follow("See the job")
    journey.until_done()
    look(journey, f"https://go.xero.com/Contacts/View/{made[0]['ContactID']}")
    journey.sees("It is neither supplier nor customer yet")
    journey.picture("why-verdict")


def test_a_bank_account_that_was_changed_there_is_looked_at_before_anybody_pays(desk: Desk, journey: Journey) -> None:
    page = desk.page
    about = {"Name": "Rimu Rentals", "BankAccountDetails": "12-3456-7890123-00", "IsSupplier": True}
    made = journey.played("POST", "organisations/1/contacts", about)[0]
    desk.update("suppliers")
    desk.write("bills", "Rimu Rentals", ROPE, name="RR-1", due_date="2026-12-30")
    journey.press("Approve")
    desk.integrated()
    there = f"organisations/1/contacts/{made['ContactID']}"
    journey.played("PATCH", there, {"BankAccountDetails": "99-9999-9999999-99"})
    desk.update("suppliers")
    desk.go_to("bills", "RR-1")
    journey.sees("has to be looked at before anybody pays")
    journey.picture("bill-with-alert")
    page.get_by_role("main").get_by_role("link", name="Record payment").first.click()
    journey.press("Record payment")
    journey.sees("Nothing was recorded. Tick this")
    journey.picture("payment-asks")
    journey.go(f"{COMPANY}/alerts/")
    journey.picture("alerts")
    page.get_by_label("How was it checked?").first.fill("Rang Kim on the old number")
    journey.press("Acknowledge")
    journey.sees("It is acknowledged.")
    desk.go_to("bills", "RR-1")
    expect(page.get_by_text("before anybody pays")).to_have_count(0)


def test_a_supplier_who_is_here_already_is_asked_about(desk: Desk, journey: Journey) -> None:
    page = desk.page
    desk.party("Karaka Cranes")
    journey.go(f"{COMPANY}/suppliers/new/")
    page.locator("#name").fill("KARAKA CRANES Ltd.")
    journey.press("Save")
    journey.sees("This may be one that is here already.")
    journey.picture("duplicate-asked")
    journey.press("Create it all the same")
    journey.sees("KARAKA CRANES Ltd. was added.")
    journey.go(f"{COMPANY}/suppliers/new/")
    page.locator("#name").fill("Karaka-Cranes Limited")
    journey.press("Save")
    journey.press("Create it all the same")
    journey.go(f"{COMPANY}/duplicates/")
    journey.picture("duplicates")
