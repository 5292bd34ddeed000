"""Controls: data as if changed in Xero's screens, the clock, settings, the seed."""

from __future__ import annotations

import requests

from backoffice.sandbox.xero.server import Sandbox

CONTACTS = "organisations/1/contacts"


def test_contacts_are_added_edited_archived_and_restored(api, control):
    (made,) = control("POST", CONTACTS, {"Name": "Rata Press"})
    key = made["ContactID"]
    assert control("PATCH", f"{CONTACTS}/{key}", {"Name": "Kowhai Press"})["Name"] == "Kowhai Press"
    assert control("POST", f"{CONTACTS}/{key}/archive")["ContactStatus"] == "ARCHIVED"
    assert control("PATCH", f"{CONTACTS}/{key}", {"FirstName": "Mere"})["FirstName"] == "Mere"
    assert control("POST", f"{CONTACTS}/{key}/restore")["ContactStatus"] == "ACTIVE"
    assert api.get(f"Contacts/{key}").json()["Contacts"][0]["FirstName"] == "Mere"
    control("DELETE", f"{CONTACTS}/{key}")
    assert api.get(f"Contacts/{key}").status_code == 404


def test_xeros_rules_hold_for_its_screens(sandbox, control):
    control("POST", CONTACTS, {"Name": "Rata Press"})
    answer = requests.post(f"{sandbox.url}/_sandbox/{CONTACTS}", json={"Name": "rata press"}, timeout=30)
    assert answer.status_code == 400
    assert "already assigned" in answer.json()["errors"][0]


def test_many_are_edited_at_once(control):
    assert control("POST", f"{CONTACTS}/bulk", {"first": 20, "set": {"FirstName": "Number {n}"}}) == {"changed": 20}
    edited = [one for one in control("GET", CONTACTS) if one.get("FirstName", "").startswith("Number ")]
    assert len({one["FirstName"] for one in edited}) == 20


def test_other_kinds(control):
    (item,) = control("POST", "organisations/1/items", {"Code": "P-1"})
    control("DELETE", f"organisations/1/items/{item['ItemID']}")
    (account,) = control("POST", "organisations/1/accounts", {"Code": "9", "Name": "New", "Type": "EXPENSE"})
    assert control("POST", f"organisations/1/accounts/{account['AccountID']}/archive")["Status"] == "ARCHIVED"
    assert control("POST", "organisations/1/taxrates/output2/archive")["Status"] == "ARCHIVED"
    category = control("GET", "organisations/1/TrackingCategories")[0]
    path = f"organisations/1/trackingcategories/{category['TrackingCategoryID']}"
    option = control("POST", f"{path}/options", {"Name": "New"})["Options"][-1]
    assert (
        control("PATCH", f"{path}/options/{option['TrackingOptionID']}", {"Name": "Newer"})["Options"][-1]["Name"]
        == "Newer"
    )
    control("DELETE", f"{path}/options/{option['TrackingOptionID']}")
    assert control("GET", path)["Options"] == category["Options"]


def test_everything_at_once(control):
    (first, _) = control("GET", "organisations")
    dump = control("GET", f"organisations/{first['id']}/dump")
    assert {name: len(rows) for name, rows in dump.items()} == {
        "Organisations": 1,
        "Contacts": 30,
        "Items": 10,
        "Accounts": 57,
        "TrackingCategories": 2,
        "TaxRates": 5,
        "Currencies": 1,
        "PurchaseOrders": 0,
        "Invoices": 0,
        "CreditNotes": 0,
        "Payments": 0,
        "BatchPayments": 0,
        "Overpayments": 0,
        "Prepayments": 0,
    }


def test_the_clock(control):
    control("POST", "clock", {"set": "2027-01-01T00:00:00+00:00", "fixed": True})
    assert control("POST", "clock", {"advance": 90})["now"] == "2027-01-01T00:01:30+00:00"
    assert control("GET", "clock")["fixed"] is True
    assert control("POST", "clock", {"reset": True})["fixed"] is False


def test_what_does_not_exist(sandbox):
    for path in ("organisations/9/contacts", "organisations/1/nonsense", f"{CONTACTS}/nobody"):
        assert requests.get(f"{sandbox.url}/_sandbox/{path}", timeout=30).status_code == 404
    assert requests.patch(f"{sandbox.url}/_sandbox/settings", json={"seed": 1}, timeout=30).status_code == 400


def test_consent_taken_back(api, control):
    control("POST", "revoke", {})
    assert api.get("Organisation").status_code == 403


def test_what_is_guessed_is_listed(control):
    assert all(one["what"] and one["where"] for one in control("GET", "unconfirmed"))


