"""Whom a document names: finding its contact, and what naming one does to the contact."""

from __future__ import annotations

from backoffice.sandbox.xero.call import Call
from backoffice.sandbox.xero.contacts import ARCHIVED, FIELDS, Contacts, merged
from backoffice.sandbox.xero.fields import InvalidError, Part, Text
from backoffice.sandbox.xero.shelf import Json, Row

CONTACT = Part({"ContactID": Text(), **FIELDS})
UNNAMED = (
    "The Contact must contain at least 1 of the following elements to identify the contact:"
    " Name, ContactID, ContactNumber"
)


def contact_of(call: Call, sent: Json | None, old: Row | None, *, creates: bool) -> Row:
    """The contact of a document. Raises InvalidError.

    Only invoices and the like create one: from a name that nobody has, without a word. They also write to the contact
    whatever else they say about it.
    """
    mine = old.body["Contact"]["ContactID"] if old else None
    row = _found(call, {"ContactID": mine} if sent is None else sent, creates=creates)
    if row is None:
        raise InvalidError(UNNAMED)
    if row.status == "ARCHIVED" and row.id != mine:
        raise InvalidError(ARCHIVED)
    return _rewritten(call, sent or {}, row) if creates and row.status == "ACTIVE" else row


def play_role(call: Call, contact: Row, flag: str) -> None:
    """The first bill makes a supplier, the first sales invoice a customer; the contact's own stamp stays."""
    if not contact.body.get(flag):
        contact.body[flag] = True
        call.shelf("Contacts").put(contact)


def _found(call: Call, sent: Json, *, creates: bool) -> Row | None:
    shelf = call.shelf("Contacts")
    row_id, number, name = sent.get("ContactID"), sent.get("ContactNumber"), sent.get("Name")
    if row_id:
        row = shelf.get(row_id)
        if row is None:
            raise InvalidError(f"The contact ID {row_id} could not be found.")
        return row
    row = shelf.by_number(number) if number else None
    row = row or (shelf.by_name(name) if name else None)
    if row is None and name and creates:
        return Contacts().save(call, sent, None)
    if row is None and (number or name):
        raise InvalidError(f"The contact {number or name} could not be found.")
    return row


def _rewritten(call: Call, sent: Json, row: Row) -> Row:
    """The trap: a name or an address inside of an invoice's contact is a change of the contact."""
    said = {key: value for key, value in sent.items() if key not in ("ContactID", "ContactStatus")}
    if not said or merged(row.body, said) == row.body:
        return row
    return Contacts().save(call, said, row)
