"""Documents from their form to Xero and back, as operations staff do it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Journey
from tests.browser.desk import COMPANY, Desk

FREIGHT = {"description": "Freight", "quantity": "1", "unit_price": "45", "account_code": "300", "tax_code": "INPUT2"}
ROPE = {"description": "Rope", "quantity": "10", "unit_price": "12.35", "account_code": "300", "tax_code": "INPUT2"}
WORK = {"description": "Work", "quantity": "2", "unit_price": "80", "account_code": "200", "tax_code": "OUTPUT2"}


@pytest.fixture
def desk(journey: Journey) -> Desk:
    return Desk(journey)


def test_an_order_is_written_approved_and_in_xero(desk: Desk, journey: Journey) -> None:
    page = desk.page
    desk.write("purchase-orders", desk.party("Order Ltd"), ROPE, FREIGHT)
    number = desk.title()
    journey.picture("order-draft")
    journey.press("Approve")
    desk.integrated()
    journey.picture("order-integrated")
    there = desk.there("purchaseorders", "PurchaseOrderNumber", number)
    assert (there["Status"], there["Total"]) == ("AUTHORISED", 193.78)
    expect(page.get_by_text("193.78 NZD").first).to_be_visible()

    page.get_by_role("main").get_by_role("link", name="Edit").first.click()
    desk.fill(2, unit_price="50")
    journey.picture("order-form")
    journey.press("Save")
    journey.sees("was saved")
    desk.integrated()
    assert desk.there("purchaseorders", "PurchaseOrderNumber", number)["Total"] == 199.53


def test_an_order_is_billed_in_two_parts_and_paid_in_xero(desk: Desk, journey: Journey) -> None:
    page = desk.page
    desk.write("purchase-orders", desk.party("Parts Ltd"), ROPE)
    number = desk.title()
    journey.press("Approve")
    desk.integrated()
    order = page.url
    journey.follow("Make bill")
    journey.picture("make-bill")
    page.get_by_label("Quantity of line 1").fill("4")
    journey.press("Make bill")
    for part in ("4", "6"):
        journey.heading(re.compile("bill|BILL", re.IGNORECASE))
        page.get_by_role("main").get_by_role("link", name="Edit").first.click()
        page.locator("#name").fill(f"PARTS-{part}")
        page.locator("#due_date").fill("2027-01-15")
        journey.press("Save")
        journey.press("Approve")
        desk.integrated()
        page.goto(order)
        if part == "4":
            journey.follow("Make bill")
            journey.press("Bill all that is open")
    journey.sees("✓ Billed")
    journey.picture("order-billed")
    desk.integrated()
    assert desk.there("purchaseorders", "PurchaseOrderNumber", number)["Status"] == "BILLED"

    bill = desk.there("invoices", "InvoiceNumber", "PARTS-4")
    assert bill["Reference"] == number
    journey.played("POST", f"organisations/1/invoices/{bill['InvoiceID']}/pay", {"Reference": "cheque 9"})
    desk.update("bills")
    desk.update("payments")
    desk.go_to("bills", "PARTS-4")
    journey.sees("Paid on")
    expect(page.get_by_role("link", name="cheque 9")).to_be_visible()
    journey.picture("bill-paid")


def test_an_invoice_is_authorised_and_its_receipt_is_there(desk: Desk, journey: Journey) -> None:
    page = desk.page
    desk.write("invoices", desk.party("Payer Ltd"), WORK, due_date="2027-01-31")
    number = desk.title()
    journey.press("Approve")
    desk.integrated()
    journey.follow("Record payment")
    journey.picture("record-payment")
    page.get_by_label(re.compile("Account")).select_option(index=1)
    journey.press("Record payment")
    journey.sees("was recorded")
    desk.go_to("invoices", number)
    row = page.locator("#payments tbody tr").first
    expect(row.get_by_text("✓ Integrated")).to_be_visible(timeout=60_000)
    assert desk.there("invoices", "InvoiceNumber", number)["Status"] == "PAID"
    page.reload()
    journey.picture("invoice-paid")


@pytest.mark.parametrize("way", ["Keep theirs", "Send ours", "Send what I chose"])
def test_a_bill_changed_in_xero_is_settled(desk: Desk, journey: Journey, way: str) -> None:
    page = desk.page
    number = "CH-" + "".join(word[0] for word in way.split())
    desk.write("bills", desk.party(f"Changed {way}"), ROPE, name=number, due_date="2027-01-15", reference="ours")
    journey.press("Approve")
    desk.integrated()
    bill, there = page.url, desk.there("invoices", "InvoiceNumber", number)
    lines = [{**there["LineItems"][0], "Description": "Chain"}]
    change = {"Reference": "theirs", "LineItems": lines}
    journey.played("PATCH", f"organisations/1/invoices/{there['InvoiceID']}", change)
    desk.update("bills")
    page.goto(bill)
    journey.sees("⇄ Changed in Xero")
    journey.picture("bill-changed")
    page.get_by_role("main").get_by_role("link", name=re.compile("differs|choose|settle", re.IGNORECASE)).first.click()
    journey.picture("what-differs")
    if way == "Send what I chose":
        page.get_by_role("radiogroup", name="Reference").get_by_label("Ours").check()
        page.get_by_role("radiogroup", name="Line 1").get_by_label("Theirs").check()
    journey.press(way)
    page.goto(bill)
    desk.integrated()
    after = desk.there("invoices", "InvoiceNumber", number)
    kept = (after["Reference"], after["LineItems"][0]["Description"])
    assert (
        kept
        == {
            "Keep theirs": ("theirs", "Chain"),
            "Send ours": ("ours", "Rope"),
            "Send what I chose": ("ours", "Chain"),
        }[way]
    )
    expect(page.get_by_text(kept[1], exact=True).first).to_be_visible()


def test_a_refused_bill_is_mended_by_its_link(desk: Desk, journey: Journey) -> None:
    page = desk.page
    line = {key: value for key, value in ROPE.items() if key != "account_code"}
    desk.write("bills", desk.party("Refused Ltd"), line, name="REF-1", due_date="2027-01-15")
    journey.press("Approve")
    journey.sees(re.compile("Nothing says which account line 1 posts to"))
    journey.picture("bill-refused")
    journey.follow("Mend it")
    expect(page.locator("[name='lines.1.account_code']")).to_be_focused()
    desk.fill(1, account_code="300")
    journey.press("Save")
    desk.integrated()


def test_a_file_of_five_hundred_bills_comes_in_but_for_twelve(desk: Desk, journey: Journey) -> None:
    page = desk.page
    desk.party("File Ltd")
    rows = ["Number,Supplier,Date,Due date,Description,Quantity,Unit price,Account,Tax"]
    for number in range(500):
        price = "a lot" if number % 42 == 7 else f"{number}.50"
        rows.append(f"F-{number},File Ltd,2026-11-02,2026-12-02,Rope,1,{price},300,INPUT2")
    bad = sum("a lot" in row for row in rows)
    assert bad == 12
    journey.go(f"{COMPANY}/imports/")
    journey.picture("imports")
    page.locator("#sort").select_option(label="Bills")
    content = "\n".join(rows).encode()
    page.locator("#file").set_input_files({"name": "bills.csv", "mimeType": "text/csv", "buffer": content})
    journey.press("Look at the file")
    journey.sees(re.compile("12 "))
    journey.sees(re.compile("a lot"))
    journey.picture("import-preview")
    page.get_by_role("button", name=re.compile("^Import the")).click()
    journey.sees(re.compile("488"), timeout=60_000)
    journey.picture("import-done")
    journey.go(f"{COMPANY}/bills/?search=F-1")
    journey.picture("bills")


def test_an_order_is_printed_and_the_mail_says_what_is_missing(desk: Desk, journey: Journey) -> None:
    page = desk.page
    desk.write("purchase-orders", desk.party("Printed Ltd"), ROPE, FREIGHT)
    key = re.search(r"id=(\d+)", page.url)
    assert key is not None
    printed = page.context.request.get(f"{journey.home}{COMPANY}/purchase-orders/pdf/?id={key[1]}")
    assert (printed.status, printed.body()[:5]) == (200, b"%PDF-")
    journey.go(f"{COMPANY}/purchase-orders/email/?id={key[1]}")
    journey.sees(re.compile("SMTP_HOST"))
    journey.picture("mail-not-set-up")
