"""An app's side of a webhook: takes deliveries on a socket of its own, and answers as the test says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from typing import Any, Self


@dataclass(frozen=True)
class Taken:
    """One delivery as it came."""

    body: bytes
    signature: str

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def events(self) -> list[dict[str, Any]]:
        return list(self.json["events"])

    def signed(self, key: str) -> bool:
        wanted = base64.b64encode(hmac.new(key.encode(), self.body, hashlib.sha256).digest()).decode()
        return self.signature == wanted


class Receiver:
    """Answers each delivery as `answer` says: (status, body, headers); by default 200 or 401, as it is signed."""

    def __init__(self) -> None:
        self.key = ""
        self.taken: Queue[Taken] = Queue()
        self.answer: Callable[[Taken], tuple[int, bytes, dict[str, str]]] = self.well
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                taken = Taken(self.rfile.read(length), self.headers["x-xero-signature"])
                status, body, headers = receiver.answer(taken)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                receiver.taken.put(taken)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self._server.server_port}/webhooks/xero"

    def well(self, taken: Taken) -> tuple[int, bytes, dict[str, str]]:
        return (200 if taken.signed(self.key) else 401), b"", {}

    def drain(self) -> list[Taken]:
        found = []
        while not self.taken.empty():
            found.append(self.taken.get())
        return found

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
