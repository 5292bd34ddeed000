"""Allocations: a credit note, an overpayment or a prepayment used up on invoices of the same contact."""

from __future__ import annotations

from typing import ClassVar

from backoffice.sandbox.xero import answers
from backoffice.sandbox.xero.balance import STANDING, open_amount
from backoffice.sandbox.xero.call import Call, Reply
from backoffice.sandbox.xero.days import Day, day_in, locked_until, locked_words, today, written_day
from backoffice.sandbox.xero.fields import InvalidError, Number, read_fields
from backoffice.sandbox.xero.money import exact, shown, to_places
from backoffice.sandbox.xero.resource import Resource
from backoffice.sandbox.xero.settling import NAMED, SALES_TYPES, find_document, touch
from backoffice.sandbox.xero.shelf import Json, Row, dump

FIELDS = {"Invoice": NAMED["Invoice"], "Amount": Number, "Date": Day}
ALLOCATION_VERBS = {"PUT/id/Allocations": "allocate", "DELETE/id/Allocations/id": "deallocate"}


class Allocated(Resource):
    """A resource whose rows are credits: `/{Resource}/{id}/Allocations`."""

    number_key: ClassVar[str]

    def allocate(self, call: Call, key: str) -> Reply:
        """All that were sent, or none."""
        elements = call.elements("Allocations")
        made: list[Json] = []
        refused: list[Json] = []
        with call.world.store.transaction():
            row = self._credit(call, key)
            for element in elements:
                try:
                    made.append(self.use(call, row, read_fields(element, FIELDS)))
                except InvalidError as invalid:
                    errors: list[Json] = [{"Message": message} for message in invalid.messages]
                    refused.append({**element, "HasErrors": True, "ValidationErrors": errors})
            if refused:
                raise answers.invalid(refused)
        texts = [dump(one) for one in made]
        return Reply(answers.envelope(call.provider, call.now, "Allocations", texts))

    def use(self, call: Call, row: Row, sent: Json) -> Json:
        """Use an amount of the credit on an invoice; both know of it. Raises InvalidError."""
        invoice = find_document(call, "Invoice", sent.get("Invoice", {}))
        day = sent.get("Date") or today(call.organisation, call.now)
        amount = to_places(exact(sent.get("Amount", 0)))
        if problems := _wrong(call, row, invoice, day) + _too_much(row, invoice, shown(amount)):
            raise InvalidError(*problems)
        named = {key: invoice.body[key] for key in ("InvoiceID", "InvoiceNumber") if key in invoice.body}
        made: Json = {
            "AllocationID": call.ids(),
            "Amount": shown(amount),
            "Date": written_day(day),
            "Invoice": {**named, "Payments": [], "LineItems": [], "HasErrors": False, "IsDiscounted": False},
        }
        row.body["Allocations"] = [*row.body["Allocations"], made]
        invoice.body[self.name] = [*invoice.body[self.name], self._applied(row, made)]
        touch(call, self.name, row)
        touch(call, "Invoices", invoice)
        return made

    def deallocate(self, call: Call, key: str, allocation: str) -> Reply:
        with call.world.store.transaction():
            gone = self.give_back(call, self._credit(call, key), allocation)
        return Reply(dump({**gone, "IsDeleted": True}))

    def give_back(self, call: Call, row: Row, allocation: str) -> Json:
        """The credit is whole again, and the invoice is owed."""
        found = [one for one in row.body["Allocations"] if one["AllocationID"] == allocation.lower()]
        if not found:
            raise answers.not_found()
        (gone,) = found
        until = locked_until(call.organisation)
        if until and day_in(gone, "Date") <= until:
            raise answers.invalid([{**gone, "ValidationErrors": [{"Message": locked_words(until)}]}])
        invoice = find_document(call, "Invoice", gone["Invoice"])
        row.body["Allocations"] = [one for one in row.body["Allocations"] if one is not gone]
        listed = list(invoice.body[self.name])
        listed.remove(self._applied(row, gone))
        invoice.body[self.name] = listed
        touch(call, self.name, row)
        touch(call, "Invoices", invoice)
        return dict(gone)

    def _applied(self, row: Row, allocation: Json) -> Json:
        """The credit as the invoice lists it."""
        number: Json = {self.number_key: row.body[self.number_key]} if row.body.get(self.number_key) else {}
        return {
            self.id_key: row.id,
            **number,
            "AppliedAmount": allocation["Amount"],
            "Date": allocation["Date"],
            "LineItems": [],
            "Total": row.body["Total"],
        }

    def _credit(self, call: Call, key: str) -> Row:
        row = self.find(call, key)
        if row is None:
            raise answers.not_found()
        return row


def _wrong(call: Call, row: Row, invoice: Row, day: str) -> list[str]:
    credit, owed, until = row.body, invoice.body, locked_until(call.organisation)
    problems = []
    if credit["Status"] not in STANDING or owed["Status"] not in STANDING:
        problems.append("Credits can only be allocated between authorised documents.")
    if (credit["Type"] in SALES_TYPES) != (owed["Type"] in SALES_TYPES):
        problems.append("A credit can only be allocated to invoices of its own kind.")
    if row.name != invoice.name:
        problems.append("A credit can only be allocated to invoices of the same contact.")
    if credit["CurrencyCode"] != owed["CurrencyCode"]:
        problems.append("A credit can only be allocated to invoices of the same currency.")
    if until and min(day, day_in(credit, "Date")) <= until:
        problems.append(locked_words(until))
    return problems


def _too_much(row: Row, invoice: Row, amount: float) -> list[str]:
    if amount <= 0:
        return ["The allocated amount must be greater than zero."]
    if exact(amount) > open_amount(row.body):
        return ["The amount to allocate exceeds the remaining credit."]
    if exact(amount) > open_amount(invoice.body):
        return ["The amount to allocate exceeds the amount outstanding on the invoice."]
    return []
