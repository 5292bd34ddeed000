"""The page that says what is synchronised is read from the mappers, and names every field of every one of them."""

from __future__ import annotations

import html
import re

import pytest
from flask import Flask

from backoffice.admin.synchronised import direction, label, limits, line_pairs, pairs
from backoffice.models import Bill, Company, Contact, Direction
from backoffice.providers.xero.kinds import MAPPERS
from backoffice.sync.mapper import Field, Mapper, Ref
from tests.admin.conftest import Browser

BY_KIND = pytest.mark.parametrize("mapper", MAPPERS, ids=lambda mapper: mapper.kind)


class LettersMapper(Mapper):
    """A mapper that nobody has: the page needs nothing but what it says of itself."""

    model, resource, direction = Bill, "Letters", Direction.OUT
    theirs = frozenset({"their_total"})
    limits = ("Letters cannot be unsent.",)
    fields = (Field("name", "Number"), Field("their_total", "Total"), Field("no_column", "Odd"))
    refs = (Ref("contact_id", "Contact.ContactID", "contact"),)
    line_fields = (Field("quantity", "Quantity"), Field("tracking_1_id", "Tracking"), Field("tracking_1_id", "Option"))


def test_a_mapper_that_is_new_is_shown_without_another_word() -> None:
    mapper = LettersMapper()
    assert [(pair.ours, pair.theirs, pair.direction.value) for pair in pairs(mapper)] == [
        ("Number", "Number", "out"),
        ("Total there", "Total", "in"),
        ("No column", "Odd", "out"),
        ("Party", "Contact.ContactID", "out"),
    ]
    assert [(pair.ours, pair.theirs) for pair in line_pairs(mapper)] == [
        ("Quantity", "Quantity"),
        ("Tracking", "Tracking, Option"),
    ]
    assert limits(mapper) == ("Letters cannot be unsent.",)
    assert label(None, "contact_id") == "Contact"


@BY_KIND
def test_every_field_of_every_mapper_is_on_the_page(mapper: Mapper, company: Company, browser: Browser) -> None:
    text = browser.says(f"/c/{company.id}/what-is-synchronised/")
    start = text.index(f'id="{mapper.kind}"')
    section = html.unescape(text[start : text.index("</section>", start)])
    shown = set(re.split(", ", ", ".join(re.findall("<code>(.*?)</code>", section))))
    named = (*mapper.fields, *mapper.refs, *getattr(mapper, "line_fields", ()), *getattr(mapper, "line_refs", ()))
    assert {one.key for one in named} <= shown
    for sentence in limits(mapper):
        assert sentence in section
    one_way = [pair for pair in (*pairs(mapper), *line_pairs(mapper)) if pair.direction is Direction.IN]
    assert section.count("← comes in") == len(one_way)


def test_what_only_comes_in_is_shown_so() -> None:
    contact = next(mapper for mapper in MAPPERS if mapper.model is Contact)
    assert direction(contact, "is_supplier") is Direction.IN
    assert direction(contact, "name") is Direction.BOTH


def test_a_deployment_without_a_provider_says_so(
    app: Flask, company: Company, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.extensions, "providers", {})
    assert "no accounting system" in browser.says(f"/c/{company.id}/what-is-synchronised/")
