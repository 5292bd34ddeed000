"""The doors for machines and the way back from a sign-in: whatever knocks there, signed or not."""

from __future__ import annotations

import io
import json

from hypothesis import given
from hypothesis import strategies as st

from backoffice.extensions import db
from backoffice.models import Role
from backoffice.providers.xero.webhooks import SIGNATURE, signature_of
from backoffice.sync import webhook
from tests.hostile.attack import NASTY, VALUE, assert_well, encoded
from tests.hostile.cases import cases
from tests.hostile.conftest import Beginning, Estate

KEY = "a webhooks key"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50) | st.sampled_from(NASTY),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
ID = st.sampled_from(["5b3d5a3e-0d0c-4c1e-9a55-3f8a3b1c0a01", "", "x", "00000000-0000-0000-0000-000000000000"])
EVENT = st.fixed_dictionaries(
    {},
    optional={
        "tenantId": ID | JSON,
        "resourceId": ID | JSON,
        "eventCategory": st.sampled_from(["CONTACT", "INVOICE", "CREDITNOTE", "ULTRA", "contact"]) | JSON,
        "eventDateUtc": st.sampled_from(["2026-11-02T10:00:00.1234567", "0001-01-01", "9999-12-31T23:59:59+14:00"])
        | JSON,
        "eventType": JSON,
    },
)
BODIES = (
    st.binary(max_size=300)
    | JSON.map(lambda body: json.dumps(body).encode())
    | st.fixed_dictionaries({"events": st.lists(EVENT | JSON, max_size=4)}).map(lambda body: json.dumps(body).encode())
    | st.sampled_from([b"[" * 50_000, b"{" * 1000, b"\xff\xfe\x00", b"1" * 5000, b'{"events":' + b"[" * 2000])
)


@cases(120)
@given(body=BODIES, signature=st.sampled_from(["right", "wrong", ""]) | st.text(max_size=60), data=st.data())
def test_a_webhook_takes_what_is_signed_and_refuses_the_rest(
    estate: Estate, beginning: Beginning, body: bytes, signature: str, data: st.DataObject
) -> None:
    estate.begin_again(beginning)
    with estate.app.app_context():
        webhook.keep_key(db.session(), estate.app.extensions["providers"]["xero"], KEY)
    right = signature_of(body, KEY)
    given_signature = right if signature == "right" else signature.encode("utf-8", "replace")
    path = data.draw(st.sampled_from(["/webhooks/xero", "/webhooks/xero/", "/webhooks/other"]))
    kind = data.draw(
        st.sampled_from(["application/json", "text/plain", "multipart/form-data", "application/x-www-form-urlencoded"])
    )
    header = {SIGNATURE: given_signature.decode("latin-1").replace("\r", "").replace("\n", "")}
    sent = {"input_stream": io.BytesIO(body), "content_length": len(body)}  # as they are: `data` would dress them up
    answer = estate.client(None).post(path, content_type=kind, headers=header, **sent)
    known = path != "/webhooks/other"
    assert answer.status_code == (404 if not known else 200 if signature == "right" else 401)


STATE = "a-state-of-ours"
ANSWERS = st.lists(
    st.tuples(st.sampled_from(["code", "state", "error", "error_description", "scope", "iss"]), VALUE), max_size=6
)


@cases(80)
@given(bent=ANSWERS, ours=st.booleans())
def test_whatever_comes_back_from_a_sign_in(
    estate: Estate, beginning: Beginning, bent: list[tuple[str, str]], ours: bool
) -> None:
    estate.begin_again(beginning)
    client = estate.client(beginning.people[Role.ADMINISTRATOR])
    with client.session_transaction() as kept:
        kept["consents"] = {STATE: ["xero", "a verifier", beginning.company_id]}
    query: dict[str, list[str]] = {"state": [STATE]} if ours else {}
    for name, value in bent:
        query.setdefault(name, []).append(value)
    answer = client.get("/oauth/xero/callback", query_string=encoded(query))
    assert_well(answer, frozenset({""}))
    again = client.get("/oauth/xero/callback", query_string=encoded({"state": [STATE], "code": ["x"]}))
    assert not ours or again.status_code == 400  # an answer is good for once


SEALED = VALUE | st.sampled_from(["e30.x.y", "." * 3, "e30"])


@cases(40)
@given(sealed=SEALED, organisation=VALUE)
def test_a_choice_of_an_organisation_that_was_not_sealed_here(
    estate: Estate, beginning: Beginning, sealed: str, organisation: str
) -> None:
    person = beginning.people[Role.ADMINISTRATOR]
    form = {"csrf_token": [person[1]], "sealed": [sealed], "organisation": [organisation]}
    kind = "application/x-www-form-urlencoded"
    assert estate.client(person).post("/oauth/choose", data=encoded(form), content_type=kind).status_code == 400
