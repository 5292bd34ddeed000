"""Failures reported to a Sentry: a planted one arrives at a real server on this machine, and nobody's data with it."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import sentry_sdk
from pydantic import SecretStr

from backoffice.config import Settings
from tests.databases import application

SECRET = "s3cret-of-a-person"


class Ingest:
    """What would be Sentry."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.url = ""

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = [json.loads(line) for body in self.bodies for line in body.splitlines() if line.startswith("{")]
        return [line for line in lines if "exception" in line]


@pytest.fixture
def ingest() -> Iterator[Ingest]:
    found = Ingest()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            found.bodies.append((gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    found.url = f"http://key@127.0.0.1:{server.server_address[1]}/1"
    yield found
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_planted_failure_arrives_without_what_people_typed(settings: Settings, ingest: Ingest) -> None:
    with application(settings.model_copy(update={"sentry_dsn": SecretStr(ingest.url)})) as app:
        app.testing = False

        def fails() -> str:
            typed = SECRET  # a local variable
            raise RuntimeError(f"planted at ?code={SECRET}" if typed else "")

        fails.public = fails.machine = True  # type: ignore[attr-defined]
        app.add_url_rule("/planted", "planted", fails, methods=["POST"])
        app.config["WTF_CSRF_ENABLED"] = False
        headers = {"Authorization": f"Bearer {SECRET}", "Cookie": f"backoffice_session={SECRET}", "X-Note": SECRET}
        answer = app.test_client().post(f"/planted?q={SECRET}", data={"password": SECRET}, headers=headers)
        assert answer.status_code == 500
        assert answer.headers["X-Request-Id"] in answer.text, "the page says under which id to look"
    sentry_sdk.flush(5)
    [event] = ingest.events
    [failure] = event["exception"]["values"]
    assert (failure["type"], failure["value"]) == ("RuntimeError", "planted at ?code=[struck out]")
    assert failure["stacktrace"]["frames"][-1]["function"] == "fails"
    assert event["tags"] == {"request": answer.headers["X-Request-Id"]}
    assert not {"request", "user", "breadcrumbs", "extra", "modules", "server_name"} & event.keys()
    assert SECRET not in "".join(ingest.bodies)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_without_an_address_nothing_is_started(settings: Settings) -> None:
    with application(settings):
        assert not sentry_sdk.get_client().is_active()
