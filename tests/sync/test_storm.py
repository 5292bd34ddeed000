"""A short storm of deliveries in the suite; `make bench` lets ten thousand of them come."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from flask import Flask

from backoffice import clock
from backoffice.config import Settings
from backoffice.sandbox.xero.server import Sandbox
from tests.databases import EITHER, Applications
from tests.sync.conftest import Book
from tests.sync.hook import Hook
from tests.sync.storm import LISTS, Storm

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)


@pytest.fixture
def sandbox_size() -> dict[str, Any]:
    return {"contacts": 90, "items": 2}


@pytest.fixture
def app(settings: Settings, applications: Applications) -> Iterator[Flask]:
    """With the door, which the other tests of the engine need not have."""
    with applications.lent(settings, screens=True) as app:
        yield app
    clock.use()


def test_a_storm_is_read_with_few_calls_and_no_forgery_is_let_in(app: Flask, book: Book, sandbox: Sandbox) -> None:
    storm = Storm(book, Hook(sandbox), app.test_client(), Random(11), latest=20)
    storm.rage(150, each_second=6)
    storm.calm_down()
    counted = storm.counted()
    assert (counted.delivered, counted.refused) == (storm.signed, storm.forged)
    assert storm.forged > 10
    assert {name: storm.worst(name) <= 1 for name in LISTS} == dict.fromkeys(LISTS, True)
    assert storm.differing() == []
    assert sum(sum(storm.calls[name]) for name in LISTS) < storm.signed / 4
