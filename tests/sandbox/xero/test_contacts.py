"""Contacts: what is refused, what POST rewrites, what is ignored."""

from __future__ import annotations

import pytest

ZERO = "00000000-0000-0000-0000-000000000000"
ARCHIVED = (
    "The specified contact details matched an archived contact."
    " Archived contacts cannot currently be edited via the API."
)


def make(api, **fields):
    answer = api.put("Contacts", {"Contacts": [fields]})
    assert answer.status_code == 200, answer.text
    return answer.json()["Contacts"][0]


def read(api, contact_id):
    return api.get(f"Contacts/{contact_id}").json()["Contacts"][0]


def words(answer):
    return [error["Message"] for error in answer.json()["Elements"][0]["ValidationErrors"]]


def test_a_new_contact_has_its_places_spelled_out(api):
    made = make(api, Name="Rata Press")
    assert [one["AddressType"] for one in made["Addresses"]] == ["STREET", "POBOX"]
    assert {one["PhoneType"] for one in made["Phones"]} == {"DEFAULT", "DDI", "FAX", "MOBILE"}
    assert made["Phones"][0]["PhoneNumber"] == ""
    listed = api.get("Contacts", IDs=made["ContactID"], page=1).json()["Contacts"][0]
    assert listed["Phones"][0] == {"PhoneType": "DDI"}
    assert made["UpdatedDateUTC"].startswith("/Date(")
    assert made["UpdatedDateUTC"].endswith("+0000)/")
    assert "EmailAddress" not in made


def test_a_partial_update_keeps_what_is_not_sent(api):
    made = make(
        api, Name="Rata Press", EmailAddress="a@b.example", FirstName="Mere", ContactPersons=[{"FirstName": "A"}]
    )
    api.post(f"Contacts/{made['ContactID']}", {"FirstName": "", "ContactPersons": [{"FirstName": "B"}]})
    now = read(api, made["ContactID"])
    assert now["EmailAddress"] == "a@b.example"
    assert "FirstName" not in now
    assert now["ContactPersons"] == [{"FirstName": "B"}]


def test_a_name_is_taken_once_among_the_active_whatever_its_case(api, control):
    first = make(api, Name="Rata Press")
    refused = api.put("Contacts", {"Contacts": [{"Name": "RATA press", "EmailAddress": "a@b.example"}]})
    assert refused.status_code == 400
    body = refused.json()
    assert (body["ErrorNumber"], body["Type"]) == (10, "ValidationException")
    (element,) = body["Elements"]
    assert (element["ContactID"], element["Name"], element["HasValidationErrors"]) == (ZERO, "RATA press", True)
    assert words(refused) == [
        "The contact name RATA press is already assigned to another contact."
        " The contact name must be unique across all active contacts."
    ]
    control("POST", f"organisations/1/contacts/{first['ContactID']}/archive")
    assert make(api, Name="Rata Press")["ContactID"] != first["ContactID"]


def test_a_number_is_taken_once_among_all(api, control):
    first = make(api, Name="Rata Press", ContactNumber="R-1")
    control("POST", f"organisations/1/contacts/{first['ContactID']}/archive")
    refused = api.put("Contacts", {"Name": "Other", "ContactNumber": "R-1"})
    assert words(refused) == [
        "The contact number R-1 is already assigned to another contact."
        " The contact number must be unique across all contacts."
    ]


def test_post_by_number_rewrites_another_contact(api):
    first = make(api, Name="Rata Press", ContactNumber="R-1")
    answer = api.post("Contacts", {"Contacts": [{"Name": "Kowhai Press", "ContactNumber": "R-1"}]})
    assert answer.json()["Contacts"][0]["ContactID"] == first["ContactID"]
    assert read(api, first["ContactID"])["Name"] == "Kowhai Press"


def test_post_by_name_rewrites_another_contact(api):
    first = make(api, Name="Rata Press")
    answer = api.post("Contacts", {"name": "rata press", "EmailAddress": "new@b.example"})
    assert answer.json()["Contacts"][0]["ContactID"] == first["ContactID"]
    assert read(api, first["ContactID"])["EmailAddress"] == "new@b.example"


def test_post_looks_at_the_id_before_the_number_before_the_name(api):
    one, two = make(api, Name="One", ContactNumber="1"), make(api, Name="Two", ContactNumber="2")
    refused = api.post("Contacts", {"ContactID": one["ContactID"], "ContactNumber": "2"})
    assert "The contact number 2 is already assigned" in words(refused)[0]
    refused = api.post("Contacts", {"ContactNumber": "1", "Name": "Two"})
    assert "The contact name Two is already assigned" in words(refused)[0]
    assert read(api, two["ContactID"])["ContactNumber"] == "2"


