"""The pages of documents, as a browser without JavaScript uses them."""

from __future__ import annotations

import pytest
import requests

SLUGS = [
    "purchase-orders",
    "bills",
    "invoices",
    "credit-notes",
    "payments",
    "batch-payments",
    "overpayments",
    "prepayments",
]
ROOT = "/organisation/1/documents"


@pytest.fixture
def page(browser):
    def ask(path, **form):
        method = "POST" if form else "GET"
        return browser.session.request(method, f"{browser.url}{path}", data=form or None, timeout=30)

    return ask


@pytest.fixture
def bill(bills):
    return bills.make(InvoiceNumber="S-9")["InvoiceID"]


@pytest.mark.parametrize("slug", SLUGS)
def test_every_list_says_that_this_is_not_xero(page, slug):
    answer = page(f"{ROOT}/{slug}")
    assert answer.status_code == 200
    assert "This is the played Xero, not Xero itself" in answer.text
    assert "<script" not in answer.text
    assert " style=" not in answer.text


def test_bills_and_sales_have_lists_of_their_own(page, bill, sales):
    invoice = sales.make(InvoiceNumber="I-1")["InvoiceID"]
    assert "S-9" in page(f"{ROOT}/bills?q=rata").text
    assert "I-1" not in page(f"{ROOT}/bills").text
    assert page(f"{ROOT}/bills/{invoice}").status_code == 404
    assert "115.00" in page(f"{ROOT}/invoices/{invoice}").text
    assert page(f"{ROOT}/nonsense").status_code == 404
    assert page(f"{ROOT}/bills/nobody").status_code == 404
    assert "Bills" in page("/").text


def test_a_line_is_edited(page, bills, bill):
    form = {"lines.0.Description": "Card", "lines.0.Quantity": "2", "lines.0.UnitAmount": "12.3456"}
    assert "Saved." in page(f"{ROOT}/bills/{bill}", **form, DueDate="2026-12-31", Reference="by hand").text
    now = bills.read(bill)
    (line,) = now["LineItems"]
    assert (line["Description"], line["UnitAmount"], line["LineAmount"]) == ("Card", 12.3456, 24.69)
    assert (now["DueDateString"], now["Reference"]) == ("2026-12-31T00:00:00", "by hand")


def test_what_xero_says_against_it_is_shown_and_what_was_typed_is_kept(page, bill):
    answer = page(f"{ROOT}/bills/{bill}", **{"lines.0.AccountCode": "800", "lines.0.Description": "Typed"})
    assert answer.status_code == 400
    assert "is not a valid code for this document" in answer.text
    assert 'value="Typed"' in answer.text
    assert page(f"{ROOT}/bills/{bill}", **{"lines.0.Quantity": "many"}).status_code == 400


def test_a_bill_is_approved_paid_in_parts_unpaid_and_voided(page, bills, bill):
    path = f"{ROOT}/bills/{bill}"
    assert "Approved." in page(f"{path}/approve", go="1").text
    assert "Paid." in page(f"{path}/pay", Amount="15", Reference="first").text
    assert 'value="100.00"' in page(path).text
    assert page(f"{path}/pay", Amount="101").status_code == 400
    assert page(f"{path}/void", go="1").status_code == 400
    payment = bills.read(bill)["Payments"][0]["PaymentID"]
    assert "15.00" in page(f"{ROOT}/payments/{payment}").text
    assert "Saved." in page(path, DueDate="2027-01-31").text
    assert "Payment deleted." in page(f"{path}/unpay", payment=payment).text
    assert "Voided." in page(f"{path}/void", go="1").text
    assert bills.read(bill)["Status"] == "VOIDED"


def test_a_payment_is_deleted_on_its_own_page(page, bills, control):
    key = bills.make(Status="AUTHORISED")["InvoiceID"]
    payment = control("POST", f"organisations/1/invoices/{key}/pay")["PaymentID"]
    assert "S-9" not in page(f"{ROOT}/payments").text
    assert page(f"{ROOT}/payments/{payment}", Reference="changed").status_code == 400
    assert "Deleted." in page(f"{ROOT}/payments/{payment}/delete", go="1").text
    assert bills.read(key)["AmountDue"] == 115


