"""/connections, and what a lost one does to the calls."""

from __future__ import annotations

import re


def delete(api, key):
    return api.session.delete(f"{api.url}/connections/{key}", timeout=30)


def test_a_connection_is_removed_by_its_own_id(api):
    (connection,) = api.session.get(f"{api.url}/connections", timeout=30).json()
    assert delete(api, connection["tenantId"]).status_code == 403
    assert delete(api, "c2f1c8b0-0000-4000-8000-000000000000").status_code == 404
    assert delete(api, connection["id"]).status_code == 204
    assert api.session.get(f"{api.url}/Connections", timeout=30).json() == []


def test_calls_to_an_organisation_that_is_gone_are_forbidden(api, control):
    control("DELETE", f"connections/{api.connections[0]['id']}")
    answer = api.get("Contacts", page=1)
    assert answer.status_code == 403
    body = answer.json()
    assert (body["Title"], body["Status"], body["Detail"]) == ("Forbidden", 403, "AuthenticationUnsuccessful")
    assert list(body) == ["Type", "Title", "Status", "Detail", "Instance", "Extensions"]


def test_a_call_names_its_organisation(api):
    assert api.get("Contacts", {"xero-tenant-id": ""}).status_code == 403
    assert api.get("Contacts", {"xero-tenant-id": "c2f1c8b0-0000-4000-8000-000000000000"}).status_code == 403


def test_a_demo_company_comes_back_under_another_id(api, control):
    new = control("POST", "organisations/1/rotate")["id"]
    assert new != api.tenant
    assert api.get("Organisation").status_code == 403
    assert api.session.get(f"{api.url}/connections", timeout=30).json() == []
    assert len(control("GET", f"organisations/{new}/contacts")) == 30


def test_an_expired_access_token_is_told_apart(api, sandbox):
    sandbox.world.clock.advance(1800)
    answer = api.get("Organisation")
    assert answer.status_code == 401
    assert re.fullmatch(r"TokenExpired: token expired at \d\d/\d\d/\d{4} \d\d:\d\d:\d\d", answer.json()["Detail"])


def test_no_token_or_a_forged_one_is_unauthorized(api):
    for value in ("", "Bearer nonsense", f"Bearer {api.token['access_token']}x"):
        answer = api.get("Organisation", {"Authorization": value})
        assert (answer.status_code, answer.json()["Detail"]) == (401, "AuthenticationUnsuccessful")


def test_a_missing_scope_is_said_in_a_header(connect):
    reader = connect(scope="accounting.contacts.read")
    assert reader.get("Contacts", page=1).status_code == 200
    for answer in (reader.put("Contacts", {"Name": "New"}), reader.get("Accounts")):
        assert (answer.status_code, answer.json()["Detail"]) == (401, "AuthorizationUnsuccessful")
        assert 'error="insufficent_scope"' in answer.headers["WWW-Authenticate"]


def test_items_open_with_the_settings_or_the_invoices(connect):
    for scope in ("accounting.settings", "accounting.invoices.read"):
        assert connect(scope=scope).get("Items").status_code == 200
    assert connect(scope="accounting.contacts").get("Items").status_code == 401
