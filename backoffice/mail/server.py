"""The mail server: what is needed to reach it, and what becomes of an e-mail that is handed to it."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from backoffice.config import LOOPBACK, Settings
from backoffice.mail.letter import UnfitAddressError, address_of
from backoffice.models import MailState

PORTS = {"starttls": 587, "tls": 465, "none": 25}
CUT = "The line to the mail server broke after the e-mail was handed over, so it may have been sent."


@dataclass(frozen=True)
class Outcome:
    """What became of a try: the state it leads to, why in plain words, and the mail server's own."""

    state: MailState
    reason: str | None = None
    raw: str | None = None


def gaps(settings: Settings) -> list[str]:
    """What has to be set before anything can be e-mailed, a sentence each."""
    found = []
    if not settings.smtp_host:
        found.append("SMTP_HOST must name the mail server.")
    try:
        address_of(settings.mail_from)
    except UnfitAddressError:
        found.append("MAIL_FROM must be the address that e-mail comes from.")
    if settings.smtp_user and not settings.smtp_password:
        found.append("SMTP_PASSWORD must be set, since SMTP_USER is.")
    if settings.smtp_user and settings.smtp_security == "none" and settings.smtp_host not in LOOPBACK:
        found.append("SMTP_SECURITY must be starttls or tls: with none, the password would travel in clear.")
    return found


@contextmanager
def mail_server(settings: Settings) -> Iterator[smtplib.SMTP]:
    """The mail server, greeted, protected and signed in to. Raises: SMTPException, OSError."""
    where = (settings.smtp_host, settings.smtp_port or PORTS[settings.smtp_security])
    name, seconds = settings.mail_from.rpartition("@")[2], settings.read_timeout
    if settings.smtp_security == "tls":
        context = ssl.create_default_context()
        server: smtplib.SMTP = smtplib.SMTP_SSL(*where, local_hostname=name, timeout=seconds, context=context)
    else:
        server = smtplib.SMTP(*where, local_hostname=name, timeout=seconds)
    try:
        server.ehlo_or_helo_if_needed()
        if settings.smtp_security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        yield server
        with suppress(smtplib.SMTPException, OSError):
            server.quit()
    finally:
        server.close()


def hand_over(settings: Settings, recipients: Sequence[str], message: bytes) -> Outcome:
    """Give an e-mail to the mail server, for all its addresses or for none."""
    try:
        with mail_server(settings) as server:
            refused = _envelope(server, settings, recipients)
            return refused or _contents(server, message)
    except smtplib.SMTPAuthenticationError as error:
        return _answered(
            error.smtp_code, error.smtp_error, "The mail server does not accept SMTP_USER and SMTP_PASSWORD."
        )
    except smtplib.SMTPNotSupportedError as error:
        return Outcome(
            MailState.FAILED, "The mail server cannot do what SMTP_SECURITY or SMTP_USER asks for.", str(error)
        )
    except ssl.SSLCertVerificationError as error:
        return Outcome(MailState.FAILED, "The mail server’s certificate is not one that can be trusted.", str(error))
    except smtplib.SMTPResponseException as error:
        return _answered(error.smtp_code, error.smtp_error, "The mail server does not want to talk to us.")
    except (smtplib.SMTPException, OSError) as error:
        return Outcome(MailState.WAITING, "The mail server did not answer.", str(error) or type(error).__name__)


def _envelope(server: smtplib.SMTP, settings: Settings, recipients: Sequence[str]) -> Outcome | None:
    """From whom and to whom; what stands against it, if anything does. Nothing has been sent then."""
    code, said = server.mail(settings.mail_from)
    if code >= 400:
        return _answered(code, said, f"The mail server does not let {settings.mail_from} send.")
    answers = [(address, *server.rcpt(address)) for address in recipients]
    for address, code, said in sorted(answers, key=lambda answer: -answer[1]):
        if code >= 400:
            reason = "does not know or does not take" if code >= 500 else "cannot take mail just now for"
            return _answered(code, said, f"The mail server {reason} {address}. Nothing was sent.")
    return None


def _contents(server: smtplib.SMTP, message: bytes) -> Outcome:
    """The e-mail itself. From here on, silence means that it may have been sent."""
    try:
        code, said = server.data(message)
    except smtplib.SMTPDataError as error:
        code, said = error.smtp_code, error.smtp_error if isinstance(error.smtp_error, bytes) else b""
    except (smtplib.SMTPServerDisconnected, OSError) as error:
        return Outcome(MailState.PERHAPS_SENT, CUT, str(error))
    if code >= 400:
        return _answered(code, said, "The mail server does not take this e-mail.")
    return Outcome(MailState.SENT)


def _answered(code: int, said: bytes | str, reason: str) -> Outcome:
    """A refusal: for now with a code of 4xx, for good with one of 5xx."""
    words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return Outcome(MailState.FAILED if code >= 500 else MailState.WAITING, reason, f"{code} {words}"[:2000])
