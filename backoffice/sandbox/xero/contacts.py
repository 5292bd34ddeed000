"""Contacts: suppliers and customers; POST finds its contact by ContactID, then ContactNumber, then Name."""

from __future__ import annotations

import re
from collections.abc import Mapping

from backoffice.sandbox.xero import answers, embedded
from backoffice.sandbox.xero.call import Call, Reply, new_id
from backoffice.sandbox.xero.fields import (
    Choice,
    Field,
    Flag,
    InvalidError,
    Number,
    Part,
    Parts,
    Text,
    read_fields,
    too_long,
    without_empty,
)
from backoffice.sandbox.xero.resource import Resource, load
from backoffice.sandbox.xero.shelf import Json, Row, dump
from backoffice.sandbox.xero.where import Column, json_column

ADDRESS_TYPES = ("STREET", "POBOX")
PHONE_TYPES = ("DDI", "DEFAULT", "FAX", "MOBILE")
ADDRESS = {
    "AddressType": Choice(*ADDRESS_TYPES),
    **{f"AddressLine{line}": Text(500) for line in (1, 2, 3, 4)},
    "City": Text(255),
    "Region": Text(255),
    "PostalCode": Text(50),
    "Country": Text(50),
    "AttentionTo": Text(255),
}
PHONE = {
    "PhoneType": Choice(*PHONE_TYPES, "OFFICE"),
    "PhoneNumber": Text(50),
    "PhoneAreaCode": Text(10),
    "PhoneCountryCode": Text(20),
}
PERSON = {"FirstName": Text(255), "LastName": Text(255), "EmailAddress": Text(255), "IncludeInEmails": Flag}
TERM = {
    "Day": Number,
    "Type": Choice("DAYSAFTERBILLDATE", "DAYSAFTERBILLMONTH", "OFCURRENTMONTH", "OFFOLLOWINGMONTH"),
}
AMOUNT_TYPE = Choice("INCLUSIVE", "EXCLUSIVE", "NONE")
FIELDS = {
    "ContactNumber": Text(50),
    "AccountNumber": Text(50),
    "ContactStatus": Choice("ACTIVE", "ARCHIVED", "GDPRREQUEST"),
    "Name": Text(255),
    "FirstName": Text(255),
    "LastName": Text(255),
    "EmailAddress": Text(255),
    "CompanyNumber": Text(50),
    "TaxNumber": Text(50),
    "BankAccountDetails": Text(),
    "AccountsReceivableTaxType": Text(),
    "AccountsPayableTaxType": Text(),
    "DefaultCurrency": Text(3),
    "XeroNetworkKey": Text(),
    "SalesDefaultAccountCode": Text(10),
    "PurchasesDefaultAccountCode": Text(10),
    "SalesDefaultLineAmountType": AMOUNT_TYPE,
    "PurchasesDefaultLineAmountType": AMOUNT_TYPE,
    "Website": Text(),
    "PaymentTerms": Part({"Bills": Part(TERM), "Sales": Part(TERM)}),
    "ContactPersons": Parts(PERSON),
    "Addresses": Parts(ADDRESS),
    "Phones": Parts(PHONE),
}
SEARCHED = ("Name", "FirstName", "LastName", "ContactNumber", "CompanyNumber", "EmailAddress")
LEFT_OUT_OF_SUMMARY = ("Addresses", "Phones", "ContactPersons", "PaymentTerms", "BankAccountDetails")
# Lists without pages do not show it.
MERGED = "MergedToContactID"
EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
ARCHIVED = (
    "The specified contact details matched an archived contact."
    " Archived contacts cannot currently be edited via the API."
)


