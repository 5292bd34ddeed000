"""Batch payments: several invoices paid at once. Xero's own screens make and delete them; the API here reads them."""

from __future__ import annotations

from backoffice.sandbox.xero.call import Call
from backoffice.sandbox.xero.columns import date_column
from backoffice.sandbox.xero.days import Day, put_day, today
from backoffice.sandbox.xero.fields import InvalidError, Part, Parts, Text, read_fields, without_empty
from backoffice.sandbox.xero.money import shown, total
from backoffice.sandbox.xero.payments import FIELDS as PAYMENT
from backoffice.sandbox.xero.payments import Payments
from backoffice.sandbox.xero.resource import Resource
from backoffice.sandbox.xero.shelf import Json, Row
from backoffice.sandbox.xero.where import Column, json_column

FIELDS = {
    "Account": Part({"AccountID": Text(), "Code": Text(10)}),
    "Date": Day,
    "Reference": Text(),
    "Narrative": Text(),
    "Payments": Parts(PAYMENT),
}


class BatchPayments(Resource):
    """`/BatchPayments`."""

    name = "BatchPayments"
    id_key = "BatchPaymentID"
    writing = frozenset({"accounting.payments", "accounting.transactions"})
    verbs = {"GET": "read_list", "GET/id": "read_one"}
    fields = FIELDS
    dated = True
    columns = {
        "BatchPaymentID": Column("id", "guid"),
        "Status": Column("status", "text"),
        "UpdatedDateUTC": Column("updated", "date"),
        "Date": date_column("Date"),
        "Type": json_column("Type"),
        "TotalAmount": json_column("TotalAmount", "number"),
    }

    def save(self, call: Call, element: Json, old: Row | None) -> Row:
        if old:
            return self._remove(call, old)
        sent = read_fields(element, FIELDS)
        if not sent.get("Payments"):
            raise InvalidError("A batch payment needs its payments.")
        body: Json = {"BatchPaymentID": call.ids(), "Reference": sent.get("Reference", "")}
        body["Narrative"] = sent.get("Narrative", "")
        put_day(body, "Date", sent.get("Date") or today(call.organisation, call.now))
        shared = {"Account": sent.get("Account", {}), "Date": body["DateString"][:10]}
        batch = {"BatchPaymentID": body["BatchPaymentID"]}
        made = [Payments().pay(call, {**one, **shared}, batch).body for one in sent["Payments"]]
        if len({one["PaymentType"] for one in made}) > 1:
            raise InvalidError("A batch payment is for bills or for sales invoices, not for both.")
        body |= {
            "Account": made[0]["Account"],
            "Type": "RECBATCH" if made[0]["PaymentType"] == "ACCRECPAYMENT" else "PAYBATCH",
            "Status": "AUTHORISED",
            "TotalAmount": shown(total([one["Amount"] for one in made])),
            "IsReconciled": False,
            "Payments": [_listed(one) for one in made],
        }
        return self._put(call, without_empty(body))

    def _remove(self, call: Call, old: Row) -> Row:
        """With all its payments."""
        shelf = call.shelf("Payments")
        for one in old.body["Payments"]:
            row = shelf.get(one["PaymentID"])
            if row and row.status != "DELETED":
                Payments().remove(call, {"Status": "DELETED"}, row)
        return self._put(call, {**old.body, "Status": "DELETED"})

    def _put(self, call: Call, body: Json) -> Row:
        updated = self.updated(call, body)
        name = body.get("Reference", "")
        row = Row(body["BatchPaymentID"], updated, body["Status"], name, None, name, body)
        call.shelf(self.name).put(row)
        return row


def _listed(payment: Json) -> Json:
    invoice = {key: payment["Invoice"][key] for key in ("InvoiceID", "InvoiceNumber") if key in payment["Invoice"]}
    return {
        "Invoice": {**invoice, "Payments": [], "LineItems": [], "HasErrors": False, "IsDiscounted": False},
        "PaymentID": payment["PaymentID"],
        "Amount": payment["Amount"],
        "BankAmount": payment["BankAmount"],
    }
