"""The log: a JSON line an event, ours and everybody else's, with tracebacks and without what looks like a secret."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from backoffice import logs, trace


@pytest.fixture(autouse=True)
def configured() -> None:
    logs.configure()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_ours_and_others_are_lines_of_one_sort(capsys: pytest.CaptureFixture[str]) -> None:
    trace.begin("a-request-of-tests")
    with trace.about(job=5):
        structlog.get_logger("backoffice.tests").info("something happened", count=3)
        logging.getLogger("gunicorn.error").warning("Booting worker with pid: %d", 7)
    ours, theirs = lines(capsys)
    trace.resume(None)
    assert ours["timestamp"]
    assert {**ours, "timestamp": ""} == {
        "event": "something happened",
        "request": "a-request-of-tests",
        "job": 5,
        "level": "info",
        "logger": "backoffice.tests",
        "count": 3,
        "timestamp": "",
    }
    assert (theirs["event"], theirs["job"], theirs["level"]) == ("Booting worker with pid: 7", 5, "warning")


def test_words_that_the_standard_library_has_taken_are_no_matter(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.get_logger("backoffice.tests").info("made", name="Acme", created=2, message="m", args=1, module="x")
    [line] = lines(capsys)
    assert (line["event"], line["name"], line["created"], line["message"]) == ("made", "Acme", 2, "m")


def test_a_traceback_carries_no_variables_and_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        typed = "a-password-of-somebody"
        raise RuntimeError("at https://books.example.com/?code=a-code-of-xero" if typed else "")
    except RuntimeError:
        structlog.get_logger("backoffice.tests").exception("it failed")
    [line] = lines(capsys)
    assert "RuntimeError: at https://books.example.com/?code=[struck out]" in str(line["exception"])
    assert "a-code-of-xero" not in str(line)


def test_others_speak_from_warning_on(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("urllib3").info("Starting new HTTPS connection")
    logging.getLogger("rq.worker").info("*** Listening")
    assert [line["event"] for line in lines(capsys)] == ["*** Listening"]


def test_setting_it_up_again_doubles_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    structlog.get_logger("backoffice.tests").info("once")
    assert len(lines(capsys)) == 1
