"""`Sandbox`: a played Xero on a socket of its own, in a thread; and the small HTTP/1.1 server under it.

with Sandbox(contacts=10) as sandbox:
    requests.get(f"{sandbox.url}/connections")
"""

from __future__ import annotations

import io
import signal
import socket
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote_to_bytes

from flask import Flask

from backoffice.sandbox.xero.app import create_app
from backoffice.sandbox.xero.gateway import CUT
from backoffice.sandbox.xero.office import Office
from backoffice.sandbox.xero.organisations import find
from backoffice.sandbox.xero.seed import seed
from backoffice.sandbox.xero.sender import Sender, sender_of
from backoffice.sandbox.xero.settings import Settings
from backoffice.sandbox.xero.world import World, open_world


class Sandbox:
    """A sandbox in this process. Give settings by name, as on the command line; `port=0` takes a free one."""

    def __init__(
        self, data_dir: Path | str | None = None, port: int = 0, host: str = "127.0.0.1", **settings: Any
    ) -> None:
        self.data_dir = Path(data_dir) if data_dir is not None else None
        self.host = host
        self.port = port
        self.settings = Settings(**settings)
        self._server: Server | None = None
        self._world: World | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def world(self) -> World:
        """The inside of the running sandbox: clock, faults, limits, stats."""
        assert self._world is not None, "the sandbox is not started"
        return self._world

    def office(self, kind: str, organisation: str = "1") -> Office:
        """A person at Xero's own screens: `sandbox.office("invoices").pay(id)`."""
        found = find(self.world.store, organisation)
        assert found is not None, f"there is no organisation {organisation}"
        return Office(self.world, found, kind)

    @property
    def sender(self) -> Sender:
        """What delivers to the webhooks of apps."""
        return sender_of(self._running.app)

    def start(self) -> Self:
        """Listen, and answer in a thread. Raises OSError if the port is taken."""
        self._open()
        threading.Thread(target=self._running.serve_forever, args=(0.01,), name="xero-sandbox", daemon=True).start()
        return self

    def serve(self, say: Callable[[str], object]) -> None:
        """Answer in this thread until SIGINT or SIGTERM. Raises OSError if the port is taken."""
        self._open()
        # `shutdown` waits for `serve_forever`, which this very thread is in.
        stop = threading.Thread(target=self._running.shutdown)
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, lambda *_: stop.start() if stop.ident is None else None)
        say(f"The played Xero listens on {self.url.replace('127.0.0.1', 'localhost')}")
        try:
            self._running.serve_forever()
        finally:
            self._close()

    def stop(self) -> None:
        self._running.shutdown()
        self._close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _running(self) -> Server:
        assert self._server is not None, "the sandbox is not started"
        return self._server

    def _open(self) -> None:
        self._server = Server((self.host, self.port))
        self.port = self._server.server_port
        self._world = open_world(self.settings, self.data_dir)
        self._world.address = self.url
        seed(self._world)
        self._server.app = create_app(self._world)
        sender_of(self._server.app).wake()

    def _close(self) -> None:
        sender_of(self._running.app).stop()
        self.world.faults.clear()
        self._running.end_connections()
        self._running.server_close()
        self.world.close()


class Server(ThreadingHTTPServer):
    """Answers every connection in a thread, and can end those that are kept alive."""

    app: Flask
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int]) -> None:
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller who hangs up is nothing to report."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    def end_connections(self) -> None:
        with self._lock:
            for connection in self._open:
                hang_up(connection)


class Handler(BaseHTTPRequestHandler):
    """Hands a request to the application, keeps the line open, and cuts it where a fault switch says so."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def do_GET(self) -> None:
        status, headers, body = self._ask(environ := self._environ())
        if environ.get(CUT):
            self.close_connection = True
            hang_up(self.connection)
            return
        self.log_request(status)
        self.send_response_only(int(status.partition(" ")[0]))
        self.send_header("Date", self.date_time_string())
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        if not status.startswith("204"):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads a log of a play system; `/_sandbox/stats` tells more."""

    def _ask(self, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
        answer: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], Any]:
            answer[:] = [status, headers]
            return lambda data: None

        found = self.server.app(environ, start_response)
        try:
            body = b"".join(found)
        finally:
            if hasattr(found, "close"):
                found.close()
        return answer[0], answer[1], body

    def _environ(self) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        # The whole body is read whatever the application does with it: the next request follows on the same line.
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environ = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "REQUEST_URI": self.path,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(data)),
            "SERVER_NAME": str(self.server.server_address[0]),
            "SERVER_PORT": str(self.server.server_port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": self.client_address[0],
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(data),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name in self.headers:
            key = name.upper().replace("-", "_")
            if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                environ[f"HTTP_{key}"] = self.headers[name]
        return environ


def hang_up(connection: socket.socket) -> None:
    """Cut a line at once; the other side may have been quicker."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
