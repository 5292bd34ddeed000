"""Idempotency keys."""

from __future__ import annotations

KEY = {"Idempotency-Key": "one"}


def contacts(api):
    return len(api.get("Contacts", includeArchived="true").json()["Contacts"])


def test_the_same_request_gets_the_same_answer(api):
    first = api.put("Contacts", {"Name": "Rata Press"}, KEY)
    second = api.put("Contacts", {"Name": "Rata Press"}, KEY)
    assert first.json() == second.json()
    assert contacts(api) == 31


def test_errors_are_remembered_too(api, control):
    refused = api.put("Contacts", {"Name": ""}, KEY)
    assert refused.status_code == 400
    assert api.put("Contacts", {"Name": ""}, KEY).json() == refused.json()
    control("POST", "faults", {"kind": "500"})
    other = {"Idempotency-Key": "two"}
    assert [api.put("Contacts", {"Name": "Rata Press"}, other).status_code for _ in range(2)] == [500, 500]
    assert contacts(api) == 30


def test_a_key_goes_with_one_request(api):
    api.put("Contacts", {"Name": "Rata Press"}, KEY)
    for answer in (
        api.put("Contacts", {"Name": "Other"}, KEY),
        api.post("Contacts", {"Name": "Rata Press"}, KEY),
        api.put("Items", {"Name": "Rata Press"}, KEY),
    ):
        assert answer.status_code == 400
        assert answer.json()["Message"] == "Idempotency Key: one is used with a different request."


def test_a_key_is_forgotten_after_six_minutes(api, sandbox):
    api.put("Contacts", {"Name": "Rata Press"}, KEY)
    sandbox.world.clock.advance(359)
    assert api.put("Contacts", {"Name": "Rata Press"}, KEY).status_code == 200
    sandbox.world.clock.advance(1)
    assert api.put("Contacts", {"Name": "Rata Press"}, KEY).status_code == 400


def test_organisations_do_not_share_keys(api, connect):
    api.put("Contacts", {"Name": "Rata Press"}, KEY)
    assert connect(organisations=["2"]).put("Contacts", {"Name": "Other"}, KEY).status_code == 200


def test_a_key_means_nothing_to_a_read(api):
    assert api.get("Contacts", KEY).json()["Id"] != api.get("Contacts", KEY).json()["Id"]


def test_a_key_has_128_characters(api):
    assert api.put("Contacts", {"Name": "x"}, {"Idempotency-Key": "k" * 129}).status_code == 400


def test_a_limit_is_not_remembered(api, control):
    control("POST", "faults", {"kind": "minute"})
    statuses = [api.put("Contacts", {"Name": "Rata Press"}, KEY).status_code for _ in range(2)]
    assert statuses == [429, 200]


def test_writes_are_listed_with_their_keys(api, control):
    api.put("Contacts", {"Name": "Rata Press"}, KEY)
    api.get("Contacts")
    stats = control("GET", "stats")
    write = {"method": "PUT", "path": "/api.xro/2.0/Contacts", "idempotency_key": "one"}
    assert stats["writes"] == [write]
    assert stats["calls"] == {"PUT Contacts": 1, "GET Contacts": 1}
    assert stats["bytes_out"] > 1000
    control("DELETE", "stats")
    assert control("GET", "stats")["total"] == 0
