"""Documents of the ledger: invoices, bills and credit notes, with their statuses, locks and what they do to stock."""

from __future__ import annotations

import re
from typing import ClassVar

from backoffice.sandbox.xero import parties, stock
from backoffice.sandbox.xero.balance import CREDITED, STANDING, has_money
from backoffice.sandbox.xero.call import Call
from backoffice.sandbox.xero.days import stamp_text
from backoffice.sandbox.xero.documents import Document
from backoffice.sandbox.xero.fields import Choice, InvalidError
from backoffice.sandbox.xero.lines import PURCHASES, SALES, Side
from backoffice.sandbox.xero.money import exact
from backoffice.sandbox.xero.numbers import next_number
from backoffice.sandbox.xero.resource import load
from backoffice.sandbox.xero.shelf import Json, Row, dump
from backoffice.sandbox.xero.sums import rounded_text, unfit_for_approval

STATUS = Choice("DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "VOIDED", "DELETED")
NEW = ("DRAFT", "SUBMITTED", "AUTHORISED")
NEXT = {
    "DRAFT": ("DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"),
    "SUBMITTED": ("SUBMITTED", "DRAFT", "AUTHORISED", "DELETED"),
    "AUTHORISED": ("AUTHORISED", "VOIDED"),
}
LEFT_OUT_OF_SUMMARY = ("LineItems", "Payments", *CREDITED)
FOUR_PLACES = re.compile(r'"UnitAmount":-?\d+\.\d{3}')
CLOSED = ("DELETED", "VOIDED")
HELD = "This document cannot be edited as it has a payment or credit note allocated to it."
# What a person may still change in Xero's own screens once money has moved.
BY_PERSON = frozenset({"DueDate", "Reference", "ExpectedPaymentDate", "PlannedPaymentDate", "SentToContact"})

UNSTAMPED = frozenset({"DueDate", "SentToContact"})


class LedgerDocument(Document):
    """What counts in the books once it is AUTHORISED."""

    creates_contacts = locks = fine = True
    word: ClassVar[str]
    own_prefix: ClassVar[str]
    taken: ClassVar[str]
    types: ClassVar[tuple[str, str]]

    def listed(self, text: str, call: Call) -> str:
        """The stored text where that can be shown as it is: pages of a thousand are read for a living."""
        if call.flag("summaryOnly"):
            return dump({key: value for key, value in load(text).items() if key not in LEFT_OUT_OF_SUMMARY})
        if "page" not in call.parameters:
            return dump({**load(text), "LineItems": []})
        return rounded_text(text, 2) if call.places == 2 and FOUR_PLACES.search(text) else text

    def updated(self, call: Call, body: Json) -> int:
        body["UpdatedDateUTCString"] = stamp_text(call.now)
        return super().updated(call, body)

    def side(self, body: Json) -> Side:
        return SALES if self.sells(body) else PURCHASES

    def sells(self, body: Json) -> bool:
        """ACCREC and ACCRECCREDIT, against ACCPAY and ACCPAYCREDIT."""
        return str(body.get("Type", "")).startswith("ACCREC")

    def tax_of(self, body: Json, contact: Row) -> str:
        field = "AccountsReceivableTaxType" if self.sells(body) else "AccountsPayableTaxType"
        return str(contact.body.get(field, ""))

    def permit(self, call: Call, sent: Json, old: Row | None) -> None:
        invalid = f"{self.word} not of valid status for modification"
        if old is None:
            if sent.get("Status", "DRAFT") not in NEW:
                raise InvalidError(f"{self.word} not of valid status for creation")
            return
        wanted, held = sent.get("Status", old.status), has_money(old.body)
        if wanted == "VOIDED" and held:
            raise InvalidError(
                f"The status VOIDED cannot be applied to the {self.word.lower()}"
                " because it has payments or credit notes allocated to it."
            )
        if call.by_person and old.status in STANDING and set(sent) <= BY_PERSON:
            return
        if held:
            raise InvalidError(invalid, HELD)
        if wanted not in NEXT.get(old.status, ()):
            raise InvalidError(invalid)

    def silent(self, call: Call, sent: Json, old: Row | None) -> bool:
        """The trap: when money has moved, a person's change of these leaves the stamp alone."""
        return old is not None and has_money(old.body) and set(sent) <= UNSTAMPED

    def wrong(self, call: Call, sent: Json, body: Json, old: Row | None) -> list[str]:
        problems = []
        if body.get("Type") not in self.types:
            problems.append("The Type of the document must be specified.")
        if old and "Type" in sent and sent["Type"] != old.body["Type"]:
            problems.append("The Type of a document cannot be changed.")
        if self.sells(body) and (number := body.get(self.number_key)) and self._taken(call, number, body):
            problems.append(self.taken)
        if body["Status"] in STANDING and body.get("LineItems"):
            problems += unfit_for_approval(body["LineItems"])
            if exact(body["Total"]) < 0:
                problems.append("The document total must be zero or more.")
        return problems

    def finish(self, call: Call, body: Json, old: Row | None, contact: Row) -> None:
        if self.sells(body) and not body.get(self.number_key):
            body[self.number_key] = next_number(call, self.own_prefix, lambda number: self._taken(call, number, body))
        parties.play_role(call, contact, "IsCustomer" if self.sells(body) else "IsSupplier")
        self.settle(body)
        stock.move(call, old.body if old else None, body)

    def settle(self, body: Json) -> None:
        raise NotImplementedError

    def same_number(self, call: Call, number: str, kind: str | None) -> Row | None:
        """The latest live one with this number, whoever its contact is: for bills too, where numbers are not unique."""
        found = [
            row
            for row in call.shelf(self.name).all_by_number(number)
            if row.status not in CLOSED and kind in (None, row.body["Type"])
        ]
        return max(found, key=lambda row: row.updated, default=None)

    def _taken(self, call: Call, number: str, body: Json) -> bool:
        """Numbers of sales documents are unique; a deleted draft frees its own."""
        return any(
            row.id != body[self.id_key] and row.status != "DELETED" and self.sells(row.body)
            for row in call.shelf(self.name).all_by_number(number)
        )
