"""Payments: what they do to their document, what is refused, how they are deleted; batches, and money paid ahead."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.sandbox.xero.callers import words

NOT_AUTHORISED = "Payments can only be made against authorised documents"
TOO_MUCH = "Payment amount exceeds the amount outstanding on this document"
HELD = "This document cannot be edited as it has a payment or credit note allocated to it."


@pytest.fixture
def bank(control):
    accounts = control("GET", "organisations/1/accounts")
    return next(one["AccountID"] for one in accounts if one["Name"] == "Business Bank Account")


@pytest.fixture
def bill(bills):
    return bills.make(InvoiceNumber="S-9", Status="AUTHORISED")["InvoiceID"]


@pytest.fixture
def pay(api, bank):
    def call(invoice, amount=115, verb="put", **more):
        body = {"Invoice": {"InvoiceID": invoice}, "Account": {"AccountID": bank}, "Amount": amount, **more}
        return getattr(api, verb)("Payments", body)

    return call


def one(answer, kind="Payments"):
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()[kind]
    return found


def test_a_bill_is_paid_in_parts_and_then_paid(bills, bill, pay, sandbox):
    before = bills.read(bill)["UpdatedDateUTC"]
    sandbox.world.clock.advance(5)
    first = one(pay(bill, 40, Reference="Half", Date="2026-10-01"))
    assert (first["Amount"], first["BankAmount"], first["PaymentType"]) == (40, 40, "ACCPAYPAYMENT")
    assert (first["Status"], first["Date"]) == ("AUTHORISED", "/Date(1790812800000+0000)/")
    assert first["Invoice"]["AmountDue"] == 75
    now = bills.read(bill)
    assert (now["Status"], now["AmountPaid"], now["AmountDue"]) == ("AUTHORISED", 40, 75)
    assert now["UpdatedDateUTC"] > before
    (listed,) = now["Payments"]
    assert (listed["PaymentID"], listed["Amount"], listed["Reference"]) == (first["PaymentID"], 40, "Half")
    one(pay(bill, 75, "post", Date="2026-10-09"))
    now = bills.read(bill)
    assert (now["Status"], now["AmountDue"], now["FullyPaidOnDate"]) == ("PAID", 0, "/Date(1791504000000+0000)/")


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_payment_is_deleted_in_either_spelling_and_the_bill_owed_again(bills, bill, pay, api, wrapped):
    made = one(pay(bill))["PaymentID"]
    body = {"Payments": [{"Status": "DELETED"}]} if wrapped else {"Status": "DELETED"}
    gone = one(api.post(f"Payments/{made}", body))
    assert (gone["Status"], gone["Amount"]) == ("DELETED", 115)
    now = bills.read(bill)
    assert (now["Status"], now["AmountDue"], now["Payments"]) == ("AUTHORISED", 115, [])
    assert "FullyPaidOnDate" not in now
    assert one(api.get(f"Payments/{made}"))["Status"] == "DELETED"
    assert words(api.post(f"Payments/{made}", body)) == ["Payment not of valid status for modification"]
    assert api.post("Payments/nobody", body).status_code == 404


def test_a_payment_is_never_changed(bill, pay, api):
    made = one(pay(bill, 5))["PaymentID"]
    assert words(api.post(f"Payments/{made}", {"Amount": 7}))


def test_payments_that_are_refused(bills, bill, pay, api, control):
    assert words(pay(bill, 115.01)) == [TOO_MUCH]
    assert words(pay(bill, 0))
    assert words(pay("nobody"))
    assert words(pay(bills.make()["InvoiceID"])) == [NOT_AUTHORISED]
    assert words(pay(bill, Account={"Code": "300"})) == ["The account cannot be used for payments."]
    assert words(pay(bill, Account={"Code": "nope"})) == ["Account could not be found."]
    owner = api.get("Accounts", where='Code=="880"').json()["Accounts"][0]["AccountID"]
    assert one(pay(bill, 1, Account={"Code": "880"}))["Account"]["Code"] == "880"
    control("POST", f"organisations/1/accounts/{owner}/archive")
    assert "archived" in words(pay(bill, 1, Account={"Code": "880"}))[0]
    control("PATCH", "organisations/1", {"PeriodLockDate": "2026-06-30"})
    assert "lock date" in words(pay(bill, 1, Date="2026-06-30"))[0]
    refused = pay(bill, 500).json()["Elements"][0]
    assert (refused["PaymentID"], refused["HasValidationErrors"]) == ("00000000-0000-0000-0000-000000000000", True)


def test_a_paid_bill_is_held(bills, bill, pay):
    one(pay(bill, 40))
    invalid = "Invoice not of valid status for modification"
    assert words(bills.change(bill, Reference="x")) == [invalid, HELD]
    assert words(bills.change(bill, Status="VOIDED")) == [
        "The status VOIDED cannot be applied to the invoice because it has payments or credit notes allocated to it."
    ]
    one(pay(bill, 75))
    assert words(bills.change(bill, DueDate="2027-01-01")) == [invalid, HELD]


def test_a_person_moves_the_due_date_of_a_paid_bill_and_no_stamp_tells(bills, bill, pay, control, sandbox):
    one(pay(bill))
    before = bills.read(bill)["UpdatedDateUTC"]
    sandbox.world.clock.advance(5)
    control("PATCH", f"organisations/1/invoices/{bill}", {"DueDate": "2027-01-01"})
    now = bills.read(bill)
    assert (now["DueDateString"], now["UpdatedDateUTC"]) == ("2027-01-01T00:00:00", before)
    control("PATCH", f"organisations/1/invoices/{bill}", {"Reference": "by hand"})
    assert bills.read(bill)["UpdatedDateUTC"] > before


def test_put_takes_many_and_post_one(bills, api, bank):
    keys = [bills.make(Status="AUTHORISED")["InvoiceID"] for _ in range(3)]
    many = [{"Invoice": {"InvoiceID": key}, "Account": {"AccountID": bank}, "Amount": 10} for key in keys]
    assert len(api.put("Payments", {"Payments": many}).json()["Payments"]) == 3
    assert len(api.post("Payments", {"Payments": many}).json()["Payments"]) == 1
    many[1]["Amount"] = 1000
    mixed = api.put("Payments", {"Payments": many}, summarizeErrors="false").json()["Payments"]
    assert [one["StatusAttributeString"] for one in mixed] == ["OK", "ERROR", "OK"]
    assert bills.read(keys[1])["AmountPaid"] == 10


def test_two_payments_in_one_batch_cannot_pay_the_same_twice(bills, bill, api, bank):
    twice = [{"Invoice": {"InvoiceID": bill}, "Account": {"AccountID": bank}, "Amount": 100}] * 2
    answer = api.put("Payments", {"Payments": twice}, summarizeErrors="false").json()["Payments"]
    assert [one["StatusAttributeString"] for one in answer] == ["OK", "ERROR"]
    assert bills.read(bill)["AmountDue"] == 15


def test_payments_are_found(bills, bill, pay, api):
    first = one(pay(bill, 10, Reference="BO-1"))["PaymentID"]
    second = one(pay(bill, 20, Date="2026-01-05"))["PaymentID"]
    api.post(f"Payments/{second}", {"Status": "DELETED"})

    def ids(**params):
        return [found["PaymentID"] for found in api.get("Payments", **params).json()["Payments"]]

    mine = f'Invoice.InvoiceID==Guid("{bill}")'
    assert ids(where=mine, order="Date DESC") == [first, second]
    assert ids(where=f'{mine} AND Status=="AUTHORISED"') == [first]
    assert ids(where='Reference=="bo-1"') == [first]
    assert ids(where="Date == DateTime(2026,1,5)") == [second]
    assert ids(where='Invoice.InvoiceNumber=="S-9" AND Amount > 15', page=1) == [second]
    listed = api.get("Payments", where='Reference=="BO-1"', page=1, pageSize=5).json()
    assert listed["pagination"]["itemCount"] == 1
    assert listed["Payments"][0]["Invoice"]["InvoiceID"] == bill
    assert api.get("Payments", {"If-Modified-Since": "2100-01-01T00:00:00"}).json()["Payments"] == []


def test_a_bill_is_paid_by_its_number(bills, bill, api, bank):
    body = {"Invoice": {"InvoiceNumber": "s-9"}, "Account": {"AccountID": bank}, "Amount": 15}
    assert one(api.put("Payments", body))["Invoice"]["InvoiceID"] == bill


def test_another_currency_is_paid_at_a_rate(bills, pay, control):
    control("POST", "organisations/1/currencies", {"Code": "USD"})
    key = bills.make(CurrencyCode="USD", CurrencyRate=0.5, Status="AUTHORISED")["InvoiceID"]
    made = one(pay(key, 100, CurrencyRate=0.4))
    assert (made["Amount"], made["CurrencyRate"], made["BankAmount"]) == (100, 0.4, 250)


def test_payments_have_a_scope_of_their_own(connect):
    api = connect(scope="openid accounting.invoices")
    assert api.get("Payments").status_code == 401
    api = connect(scope="openid accounting.payments.read")
    for kind in ("Payments", "BatchPayments", "Overpayments", "Prepayments"):
        assert api.get(kind).status_code == 200
    assert api.put("Payments", {}).status_code == 401
    assert api.get("CreditNotes").status_code == 401


def test_a_person_pays_and_takes_back(bills, bill, control):
    made = control("POST", f"organisations/1/invoices/{bill}/pay", {"Amount": 15})
    assert bills.read(bill)["AmountDue"] == 100
    control("POST", f"organisations/1/invoices/{bill}/pay")
    assert bills.read(bill)["Status"] == "PAID"
    control("DELETE", f"organisations/1/payments/{made['PaymentID']}")
    assert bills.read(bill)["AmountDue"] == 15


def test_a_batch_is_made_and_deleted_in_xero_only(bills, api, bank, control):
    keys = [bills.make(Status="AUTHORISED")["InvoiceID"] for _ in range(2)]
    payments = [{"Invoice": {"InvoiceID": key}, "Amount": 115} for key in keys]
    body = {"Account": {"AccountID": bank}, "Reference": "Friday", "Payments": payments}
    (made,) = control("POST", "organisations/1/batchpayments", body)
    assert (made["Type"], made["TotalAmount"], made["Status"]) == ("PAYBATCH", 230, "AUTHORISED")
    assert bills.read(keys[0])["Status"] == "PAID"
    path = f"BatchPayments/{made['BatchPaymentID']}"
    assert one(api.get(path), "BatchPayments")["Payments"][1]["Invoice"]["InvoiceID"] == keys[1]
    key = made["Payments"][0]["PaymentID"]
    assert one(api.get(f"Payments/{key}"))["BatchPaymentID"] == made["BatchPaymentID"]
    assert "batch" in words(api.post(f"Payments/{key}", {"Status": "DELETED"}))[0]
    assert api.put("BatchPayments", body).status_code == 404
    control("DELETE", f"organisations/1/batchpayments/{made['BatchPaymentID']}")
    assert one(api.get(path), "BatchPayments")["Status"] == "DELETED"
    assert bills.read(keys[1])["AmountDue"] == 115
    mixed = {**body, "Payments": []}
    answer = requests.post(f"{api.url}/_sandbox/organisations/1/batchpayments", json=mixed, timeout=30)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("kind", "word", "paid"),
    [
        ("Overpayments", "OVERPAYMENT", ("APOVERPAYMENT", "APOVERPAYMENTPAYMENT")),
        ("Prepayments", "PREPAYMENT", ("APPREPAYMENT", "APPREPAYMENTPAYMENT")),
    ],
)
def test_money_paid_ahead_is_used_and_paid_back(bills, bill, api, control, bank, supplier, kind, word, paid):
    where, key = f"organisations/1/{kind.lower()}", f"{word.title()}ID"
    (made,) = control("POST", where, {"Type": f"SPEND-{word}", "Contact": {"ContactID": supplier}, "Total": 50})
    assert (made["RemainingCredit"], made["Status"]) == (50, "AUTHORISED")
    listed = one(api.get(kind, page=1), kind)
    assert listed[key] == made[key]
    used = control("POST", f"{where}/{made[key]}/allocations", {"Invoice": bill, "Amount": 30})
    now = bills.read(bill)
    assert (now["AmountDue"], now["AmountCredited"], now[kind][0]["AppliedAmount"]) == (85, 30, 30)
    body = {word.title(): {key: made[key]}, "Account": {"AccountID": bank}, "Amount": 20}
    refund = one(api.put("Payments", body))
    assert (refund["Invoice"]["Type"], refund["PaymentType"]) == paid
    credit = one(api.get(f"{kind}/{made[key]}"), kind)
    assert (credit["RemainingCredit"], credit["Status"]) == (0, "PAID")
    control("DELETE", f"{where}/{made[key]}/allocations/{used['AllocationID']}")
    assert bills.read(bill)["AmountDue"] == 115
    assert api.put(kind, {}).status_code == 404


def test_many_at_once_leave_nothing_half_done(bills, bill, pay):
    """Payments and edits from several threads: what is paid and what is owed still add up."""
    with ThreadPoolExecutor(4) as pool:
        paid = list(pool.map(lambda n: pay(bill, 10, Reference=f"n {n}").status_code, range(12)))
    now = bills.read(bill)
    assert (paid.count(200), len(now["Payments"])) == (11, 11)
    assert (now["AmountPaid"], now["AmountDue"]) == (110, 5)
