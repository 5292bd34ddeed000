"""One id from the web request to the call it led to, and the provider's own name of each answer where it is quoted."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from backoffice import trace
from backoffice.logs import Lines
from backoffice.models import AttemptState, Link, SyncAttempt
from backoffice.queue import doorbell
from tests.sync.conftest import Book

ASKED = "asked-by-a-web-request"


@pytest.fixture
def lines() -> Iterator[Any]:
    """What the log says from now on, line by line, as a machine reads it."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(Lines(readable=False))
    logging.getLogger().addHandler(handler)
    yield lambda: [json.loads(line) for line in text.getvalue().splitlines()]
    logging.getLogger().removeHandler(handler)
    trace.begin()


def test_the_id_of_the_request_is_on_the_job_its_lines_and_its_calls(book: Book, lines: Any) -> None:
    trace.begin(ASKED)
    book.add(name="Acme Ltd")
    job = book.update("contact")
    assert job.request_id == ASKED
    calls = [line for line in lines() if line["event"] == "call"]
    assert {(line["request"], line["job"], line["company"]) for line in calls} == {(ASKED, job.id, book.company_id)}
    assert {(line["method"], line["resource"]) for line in calls} >= {("GET", "Contacts"), ("PUT", "Contacts")}
    assert all(len(line["correlation"]) == 36 for line in calls)
    [ended] = [line for line in lines() if line["event"] == "a sync job ended"]
    assert (ended["job"], ended["state"], ended["request"]) == (job.id, "completed", ASKED)


def test_the_id_travels_with_the_ring(app: Flask) -> None:
    with app.app_context():
        trace.begin(ASKED)
        doorbell.ring("run", 5)
        [rung] = doorbell.queue().jobs
    assert rung.meta == {"request": ASKED}
    trace.begin()


@pytest.mark.parametrize("given", [None, "short", "a b c d e f g h", "x" * 65, "line\nbreak", 5, "<script>alert"])
def test_an_id_that_is_not_well_formed_is_replaced(given: object) -> None:
    assert trace.begin(given) != given
    assert trace.WELL_FORMED.fullmatch(trace.request_id() or "")
    assert (trace.resume(given), trace.request_id()) == (None, None)


def test_the_correlation_id_is_kept_with_the_request_and_under_the_refusal(book: Book) -> None:
    book.add(name="Good Ltd")
    book.push()
    attempt = book.session.scalars(select(SyncAttempt)).one()
    assert attempt.state is AttemptState.ANSWERED
    assert len(attempt.correlation or "") == 36
    book.add(name="Bad Ltd", email="not an address")
    book.push()
    refused = book.session.scalars(select(Link).where(Link.refusal_raw.is_not(None))).one()
    last = book.session.scalars(select(SyncAttempt).order_by(SyncAttempt.id.desc()).limit(1)).one()
    assert (refused.refusal_raw or "").endswith(f"Correlation id: {last.correlation}")
