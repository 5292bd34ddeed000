"""The line between the application and the played Xero, with somebody on it who cuts, delays and corrupts.

Every process of the application has a line of its own, so that it is known whose request is on it.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

#: How long the played Xero may take, in seconds.
PATIENCE = 30.0
HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "date", "server"}


@dataclass(frozen=True)
class Answer:
    """What the provider said."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def saying(self, body: Any) -> Answer:
        """The same with another body."""
        return replace(self, body=body if isinstance(body, bytes) else json.dumps(body).encode())


class Exchange:
    """One request on the line, and what becomes of it; it goes through untouched unless a fault says otherwise."""

    def __init__(self, caller: str, handler: Handler) -> None:
        self.caller, self._handler = caller, handler
        self.method, self.path = handler.command, handler.path
        self.headers = {k: v for k, v in handler.headers.items() if k.lower() not in (*HOP_BY_HOP, "accept-encoding")}
        self.body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))

    @property
    def writes(self) -> bool:
        """Whether it would change anything there."""
        return self.method != "GET" and "/api.xro/" in self.path

    def forward(self) -> Answer:
        """Let the provider do it."""
        target = urlsplit(self._handler.server.target)
        line = http.client.HTTPConnection(target.hostname or "", target.port, timeout=PATIENCE)
        try:
            line.request(self.method, self.path, self.body, self.headers)
            said = line.getresponse()
            headers = tuple((k, v) for k, v in said.getheaders() if k.lower() not in HOP_BY_HOP)
            return Answer(said.status, headers, said.read())
        finally:
            line.close()

    def answer(self, answer: Answer, pieces: int = 1, pause: float = 0, declared: int | None = None) -> None:
        """Say it to the application, in pieces if need be; `declared` is a length that is not true."""
        handler, body = self._handler, answer.body
        handler.send_response_only(answer.status)
        handler.send_header("Date", handler.date_time_string())
        for name, value in answer.headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body) if declared is None else declared))
        handler.end_headers()
        size = max(1, -(-len(body) // pieces))
        for start in range(0, len(body), size):
            handler.wfile.write(body[start : start + size])
            handler.wfile.flush()
            time.sleep(pause)
        if declared is not None:
            self.cut()

    def cut(self) -> None:
        """Hang up."""
        self._handler.close_connection = True
        hang_up(self._handler.connection)


#: What is done with a request instead of passing it on.
Fault = Callable[[Exchange], None]
Matches = Callable[[Exchange], bool]


@dataclass
class Rule:
    """A fault for `count` of the requests that match, after the first `skip`."""

    fault: Fault
    matches: Matches
    count: int = 1
    skip: int = 0
    hits: int = 0


@dataclass
class Rules:
    """The faults that are set on all lines of one house."""

    _rules: list[Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    calls: int = 0

    def add(self, fault: Fault, matches: Matches = lambda exchange: True, count: int = 1, skip: int = 0) -> Rule:
        rule = Rule(fault, matches, count, skip)
        with self._lock:
            self._rules.append(rule)
        return rule

    def insert(self, fault: Fault, count: int) -> None:
        """A fault for all that comes now, whatever else was set."""
        with self._lock:
            self._rules.insert(0, Rule(fault, lambda exchange: True, count))

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def take(self, exchange: Exchange) -> Fault | None:
        """The first fault that is meant for this request."""
        with self._lock:
            self.calls += 1
            for rule in self._rules:
                if rule.hits < rule.count and rule.matches(exchange):
                    if rule.skip:
                        rule.skip -= 1
                        continue
                    rule.hits += 1
                    return rule.fault
        return None


class Proxy(ThreadingHTTPServer):
    """The line of one process of the application."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, caller: str, target: str, rules: Rules) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.caller, self.target, self.rules = caller, target, rules
        threading.Thread(target=self.serve_forever, args=(0.05,), name=f"line of {caller}", daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever is killed hangs up: that is what this is for."""

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """Reads a request and lets it through, or to its fault."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Proxy

    def do_GET(self) -> None:
        exchange = Exchange(self.server.caller, self)
        fault = self.server.rules.take(exchange)
        if fault is None:
            exchange.answer(exchange.forward())
        else:
            fault(exchange)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """What was asked is in the played Xero's own counts."""


def hang_up(connection: socket.socket) -> None:
    """Cut a line at once; the other side may have been quicker."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
