"""Every form, list, filter, action and address, with whatever somebody may send: no input gives a 500."""

from __future__ import annotations

from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from tests.hostile.attack import assert_well, knocks
from tests.hostile.cases import cases
from tests.hostile.conftest import Beginning, Estate
from tests.hostile.doors import Walker

#: The host that the test client asks.
OWN_HOST = "localhost"


def test_every_address_has_its_door(estate: Estate, walk: Walker) -> None:
    rules = {
        (method, rule.endpoint)
        for rule in estate.app.url_map.iter_rules()
        for method in (rule.methods or set()) & {"GET", "POST"}
    }
    assert rules == {(door.method, door.endpoint) for door in walk.found()}


@cases(300)
@given(data=st.data())
def test_no_input_gives_a_500(estate: Estate, beginning: Beginning, walk: Walker, data: st.DataObject) -> None:
    knock = data.draw(knocks(walk.found()))
    estate.begin_again(beginning)
    person = beginning.people[knock.who] if knock.who else None
    answer = knock.send(estate.client(person), person[1] if person else "")
    assert_well(answer, frozenset({"", OWN_HOST, urlsplit(estate.sandbox.url).netloc}))
