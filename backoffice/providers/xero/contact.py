"""Contacts: suppliers and customers. https://developer.xero.com/documentation/api/accounting/contacts

Xero keeps several addresses and telephones in named slots. Ours are the postal address (POBOX, the one it prints on
documents), the telephone (DEFAULT) and the mobile (MOBILE); the other slots are never sent, so they stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from backoffice.models import Contact, Direction, Record
from backoffice.providers.xero.shape import LONGEST_SEARCH, WHOLE, Search, XeroMapper, dig, name, text, value
from backoffice.sync.books import Books
from backoffice.sync.mapper import Field, Payload, Refusal

#: Our columns and the keys of an address.
ADDRESS = (("city", "City"), ("region", "Region"), ("postal_code", "PostalCode"), ("country", "Country"))
LINES = ("AddressLine1", "AddressLine2", "AddressLine3", "AddressLine4")
LINE_LENGTH = 500
PHONES = {"phone": "DEFAULT", "mobile": "MOBILE"}
#: `+64 (9) 123 4567`: country and area apart, as Xero keeps them.
PHONE = re.compile(r"(?:\+(\d{1,20}) )?(?:\((\d{1,10})\) )?(.*)", re.DOTALL)
LETTERS = re.compile(r"[A-Za-z ]*")
BREAK = re.compile(r"\r\n|\r|\n")


class ContactMapper(XeroMapper):
    """A contact, both ways. Whether it is a supplier or a customer comes in only: Xero sees that from its documents."""

    model = Contact
    resource = "Contacts"
    direction = Direction.BOTH
    id_key = "ContactID"
    status_key = "ContactStatus"
    match_by = ("number", "email", "name")
    lookup_key = ("number", "name")
    theirs = frozenset({"is_supplier", "is_customer"})
    stays = frozenset({"currency"})
    unstamped = True
    limits = (
        "An archived contact cannot be restored from outside.",
        "Whether a contact is a supplier or a customer is seen by Xero from its documents.",
    )
    fields = (
        Field("name", "Name"),
        Field("number", "ContactNumber"),
        Field("account_number", "AccountNumber"),
        Field("first_name", "FirstName"),
        Field("last_name", "LastName"),
        Field("email", "EmailAddress"),
        Field("tax_number", "TaxNumber"),
        Field("company_number", "CompanyNumber"),
        Field("bank_account", "BankAccountDetails"),
        Field("currency", "DefaultCurrency"),
        Field("phone", "Phones.DEFAULT"),
        Field("mobile", "Phones.MOBILE"),
        Field("street", "Addresses.POBOX"),
        Field("city", "Addresses.POBOX.City"),
        Field("region", "Addresses.POBOX.Region"),
        Field("postal_code", "Addresses.POBOX.PostalCode"),
        Field("country", "Addresses.POBOX.Country"),
        Field("archived", "ContactStatus"),
        Field("is_supplier", "IsSupplier"),
        Field("is_customer", "IsCustomer"),
    )

    def read(self, field: Field, payload: Payload) -> Any:
        if field.column == "street":
            return _street(_slot(field, payload))
        if field.column in PHONES:
            return value(_phone(_slot(field, payload)), self.model.__mapper__.columns[field.column])
        return super().read(field, payload)

    def merged_into(self, payload: Payload) -> str | None:
        """Xero shows it where pages or ids are asked for, and archives the one that was merged."""
        return name(payload, "MergedToContactID")

    def asked(self, text: str) -> Search | None:
        """By name, number, e-mail or person."""
        return Search(self.resource, {"searchTerm": text[:LONGEST_SEARCH], **WHOLE}, self.resource)

    def dump(self, record: Record, books: Books) -> Payload:
        """Every field of ours; "" empties one there. A currency cannot be emptied and is left out instead."""
        assert isinstance(record, Contact)
        payload: Payload = {field.key: getattr(record, field.column) or "" for field in self.fields if _plain(field)}
        if not record.currency:
            del payload["DefaultCurrency"]
        payload["ContactStatus"] = "ARCHIVED" if record.archived else "ACTIVE"
        payload["Addresses"] = [_address(record)]
        payload["Phones"] = [_split(getattr(record, column) or "", kind) for column, kind in PHONES.items()]
        return payload

    def check(self, record: Record, gone: str | None, books: Books) -> Sequence[Refusal]:
        assert isinstance(record, Contact)
        found = (_lifeless(record, gone), _name(record.name), self._length(record), _place(record))
        return [refusal for refusal in found if refusal is not None]

    def _length(self, record: Contact) -> Refusal | None:
        """Our columns are as long as Xero's fields, but not every database minds."""
        for column in self.model.__mapper__.columns:
            limit = getattr(column.type, "length", None)
            found = getattr(record, column.key)
            if limit and isinstance(found, str) and len(found) > limit:
                label = self.model.column_label(column.key)
                words = f"{label} is longer than the {limit} characters that Xero takes."
                return Refusal(words, "too_long", column.key)
        return None


