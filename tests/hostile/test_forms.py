"""Every form, list, filter, action and address, with whatever somebody may send: no input gives a 500."""

from __future__ import annotations

from random import Random
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.models import Role
from tests.hostile.attack import NAMES, NASTY, Knock, assert_well, knocks
from tests.hostile.cases import cases
from tests.hostile.conftest import Beginning, Estate
from tests.hostile.doors import Walker

#: The host that the test client asks.
OWN_HOST = "localhost"


def leads_to(estate: Estate) -> frozenset[str]:
    """The hosts that an answer may send people to."""
    return frozenset({"", OWN_HOST, urlsplit(estate.sandbox.url).netloc})


def test_every_address_has_its_door(estate: Estate, walk: Walker) -> None:
    rules = {
        (method, rule.endpoint)
        for rule in estate.app.url_map.iter_rules()
        for method in (rule.methods or set()) & {"GET", "POST"}
    }
    assert rules == {(door.method, door.endpoint) for door in walk.found()}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # the stricter one
def test_every_door_is_bent(estate: Estate, beginning: Beginning, walk: Walker) -> None:
    """Chance leaves doors out: here each one gets something nasty in each of its fields."""
    chance = Random(1)
    person = beginning.people[Role.ADMINISTRATOR]
    for door in walk.found():
        estate.begin_again(beginning)
        fields = {name: [chance.choice(NASTY)] for name in (*door.fields, *chance.sample(NAMES, 3))}
        files = [(name, "a.csv", b'Name,Name\r\n"a') for name in sorted(door.files)]
        knock = Knock(door, door.path, Role.ADMINISTRATOR, fields, files, signed=True)
        assert_well(knock.send(estate.client(person), person[1]), leads_to(estate))


@cases(300)
@given(data=st.data())
def test_no_input_gives_a_500(estate: Estate, beginning: Beginning, walk: Walker, data: st.DataObject) -> None:
    knock = data.draw(knocks(walk.found()))
    estate.begin_again(beginning)
    person = beginning.people[knock.who] if knock.who else None
    answer = knock.send(estate.client(person), person[1] if person else "")
    assert_well(answer, leads_to(estate))