def test_an_order_is_billed_and_deleted(page, orders):
    order = orders.make(Status="AUTHORISED")["PurchaseOrderID"]
    path = f"{ROOT}/purchase-orders/{order}"
    assert "Marked as billed." in page(f"{path}/bill", go="1").text
    assert "Deleted." in page(f"{path}/delete", go="1").text
    assert page(path, **{"lines.0.Quantity": "2"}).status_code == 400


def test_a_credit_is_used_on_a_bill_and_given_back(page, api, bills, control, supplier):
    bill = bills.make(InvoiceNumber="S-9", Status="AUTHORISED")["InvoiceID"]
    credit = {**bills.defaults, "Type": "ACCPAYCREDIT", "Status": "AUTHORISED"}
    note = api.put("CreditNotes", credit).json()["CreditNotes"][0]["CreditNoteID"]
    path = f"{ROOT}/credit-notes/{note}"
    assert "S-9: 115.00" in page(path).text
    assert "Allocated." in page(f"{path}/allocate", Invoice=bill, Amount="15").text
    assert bills.read(bill)["AmountDue"] == 100
    made = control("GET", f"organisations/1/creditnotes/{note}")["Allocations"][0]["AllocationID"]
    assert "Allocation removed." in page(f"{path}/deallocate", allocation=made).text
    assert bills.read(bill)["AmountDue"] == 115
    about = {"Type": "SPEND-OVERPAYMENT", "Contact": {"ContactID": supplier}, "Total": 5}
    ahead = control("POST", "organisations/1/overpayments", about)[0]["OverpaymentID"]
    assert "Paid." in page(f"{ROOT}/overpayments/{ahead}/pay", Amount="5").text


def test_a_batch_is_shown_and_deleted(page, bills, control):
    key = bills.make(Status="AUTHORISED")["InvoiceID"]
    bank = next(one["AccountID"] for one in control("GET", "organisations/1/accounts") if one["Type"] == "BANK")
    body = {"Account": {"AccountID": bank}, "Payments": [{"Invoice": {"InvoiceID": key}, "Amount": 115}]}
    batch = control("POST", "organisations/1/batchpayments", body)[0]["BatchPaymentID"]
    assert "115.00 in 1 payments" in page(f"{ROOT}/batch-payments/{batch}").text
    assert "Deleted." in page(f"{ROOT}/batch-payments/{batch}/delete", go="1").text
    assert bills.read(key)["Status"] == "AUTHORISED"


def test_the_addresses_of_documents_are_those_of_the_real_xero(page, bill, orders, control):
    order = orders.make()["PurchaseOrderID"]
    root = f"/app/{control('GET', 'organisations')[0]['short_code']}"
    for place in ("bills", "invoicing"):
        assert "Bill S-9" in page(f"{root}/{place}/view/{bill}").text
    assert "PO-0001" in page(f"{root}/purchase-orders/view/{order}").text
    assert page(f"{root}/credit-notes/view/{bill}").status_code == 404


def test_a_form_that_is_saved_as_it_came_changes_nothing(page, bills, bill, browser):
    before = bills.read(bill)
    line = before["LineItems"][0]
    form = {f"lines.0.{key}": line[key] for key in ("Description", "Quantity", "UnitAmount", "AccountCode")}
    days = {"Date": before["DateString"][:10], "DueDate": before["DueDateString"][:10]}
    answer = requests.post(f"{browser.url}{ROOT}/bills/{bill}", data={**form, **days, "Reference": ""}, timeout=30)
    assert "Saved." in answer.text or answer.status_code == 200
    now = bills.read(bill)
    keys = ("LineItems", "Total", "DateString", "DueDateString", "AmountDue")
    assert {key: now[key] for key in keys} == {key: before[key] for key in keys}
