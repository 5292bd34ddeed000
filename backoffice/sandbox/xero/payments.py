"""Payments: of invoices and bills, refunds of credits. They are made and deleted, never changed."""

from __future__ import annotations

from backoffice.sandbox.xero import answers, embedded
from backoffice.sandbox.xero.balance import STANDING, open_amount
from backoffice.sandbox.xero.call import Call, Reply
from backoffice.sandbox.xero.columns import date_column
from backoffice.sandbox.xero.days import (
    Day,
    day_in,
    locked_until,
    locked_words,
    stamp_text,
    today,
    written_day,
)
from backoffice.sandbox.xero.fields import (
    Choice,
    Flag,
    InvalidError,
    Number,
    Part,
    Text,
    read_fields,
    too_long,
    without_empty,
)
from backoffice.sandbox.xero.money import exact, shown, to_places
from backoffice.sandbox.xero.rates import day_rate
from backoffice.sandbox.xero.resource import Resource
from backoffice.sandbox.xero.settling import KINDS, NAMED, find_document, touch
from backoffice.sandbox.xero.shelf import Json, Row
from backoffice.sandbox.xero.where import Column, json_column

FIELDS = {
    **NAMED,
    "InvoiceNumber": Text(),
    "Account": Part({"AccountID": Text(), "Code": Text(10)}),
    "Date": Day,
    "Amount": Number,
    "Reference": Text(255),
    "CurrencyRate": Number,
    "IsReconciled": Flag,
    "Status": Choice("AUTHORISED", "DELETED"),
}
PAYMENT_TYPES = {
    "ACCREC": "ACCRECPAYMENT",
    "ACCPAY": "ACCPAYPAYMENT",
    "ACCRECCREDIT": "ARCREDITPAYMENT",
    "ACCPAYCREDIT": "APCREDITPAYMENT",
    "RECEIVE-OVERPAYMENT": "AROVERPAYMENTPAYMENT",
    "SPEND-OVERPAYMENT": "APOVERPAYMENTPAYMENT",
    "RECEIVE-PREPAYMENT": "ARPREPAYMENTPAYMENT",
    "SPEND-PREPAYMENT": "APPREPAYMENTPAYMENT",
}
# A payment shows its document as an invoice whatever it is, and knows these types.
SHOWN_TYPES = {
    "RECEIVE-OVERPAYMENT": "AROVERPAYMENT",
    "SPEND-OVERPAYMENT": "APOVERPAYMENT",
    "RECEIVE-PREPAYMENT": "ARPREPAYMENT",
    "SPEND-PREPAYMENT": "APPREPAYMENT",
}
NOT_AUTHORISED = "Payments can only be made against authorised documents"
TOO_MUCH = "Payment amount exceeds the amount outstanding on this document"


class Payments(Resource):
    """`/Payments`: PUT takes many, POST the first of them, POST with an id deletes."""

    name = "Payments"
    id_key = "PaymentID"
    writing = frozenset({"accounting.payments", "accounting.transactions"})
    verbs = {"GET": "read_list", "GET/id": "read_one", "PUT": "create", "POST": "create_one", "POST/id": "delete"}
    fields = FIELDS
    paged = dated = True
    columns = {
        "PaymentID": Column("id", "guid"),
        "Invoice.InvoiceID": Column("name", "guid"),
        "Reference": Column("number", "text", folded=True),
        "Status": Column("status", "text"),
        "UpdatedDateUTC": Column("updated", "date"),
        "Date": date_column("Date"),
        "Amount": json_column("Amount", "number"),
        "IsReconciled": json_column("IsReconciled", "flag"),
        "Invoice.Contact.ContactID": json_column("Invoice.Contact.ContactID", "guid"),
        "Account.AccountID": json_column("Account.AccountID", "guid"),
        "BatchPaymentID": json_column("BatchPaymentID", "guid"),
        **{
            field: json_column(field)
            for field in ("PaymentType", "Invoice.InvoiceNumber", "Invoice.Contact.Name", "Account.Code")
        },
    }

    def create_one(self, call: Call) -> Reply:
        return self.write(call, lambda element: None, only=1)

    def delete(self, call: Call, key: str) -> Reply:
        def named(element: Json) -> Row:
            row = self.find(call, key)
            if row is None:
                raise answers.not_found()
            return row

        return self.write(call, named, only=1)

    def updated(self, call: Call, body: Json) -> int:
        body["UpdatedDateUTCString"] = stamp_text(call.now)
        return super().updated(call, body)

    def detail(self, body: Json, call: Call) -> Json:
        """The document is shown whole, but for credits, which are shown as if they were invoices."""
        row = call.shelf("Invoices").get(body["Invoice"]["InvoiceID"])
        return {**body, "Invoice": row.body} if row else body

    def save(self, call: Call, element: Json, old: Row | None) -> Row:
        sent = read_fields(element, FIELDS)
        return self.remove(call, sent, old) if old else self.pay(call, sent, {})

    def pay(self, call: Call, sent: Json, batch: Json) -> Row:
        """One payment; `batch` is what it shows of the batch it belongs to."""
        word = next((one for one in KINDS if sent.get(one)), None)
        if sent.get("InvoiceNumber") and word is None:
            word, sent["Invoice"] = "Invoice", {"InvoiceNumber": sent["InvoiceNumber"]}
        if word is None:
            raise InvalidError("A payment must name an Invoice, CreditNote, Prepayment or Overpayment.")
        document = find_document(call, word, sent[word])
        day = sent.get("Date") or today(call.organisation, call.now)
        account, problems = _account(call, sent.get("Account", {}))
        problems += too_long({"Reference": sent.get("Reference", "")}, FIELDS) + _wrong(call, sent, document.body, day)
        if account is None or problems:
            raise InvalidError(*problems)
        body = without_empty({**_body(call, sent, document.body, day), **_names(word, document, account), **batch})
        row = make_row(body, self.updated(call, body))
        call.shelf(self.name).put(row)
        document.body["Payments"] = [*document.body["Payments"], summary(body)]
        touch(call, KINDS[word][0], document)
        return row

    def remove(self, call: Call, sent: Json, row: Row) -> Row:
        """The row stays with its amount; the document is owed again."""
        if sent.get("Status") != "DELETED" or row.status == "DELETED":
            raise InvalidError("Payment not of valid status for modification")
        if "BatchPaymentID" in row.body and not call.by_person:
            raise InvalidError("Payments that belong to a batch payment cannot be deleted one by one.")
        until = locked_until(call.organisation)
        if until and day_in(row.body, "Date") <= until:
            raise InvalidError(locked_words(until))
        kind, document = _document_of(call, row)
        row.body["Status"] = row.status = "DELETED"
        row.updated = self.updated(call, row.body)
        call.shelf(self.name).put(row)
        kept = [one for one in document.body["Payments"] if one["PaymentID"] != row.id]
        document.body["Payments"] = kept
        touch(call, kind, document)
        return row