def _plain(field: Field) -> bool:
    """Whether a text of ours is sent as it is, under a key of its own."""
    return "." not in field.key and field.column not in ContactMapper.theirs | {"archived"}


def _slot(field: Field, payload: Payload) -> Payload:
    found = dig(payload, field.key) or {}
    if not isinstance(found, dict):
        raise ValueError(f"{field.key} is no object")
    return found


def _street(address: Payload) -> str | None:
    lines = [text(address.get(key) or "", key, LINE_LENGTH) for key in LINES]
    return "\n".join(lines).rstrip("\n") or None


def _address(record: Contact) -> Payload:
    lines = BREAK.split(record.street or "")
    lines += [""] * (len(LINES) - len(lines))
    return {
        "AddressType": "POBOX",
        **dict(zip(LINES, lines, strict=False)),
        **{key: getattr(record, column) or "" for column, key in ADDRESS},
    }


def _phone(slot: Payload) -> str:
    country, area, number = (
        text(slot.get(key) or "", key, length)
        for key, length in (("PhoneCountryCode", 20), ("PhoneAreaCode", 10), ("PhoneNumber", 50))
    )
    if number and (not country or country.isdecimal()) and (not area or area.isdecimal()):
        return (f"+{country} " if country else "") + (f"({area}) " if area else "") + number
    return " ".join(part for part in (country, area, number) if part)


def _split(phone: str, kind: str) -> Payload:
    match = PHONE.fullmatch(phone)
    country, area, number = match.groups() if match and match[3] else (None, None, phone)
    return {
        "PhoneType": kind,
        "PhoneCountryCode": country or "",
        "PhoneAreaCode": area or "",
        "PhoneNumber": number,
    }


def _lifeless(record: Contact, gone: str | None) -> Refusal | None:
    if gone == "archived" and not record.archived:
        return Refusal(
            "This contact is archived in Xero, and Xero lets nobody restore one from outside. "
            "Restore it in Xero, then update; or archive it here too.",
            "archived_there",
            "archived",
        )
    if gone == "deleted":
        return Refusal(
            "This contact is no longer in Xero. Link it to another one, or archive it here.", "gone_there", None
        )
    return None


def _name(name: str) -> Refusal | None:
    if not name:
        return Refusal("Xero needs a name.", "name_invalid", "name")
    if "<" in name or ">" in name:
        return Refusal("Xero takes no < and > in a name.", "name_invalid", "name")
    if name != name.strip() or "  " in name:
        return Refusal("Xero takes no spaces before, behind or doubled within a name.", "name_invalid", "name")
    return None


def _place(record: Contact) -> Refusal | None:
    lines = BREAK.split(record.street or "")
    if len(lines) > len(LINES):
        return Refusal("Xero keeps four lines of an address.", "street_too_long", "street")
    if any(len(line) > LINE_LENGTH for line in lines):
        return Refusal("Xero takes lines of up to 500 characters in an address.", "street_too_long", "street")
    if record.country and not LETTERS.fullmatch(record.country):
        return Refusal("Xero takes only letters from A to Z in a country.", "country_invalid", "country")
    return None
