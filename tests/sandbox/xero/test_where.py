"""The filter language, against contacts and items."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from backoffice.sandbox.xero.server import Sandbox
from tests.sandbox.xero.callers import Api

CONTACTS = [
    {"Name": "Alpha & Sons", "EmailAddress": "a@alpha.example", "ContactNumber": "A-1", "IsSupplier": True},
    {"Name": 'Beta "B" Ltd', "EmailAddress": "b@beta.example"},
    {"Name": "Gamma"},
]


@pytest.fixture(scope="module")
def few() -> Iterator[Api]:
    """An organisation with just these three contacts; the tests here only read."""
    with Sandbox(contacts=0, items=0, organisations=1, minute_limit=1000) as sandbox:
        control = f"{sandbox.url}/_sandbox"
        requests.post(f"{control}/organisations/1/contacts", json=CONTACTS, timeout=30).raise_for_status()
        answer = requests.post(f"{control}/tokens", json={}, timeout=30).json()
        api = Api(sandbox.url, answer["token"], answer["connections"])
        yield api
        api.session.close()


def names(answer):
    assert answer.status_code == 200, answer.text
    return {one["Name"].split()[0] for one in answer.json()["Contacts"]}


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ('Name=="alpha & SONS"', {"Alpha"}),
        ('Name != "Gamma"', {"Alpha", "Beta"}),
        (r'Name=="Beta \"B\" Ltd"', {"Beta"}),
        ('ContactNumber=="a-1"', {"Alpha"}),
        ("EmailAddress==null", {"Gamma"}),
        ("EmailAddress!=null", {"Alpha", "Beta"}),
        ("IsSupplier==true", {"Alpha"}),
        ("IsSupplier == false AND EmailAddress != null", {"Beta"}),
        ('Name=="Gamma" OR Name=="Alpha & Sons"', {"Alpha", "Gamma"}),
        ('Name=="Gamma" || IsSupplier==true && EmailAddress==null', {"Gamma"}),
        ('(Name=="Gamma" OR IsSupplier==true) and EmailAddress!=null', {"Alpha"}),
        ('Name.StartsWith("al")', {"Alpha"}),
        ('Name.EndsWith("LTD")', {"Beta"}),
        ('Name.Contains("&")', {"Alpha"}),
        ('Name.ToLower().Contains("amm")', {"Gamma"}),
        ('Name.ToUpper()=="GAMMA"', {"Gamma"}),
        ('EmailAddress!=null AND EmailAddress.Contains("beta")', {"Beta"}),
        ('EmailAddress==null OR EmailAddress.EndsWith("beta.example")', {"Beta", "Gamma"}),
        ('ContactStatus=="ACTIVE"', {"Alpha", "Beta", "Gamma"}),
        ("UpdatedDateUTC>=DateTime(2020,1,31)", {"Alpha", "Beta", "Gamma"}),
        ("UpdatedDateUTC<DateTime(2020, 1, 31, 10, 0, 0)", set()),
    ],
)
def test_filters(few, where, found):
    assert names(few.get("Contacts", where=where)) == found
    assert names(few.get("Contacts", where=where, page=1)) == found


def test_a_guid(few):
    one = few.get("Contacts", where='Name=="Gamma"').json()["Contacts"][0]
    assert names(few.get("Contacts", where=f'ContactID==Guid("{one["ContactID"].upper()}")')) == {"Gamma"}


@pytest.mark.parametrize(
    "where",
    [
        'Nonsense=="x"',
        'Name=="x" AND Nonsense==true',
        'name=="x"',
        "Name",
        "Name==",
        'Name=="x',
        'Name=="x" garbage',
        '(Name=="x"',
        'Name>"x"',
        "Name>null",
        "Name==true",
        "Name==5",
        "Name=='x'",
        'Name.Length=="x"',
        "Name.Contains(5)",
        'IsSupplier.Contains("x")',
        'IsSupplier=="true"',
        'ContactID=="x"',
        'ContactID==Guid("x")',
        "UpdatedDateUTC>=DateTime(2026,13,1)",
        "UpdatedDateUTC>=nonsense",
        'EmailAddress.Contains("beta")',
        "; DROP TABLE resource",
    ],
)
def test_what_is_not_understood_is_refused_loudly(few, where):
    answer = few.get("Contacts", where=where)
    assert answer.status_code == 400
    assert (answer.json()["ErrorNumber"], answer.json()["Type"]) == (16, "QueryParseException")


def test_numbers_and_nested_fields(api):
    cheap = api.get("Items", where="PurchaseDetails.UnitPrice<100", unitdp=4).json()["Items"]
    every = api.get("Items", unitdp=4).json()["Items"]
    assert [one["Code"] for one in cheap] == [one["Code"] for one in every if one["PurchaseDetails"]["UnitPrice"] < 100]


def test_accounts_by_type(api):
    found = api.get("Accounts", where='Type=="BANK"').json()["Accounts"]
    assert {one["Class"] for one in found} == {"ASSET"}
    assert all("Code" not in one for one in found)
