"""Lists: pages, what was modified since, order, search, filters that are parameters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

WHEN = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def ids(answer):
    assert answer.status_code == 200, answer.text
    return [one["ContactID"] for one in answer.json()["Contacts"]]


def test_pages_are_a_hundred_unless_told_otherwise(api, control):
    control("POST", "organisations/1/seed", {"contacts": 120})
    first = api.get("Contacts", page=1, includeArchived="true").json()
    assert len(first["Contacts"]) == 100
    assert first["pagination"] == {"page": 1, "pageSize": 100, "pageCount": 2, "itemCount": 150}
    second = api.get("Contacts", page=2, includeArchived="true")
    assert len(set(ids(second)) | {one["ContactID"] for one in first["Contacts"]}) == 150


def test_past_the_end_is_an_empty_page(api):
    answer = api.get("Contacts", page=9, pageSize=10).json()
    assert answer["Contacts"] == []
    assert answer["pagination"]["page"] == 9


def test_without_a_page_all_come_at_once_and_a_size_means_nothing(api):
    answer = api.get("Contacts", pageSize=5, includeArchived="true").json()
    assert len(answer["Contacts"]) == 30
    assert "pagination" not in answer


def test_a_page_is_no_larger_than_the_limit(api, control):
    control("PATCH", "settings", {"page_limit": 7})
    assert api.get("Contacts", page=1, pageSize=1000).json()["pagination"]["pageSize"] == 7


@pytest.mark.parametrize("page", ["0", "-1", "x"])
def test_a_page_is_a_positive_number(api, page):
    assert api.get("Contacts", page=page).json()["ErrorNumber"] == 16


def test_items_know_no_pages(api):
    assert len(api.get("Items", page=1, pageSize=2).json()["Items"]) == 10


def test_an_edit_while_paging_from_the_oldest_loses_a_row(api, control):
    """The trap that a reader has to work around."""
    order = {"order": "UpdatedDateUTC ASC", "includeArchived": "true", "pageSize": 10}
    first = ids(api.get("Contacts", page=1, **order))
    control("PATCH", f"organisations/1/contacts/{first[0]}", {"FirstName": "Edited"})
    rest = ids(api.get("Contacts", page=2, **order)) + ids(api.get("Contacts", page=3, **order))
    assert len({*first, *rest}) == 29


@pytest.mark.parametrize(
    "text",
    [
        WHEN.strftime("%Y-%m-%dT%H:%M:%S"),
        WHEN.isoformat(),
        WHEN.astimezone(tz=None).isoformat(),
        (WHEN + timedelta(milliseconds=800)).isoformat(),
        format_datetime(WHEN, usegmt=True),
    ],
)
def test_modified_since_is_read_in_all_its_forms(api, control, sandbox, text):
    sandbox.world.clock.set(WHEN, fixed=True)
    edited = ids(api.get("Contacts"))[0]
    # The stamps of the seed lie before the present, not before this clock: only the order of two edits counts.
    sandbox.world.clock.set(WHEN - timedelta(seconds=1), fixed=True)
    early = control("POST", "organisations/1/contacts", {"Name": "Just before"})[0]["ContactID"]
    sandbox.world.clock.set(WHEN, fixed=True)
    control("PATCH", f"organisations/1/contacts/{edited}", {"FirstName": "Edited"})
    token = control("POST", "tokens", {})["token"]["access_token"]
    headers = {"If-Modified-Since": text, "Authorization": f"Bearer {token}"}
    found = ids(api.get("Contacts", headers))
    assert edited in found
    assert early not in found


def test_nothing_new_is_an_empty_list_and_no_304(api):
    future = {"If-Modified-Since": "2100-01-01T00:00:00"}
    assert ids(api.get("Contacts", future, page=1)) == []
    assert api.get("Items", future).json()["Items"] == []
    assert api.get("Accounts", future).json()["Accounts"] == []


def test_tax_rates_and_tracking_know_no_modified_since(api):
    future = {"If-Modified-Since": "2100-01-01T00:00:00"}
    assert api.get("TaxRates", future).json()["TaxRates"]
    assert api.get("TrackingCategories", future).json()["TrackingCategories"]


def test_archived_contacts_come_when_asked_for(api, control):
    every = ids(api.get("Contacts", includeArchived="True"))
    control("POST", f"organisations/1/contacts/{ids(api.get('Contacts'))[0]}/archive")
    active = ids(api.get("Contacts"))
    assert set(active) < set(every)
    assert len(ids(api.get("Contacts", includeArchived="True"))) == 30


def test_some_ids(api):
    wanted = ids(api.get("Contacts"))[:3]
    assert set(ids(api.get("Contacts", IDs=",".join(wanted)))) == set(wanted)


def test_too_many_ids_do_not_fit_into_the_address(api):
    wanted = ",".join(["c2f1c8b0-0000-4000-8000-000000000000"] * 60)
    assert api.get("Contacts", IDs=wanted).status_code == 404


def test_search_looks_at_names_numbers_and_mail(api):
    api.put("Contacts", {"Name": "Findable Ltd", "ContactNumber": "FN-77", "EmailAddress": "needle@hay.example"})
    for term in ("findABLE", "fn-77", "NEEDLE@"):
        (found,) = api.get("Contacts", searchTerm=term).json()["Contacts"]
        assert found["Name"] == "Findable Ltd"


def test_a_summary_leaves_the_places_out(api):
    summary = api.get("Contacts", summaryOnly="True", page=1).json()["Contacts"][0]
    assert "Addresses" not in summary
    assert "Name" in summary


def test_order(api):
    names = [one["Name"] for one in api.get("Contacts", order="Name DESC").json()["Contacts"]]
    assert names == sorted(names, key=str.casefold, reverse=True)
    for order in ("Nonsense", "Name SIDEWAYS"):
        assert api.get("Contacts", order=order).json()["Type"] == "QueryParseException"


def test_the_envelope(api):
    body = api.get("Contacts", page=1).json()
    assert list(body) == ["Id", "Status", "ProviderName", "DateTimeUTC", "pagination", "Contacts"]
    assert (body["Status"], body["ProviderName"]) == ("OK", "Back office")
    assert body["DateTimeUTC"].endswith(")/")
    assert "+" not in body["DateTimeUTC"]


def test_long_answers_are_packed_for_those_who_can(api):
    assert api.get("Contacts").headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in api.get("Contacts", {"Accept-Encoding": "identity"}).headers
