"""The line between the application and its Redis: it can be cut, and it can be watched for a ring."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

#: What stands in the first command of every ring, which is RQ's.
RING = b"rq:"
SIZE = 65_536


class Relay:
    """Passes bytes between a socket of its own and the server's; `watch` is called with what would be sent.

    `watch` answers whether it goes on; what does not is dropped, and the line with it.
    """

    def __init__(self, path: Path, server: Path) -> None:
        self.path, self._server = path, server
        self.open = True
        self.watch: Callable[[bytes], bool] | None = None
        self._lines: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        path.unlink(missing_ok=True)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, name="relay", daemon=True).start()

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.path))}?db=0"

    def cut(self) -> None:
        """Be away: hang up on everybody, and let nobody in."""
        self.open = False
        with self._lock:
            for line in self._lines:
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self.open = True

    def close(self) -> None:
        self.cut()
        self._listener.close()
        self.path.unlink(missing_ok=True)

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            there = socket.socket(socket.AF_UNIX)
            try:
                if not self.open:
                    raise ConnectionRefusedError
                there.connect(str(self._server))
            except OSError:
                caller.close()
                there.close()
                continue
            with self._lock:
                self._lines |= {caller, there}
            for one, other, watched in ((caller, there, True), (there, caller, False)):
                threading.Thread(target=self._pass_on, args=(one, other, watched), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket, watched: bool) -> None:
        try:
            while data := one.recv(SIZE):
                watch = self.watch if watched else None
                if watch is not None and not watch(data):
                    break
                other.sendall(data)
        except OSError:
            pass
        finally:
            with self._lock:
                self._lines -= {one, other}
            for line in (one, other):
                with contextlib.suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
                line.close()
