"""Each web request: the id that its answer carries, whose word on it counts, and the one line that it leaves."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest
from flask import Flask

from backoffice.config import Settings
from tests.databases import application

GIVEN = "from-a-proxy-0001"


@pytest.fixture
def behind_a_proxy(settings: Settings) -> Iterator[Flask]:
    with application(settings.model_copy(update={"trusted_proxies": 1})) as app:
        yield app


def test_every_answer_carries_an_id_of_ours(app: Flask) -> None:
    paths = ("/healthz", "/sign-in", "/nowhere", "/c/1/")
    found = [app.test_client().get(path, headers={"X-Request-Id": GIVEN}).headers["X-Request-Id"] for path in paths]
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in found)
    assert len(set(found)) == len(paths)


@pytest.mark.parametrize(
    ("given", "taken"), [(GIVEN, True), ("short", False), ("a\tb; drop table", False), ("é" * 9, False)]
)
def test_a_trusted_proxy_may_name_it_if_it_is_well_formed(behind_a_proxy: Flask, given: str, taken: bool) -> None:
    headers = {"X-Request-Id": given.encode().decode("latin-1")}
    assert (behind_a_proxy.test_client().get("/healthz", headers=headers).headers["X-Request-Id"] == given) is taken


def test_a_request_leaves_one_line_that_names_the_rule_and_not_the_address(
    behind_a_proxy: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "backoffice.access_log"):
        behind_a_proxy.test_client().get("/welcome/a-one-time-token?next=/x", headers={"X-Request-Id": GIVEN})
    [line] = [record for record in caplog.records if record.message == "answered"]
    said = vars(line)["said"]
    assert (said["method"], said["rule"], said["status"]) == ("GET", "/welcome/<token>", 404)
    assert "a-one-time-token" not in str(vars(line))
