"""The sandbox's pages as data: which columns a list has, which fields a form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from backoffice.sandbox.xero.accounts import CLASS_OF
from backoffice.sandbox.xero.shelf import Json

# Where a path leads through a list, which key of its elements it means.
LIST_KEYS = {"Addresses": "AddressType", "Phones": "PhoneType"}


@dataclass(frozen=True)
class Input:
    """A field of a form; `path` leads to its value: `SalesDetails.UnitPrice`, `Addresses.STREET.City`."""

    path: str
    label: str
    kind: str = "text"
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Screen:
    """The list and the form of one kind of data."""

    slug: str
    kind: str
    title: str
    singular: str
    columns: tuple[tuple[str, str], ...]
    groups: tuple[tuple[str, tuple[Input, ...]], ...]
    status: str = "Status"
    archives: bool = True
    deletes: bool = False

    @property
    def inputs(self) -> Iterator[Input]:
        for _, inputs in self.groups:
            yield from inputs


def _address(slot: str) -> tuple[Input, ...]:
    """The fields of one of a contact's addresses."""
    labels = {"AddressLine1": "Address", "City": "City", "PostalCode": "Postal code", "Country": "Country"}
    return tuple(Input(f"Addresses.{slot}.{key}", label) for key, label in labels.items())


CONTACTS = Screen(
    "contacts",
    "contacts",
    "Contacts",
    "contact",
    (
        ("Name", "Name"),
        ("EmailAddress", "E-mail"),
        ("ContactNumber", "Number"),
        ("Phones.DEFAULT.PhoneNumber", "Phone"),
        ("IsSupplier", "Supplier"),
        ("IsCustomer", "Customer"),
    ),
    (
        (
            "Details",
            (
                Input("Name", "Name"),
                Input("ContactNumber", "Contact number"),
                Input("AccountNumber", "Account number"),
                Input("FirstName", "First name"),
                Input("LastName", "Last name"),
                Input("EmailAddress", "E-mail"),
                Input("TaxNumber", "Tax number"),
                Input("BankAccountDetails", "Bank account number"),
            ),
        ),
        ("Postal address", _address("POBOX")),
        ("Delivery address", _address("STREET")),
        (
            "Phone",
            (
                Input("Phones.DEFAULT.PhoneCountryCode", "Country code"),
                Input("Phones.DEFAULT.PhoneAreaCode", "Area code"),
                Input("Phones.DEFAULT.PhoneNumber", "Number"),
            ),
        ),
        (
            "Roles (in Xero these follow from bills and invoices, and leave the date of change alone)",
            (Input("IsSupplier", "Supplier", "flag"), Input("IsCustomer", "Customer", "flag")),
        ),
    ),
    status="ContactStatus",
)
ITEMS = Screen(
    "items",
    "items",
    "Items",
    "item",
    (
        ("Code", "Code"),
        ("Name", "Name"),
        ("PurchaseDetails.UnitPrice", "Purchase price"),
        ("SalesDetails.UnitPrice", "Sales price"),
    ),
    (
        ("Details", (Input("Code", "Code"), Input("Name", "Name"))),
        (
            "Purchases",
            (
                Input("IsPurchased", "Is bought", "flag"),
                Input("PurchaseDescription", "Description"),
                Input("PurchaseDetails.UnitPrice", "Price", "number"),
                Input("PurchaseDetails.AccountCode", "Account"),
                Input("PurchaseDetails.TaxType", "Tax type"),
            ),
        ),
        (
            "Sales",
            (
                Input("IsSold", "Is sold", "flag"),
                Input("Description", "Description"),
                Input("SalesDetails.UnitPrice", "Price", "number"),
                Input("SalesDetails.AccountCode", "Account"),
                Input("SalesDetails.TaxType", "Tax type"),
            ),
        ),
    ),
    archives=False,
    deletes=True,
)
ACCOUNTS = Screen(
    "accounts",
    "accounts",
    "Accounts",
    "account",
    (
        ("Name", "Name"),
        ("Code", "Code"),
        ("Type", "Type"),
        ("TaxType", "Tax type"),
        ("SystemAccount", "System account"),
    ),
    (
        (
            "Details",
            (
                Input("Code", "Code"),
                Input("Name", "Name"),
                Input("Type", "Type", "choice", tuple(CLASS_OF)),
                Input("Description", "Description"),
                Input("TaxType", "Tax type"),
                Input("BankAccountNumber", "Bank account number"),
                Input("EnablePaymentsToAccount", "Payments may be posted to it", "flag"),
            ),
        ),
    ),
    deletes=True,
)
TAX_RATES = Screen(
    "tax-rates",
    "taxrates",
    "Tax rates",
    "tax rate",
    (("Name", "Name"), ("TaxType", "Tax type"), ("EffectiveRate", "Per cent")),
    (
        (
            "Details",
            (
                Input("Name", "Name"),
                Input("TaxComponents.0.Name", "Component"),
                Input("TaxComponents.0.Rate", "Per cent", "number"),
            ),
        ),
    ),
)
TRACKING = Screen(
    "tracking",
    "trackingcategories",
    "Tracking",
    "tracking category",
    (("Name", "Name"), ("Options", "Options")),
    (("Details", (Input("Name", "Name"),)),),
    deletes=True,
)
SCREENS = {screen.slug: screen for screen in (CONTACTS, ITEMS, ACCOUNTS, TAX_RATES, TRACKING)}


def value_at(body: Json, path: str) -> Any:
    """What a path leads to; nothing if a step of it is missing."""
    found: Any = body
    steps = path.split(".")
    for at, step in enumerate(steps):
        if isinstance(found, list):
            key = LIST_KEYS.get(steps[at - 1])
            found = _element(found, key, step)
        else:
            found = found.get(step)
        if found is None:
            return ""
    return ", ".join(one["Name"] for one in found if one["Status"] == "ACTIVE") if isinstance(found, list) else found


def _element(found: list[Json], key: str | None, step: str) -> Json | None:
    if key is None:
        return found[int(step)] if int(step) < len(found) else None
    return next((one for one in found if one[key] == step), None)


def fields_of(screen: Screen, form: Mapping[str, str]) -> Json:
    """The element that a filled form describes. An empty text clears; an empty number or choice says nothing."""
    fields: Json = {}
    for one in screen.inputs:
        value: Any = one.path in form if one.kind == "flag" else form.get(one.path, "").strip()
        if value == "" and one.kind != "text":
            continue
        _put(fields, one.path.split("."), value)
    return fields


def _put(fields: Json, steps: list[str], value: Any) -> None:
    if len(steps) == 1:
        fields[steps[0]] = value
    elif steps[0] in LIST_KEYS:
        key = LIST_KEYS[steps[0]]
        places = fields.setdefault(steps[0], [])
        place = next((one for one in places if one[key] == steps[1]), None)
        if place is None:
            places.append(place := {key: steps[1]})
        place[steps[2]] = value
    elif steps[1].isdigit():
        elements = fields.setdefault(steps[0], [{}])
        elements[int(steps[1])][steps[2]] = value
    else:
        _put(fields.setdefault(steps[0], {}), steps[1:], value)
