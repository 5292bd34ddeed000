"""A mail server of our own on this machine, which takes, refuses, or falls silent as it is told."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Received:
    """One e-mail as it arrived."""

    sender: str
    recipients: list[str]
    raw: bytes
    protected: bool

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=default)

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        assert body is not None
        return str(body.get_content()).replace("\r\n", "\n")

    @property
    def files(self) -> dict[str, bytes]:
        return {str(part.get_filename()): part.get_content() for part in self.message.iter_attachments()}


@dataclass
class PostOffice:
    """What the server has taken, and how it is told to behave: what it answers to each address and to an e-mail."""

    received: list[Received] = field(default_factory=list)
    #: Its answer to an address that is named here; to all others it says 250.
    to: dict[str, str] = field(default_factory=dict)
    #: Its answers to the next e-mails, one each; `cut` takes it and hangs up without a word.
    contents: list[str] = field(default_factory=list)
    port: int = 0

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.to.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.contents.pop(0) if self.contents else "250 taken"
        if answer.startswith(("250", "cut")):
            assert isinstance(envelope.content, bytes)
            assert server.transport is not None
            protected = server.transport.get_extra_info("ssl_object") is not None
            self.received.append(
                Received(str(envelope.mail_from), list(envelope.rcpt_tos), envelope.content, protected)
            )
        if answer == "cut":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return answer


class Door(Controller):
    """Listens on a port that the system gives."""

    def _create_server(self) -> Any:
        self._socket = socket.create_server((self.hostname, 0))
        self.port = self._socket.getsockname()[1]
        return self.loop.create_server(self._factory_invoker, sock=self._socket, ssl=self.ssl_context)


def knows(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword) -> AuthResult:
    """Lets one person in."""
    return AuthResult(success=data == LoginPassword(b"harbour", b"the password"), handled=False)


@contextmanager
def mail_server(
    office: PostOffice, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, sign_in: bool = False
) -> Iterator[PostOffice]:
    """Let it serve."""
    door = Door(
        office,
        hostname="127.0.0.1",
        ssl_context=tls,
        tls_context=starttls,
        require_starttls=starttls is not None,
        authenticator=knows if sign_in else None,
        auth_required=sign_in and starttls is not None,
        auth_require_tls=starttls is not None,
    )
    door.start()
    office.port = door.port
    try:
        yield office
    finally:
        door.stop()


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's side of TLS for this machine, and the file that makes a client trust it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    at = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - dt.timedelta(days=1))
        .not_valid_after(at + dt.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(public, private)
    return context, public
