"""What the played Xero turns down of documents, money and files: each in plain words, with the column to mend."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from backoffice.providers.xero.client import XeroClient
from backoffice.providers.xero.kinds import MAPPERS
from backoffice.sandbox.xero.days import written_day
from backoffice.sandbox.xero.organisations import find, rewrite
from backoffice.sandbox.xero.server import Sandbox
from backoffice.sync.mapper import Refusal
from tests.providers.xero.client.conftest import Office

BY_KIND = {mapper.kind: mapper for mapper in MAPPERS}
LINE = {"Description": "Rope", "Quantity": 2, "UnitAmount": 10, "AccountCode": "300", "TaxType": "INPUT2"}
SOLD = {**LINE, "AccountCode": "200", "TaxType": "OUTPUT2"}


class Desk:
    """Writes through the client, and acts as a person in Xero."""

    def __init__(self, client: XeroClient, office: Office, sandbox: Sandbox, tenant: str) -> None:
        self.client, self.office, self.sandbox, self.tenant = client, office, sandbox, tenant
        rows = client.page("Contacts", 1).rows
        self.contact, self.other = [row["ContactID"] for row in rows if row["ContactStatus"] == "ACTIVE"][:2]
        accounts = client.whole("Accounts").rows
        self.bank = next(row["AccountID"] for row in accounts if row["Type"] == "BANK")

    def payload(self, kind: str, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
        word = {"bill": {"Type": "ACCPAY"}, "invoice": {"Type": "ACCREC"}, "credit_note": {"Type": "ACCPAYCREDIT"}}
        about = {"Contact": {"ContactID": self.contact}, "Date": "2026-11-02", "Status": "AUTHORISED"}
        due = {"DueDate": "2026-12-02"} if kind in ("bill", "invoice") else {}
        sent = list(lines) or [SOLD if kind == "invoice" else LINE]
        number = next(field.key for field in BY_KIND[kind].fields if field.column == "name")
        return {**word.get(kind, {}), **about, **due, number: str(uuid4())[:13], "LineItems": sent, **more}

    def send(self, kind: str, payload: dict[str, Any], action: str = "create") -> Any:
        (outcome,) = self.client.send(BY_KIND[kind], action, [payload], str(uuid4()))
        return outcome

    def made(self, kind: str, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
        outcome = self.send(kind, self.payload(kind, *lines, **more))
        assert outcome.payload is not None, outcome
        found: dict[str, Any] = outcome.payload
        return found

    def refused(self, kind: str, *lines: dict[str, Any], **more: Any) -> Refusal:
        return self.turned_down(kind, self.payload(kind, *lines, **more))

    def turned_down(self, kind: str, payload: dict[str, Any], action: str = "create") -> Refusal:
        found = self.send(kind, payload, action).refusal
        assert isinstance(found, Refusal)
        return found

    def payment(self, document: dict[str, Any], amount: float, **more: Any) -> dict[str, Any]:
        about = {"Account": {"AccountID": self.bank}, "Date": "2026-11-02", "Reference": str(uuid4())}
        return {"Invoice": {"InvoiceID": document["InvoiceID"]}, "Amount": amount, **about, **more}

    def paid(self) -> dict[str, Any]:
        bill = self.made("bill")
        assert self.send("payment", self.payment(bill, 5)).payload
        return bill

    def allocation(self, amount: float, **invoice: Any) -> dict[str, Any]:
        note, bill = self.made("credit_note"), self.made("bill", **invoice)
        return {
            "CreditNoteID": note["CreditNoteID"],
            "CreditNoteType": note["Type"],
            "Amount": amount,
            "Date": "2026-11-02",
            "Invoice": {"InvoiceID": bill["InvoiceID"]},
        }

    def file(self, name: str, data: bytes, order: str) -> dict[str, Any]:
        content = base64.b64encode(data).decode()
        about = {"MimeType": "text/plain", "ContentLength": len(data), "Place": f"PurchaseOrders/{order}/Attachments"}
        return {"FileName": name, "Content": content, **about}


@pytest.fixture
def desk(client: XeroClient, office: Office, sandbox: Sandbox, connection: Any) -> Desk:
    return Desk(client, office, sandbox, connection.external_id)


def archived_account(desk: Desk) -> Refusal:
    row = next(row for row in desk.client.whole("Accounts").rows if row.get("Code") == "310")
    desk.office("PATCH", f"accounts/{row['AccountID']}", {"Status": "ARCHIVED"})
    return desk.refused("bill", LINE, {**LINE, "AccountCode": "310"})


def archived_party(desk: Desk) -> Refusal:
    desk.office("POST", f"contacts/{desk.contact}/archive")
    return desk.refused("purchase_order")


def deleted_order(desk: Desk) -> Refusal:
    order = desk.made("purchase_order")
    desk.office("POST", f"purchaseorders/{order['PurchaseOrderID']}/delete", {})
    sent = {"PurchaseOrderID": order["PurchaseOrderID"], "Reference": "late"}
    return desk.turned_down("purchase_order", sent, "update")


def voided_bill(desk: Desk) -> Refusal:
    bill = desk.made("bill")
    desk.office("POST", f"invoices/{bill['InvoiceID']}/void", {})
    return desk.turned_down("bill", {"InvoiceID": bill["InvoiceID"], "Reference": "late"}, "update")


def paid_bill(desk: Desk, **change: str) -> Refusal:
    return desk.turned_down("bill", {"InvoiceID": desk.paid()["InvoiceID"], **change}, "update")


def twice(desk: Desk, kind: str, key: str) -> Refusal:
    more = {"Type": "ACCRECCREDIT"} if kind == "credit_note" else {}
    lines = [SOLD] if kind != "purchase_order" else [LINE]
    desk.made(kind, *lines, **{key: "TWICE"}, **more)
    return desk.refused(kind, *lines, **{key: "TWICE"}, **more)


def locked(desk: Desk) -> Refusal:
    store = desk.sandbox.world.store
    organisation = find(store, desk.tenant)
    assert organisation is not None
    rewrite(store, organisation, {"PeriodLockDate": written_day("2026-11-30")})
    return desk.refused("bill")


def batched(desk: Desk) -> Refusal:
    bill = desk.made("bill")
    payments = [{"Invoice": {"InvoiceID": bill["InvoiceID"]}, "Amount": 5}]
    about = {"Account": {"AccountID": desk.bank}, "Date": "2026-11-02", "Payments": payments}
    desk.office("POST", "batchpayments", about)
    made = next(row for row in desk.client.page("Payments", 1).rows if "BatchPaymentID" in row)
    return desk.turned_down("payment", {"PaymentID": made["PaymentID"], "Status": "DELETED"}, "update")


def pays(desk: Desk, amount: float, status: str = "AUTHORISED", **more: Any) -> Refusal:
    return desk.turned_down("payment", desk.payment(desk.made("bill", Status=status), amount, **more))


def account_id(desk: Desk, code: str) -> str:
    return str(next(row["AccountID"] for row in desk.client.whole("Accounts").rows if row.get("Code") == code))


def too_many_files(desk: Desk) -> Refusal:
    order = desk.made("purchase_order")["PurchaseOrderID"]
    for number in range(10):
        assert desk.send("attachment", desk.file(f"{number}.txt", b"x", order)).payload
    return desk.turned_down("attachment", desk.file("10.txt", b"x", order))


def one_file(desk: Desk, name: str, data: bytes) -> Refusal:
    return desk.turned_down("attachment", desk.file(name, data, desk.made("purchase_order")["PurchaseOrderID"]))


GONE = "00000000-0000-4000-8000-00000000dead"
TRACKED = [{"Name": "Region", "Option": "Nowhere"}]
Case = Callable[[Desk], Refusal]
CASES: dict[str, tuple[Case, str, str | None, str]] = {
    "order number": (lambda d: twice(d, "purchase_order", "PurchaseOrderNumber"), "number_taken", "name", "unique"),
    "invoice number": (lambda d: twice(d, "invoice", "InvoiceNumber"), "number_taken", "name", "unique"),
    "credit number": (lambda d: twice(d, "credit_note", "CreditNoteNumber"), "number_taken", "name", "unique"),
    "line total": (
        lambda d: d.refused("bill", LINE, {**LINE, "LineAmount": 21}),
        "line_total_differs",
        "lines",
        "does not match",
    ),
    "line total of one": (
        lambda d: d.refused("bill", {**LINE, "LineAmount": 21}),
        "line_total_differs",
        "lines.1.unit_price",
        "does not match",
    ),
    "total": (lambda d: d.refused("bill", Total=1), "total_differs", "lines", "does not equal"),
    "below nothing": (
        lambda d: d.refused("bill", {**LINE, "UnitAmount": -1}),
        "total_differs",
        "lines",
        "zero or more",
    ),
    "account unknown": (
        lambda d: d.refused("bill", LINE, {**LINE, "AccountCode": "nope"}),
        "account_unknown",
        "lines.2.account_code",
        "not a valid code",
    ),
    "account archived": (archived_account, "account_archived", "lines.2.account_code", "archived"),
    "account missing": (
        lambda d: d.refused("bill", {k: v for k, v in LINE.items() if k != "AccountCode"}),
        "account_missing",
        "lines.1.account_code",
        "must be specified",
    ),
    "tax": (
        lambda d: d.refused("bill", {**LINE, "TaxType": "NEVER"}, LINE),
        "tax_unknown",
        "lines.1.tax_code",
        "TaxType",
    ),
    "item": (
        lambda d: d.refused("bill", LINE, {**LINE, "ItemCode": "NEVER"}),
        "item_unknown",
        "lines.2.item_code",
        "Item code",
    ),
    "tracking": (
        lambda d: d.refused("bill", {**LINE, "Tracking": TRACKED}),
        "tracking_archived",
        "lines.1.tracking_1_id",
        "not active",
    ),
    "description": (
        lambda d: d.refused("bill", {k: v for k, v in LINE.items() if k != "Description"}),
        "description_missing",
        "lines.1.description",
        "must be specified",
    ),
    "discount": (
        lambda d: d.refused("bill", {**LINE, "DiscountRate": 5}),
        "discount_not_taken",
        "lines.1.discount",
        "sales",
    ),
    "too much discount": (
        lambda d: d.refused("invoice", {**SOLD, "DiscountRate": 101}),
        "discount_invalid",
        "lines.1.discount",
        "between",
    ),
    "no lines": (lambda d: d.refused("bill", LineItems=[]), "no_lines", "lines", "line items"),
    "due date": (lambda d: d.refused("bill", DueDate=None), "due_date_missing", "due_date", "DueDate"),
    "currency": (lambda d: d.refused("bill", CurrencyCode="GBP"), "currency_unknown", "currency", "subscribed"),
    "party archived": (archived_party, "contact_archived", "contact_id", "archived contact"),
    "party unknown": (
        lambda d: d.refused("bill", Contact={"ContactID": GONE}),
        "contact_unknown",
        "contact_id",
        "could not be found",
    ),
    "party missing": (lambda d: d.refused("bill", Contact={}), "contact_unknown", "contact_id", "at least 1"),
    "too long": (lambda d: d.refused("bill", Reference="x" * 256), "too_long", None, "maximum length"),
    "period": (locked, "period_locked", "date", "lock date"),
    "order deleted": (deleted_order, "gone_there", "status", "Deleted PurchaseOrders"),
    "voided": (voided_bill, "status_invalid", None, "valid status"),
    "paid": (lambda d: paid_bill(d, Reference="late"), "paid_there", None, "allocated to it"),
    "paid and voided": (lambda d: paid_bill(d, Status="VOIDED"), "paid_there", None, "VOIDED cannot"),
    "more than due": (lambda d: pays(d, 100), "more_than_due", "amount", "exceeds"),
    "nothing paid": (lambda d: pays(d, 0), "amount_invalid", "amount", "greater than zero"),
    "of a draft": (lambda d: pays(d, 5, status="DRAFT"), "not_authorised", None, "authorised"),
    "from an account for lines": (
        lambda d: pays(d, 5, Account={"AccountID": account_id(d, "300")}),
        "account_takes_no_payments",
        "account_id",
        "cannot be used",
    ),
    "from no account": (
        lambda d: pays(d, 5, Account={"AccountID": GONE}),
        "account_archived",
        "account_id",
        "could not be found",
    ),
    "of nothing": (
        lambda d: d.turned_down("payment", d.payment({"InvoiceID": GONE}, 5)),
        "gone_there",
        None,
        "could not be found",
    ),
    "of a batch": (batched, "batch_payment", "archived", "batch payment"),
    "more than credited": (
        lambda d: d.turned_down("allocation", d.allocation(1000)),
        "more_than_due",
        "amount",
        "remaining credit",
    ),
    "to another party": (
        lambda d: d.turned_down("allocation", d.allocation(1, Contact={"ContactID": d.other})),
        "allocation_elsewhere",
        None,
        "same contact",
    ),
    "to a draft": (
        lambda d: d.turned_down("allocation", d.allocation(1, Status="DRAFT")),
        "not_authorised",
        None,
        "authorised",
    ),
    "too many files": (too_many_files, "too_many_files", None, "maximum of 10"),
    "an empty file": (lambda d: one_file(d, "a.txt", b""), "file_empty", None, "no content"),
    "a name of a file": (lambda d: one_file(d, 'a"b.txt', b"x"), "file_name_invalid", "name", "characters"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_is_told_in_plain_words(desk: Desk, case: str) -> None:
    provoke, cause, column, theirs = CASES[case]
    found = provoke(desk)
    assert (found.cause, found.column) == (cause, column), found
    assert theirs in found.raw
    assert found.message
    assert found.message[0].isupper()


def test_one_bad_document_among_good_ones_fails_alone(desk: Desk) -> None:
    payloads = [desk.payload("bill") for _ in range(5)]
    payloads[2]["LineItems"] = [LINE, {**LINE, "AccountCode": "nope"}]
    outcomes = desk.client.send(BY_KIND["bill"], "create", payloads, "a key")
    assert [outcome.payload is None for outcome in outcomes] == [False, False, True, False, False]
    assert outcomes[2].refusal is not None
    assert outcomes[2].refusal.column == "lines.2.account_code"


def test_a_key_of_an_allocation_that_is_gone_is_taken_back(desk: Desk) -> None:
    """Taking back what somebody took back before has come true."""
    sent = desk.allocation(5)
    made = desk.send("allocation", sent).payload
    gone = {**sent, "AllocationID": made["AllocationID"]}
    for _ in range(2):
        assert BY_KIND["allocation"].gone(desk.send("allocation", gone, "update").payload) == "deleted"