def names(sandbox):
    url = f"{sandbox.url}/_sandbox/{CONTACTS}"
    return [(one["ContactID"], one["Name"]) for one in requests.get(url, timeout=30).json()]


def test_the_same_seed_makes_the_same_contacts():
    with Sandbox(contacts=40, items=0, seed=3) as one, Sandbox(contacts=40, items=0, seed=3) as two:
        assert names(one) == names(two)
        with Sandbox(contacts=40, items=0, seed=4) as three:
            assert names(one) != names(three)


def test_names_are_unique_and_varied(control):
    control("POST", "organisations/1/seed", {"contacts": 3000})
    contacts = control("GET", CONTACTS)
    assert len({one["Name"].casefold() for one in contacts}) == 3030
    archived = sum(one["ContactStatus"] == "ARCHIVED" for one in contacts)
    assert 50 < archived < 150
    assert any("ContactNumber" not in one for one in contacts)
    assert any(one["IsSupplier"] and one["IsCustomer"] for one in contacts)


def test_a_sandbox_goes_back_to_its_mark(sandbox, control):
    before = control("GET", "organisations/1/dump")
    control("POST", f"{CONTACTS}/bulk", {"set": {"FirstName": "Changed"}})
    control("POST", "organisations/1/rotate")
    control("PATCH", "settings", {"minute_limit": 1})
    control("POST", "clock", {"set": "2030-01-01T00:00:00+00:00", "fixed": True})
    control("POST", "faults", {"kind": "503"})
    sandbox.world.go_back()
    assert control("GET", "organisations/1/dump") == before
    assert control("GET", "settings")["minute_limit"] == 1000
    assert control("GET", "clock")["fixed"] is False
    assert control("GET", "faults")["faults"] == []


def test_data_and_tokens_survive_a_restart(tmp_path):
    with Sandbox(tmp_path, contacts=5, items=2) as first:
        tokens = requests.post(f"{first.url}/_sandbox/tokens", json={}, timeout=30).json()
        requests.post(f"{first.url}/_sandbox/{CONTACTS}", json={"Name": "Rata Press"}, timeout=30)
    with Sandbox(tmp_path, contacts=5, items=2) as second:
        headers = {
            "Authorization": f"Bearer {tokens['token']['access_token']}",
            "xero-tenant-id": tokens["connections"][0]["tenantId"],
            "Accept": "application/json",
        }
        params = {"where": 'Name=="Rata Press"'}
        answer = requests.get(f"{second.url}/api.xro/2.0/Contacts", headers=headers, params=params, timeout=30)
        assert len(answer.json()["Contacts"]) == 1
        assert len(names(second)) == 6


def test_an_edit_that_nothing_tells_of(api, control):
    (made,) = control("POST", CONTACTS, {"Name": "Rata Press"})
    edited = control("POST", f"{CONTACTS}/{made['ContactID']}/edit-silently", {"Name": "Kowhai Press"})
    assert (edited["Name"], edited["UpdatedDateUTC"]) == ("Kowhai Press", made["UpdatedDateUTC"])
    (shown,) = api.get(f"Contacts/{made['ContactID']}").json()["Contacts"]
    assert (shown["Name"], shown["UpdatedDateUTC"]) == ("Kowhai Press", made["UpdatedDateUTC"])
    control("POST", "organisations/1/taxrates/output2/edit-silently", {"Name": "Renamed"})
    assert control("GET", "organisations/1/taxrates/output2")["Name"] == "Renamed"


def test_two_contacts_are_merged(api, control, bills, supplier):
    bill = bills.make()
    (kept,) = control("POST", CONTACTS, {"Name": "Kowhai Press"})
    control("POST", f"{CONTACTS}/{supplier}/merge", {"Into": kept["ContactID"]})
    merged = api.get("Contacts", page=1, pageSize=1000, includeArchived="true").json()["Contacts"]
    (found,) = [one for one in merged if one["ContactID"] == supplier]
    assert (found["ContactStatus"], found["MergedToContactID"]) == ("ARCHIVED", kept["ContactID"])
    whole = api.get("Contacts", includeArchived="true").json()["Contacts"]
    assert not any("MergedToContactID" in one for one in whole)
    assert api.get(f"Contacts/{supplier}").json()["Contacts"][0]["MergedToContactID"] == kept["ContactID"]
    shown = bills.read(bill["InvoiceID"])
    assert (shown["Contact"]["ContactID"], shown["UpdatedDateUTC"]) == (kept["ContactID"], bill["UpdatedDateUTC"])
    assert api.get(f"Contacts/{kept['ContactID']}").json()["Contacts"][0]["IsSupplier"]