def make_row(body: Json, updated: int) -> Row:
    """Found by the document's id, which stands for its name, and by its reference, for its number."""
    reference = body.get("Reference", "")
    search = f"{reference}\n{body['Invoice'].get('InvoiceNumber', '')}\n{body['Invoice']['Contact']['Name']}"
    return Row(body["PaymentID"], updated, body["Status"], body["Invoice"]["InvoiceID"], reference, search, body)


def summary(payment: Json) -> Json:
    """A payment as its document lists it."""
    keys = ("PaymentID", "BatchPaymentID", "Date", "Amount", "Reference", "CurrencyRate")
    listed = {key: payment[key] for key in keys if key in payment}
    return {**listed, "HasAccount": False, "HasValidationErrors": False}


def _body(call: Call, sent: Json, document: Json, day: str) -> Json:
    base, currency = call.organisation.body["BaseCurrency"], document["CurrencyCode"]
    rate = exact(1) if currency == base else exact(sent.get("CurrencyRate") or day_rate(currency, base, day))
    amount = to_places(exact(sent["Amount"]))
    return {
        "PaymentID": call.ids(),
        "Date": written_day(day),
        "BankAmount": shown(to_places(amount / rate)),
        "Amount": shown(amount),
        "Reference": sent.get("Reference", ""),
        "CurrencyRate": shown(to_places(rate, 10)),
        "PaymentType": PAYMENT_TYPES[document["Type"]],
        "Status": "AUTHORISED",
        "HasAccount": True,
        "IsReconciled": sent.get("IsReconciled", False),
        "HasValidationErrors": False,
    }


def _names(word: str, document: Row, account: Json) -> Json:
    _, id_key, number_key = KINDS[word]
    body = document.body
    invoice = {
        "Type": SHOWN_TYPES.get(body["Type"], body["Type"]),
        "InvoiceID": body[id_key],
        "InvoiceNumber": body.get(number_key, ""),
        "Payments": [],
        "CreditNotes": [],
        "Prepayments": [],
        "Overpayments": [],
        "IsDiscounted": False,
        "HasErrors": False,
        "Contact": {**embedded.EMPTY, "ContactID": body["Contact"]["ContactID"], "Name": body["Contact"]["Name"]},
        "LineItems": [],
        "CurrencyCode": body["CurrencyCode"],
    }
    return {
        "Account": {key: account[key] for key in ("AccountID", "Code", "Name") if key in account},
        "Invoice": invoice,
    }


def _account(call: Call, sent: Json) -> tuple[Json | None, list[str]]:
    """Where the money comes from or goes to: a bank account, or one that takes payments."""
    account = None
    if sent.get("AccountID"):
        account = call.books.account_by_id(sent["AccountID"])
    elif sent.get("Code"):
        account = call.books.account(sent["Code"])
    if account is None:
        return None, ["Account could not be found."]
    if account["Status"] != "ACTIVE":
        return account, ["The account has been archived, or has been deleted."]
    if account["Type"] != "BANK" and not account.get("EnablePaymentsToAccount"):
        return account, ["The account cannot be used for payments."]
    return account, []


def _wrong(call: Call, sent: Json, document: Json, day: str) -> list[str]:
    amount, until = to_places(exact(sent.get("Amount", 0))), locked_until(call.organisation)
    problems = []
    if amount <= 0:
        problems.append("The payment amount must be greater than zero.")
    if document["Status"] not in STANDING:
        problems.append(NOT_AUTHORISED)
    elif amount > open_amount(document):
        problems.append(TOO_MUCH)
    if until and day <= until:
        problems.append(locked_words(until))
    return problems


def _document_of(call: Call, row: Row) -> tuple[str, Row]:
    for kind, _, _ in KINDS.values():
        if found := call.shelf(kind).get(row.name):
            return kind, found
    raise InvalidError("The document of the payment could not be found.")
