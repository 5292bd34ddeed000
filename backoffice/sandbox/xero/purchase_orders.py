"""Purchase orders: always in pages, no `where`, two decimal places, and a number that rewrites whatever has it."""

from __future__ import annotations

from backoffice.sandbox.xero import answers, embedded
from backoffice.sandbox.xero.call import Call
from backoffice.sandbox.xero.columns import date_column
from backoffice.sandbox.xero.days import Day, midnight
from backoffice.sandbox.xero.documents import HEADER, Document
from backoffice.sandbox.xero.fields import Choice, Flag, InvalidError, Text
from backoffice.sandbox.xero.lines import PURCHASES, Side
from backoffice.sandbox.xero.numbers import next_number
from backoffice.sandbox.xero.resource import load
from backoffice.sandbox.xero.shelf import Json, Row, Selection, dump
from backoffice.sandbox.xero.where import Column, json_column

FIELDS = {
    **HEADER,
    "PurchaseOrderNumber": Text(255),
    "DeliveryDate": Day,
    "ExpectedArrivalDate": Day,
    "Status": Choice("DRAFT", "SUBMITTED", "AUTHORISED", "BILLED", "DELETED"),
    "SentToContact": Flag,
    "DeliveryAddress": Text(),
    "AttentionTo": Text(255),
    "Telephone": Text(50),
    "DeliveryInstructions": Text(500),
}
NEXT = {
    "DRAFT": ("DRAFT", "SUBMITTED", "AUTHORISED", "BILLED", "DELETED"),
    "SUBMITTED": ("DRAFT", "SUBMITTED", "AUTHORISED", "BILLED", "DELETED"),
    "AUTHORISED": ("AUTHORISED", "BILLED", "DELETED"),
    "BILLED": ("BILLED", "AUTHORISED", "DELETED"),
}
GONE = "Deleted PurchaseOrders cannot be updated"
CHANGE = "PurchaseOrder status change is invalid"
NOT_SENT = "Only AUTHORISED and BILLED purchase orders may have SentToContact updated."


class PurchaseOrders(Document):
    """`/PurchaseOrders`."""

    name = "PurchaseOrders"
    id_key = "PurchaseOrderID"
    number_key = "PurchaseOrderNumber"
    fields = FIELDS
    days = ("Date", "DeliveryDate", "ExpectedArrivalDate")
    always_paged = True
    filtered = False
    columns = {
        "PurchaseOrderID": Column("id", "guid"),
        "PurchaseOrderNumber": Column("number", "text", folded=True),
        "Status": Column("status", "text"),
        "UpdatedDateUTC": Column("updated", "date"),
        "Date": date_column("Date"),
        "DeliveryDate": date_column("DeliveryDate"),
        "Contact.Name": json_column("Contact.Name"),
        "Reference": json_column("Reference"),
        "Total": json_column("Total", "number"),
    }

    def selection(self, call: Call) -> Selection:
        selection = super().selection(call)
        if status := call.parameters.get("status"):
            selection.add("status = ?", status.upper())
        for parameter, sign in (("datefrom", ">="), ("dateto", "<=")):
            if text := call.parameters.get(parameter):
                selection.add(f"{self.columns['Date'].sql} {sign} ?", _midnight(text))
        return selection

    def listed(self, text: str, call: Call) -> str:
        return dump(self.detail(load(text), call))

    def detail(self, body: Json, call: Call) -> Json:
        """The trap: the stamp of the contact inside is local time that says it is UTC."""
        return {**body, "Contact": embedded.whole(call, body["Contact"], local_time=True)}

    def blank(self) -> Json:
        return {
            "Type": "PURCHASEORDER",
            "Status": "DRAFT",
            "SentToContact": False,
            "HasAttachments": False,
            "HasErrors": False,
        }

    def side(self, body: Json) -> Side:
        return PURCHASES

    def discounts(self, body: Json) -> bool:
        return True

    def permit(self, call: Call, sent: Json, old: Row | None) -> None:
        wanted = sent.get("Status")
        if old is None:
            if wanted == "DELETED":
                raise InvalidError(CHANGE)
            return
        if old.status == "DELETED":
            raise InvalidError(GONE, *([CHANGE] if wanted not in (None, "DELETED") else []))
        if wanted and wanted not in NEXT[old.status]:
            raise InvalidError(CHANGE)

    def wrong(self, call: Call, sent: Json, body: Json, old: Row | None) -> list[str]:
        number = body.get(self.number_key)
        same = call.shelf(self.name).by_number(number) if number else None
        return ["Order number must be unique"] if same and same.id != body[self.id_key] else []

    def finish(self, call: Call, body: Json, old: Row | None, contact: Row) -> None:
        shelf = call.shelf(self.name)
        if not body.get(self.number_key):
            body[self.number_key] = next_number(call, "PO", lambda number: shelf.by_number(number) is not None)
        if body["Status"] not in ("AUTHORISED", "BILLED"):
            body["SentToContact"] = bool(old and old.body.get("SentToContact"))

    def only_now(self, sent: Json, body: Json, old: Row | None) -> Json:
        early = sent.get("SentToContact") and not body["SentToContact"]
        return {"Warnings": [{"Message": NOT_SENT}]} if early else {}


def _midnight(text: str) -> int:
    try:
        return midnight(Day.read(text))
    except ValueError:
        raise answers.bad_query(f"'{text}' is not a date") from None
