"""What a bookkeeper sets up: accounts, tracking, tax rates, currencies."""

from __future__ import annotations

import pytest


def words(answer):
    assert answer.status_code == 400, answer.text
    return [error["Message"] for error in answer.json()["Elements"][0]["ValidationErrors"]]


def account(api, **wanted):
    where = " AND ".join(f'{name}=="{value}"' for name, value in wanted.items())
    return api.get("Accounts", where=where).json()["Accounts"][0]


def test_archived_accounts_are_listed_and_deleted_ones_are_gone(api):
    rent, fees = account(api, Code="469"), account(api, Code="404")
    assert api.post(f"Accounts/{rent['AccountID']}", {"Status": "ARCHIVED"}).status_code == 200
    assert api.call("DELETE", f"Accounts/{fees['AccountID']}").json()["Accounts"][0]["Status"] == "DELETED"
    listed = {one.get("Code"): one["Status"] for one in api.get("Accounts").json()["Accounts"]}
    assert listed["469"] == "ARCHIVED"
    assert "404" not in listed


def test_system_accounts_stay(api):
    payable = account(api, SystemAccount="CREDITORS")
    assert api.call("DELETE", f"Accounts/{payable['AccountID']}").status_code == 400
    assert words(api.post(f"Accounts/{payable['AccountID']}", {"Status": "ARCHIVED"}))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Code": "200", "Name": "New", "Type": "EXPENSE"}, "Please enter a unique Code."),
        ({"Code": "9", "Name": "sales", "Type": "EXPENSE"}, "Please enter a unique Name."),
        ({"Code": "9", "Name": "New"}, "Account type is required."),
        ({"Name": "New", "Type": "EXPENSE"}, "Please enter a code."),
        ({"Name": "New", "Type": "BANK"}, "Bank account number is required."),
    ],
)
def test_accounts_that_are_refused(api, fields, message):
    assert message in words(api.put("Accounts", fields))


def test_an_archive_comes_alone(api):
    rent = account(api, Code="469")
    assert words(api.post(f"Accounts/{rent['AccountID']}", {"Status": "ARCHIVED", "Name": "Rent, old"}))


def test_a_third_active_tracking_category_is_refused(api):
    assert words(api.put("TrackingCategories", {"Name": "Third"}))
    first = api.get("TrackingCategories").json()["TrackingCategories"][0]
    path = f"TrackingCategories/{first['TrackingCategoryID']}"
    assert api.post(path, {"Status": "ARCHIVED"}).status_code == 200
    assert api.put("TrackingCategories", {"Name": "Third"}).status_code == 200
    active = [one["Name"] for one in api.get("TrackingCategories").json()["TrackingCategories"]]
    assert active == ["Region", "Third"]
    assert len(api.get("TrackingCategories", includeArchived="true").json()["TrackingCategories"]) == 3


def test_options_are_named_once_and_vanish_when_archived(api):
    first = api.get("TrackingCategories").json()["TrackingCategories"][0]
    path = f"TrackingCategories/{first['TrackingCategoryID']}"
    option = first["Options"][0]
    assert words(api.put(f"{path}/Options", {"Name": option["Name"].upper()}))
    api.post(f"{path}/Options/{option['TrackingOptionID']}", {"Status": "ARCHIVED"})
    shown = api.get(path).json()["TrackingCategories"][0]["Options"]
    assert len(shown) == len(first["Options"]) - 1
    every = api.get("TrackingCategories", includeArchived="true").json()["TrackingCategories"][0]["Options"]
    assert len(every) == len(first["Options"])
    assert api.call("DELETE", f"{path}/Options/none").status_code == 404


def test_tax_rates_have_the_codes_of_their_country(connect):
    new_zealand = {one["TaxType"] for one in connect().get("TaxRates").json()["TaxRates"]}
    kingdom = {one["TaxType"] for one in connect(organisations=["2"]).get("TaxRates").json()["TaxRates"]}
    assert new_zealand == {"OUTPUT2", "INPUT2", "NONE", "ZERORATED", "GSTONIMPORTS"}
    assert {"RROUTPUT", "RRINPUT", "REVERSECHARGES"} <= kingdom


def test_a_compound_tax_is_taken_of_the_others(api):
    parts = [{"Name": "A", "Rate": 10}, {"Name": "B", "Rate": 5, "IsCompound": True}]
    made = api.put("TaxRates", {"Name": "Both", "TaxComponents": parts}).json()["TaxRates"][0]
    assert made["EffectiveRate"] == 15.5
    assert words(api.put("TaxRates", {"Name": "both", "TaxComponents": parts}))
    assert words(api.post("TaxRates", {"Name": "Nonsense", "Status": "DELETED"}))


def test_the_plan_has_one_currency(api):
    assert [one["Code"] for one in api.get("Currencies").json()["Currencies"]] == ["NZD"]
    assert words(api.put("Currencies", {"Code": "USD"}))
