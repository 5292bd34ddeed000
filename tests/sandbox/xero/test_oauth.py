"""Sign-in, consent, codes, tokens: what Xero's identity host does."""

from __future__ import annotations

import base64
import json

import pytest
import requests

MINUTE, DAY = 60, 86_400


def claims(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def test_a_person_signs_in_chooses_and_the_app_gets_tokens(browser):
    form = browser.authorize()
    assert "This is the played Xero, not Xero itself" in form.text
    assert "ana@demo.example" in form.text
    assert browser.sign_in().status_code == 302
    assert "Demo Company (NZ)" in browser.authorize().text

    back = browser.decide()
    assert back["state"] == "some state"
    answer = browser.exchange(back["code"]).json()

    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 1800
    assert answer["scope"].split()[0] == "openid"
    access, identity = claims(answer["access_token"]), claims(answer["id_token"])
    assert access["iss"] == "https://identity.xero.com"
    assert access["exp"] - access["nbf"] == 1800
    assert isinstance(access["scope"], list)
    assert identity["email"] == "ana@demo.example"
    (connection,) = connections(browser, answer)
    assert connection["authEventId"] == access["authentication_event_id"]
    assert connection["tenantType"] == "ORGANISATION"
    assert len(connection["createdDateUtc"].split(".")[1]) == 7


def connections(browser, token, **params):
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    return requests.get(f"{browser.url}/Connections", headers=headers, params=params, timeout=30).json()


def test_a_wrong_password_is_refused(browser):
    assert browser.sign_in(password="wrong").status_code == 401


def test_the_sign_in_leads_nowhere_else(browser):
    form = {"email": "ana@demo.example", "password": "play", "next": "//elsewhere.example/"}
    answer = browser.session.post(f"{browser.url}/identity/sign-in", data=form, allow_redirects=False)
    assert answer.headers["Location"] == "/"


def test_the_session_cookie_has_a_name_of_its_own(ana):
    (cookie,) = ana.session.cookies
    assert cookie.name == "xero_sandbox_session"


def test_cancel_gives_access_denied(ana):
    assert ana.decide("cancel") == {"error": "access_denied", "state": "some state"}


def test_the_consent_form_may_lead_back_to_the_app_and_nowhere_else(ana):
    policy = ana.authorize().headers["Content-Security-Policy"]
    assert "form-action 'self' http://localhost:8000;" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"client_id": "nobody"}, "unauthorized_client"),
        ({"client_id": ""}, "unauthorized_client"),
        ({"redirect_uri": "http://127.0.0.1:8000/callback"}, "unauthorized_client"),
        ({"redirect_uri": "http://app.example/callback"}, "unauthorized_client"),
        ({"scope": "openid accounting.transactions"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_what_is_asked_wrongly_is_said_on_a_page_without_a_redirect(ana, changes, reason):
    answer = ana.authorize(**changes)
    assert answer.status_code == 400
    assert reason in answer.text
    assert answer.history == []


def test_https_addresses_are_taken(ana):
    assert ana.authorize(redirect_uri="https://app.example/callback").status_code == 200


def test_an_old_app_may_still_ask_for_broad_scopes(ana, control):
    control("PATCH", "settings", {"scope_mode": "legacy"})
    assert ana.authorize(scope="openid accounting.transactions").status_code == 200


def test_a_code_is_good_for_one_use(ana):
    code = ana.decide()["code"]
    assert ana.exchange(code).status_code == 200
    again = ana.exchange(code)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "http://localhost:8000/callback/"},
        {"code_verifier": "another-verifier-of-more-than-forty-three-characters"},
        {"code_verifier": ""},
    ],
)
def test_a_code_goes_with_its_address_and_its_verifier(ana, changes):
    assert ana.exchange(ana.decide()["code"], **changes).json()["error"] == "invalid_grant"


def test_a_code_dies_after_five_minutes(ana, sandbox):
    code = ana.decide()["code"]
    sandbox.world.clock.advance(5 * MINUTE)
    assert ana.exchange(code).json()["error"] == "invalid_grant"


