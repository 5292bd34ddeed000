"""Contacts at Xero: their slots, their archive, and what is turned down before it is sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.models import Contact
from backoffice.providers.xero.contact import ContactMapper
from backoffice.sync.books import Books
from tests.providers.xero.conftest import Ledger

MAPPER = ContactMapper()
ADDRESSES = [
    {"AddressType": "STREET", "AddressLine1": "1 Store Lane", "City": "Elsewhere"},
    {
        "AddressType": "POBOX",
        "AddressLine1": "PO Box 7",
        "AddressLine2": "",
        "AddressLine3": "Level 2",
        "City": "Oamaru",
        "PostalCode": "9400",
        "Country": "New Zealand",
    },
]
PHONES = [
    {"PhoneType": "DEFAULT", "PhoneNumber": "434 7000", "PhoneAreaCode": "3", "PhoneCountryCode": "64"},
    {"PhoneType": "FAX", "PhoneNumber": "0"},
    {"PhoneType": "MOBILE", "PhoneNumber": "021 555 123"},
]


def loaded(**payload: Any) -> dict[str, Any]:
    return MAPPER.load({"ContactID": "1", "Name": "Acme", **payload})


def contact(**values: Any) -> Contact:
    return Contact(**{"name": "Acme", "archived": False, **values})


def test_the_postal_address_is_ours() -> None:
    values = loaded(Addresses=ADDRESSES)
    assert values["street"] == "PO Box 7\n\nLevel 2"
    assert (values["city"], values["postal_code"], values["country"]) == ("Oamaru", "9400", "New Zealand")
    assert values["region"] is None


def test_a_telephone_keeps_its_parts_both_ways(books: Books) -> None:
    values = loaded(Phones=PHONES)
    assert (values["phone"], values["mobile"]) == ("+64 (3) 434 7000", "021 555 123")
    default, mobile = MAPPER.dump(contact(phone=values["phone"], mobile=values["mobile"]), books)["Phones"]
    assert default == PHONES[0]
    assert mobile == {"PhoneType": "MOBILE", "PhoneNumber": "021 555 123", "PhoneAreaCode": "", "PhoneCountryCode": ""}


@given(phone=st.from_regex(r"(\+\d{1,3} )?(\(\d{1,3}\) ?)?[\d ]{0,6}", fullmatch=True))
@settings(deadline=None)
def test_any_way_to_write_a_telephone_comes_back(ledger: Ledger, phone: str) -> None:
    assert MAPPER.load({**MAPPER.dump(contact(phone=phone), ledger.books()), "ContactID": "1"})["phone"] == (
        phone or None
    )


def test_a_list_and_a_single_row_are_read_alike() -> None:
    listed = [{"AddressType": "STREET"}, {"AddressType": "POBOX"}]
    single = [{"AddressType": "POBOX", "City": "", "Region": "", "PostalCode": "", "Country": ""}]
    phones = [{"PhoneType": "DEFAULT", "PhoneNumber": "", "PhoneAreaCode": "", "PhoneCountryCode": ""}]
    assert loaded(Addresses=listed) == loaded(Addresses=single, Phones=phones) == loaded()


def test_other_slots_are_never_sent(books: Books) -> None:
    payload = MAPPER.dump(contact(street="PO Box 7", city="Oamaru"), books)
    assert [each["AddressType"] for each in payload["Addresses"]] == ["POBOX"]
    assert [each["PhoneType"] for each in payload["Phones"]] == ["DEFAULT", "MOBILE"]


def test_an_empty_field_is_sent_empty_but_a_currency_is_left_out(books: Books) -> None:
    payload = MAPPER.dump(contact(), books)
    assert payload["EmailAddress"] == ""
    assert payload["Addresses"][0]["City"] == ""
    assert "DefaultCurrency" not in payload


@pytest.mark.parametrize("status", ["ARCHIVED", "GDPRREQUEST"])
def test_archived_there(books: Books, status: str) -> None:
    assert loaded(ContactStatus=status)["archived"] is True
    assert MAPPER.gone({"ContactStatus": status}) == "archived"
    assert MAPPER.dump(contact(archived=True), books)["ContactStatus"] == "ARCHIVED"


def test_a_status_never_heard_of_is_in_use() -> None:
    assert loaded(ContactStatus="ULTRA")["archived"] is False


@pytest.mark.parametrize("stamp", ["/Date(1789378193539+0000)/", "/Date(1789378193539)/"])
def test_a_version_is_the_same_however_the_time_is_written(stamp: str) -> None:
    assert MAPPER.version({"UpdatedDateUTC": stamp}) == "2026-09-14T09:29:53.539000+00:00"


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"Name": None}, "name"),
        ({"Name": ["Acme"]}, "name"),
        ({"Name": "x" * 256}, "name"),
        ({"IsSupplier": "true"}, "is_supplier"),
        ({"Addresses": "nowhere"}, "Addresses"),
        ({"Addresses": {"POBOX": "nowhere"}}, "Addresses"),
        ({"Addresses": [{"AddressType": "POBOX", "AddressLine1": "x" * 501}]}, "AddressLine1"),
        ({"Phones": [None]}, "Phones"),
    ],
)
def test_nonsense_is_named(payload: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        loaded(**payload)


def test_only_what_no_database_takes_is_cleaned() -> None:
    assert loaded(Name=" Ac\0me \ud800 ")["name"] == " Acme  "


@pytest.mark.parametrize(
    ("values", "gone", "cause", "column"),
    [
        ({}, None, None, None),
        ({"archived": True}, "archived", None, None),
        ({}, "archived", "archived_there", "archived"),
        ({}, "deleted", "gone_there", None),
        ({"name": ""}, None, "name_invalid", "name"),
        ({"name": "A <b> c"}, None, "name_invalid", "name"),
        ({"name": " Acme"}, None, "name_invalid", "name"),
        ({"name": "Ac  me"}, None, "name_invalid", "name"),
        ({"name": "x" * 256}, None, "too_long", "name"),
        ({"number": "x" * 51}, None, "too_long", "number"),
        ({"country": "Zone 51"}, None, "country_invalid", "country"),
        ({"street": "1\n2\n3\n4"}, None, None, None),
        ({"street": "1\r\n2\r\n3\r\n4\r\n5"}, None, "street_too_long", "street"),
        ({"street": "x" * 501}, None, "street_too_long", "street"),
    ],
)
def test_what_xero_would_refuse_is_known_before(
    books: Books, values: dict[str, Any], gone: str | None, cause: str | None, column: str | None
) -> None:
    found = [(refusal.cause, refusal.column) for refusal in MAPPER.check(contact(**values), gone, books)]
    assert found == ([(cause, column)] if cause else [])
