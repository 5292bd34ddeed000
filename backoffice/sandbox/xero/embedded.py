"""The contact inside a document: short as it is stored and listed, whole in the answer to a write or a read by id."""

from __future__ import annotations

from backoffice.sandbox.xero.call import Call
from backoffice.sandbox.xero.clock import ms_date
from backoffice.sandbox.xero.days import local_stamp_as_utc
from backoffice.sandbox.xero.shelf import Json, Row

DOCUMENTS = ("PurchaseOrders", "Invoices", "CreditNotes", "Overpayments", "Prepayments")
EMPTY: Json = {"ContactGroups": [], "Addresses": [], "Phones": [], "ContactPersons": [], "HasValidationErrors": False}


def short(contact: Json) -> Json:
    return {"ContactID": contact["ContactID"], "Name": contact["Name"], **EMPTY}


def whole(call: Call, stored: Json, *, local_time: bool = False) -> Json:
    """The contact as it is now; with the trap of purchase orders if `local_time`."""
    row = call.shelf("Contacts").get(stored["ContactID"])
    if row is None:
        return stored
    stamp = local_stamp_as_utc(call.organisation, row.updated) if local_time else row.updated
    return {**EMPTY, **row.body, "UpdatedDateUTC": ms_date(stamp)}


def renamed(call: Call, contact: Json) -> None:
    """Documents show the present name of their contact; their own stamps stay."""
    for kind in DOCUMENTS:
        shelf = call.shelf(kind)
        changed: list[Row] = []
        for row in shelf.all_by_name(contact["ContactID"]):
            row.search = row.search.replace(row.body["Contact"]["Name"].casefold(), contact["Name"])
            row.body["Contact"]["Name"] = contact["Name"]
            changed.append(row)
        if changed:
            shelf.put_many(changed)


def moved(call: Call, old: Json, new: Json) -> None:
    """All documents of a contact are another's from now on; their own stamps stay."""
    for kind in DOCUMENTS:
        shelf = call.shelf(kind)
        changed = shelf.all_by_name(old["ContactID"])
        for row in changed:
            row.search = row.search.replace(old["Name"].casefold(), new["Name"])
            row.name, row.body["Contact"] = new["ContactID"], short(new)
        shelf.put_many(changed)