class Contacts(Resource):
    """`/Contacts`."""

    name = "Contacts"
    id_key = "ContactID"
    writing = frozenset({"accounting.contacts"})
    verbs = {"GET": "read_list", "GET/id": "read_one", "PUT": "create", "POST": "upsert", "POST/id": "update"}
    fields = FIELDS
    columns = {
        "ContactID": Column("id", "guid"),
        "Name": Column("name", "text", folded=True),
        "ContactNumber": Column("number", "text", folded=True),
        "ContactStatus": Column("status", "text"),
        "UpdatedDateUTC": Column("updated", "date"),
        "IsSupplier": json_column("IsSupplier", "flag"),
        "IsCustomer": json_column("IsCustomer", "flag"),
        **{
            field: json_column(field)
            for field in ("AccountNumber", "EmailAddress", "FirstName", "LastName", "TaxNumber", "CompanyNumber")
        },
    }
    paged = dated = archives = by_ids = searched = True

    def find(self, call: Call, key: str) -> Row | None:
        shelf = call.shelf(self.name)
        return shelf.get(key) or shelf.by_number(key)

    def listed(self, text: str, call: Call) -> str:
        left_out: tuple[str, ...] = LEFT_OUT_OF_SUMMARY if call.flag("summaryOnly") else ()
        left_out += () if "page" in call.parameters else (MERGED,)
        if not any(key in text for key in left_out):
            return text
        return dump({key: value for key, value in load(text).items() if key not in left_out})

    def detail(self, body: Json, call: Call) -> Json:
        """The fixed places for addresses and phones are spelled out, where lists show their types alone."""
        return {
            **body,
            "ContactGroups": [],
            "ContactPersons": body.get("ContactPersons", []),
            "Addresses": [_spelled_out(one, ("City", "Region", "PostalCode", "Country")) for one in body["Addresses"]],
            "Phones": [
                _spelled_out(one, ("PhoneNumber", "PhoneAreaCode", "PhoneCountryCode")) for one in body["Phones"]
            ],
            "HasValidationErrors": False,
        }

    def upsert(self, call: Call) -> Reply:
        return self.write(call, lambda element: self._match(call, element))

    def update(self, call: Call, key: str) -> Reply:
        row = self.find(call, key)
        if row is None:
            raise answers.not_found()
        return self.write(call, lambda element: _editable(row), only=1)

    def _match(self, call: Call, element: Json) -> Row | None:
        """The trap of POST: a number or just a name of another contact rewrites that one."""
        shelf = call.shelf(self.name)
        sent = read_fields(element, {"ContactID": Text(), **FIELDS})
        if sent.get("ContactID"):
            row = shelf.get(sent["ContactID"])
            if row is None:
                raise InvalidError(f"The contact ID {sent['ContactID']} could not be found.")
            return _editable(row)
        if sent.get("ContactNumber") and (row := shelf.by_number(sent["ContactNumber"])):
            return _editable(row)
        return shelf.by_name(sent["Name"]) if sent.get("Name") else None

    def save(self, call: Call, element: Json, old: Row | None) -> Row:
        sent = read_fields(element, FIELDS)
        row_id = old.id if old else new_id()
        body = merged(old.body if old else _blank(row_id), sent)
        problems = _wrong(sent, body) or self._taken(call, row_id, body)
        if problems:
            raise InvalidError(*problems)
        row = make_row(body, self.updated(call, body))
        call.shelf(self.name).put(row)
        if old and old.body["Name"] != body["Name"]:
            embedded.renamed(call, body)
        return row

    def _taken(self, call: Call, row_id: str, body: Json) -> list[str]:
        shelf, name, number = call.shelf(self.name), body["Name"], body.get("ContactNumber")
        problems = []
        same_name = shelf.by_name(name) if body["ContactStatus"] == "ACTIVE" else None
        if same_name and same_name.id != row_id:
            problems.append(
                f"The contact name {name} is already assigned to another contact."
                " The contact name must be unique across all active contacts."
            )
        same_number = shelf.by_number(number) if number else None
        if same_number and same_number.id != row_id:
            problems.append(
                f"The contact number {number} is already assigned to another contact."
                " The contact number must be unique across all contacts."
            )
        return problems

    def refused(self, element: Json, messages: list[str]) -> Json:
        """Addresses and phones of a refused contact carry the list of their own errors."""
        echo = super().refused({"Addresses": [], "Phones": [], **element}, messages)
        for part, fields in (("Addresses", ADDRESS), ("Phones", PHONE)):
            echo[part] = [{**one, "ValidationErrors": _errors(_wrong_part(one, fields))} for one in echo[part] or []]
        return echo


def make_row(body: Json, updated: int) -> Row:
    search = "\n".join(str(body[field]) for field in SEARCHED if field in body)
    return Row(body["ContactID"], updated, body["ContactStatus"], body["Name"], body.get("ContactNumber"), search, body)


def merged(old: Json, sent: Json) -> Json:
    """The stored body with what was sent over it: fields not sent stay, people are replaced, places by their type."""
    body = {**old, **sent}
    for part, key in (("Addresses", "AddressType"), ("Phones", "PhoneType")):
        places = {place[key]: place for place in old[part]}
        for place in sent.get(part, []):
            kind = place.setdefault(key, "DEFAULT" if part == "Phones" else "STREET")
            places[kind] = without_empty({**places.get(kind, {}), **place})
        body[part] = list(places.values())
    return without_empty(body)


def _blank(row_id: str) -> Json:
    return {
        "ContactID": row_id,
        "ContactStatus": "ACTIVE",
        "Addresses": [{"AddressType": kind} for kind in ADDRESS_TYPES],
        "Phones": [{"PhoneType": kind} for kind in PHONE_TYPES],
        "IsSupplier": False,
        "IsCustomer": False,
        "HasAttachments": False,
    }


def _editable(row: Row) -> Row:
    if row.status == "ARCHIVED":
        raise InvalidError(ARCHIVED)
    return row


def _wrong(sent: Json, body: Json) -> list[str]:
    name = body.get("Name", "")
    problems = too_long(sent, FIELDS)
    if not name:
        problems.append("The contact name must be specified.")
    if "Name" in sent and (sent["Name"].strip() != sent["Name"] or "  " in name or "<" in name or ">" in name):
        problems.append("The contact name cannot contain < or >, or leading, trailing or repeated spaces.")
    if body.get("EmailAddress") and not EMAIL.match(body["EmailAddress"]):
        problems.append("Email address must be valid.")
    if len(sent.get("ContactPersons", [])) > 5:
        problems.append("A contact can have at most 5 additional people.")
    for part, fields in (("Addresses", ADDRESS), ("Phones", PHONE), ("ContactPersons", PERSON)):
        for one in sent.get(part, []):
            problems += _wrong_part(one, fields)
    return problems


def _wrong_part(part: Json, fields: Mapping[str, Field]) -> list[str]:
    problems = too_long({key: value for key, value in part.items() if key in fields}, fields)
    country = part.get("Country")
    if isinstance(country, str) and not re.fullmatch(r"[A-Za-z ]*", country):
        problems.append("The Country field may hold letters only.")
    return problems


def _errors(messages: list[str]) -> list[Json]:
    return [{"Message": message} for message in messages]


def _spelled_out(place: Json, keys: tuple[str, ...]) -> Json:
    return {**dict.fromkeys(keys, ""), **place}
