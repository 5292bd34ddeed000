"""The other side of a webhook: a real HTTP server on this machine, which checks signatures as its README would say."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Arrived:
    """One delivery as it came in."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw)
        return found

    def signed_with(self, secret: str) -> bool:
        """Written out from the standard, and not with what signs."""
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.raw
        mac = hmac.new(base64.b64decode(secret.split("_", 1)[1]), signed, hashlib.sha256).digest()
        given = self.headers["webhook-signature"].split(" ")
        return any(hmac.compare_digest(one, "v1," + base64.b64encode(mac).decode()) for one in given)


@dataclass
class Desk:
    """What has arrived, and what is answered to the next ones."""

    arrived: list[Arrived] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""


@contextmanager
def listening(desk: Desk) -> Iterator[Desk]:
    """Let it take deliveries."""

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            desk.arrived.append(Arrived(self.path, {k.lower(): v for k, v in self.headers.items()}, raw))
            self.send_response(desk.answers.pop(0) if desk.answers else 204)
            for name, value in desk.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    desk.url = f"http://127.0.0.1:{server.server_address[1]}/hooks"
    try:
        yield desk
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
