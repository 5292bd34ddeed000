"""Some companies through a simulated night, under Xero's limits; `make night` does it with a thousand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from backoffice.config import Settings
from backoffice.sandbox.xero.server import Sandbox
from tests.benchmarks.simulation import LIMITS, SIZE, check, night_settings, simulate
from tests.databases import EITHER, Databases, lent

COMPANIES = 10


@pytest.fixture(params=EITHER)
def database_url(request: pytest.FixtureRequest, databases: dict[str, Databases]) -> Iterator[str]:
    """An empty, migrated database, of one sort."""
    yield from lent(databases[request.param])


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(organisations=COMPANIES, **LIMITS, **SIZE) as sandbox:
        sandbox.world.mark()
        yield sandbox


@pytest.fixture
def settings(settings: Settings, sandbox: Sandbox) -> Settings:
    sandbox.world.go_back()
    return settings.model_copy(update=night_settings(sandbox))


def test_a_night_syncs_each_company_once_within_all_limits(app: Flask, sandbox: Sandbox) -> None:
    with app.app_context():
        found = simulate(app, sandbox, COMPANIES, workers=4)
    check(found)
    assert found.zones == COMPANIES
    assert found.most_in_flight > 1
    assert found.busiest_second == 1
    assert found.calls <= COMPANIES * 20
