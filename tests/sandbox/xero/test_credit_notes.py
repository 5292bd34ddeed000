"""Credit notes: numbers and statuses as of invoices, allocations, refunds."""

from __future__ import annotations

import pytest

from tests.sandbox.xero.callers import Papers, words


@pytest.fixture
def credits(api, bills):
    about = {**bills.defaults, "Type": "ACCPAYCREDIT"}
    del about["DueDate"]
    return Papers(api, "CreditNotes", about)


@pytest.fixture
def credit(credits):
    return credits.make(CreditNoteNumber="C-1", Status="AUTHORISED")["CreditNoteID"]


@pytest.fixture
def bill(bills):
    return bills.make(Status="AUTHORISED", LineItems=[{**bills.defaults["LineItems"][0], "Quantity": 5}])["InvoiceID"]


@pytest.fixture
def allocate(api):
    def call(credit, invoice, amount, **more):
        body = {"Allocations": [{"Invoice": {"InvoiceID": invoice}, "Amount": amount, "Date": "2026-11-01", **more}]}
        return api.put(f"CreditNotes/{credit}/Allocations", body)

    return call


def test_what_comes_back(credits, credit):
    made = credits.read(credit)
    assert (made["Total"], made["RemainingCredit"], made["Status"]) == (115, 115, "AUTHORISED")
    assert (made["Allocations"], made["Payments"], made["CreditNoteNumber"]) == ([], [], "C-1")
    assert credits.read("c-1")["CreditNoteID"] == credit
    assert credits.listed(where='CreditNoteNumber=="C-1"')[0]["LineItems"] == []
    assert len(credits.listed(where='CreditNoteNumber=="C-1"', page=1)[0]["LineItems"]) == 1


def test_numbers_of_sales_are_unique(credits):
    line = {**credits.defaults["LineItems"][0], "AccountCode": "200"}
    sale = {"Type": "ACCRECCREDIT", "LineItems": [line]}
    assert credits.make(**sale)["CreditNoteNumber"].startswith("CN-")
    credits.make(**sale, CreditNoteNumber="K-1")
    assert words(credits.put(**sale, CreditNoteNumber="K-1")) == ["Credit note # must be unique."]


def test_an_allocation_is_seen_from_both_sides(credits, bills, credit, bill, allocate, sandbox):
    before = bills.read(bill)["UpdatedDateUTC"]
    sandbox.world.clock.advance(5)
    answer = allocate(credit, bill, 50)
    assert answer.status_code == 200
    (made,) = answer.json()["Allocations"]
    assert (made["Amount"], made["Invoice"]["InvoiceID"]) == (50, bill)
    note, invoice = credits.read(credit), bills.read(bill)
    assert (note["RemainingCredit"], note["Allocations"][0]["AllocationID"]) == (65, made["AllocationID"])
    assert (invoice["AmountDue"], invoice["AmountCredited"]) == (7.5, 50)
    assert invoice["CreditNotes"][0]["CreditNoteID"] == credit
    assert invoice["CreditNotes"][0]["AppliedAmount"] == 50
    assert invoice["UpdatedDateUTC"] > before


def test_what_is_credited_in_full_is_paid_and_back(credits, bills, credit, bill, allocate, api):
    made = allocate(credit, bill, 57.5).json()["Allocations"][0]["AllocationID"]
    assert bills.read(bill)["Status"] == "PAID"
    gone = api.call("DELETE", f"CreditNotes/{credit}/Allocations/{made}")
    assert (gone.status_code, gone.json()["IsDeleted"], gone.json()["AllocationID"]) == (200, True, made)
    assert (bills.read(bill)["Status"], bills.read(bill)["CreditNotes"]) == ("AUTHORISED", [])
    assert credits.read(credit)["RemainingCredit"] == 115
    assert api.call("DELETE", f"CreditNotes/{credit}/Allocations/{made}").status_code == 404


def test_two_allocations_to_one_bill_are_taken_back_one_by_one(bills, credit, bill, allocate, api):
    first = allocate(credit, bill, 10).json()["Allocations"][0]["AllocationID"]
    allocate(credit, bill, 20)
    api.call("DELETE", f"CreditNotes/{credit}/Allocations/{first}")
    assert [one["AppliedAmount"] for one in bills.read(bill)["CreditNotes"]] == [20]


def test_what_holds_a_credit_cannot_be_voided(credits, bills, credit, bill, allocate, api):
    made = allocate(credit, bill, 50).json()["Allocations"][0]["AllocationID"]
    assert "VOIDED cannot be applied to the invoice" in words(bills.change(bill, Status="VOIDED"))[0]
    assert "VOIDED cannot be applied to the credit note" in words(credits.change(credit, Status="VOIDED"))[0]
    api.call("DELETE", f"CreditNotes/{credit}/Allocations/{made}")
    assert credits.one(credits.change(credit, Status="VOIDED"))["RemainingCredit"] == 115
    assert credits.read(credit)["RemainingCredit"] == 0
    assert bills.one(bills.change(bill, Status="VOIDED"))["Status"] == "VOIDED"


def test_allocations_that_are_refused(credits, bills, sales, credit, bill, allocate, control):
    assert "outstanding" in words(allocate(credit, bill, 57.51))[0]
    large = bills.make(Status="AUTHORISED", LineItems=[{**bills.defaults["LineItems"][0], "Quantity": 50}])["InvoiceID"]
    assert "remaining credit" in words(allocate(credit, large, 116))[0]
    assert words(allocate(credit, bill, 0))
    assert "authorised" in words(allocate(credit, bills.make()["InvoiceID"], 1))[0]
    assert "own kind" in words(allocate(credit, sales.make(Status="AUTHORISED")["InvoiceID"], 1))[0]
    other = control("POST", "organisations/1/contacts", {"Name": "Kowhai Ltd"})[0]["ContactID"]
    theirs = bills.make(Contact={"ContactID": other}, Status="AUTHORISED")["InvoiceID"]
    assert "same contact" in words(allocate(credit, theirs, 1))[0]
    assert allocate("nobody", bill, 1).status_code == 404


def test_a_refund_is_a_payment_of_the_credit_note(credits, credit, api, control):
    bank = next(one["AccountID"] for one in control("GET", "organisations/1/accounts") if one["Type"] == "BANK")
    body = {"CreditNote": {"CreditNoteID": credit}, "Account": {"AccountID": bank}, "Amount": 115}
    (made,) = api.put("Payments", body).json()["Payments"]
    assert (made["PaymentType"], made["Invoice"]["Type"]) == ("APCREDITPAYMENT", "ACCPAYCREDIT")
    assert made["Invoice"]["InvoiceID"] == credit
    assert (credits.read(credit)["Status"], credits.read(credit)["RemainingCredit"]) == ("PAID", 0)
    api.post(f"Payments/{made['PaymentID']}", {"Status": "DELETED"})
    assert (credits.read(credit)["Status"], credits.read(credit)["RemainingCredit"]) == ("AUTHORISED", 115)


def test_a_person_allocates(credits, bills, credit, bill, control):
    path = f"organisations/1/creditnotes/{credit}/allocations"
    made = control("POST", path, {"Invoice": bill})
    assert made["Amount"] == 57.5
    assert bills.read(bill)["Status"] == "PAID"
    control("DELETE", f"{path}/{made['AllocationID']}")
    assert credits.read(credit)["RemainingCredit"] == 115
