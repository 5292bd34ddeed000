"""Items: prices and their places, upsert by code, sides that empty, deletion."""

from __future__ import annotations

import pytest


def make(api, unitdp=4, **fields):
    answer = api.put("Items", {"Items": [fields]}, unitdp=unitdp)
    assert answer.status_code == 200, answer.text
    return answer.json()["Items"][0]


def read(api, key, **params):
    return api.get(f"Items/{key}", **params).json()["Items"][0]


def words(answer):
    return [error["Message"] for error in answer.json()["Elements"][0]["ValidationErrors"]]


def test_four_places_are_lost_unless_asked_for_on_write_and_on_read(api):
    made = make(api, Code="P-1", SalesDetails={"UnitPrice": 1.23455})
    assert made["SalesDetails"]["UnitPrice"] == 1.2346
    assert read(api, "P-1")["SalesDetails"]["UnitPrice"] == 1.23
    assert read(api, "P-1", unitdp=4)["SalesDetails"]["UnitPrice"] == 1.2346
    make(api, unitdp=2, Code="P-2", SalesDetails={"UnitPrice": 1.005})
    assert read(api, "P-2", unitdp=4)["SalesDetails"]["UnitPrice"] == 1.01
    listed = {one["Code"]: one for one in api.get("Items").json()["Items"]}
    assert listed["P-1"]["SalesDetails"]["UnitPrice"] == 1.23


def test_the_stamp_of_a_write_is_without_its_offset(api):
    assert make(api, Code="P-1")["UpdatedDateUTC"].endswith(")/")
    assert "+" not in make(api, Code="P-2")["UpdatedDateUTC"]
    assert "+0000" in read(api, "P-2")["UpdatedDateUTC"]


def test_a_code_is_taken_once(api):
    make(api, Code="P-1")
    assert words(api.put("Items", {"Code": "P-1"})) == ["Price List Item with Code 'P-1' already exists"]


def test_post_by_code_rewrites_the_item(api):
    made = make(api, Code="P-1", Name="Before")
    (now,) = api.post("Items", {"Items": [{"Code": "P-1", "Name": "After"}]}).json()["Items"]
    assert (now["ItemID"], now["Name"]) == (made["ItemID"], "After")


def test_an_item_that_is_not_sold_loses_that_side(api):
    made = make(api, Code="P-1", Description="For sale", SalesDetails={"UnitPrice": 5})
    (now,) = api.post(f"Items/{made['ItemID']}", {"IsSold": False}).json()["Items"]
    assert now["SalesDetails"] == {}
    assert "Description" not in now


def test_an_item_is_tracked_by_its_two_accounts(api):
    made = make(api, Code="P-1", InventoryAssetAccountCode="630", PurchaseDetails={"COGSAccountCode": "310"})
    assert (made["IsTrackedAsInventory"], made["QuantityOnHand"]) == (True, 0.0)


@pytest.mark.parametrize(
    "fields",
    [
        {"Name": "without a code"},
        {"Code": "x" * 31},
        {"Code": "x", "Name": "x" * 51},
        {"Code": "x", "SalesDetails": {"AccountCode": "nope"}},
        {"Code": "x", "PurchaseDetails": {"TaxType": "nope"}},
        {"Code": "x", "InventoryAssetAccountCode": "630"},
    ],
)
def test_what_is_refused(api, fields):
    assert words(api.put("Items", fields))


def test_a_deleted_item_is_gone(api):
    made = make(api, Code="P-1")
    answer = api.call("DELETE", f"Items/{made['ItemID']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(f"Items/{made['ItemID']}").status_code == 404
    assert api.call("DELETE", f"Items/{made['ItemID']}").status_code == 404
