"""The line to a receiver: which addresses are delivered to; and that production reaches no private network."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from pydantic import SecretStr

from backoffice.config import Settings
from backoffice.notifying import wire
from tests.mail_server import certificate
from tests.notifying.receiver import Desk, listening

HERE = Settings()
PRODUCTION = Settings(public_url="https://books.example.com", secret_key=SecretStr("x" * 40))


@pytest.mark.parametrize(
    "address",
    [
        "", "example.com", "ftp://example.com", "https://", "https:///x", "https://a:b@example.com/",
        "https://e.com/#x", "https://example.com:99999/", "https://example.com:0/", "https://exa mple.com/",
        "https://[::1/", "javascript:x", "\0",
        "https://e.com/\r\nX: y", "https://" + "a" * 500, "https://ex\u00e4mple.com/", "https://e.com\\@evil.com/",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_in_words(address: str) -> None:
    with pytest.raises(wire.UnfitReceiverError) as caught:
        wire.check(address, HERE)
    assert caught.value.message.endswith(".")


def test_production_delivers_over_https_alone() -> None:
    wire.check("http://example.com/", HERE)
    wire.check("https://example.com/", PRODUCTION)
    with pytest.raises(wire.UnfitReceiverError):
        wire.check("http://example.com/", PRODUCTION)


@pytest.mark.parametrize(
    "number",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:a00:1::",
        "ff02::1", "2001:db8::1",
    ],
)  # fmt: skip
def test_numbers_that_are_not_of_the_open_internet(number: str) -> None:
    assert not wire.public(ipaddress.ip_address(number))


@pytest.mark.parametrize("number", ["93.184.216.34", "2606:4700::1111", "64:ff9b::5db8:d822", "::ffff:93.184.216.34"])
def test_numbers_that_are(number: str) -> None:
    assert wire.public(ipaddress.ip_address(number))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_production_reaches_nothing_on_its_own_machine(host: str) -> None:
    with listening(Desk()) as desk:
        port = desk.url.rsplit(":", 1)[1]
        answer = wire.post(f"https://{host}:{port}", b"{}", {}, PRODUCTION)
        assert answer.reason == "It leads into a private network."
        assert desk.arrived == []


def test_a_name_with_one_private_number_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolved(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, 1, 6, "", (number, 443)) for number in ("93.184.216.34", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    assert wire.post("https://both.example.com/", b"{}", {}, PRODUCTION).reason == "It leads into a private network."


def test_the_certificate_has_to_be_one_for_the_name(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        import threading

        def greet() -> None:
            line, _ = server.accept()
            try:
                context.wrap_socket(line, server_side=True).close()
            except (ssl.SSLError, OSError):
                line.close()

        thread = threading.Thread(target=greet)
        thread.start()
        answer = wire.post(f"https://127.0.0.1:{server.getsockname()[1]}/", b"{}", {}, HERE)
        thread.join()
    assert answer == wire.Answer(reason="Its certificate is not one that can be trusted.")


def test_who_answers_byte_by_byte_holds_nobody_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        trickle = threading.Thread(target=_trickle, args=(server,))
        trickle.start()
        settings = HERE.model_copy(update={"connect_timeout": 0.2, "read_timeout": 0.3})
        began = monotonic()
        answer = wire.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {}, settings)
        assert monotonic() - began < 2
        assert answer == wire.Answer(reason=wire.LATE)
        trickle.join()


def _trickle(server: socket.socket) -> None:
    """Never silent for long, and not done for three seconds."""
    with server.accept()[0] as line:
        line.recv(4096)
        line.sendall(b"HTTP/1.1 204 No Content\r\nX: ")
        for _ in range(30):
            line.sendall(b"a")
            sleep(0.1)
        line.sendall(b"\r\n\r\n")
