"""Overpayments and prepayments: money without an invoice. Xero's own screens make them; the API here reads them."""

from __future__ import annotations

from typing import ClassVar

from backoffice.sandbox.xero import embedded, parties
from backoffice.sandbox.xero.allocations import Allocated
from backoffice.sandbox.xero.attachments import ATTACHMENT_VERBS, Attached
from backoffice.sandbox.xero.balance import settle_credit
from backoffice.sandbox.xero.call import Call
from backoffice.sandbox.xero.columns import date_column
from backoffice.sandbox.xero.days import Day, put_day, stamp_text, today
from backoffice.sandbox.xero.documents import make_row
from backoffice.sandbox.xero.fields import Choice, Field, InvalidError, Number, Text, read_fields, without_empty
from backoffice.sandbox.xero.money import exact, shown, to_places
from backoffice.sandbox.xero.parties import CONTACT, contact_of
from backoffice.sandbox.xero.shelf import Json, Row
from backoffice.sandbox.xero.where import Column, json_column


class Prepaid(Allocated, Attached):
    """Made by a person from Type, Contact and Total; used up by allocations and refunds."""

    writing = frozenset({"accounting.payments", "accounting.transactions"})
    verbs = {"GET": "read_list", "GET/id": "read_one", **ATTACHMENT_VERBS}
    error_flag = "HasErrors"
    paged = dated = True
    number_key = ""
    types: ClassVar[tuple[str, str]]
    # Which account such money waits in: for customers, for suppliers.
    waits_in: ClassVar[tuple[str, str]]
    columns = {
        "Status": Column("status", "text"),
        "UpdatedDateUTC": Column("updated", "date"),
        "Contact.ContactID": Column("name", "guid"),
        "Contact.Name": json_column("Contact.Name"),
        "Date": date_column("Date"),
        **{field: json_column(field) for field in ("Type", "Reference", "CurrencyCode")},
        **{field: json_column(field, "number") for field in ("Total", "RemainingCredit")},
    }

    def updated(self, call: Call, body: Json) -> int:
        body["UpdatedDateUTCString"] = stamp_text(call.now)
        return super().updated(call, body)

    def detail(self, body: Json, call: Call) -> Json:
        return {**body, "Contact": embedded.whole(call, body["Contact"])}

    def save(self, call: Call, element: Json, old: Row | None) -> Row:
        if old:
            raise InvalidError("Overpayments and prepayments cannot be changed.")
        sent = read_fields(element, self.fields)
        amount = to_places(exact(sent.get("Total", 0)))
        if amount <= 0 or not sent.get("Type"):
            raise InvalidError("An overpayment or a prepayment needs its Type and a Total above zero.")
        contact = contact_of(call, sent.get("Contact"), None, creates=True)
        receives = sent["Type"] == self.types[0]
        parties.play_role(call, contact, "IsCustomer" if receives else "IsSupplier")
        body = self._body(call, sent, contact, shown(amount), self.waits_in[0 if receives else 1])
        row = make_row(body, self.updated(call, body), self.id_key, self.number_key, call.provider)
        call.shelf(self.name).put(row)
        return row

    def _body(self, call: Call, sent: Json, contact: Row, amount: float, code: str) -> Json:
        line: Json = {
            "Description": sent.get("Reference") or "Paid ahead",
            "UnitAmount": amount,
            "TaxType": "NONE",
            "TaxAmount": 0.0,
            "LineAmount": amount,
            "AccountCode": code,
            "Tracking": [],
            "Quantity": 1.0,
            "LineItemID": call.ids(),
        }
        body: Json = {
            self.id_key: call.ids(),
            "Type": sent["Type"],
            "Reference": sent.get("Reference", ""),
            "Contact": embedded.short(contact.body),
            "Status": "AUTHORISED",
            "LineAmountTypes": "NoTax",
            "LineItems": [line],
            "SubTotal": amount,
            "TotalTax": 0.0,
            "Total": amount,
            "CurrencyCode": call.organisation.body["BaseCurrency"],
            "CurrencyRate": 1.0,
            "Allocations": [],
            "Payments": [],
            "HasAttachments": False,
        }
        put_day(body, "Date", sent.get("Date") or today(call.organisation, call.now))
        settle_credit(body)
        return without_empty(body)


def _fields(*types: str) -> dict[str, Field]:
    return {"Type": Choice(*types), "Contact": CONTACT, "Date": Day, "Total": Number, "Reference": Text(255)}


class Overpayments(Prepaid):
    """`/Overpayments`."""

    name = "Overpayments"
    id_key = "OverpaymentID"
    types = ("RECEIVE-OVERPAYMENT", "SPEND-OVERPAYMENT")
    waits_in = ("610", "800")
    fields = _fields(*types)
    columns = {**Prepaid.columns, "OverpaymentID": Column("id", "guid")}


class Prepayments(Prepaid):
    """`/Prepayments`."""

    name = "Prepayments"
    id_key = "PrepaymentID"
    types = ("RECEIVE-PREPAYMENT", "SPEND-PREPAYMENT")
    waits_in = ("620", "620")
    fields = _fields(*types)
    columns = {**Prepaid.columns, "PrepaymentID": Column("id", "guid")}