def test_an_archived_contact_cannot_be_edited_nor_brought_back(api):
    made = make(api, Name="Rata Press", ContactNumber="R-1")
    archived = api.post(f"Contacts/{made['ContactID']}", {"ContactStatus": "ARCHIVED"})
    assert archived.json()["Contacts"][0]["ContactStatus"] == "ARCHIVED"
    for body in ({"ContactStatus": "ACTIVE"}, {"FirstName": "Mere"}):
        assert words(api.post(f"Contacts/{made['ContactID']}", body)) == [ARCHIVED]
    batch = {"Contacts": [{"ContactNumber": "R-1", "Name": "x"}, {"Name": "Fine"}]}
    answer = api.post("Contacts", batch, summarizeErrors="false")
    bad, good = answer.json()["Contacts"]
    assert (answer.status_code, bad["StatusAttributeString"], good["StatusAttributeString"]) == (200, "ERROR", "OK")
    assert (bad["ContactID"], bad["ValidationErrors"]) == (ZERO, [{"Message": ARCHIVED}])


def test_roles_are_ignored_on_write_and_move_without_a_stamp(api, control, sandbox):
    made = make(api, Name="Rata Press", IsSupplier=True, IsCustomer=True)
    assert (made["IsSupplier"], made["IsCustomer"]) == (False, False)
    sandbox.world.clock.advance(60)
    control("PATCH", f"organisations/1/contacts/{made['ContactID']}", {"IsSupplier": True})
    now = read(api, made["ContactID"])
    assert now["IsSupplier"] is True
    assert now["UpdatedDateUTC"] == made["UpdatedDateUTC"]
    api.post(f"Contacts/{made['ContactID']}", {"FirstName": "Mere"})
    assert read(api, made["ContactID"])["UpdatedDateUTC"] > made["UpdatedDateUTC"]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"Name": "x" * 256},
        {"Name": " leading"},
        {"Name": "double  space"},
        {"Name": "a <b>"},
        {"Name": "x", "EmailAddress": "nobody"},
        {"Name": "x", "ContactNumber": "1" * 51},
        {"Name": "x", "Addresses": [{"AddressType": "STREET", "Country": "N2"}]},
        {"Name": "x", "Phones": [{"PhoneType": "DDI", "PhoneAreaCode": "1" * 11}]},
        {"Name": "x", "ContactPersons": [{"FirstName": "a"}] * 6},
    ],
)
def test_what_is_refused_on_its_merits(api, fields):
    answer = api.put("Contacts", {"Contacts": [{"AccountNumber": "A", **fields}]})
    assert answer.status_code == 400
    assert answer.json()["ErrorNumber"] == 10
    assert words(answer)


def test_places_of_a_refused_contact_carry_their_own_errors(api):
    street = {"AddressType": "STREET", "Country": "N2"}
    answer = api.put("Contacts", {"Name": "x", "Addresses": [street], "Phones": [{"PhoneType": "DDI"}]})
    (element,) = answer.json()["Elements"]
    assert element["Addresses"][0]["ValidationErrors"]
    assert element["Phones"][0]["ValidationErrors"] == []


def test_one_bad_element_stops_the_whole_batch_unless_told_otherwise(api):
    batch = {"Contacts": [{"Name": "Good one"}, {"Name": ""}]}
    assert api.post("Contacts", batch).status_code == 400
    assert api.get("Contacts", where='Name=="Good one"').json()["Contacts"] == []
    answer = api.post("Contacts", batch, summarizeErrors="False")
    assert [one["StatusAttributeString"] for one in answer.json()["Contacts"]] == ["OK", "ERROR"]
    assert len(api.get("Contacts", where='Name=="Good one"').json()["Contacts"]) == 1
    assert "StatusAttributeString" not in make(api, Name="Alone")


@pytest.mark.parametrize("body", ["{", "[1]", '{"Name": {}}', '{"Name": "x", "ContactStatus": "LOST"}'])
def test_what_cannot_be_read_is_refused_without_elements(api, body):
    answer = api.call("POST", "Contacts", data=body)
    assert answer.status_code == 400
    assert (answer.json()["ErrorNumber"], answer.json()["Type"]) == (14, "PostDataInvalidException")
    assert "Elements" not in answer.json()


def test_nothing_at_all_is_said_so(api):
    assert api.call("POST", "Contacts", data='{"Contacts": []}').json()["Type"] == "NoDataProcessedException"


def test_a_contact_is_found_by_its_number_too(api):
    made = make(api, Name="Rata Press", ContactNumber="R-1")
    assert read(api, "R-1")["ContactID"] == made["ContactID"]


def test_what_is_not_there_is_a_page_of_html(api):
    for path in (f"Contacts/{ZERO}", "Nonsense", "Contacts/x/y"):
        answer = api.get(path)
        assert answer.status_code == 404
        assert answer.headers["Content-Type"].startswith("text/html")
    assert api.call("DELETE", f"Contacts/{ZERO}").status_code == 404


def test_without_accept_the_answer_is_xml(api):
    answer = api.get("Organisation", {"Accept": "*/*"})
    assert answer.headers["Content-Type"].startswith("text/xml")
    assert "<Organisations><Organisation><Name>Demo Company (NZ)</Name>" in answer.text
