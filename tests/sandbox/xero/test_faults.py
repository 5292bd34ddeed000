"""Fault switches: each does what it says, on the calls it names, as often as it was told."""

from __future__ import annotations

import pytest
import requests


@pytest.fixture
def fault(control):
    def add(kind, **options):
        return control("POST", "faults", {"kind": kind, **options})["id"]

    return add


@pytest.mark.parametrize("kind", ["minute", "day", "appminute"])
def test_limits_on_demand(api, fault, kind):
    fault(kind)
    refused = api.get("Organisation")
    assert (refused.status_code, refused.content) == (429, b"")
    assert refused.headers["X-Rate-Limit-Problem"] == kind
    assert int(refused.headers["Retry-After"]) >= 1
    assert api.get("Organisation").status_code == 200


def test_the_concurrent_limit_on_demand(api, fault):
    fault("concurrent")
    refused = api.get("Organisation")
    assert refused.headers["X-Rate-Limit-Problem"] == "concurrent"
    assert "Retry-After" not in refused.headers


def test_server_errors(api, fault):
    fault("500")
    assert api.get("Organisation").status_code == 500
    fault("503")
    offline = api.get("Organisation")
    assert (offline.status_code, offline.text) == (503, "The Organisation is offline")
    assert offline.headers["Content-Type"].startswith("text/plain")
    fault("503", text="The Xero API is currently offline for maintenance")
    assert "maintenance" in api.get("Organisation").text


def test_cut_before_does_nothing(api, fault):
    fault("cut-before")
    with pytest.raises(requests.ConnectionError):
        api.put("Contacts", {"Name": "Rata Press"})
    assert api.get("Contacts", where='Name=="Rata Press"').json()["Contacts"] == []


def test_cut_after_has_done_it_and_the_key_tells(api, fault):
    fault("cut-after", method="PUT", path="contacts")
    with pytest.raises(requests.ConnectionError):
        api.put("Contacts", {"Name": "Rata Press"}, {"Idempotency-Key": "k"})
    (done,) = api.get("Contacts", where='Name=="Rata Press"').json()["Contacts"]
    again = api.put("Contacts", {"Name": "Rata Press"}, {"Idempotency-Key": "k"})
    assert again.json()["Contacts"][0]["ContactID"] == done["ContactID"]


def test_cut_after_on_the_token_endpoint_loses_a_refresh_token(ana, fault):
    first = ana.exchange(ana.decide()["code"]).json()["refresh_token"]
    fault("cut-after", path="/connect/token")
    with pytest.raises(requests.ConnectionError):
        ana.refresh(first)
    assert ana.refresh(first).status_code == 200


def test_forbidden(api, fault):
    fault("forbidden")
    assert api.get("Organisation").json()["Title"] == "Forbidden"


def test_answers_that_are_not_what_they_should_be(api, fault):
    fault("truncated")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        api.get("Contacts").json()
    fault("html")
    page = api.get("Contacts")
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    fault("empty-body")
    assert api.get("Contacts").content == b""
    fault("empty-list")
    assert api.get("Contacts", page=1).json()["Contacts"] == []
    fault("unpaged")
    assert len(api.get("Contacts", page=1, pageSize=5, includeArchived="true").json()["Contacts"]) == 30


def test_a_switch_skips_counts_and_matches(api, fault, control):
    number = fault("503", method="get", path="/items", skip=1, count=2)
    asked = [api.get("Items").status_code for _ in range(2)] + [api.get("Organisation").status_code]
    assert asked == [200, 503, 200]
    (listed,) = control("GET", "faults")["faults"]
    assert (listed["id"], listed["hits"], listed["count"]) == (number, 1, 1)
    control("DELETE", f"faults/{number}")
    assert api.get("Items").status_code == 200


def test_a_switch_without_a_count_stays_on(api, fault, control):
    fault("503", count=None)
    assert {api.get("Items").status_code for _ in range(3)} == {503}
    control("DELETE", "faults")
    assert api.get("Items").status_code == 200


def test_an_unknown_switch_is_refused(sandbox):
    answer = requests.post(f"{sandbox.url}/_sandbox/faults", json={"kind": "flood"}, timeout=30)
    assert answer.status_code == 400
    assert "cut-after" in answer.json()["errors"][0]