def test_the_client_may_say_who_it_is_in_the_form(ana):
    code = ana.decide()["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "http://localhost:8000/callback"}
    wrong = ana.token(None, **form, client_id="demo-client", client_secret="wrong")
    assert (wrong.status_code, wrong.json()) == (400, {"error": "invalid_client"})
    right = ana.token(
        None,
        **form,
        code_verifier="a-verifier-of-more-than-forty-three-characters-~._",
        client_id="demo-client",
        client_secret="demo-secret",
    )
    assert right.status_code == 200


def test_without_offline_access_there_is_no_refresh_token(ana):
    answer = ana.exchange(ana.decide(scope="accounting.contacts")["code"]).json()
    assert "refresh_token" not in answer
    assert "id_token" not in answer


def test_a_refresh_token_rotates_and_the_old_one_has_half_an_hour(ana, sandbox):
    first = ana.exchange(ana.decide()["code"]).json()["refresh_token"]
    second = ana.refresh(first).json()["refresh_token"]
    assert second != first
    sandbox.world.clock.advance(29 * MINUTE)
    third = ana.refresh(first).json()["refresh_token"]
    sandbox.world.clock.advance(MINUTE)
    assert ana.refresh(first).json() == {"error": "invalid_grant"}
    assert ana.refresh(third).status_code == 200


def test_a_refresh_ends_the_siblings(ana):
    one = ana.exchange(ana.decide()["code"]).json()["refresh_token"]
    two = ana.exchange(ana.decide()["code"]).json()["refresh_token"]
    assert ana.refresh(two).status_code == 200
    assert ana.refresh(one).json()["error"] == "invalid_grant"


def test_a_refresh_token_dies_when_it_is_not_used_for_sixty_days(ana, sandbox):
    token = ana.exchange(ana.decide()["code"]).json()["refresh_token"]
    sandbox.world.clock.advance(59 * DAY)
    token = ana.refresh(token).json()["refresh_token"]
    sandbox.world.clock.advance(60 * DAY)
    assert ana.refresh(token).json()["error"] == "invalid_grant"


def test_a_refresh_cannot_ask_for_more(ana):
    token = ana.exchange(ana.decide(scope="offline_access accounting.contacts")["code"]).json()["refresh_token"]
    answer = ana.token(grant_type="refresh_token", refresh_token=token, scope="accounting.settings")
    assert answer.json()["error"] == "invalid_grant"


def test_scopes_add_up_over_consents(ana):
    ana.exchange(ana.decide(scope="offline_access accounting.contacts")["code"])
    answer = ana.exchange(ana.decide(scope="offline_access accounting.settings")["code"]).json()
    assert answer["scope"] == "offline_access accounting.contacts accounting.settings"


def test_one_organisation_per_consent_unless_the_plan_says_more(ana, control):
    both = [ana.organisation(0), ana.organisation(1)]
    refused = ana.session.post(
        f"{ana.url}/identity/connect/authorize",
        params=ana.parameters({}),
        data={"decision": "allow", "organisation": both},
        allow_redirects=False,
    )
    assert "Choose one organisation" in refused.text
    control("PATCH", "settings", {"bulk_connections": True})
    token = ana.exchange(ana.decide(organisations=both)["code"]).json()
    assert {one["tenantId"] for one in connections(ana, token)} == set(both)


def test_a_second_consent_adds_a_connection_under_its_own_event(ana):
    ana.exchange(ana.decide()["code"])
    token = ana.exchange(ana.decide(organisations=[ana.organisation(1)])["code"]).json()
    assert len(connections(ana, token)) == 2
    event = claims(token["access_token"])["authentication_event_id"]
    (new,) = connections(ana, token, authEventId=event)
    assert new["tenantName"] == "Harbour Trading (UK)"


def test_a_full_plan_takes_no_further_organisation(ana, control):
    control("PATCH", "settings", {"connection_cap": 1})
    ana.decide()
    ana.decide()  # the same organisation again is no further one
    answer = ana.session.post(
        f"{ana.url}/identity/connect/authorize",
        params=ana.parameters({}),
        data={"decision": "allow", "organisation": ana.organisation(1)},
    )
    assert "the number of connections its plan allows" in answer.text


def test_two_people_have_connections_of_their_own(ana, control):
    ana.exchange(ana.decide()["code"])
    ana.sign_in("tom@demo.example")
    token = ana.exchange(ana.decide()["code"]).json()
    assert len(connections(ana, token)) == 1
    assert len(control("GET", "connections")) == 2


def test_revocation_takes_everything_of_that_person(ana):
    ana.exchange(ana.decide(organisations=[ana.organisation(1)])["code"])
    token = ana.exchange(ana.decide()["code"]).json()
    form = {"token": token["refresh_token"]}
    answer = ana.session.post(f"{ana.url}/connect/revocation", data=form, auth=("demo-client", "demo-secret"))
    assert (answer.status_code, answer.content) == (200, b"")
    assert connections(ana, token) == []
    assert ana.refresh(token["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_custom_connection_needs_nobody(browser):
    auth = ("demo-custom", "demo-custom-secret")
    token = browser.token(auth, grant_type="client_credentials", scope="accounting.contacts").json()
    assert "refresh_token" not in token
    (connection,) = connections(browser, token)
    assert connection["tenantName"] == "Demo Company (NZ)"
    headers = {"Authorization": f"Bearer {token['access_token']}", "Accept": "application/json"}
    answer = requests.get(f"{browser.url}/api.xro/2.0/Contacts", headers=headers, params={"page": 1}, timeout=30)
    assert answer.status_code == 200


def test_a_web_app_gets_no_token_by_its_secret_alone(browser):
    assert browser.token(grant_type="client_credentials").json() == {"error": "unauthorized_client"}


def test_an_unknown_grant_is_said_so(browser):
    assert browser.token(grant_type="password").json() == {"error": "unsupported_grant_type"}
