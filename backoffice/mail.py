"""E-mail: puts a document into the outbox, and hands what is in it to the mail server, each at most once.

A row is claimed before the mail server hears of it. When its answer never came, for whatever reason, the row says
"perhaps sent" and stays so until a person decides; only what was certainly not taken is tried again.
https://www.rfc-editor.org/rfc/rfc5321
"""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session, undefer

from backoffice.clock import now
from backoffice.config import LOOPBACK, Settings
from backoffice.errors import BackofficeError
from backoffice.models import History, Mail, MailState

PORTS = {"starttls": 587, "tls": 465, "none": 25}
#: A mail server that is busy or away is asked again this often; with the usual waits that is six hours.
MOST_TRIES = 30
MOST_ADDRESSES = 10
#: Commands of one conversation; each may take as long as an answer may.
COMMANDS = 12
#: Plain letters only: what lies outside needs a mail server that few have.
LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
PLAIN = SMTP.clone(cte_type="7bit")
CUT = "The line to the mail server broke after the e-mail was handed over, so it may have been sent."


class UnfitAddressError(BackofficeError):
    """This is not an e-mail address."""


@dataclass(frozen=True)
class Letter:
    """What is to be sent: to whom, what it says, and the document as a file."""

    recipients: Sequence[str]
    subject: str
    body: str
    file_name: str
    pdf: bytes
    #: Whose name it goes out under, and where answers go.
    sender_name: str
    reply_to: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a try: the state it leads to, why in plain words, and the mail server's own."""

    state: MailState
    reason: str | None = None
    raw: str | None = None


# What is needed.


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


def address_of(text: str) -> str:
    """An e-mail address as mail servers take it, its domain in plain letters. Raises: UnfitAddressError."""
    local, at, domain = text.strip().rpartition("@")
    try:
        plain = domain.encode("idna").decode("ascii") if domain and domain.isprintable() else ""
    except UnicodeError:
        plain = ""
    labels = plain.split(".")
    fit = at and len(local) <= 64 and LOCAL.fullmatch(local) and len(plain) <= 253
    if not fit or not all(LABEL.fullmatch(label) for label in labels):
        shown = "".join(one for one in text.strip() if one.isprintable())[:80]
        raise UnfitAddressError(f"“{shown}” is not an e-mail address that can be written to." if shown else None)
    return f"{local}@{plain}"


def addresses_of(text: str) -> list[str]:
    """Several addresses, with commas, semicolons or line ends between them. Raises: UnfitAddressError."""
    found = list(dict.fromkeys(address_of(part) for part in re.split(r"[,;\r\n]", text) if part.strip()))
    if not found:
        raise UnfitAddressError("Give an e-mail address.")
    if len(found) > MOST_ADDRESSES:
        raise UnfitAddressError(f"At most {MOST_ADDRESSES} addresses at once.")
    return found


# The outbox.


def put(
    session: Session,
    settings: Settings,
    *,
    company_id: int,
    kind: str,
    record_id: int,
    letter: Letter,
    token: str,
    user_id: int | None,
) -> Mail | None:
    """Put a letter into the outbox; None when the same form has put it there already. Commits nothing.

    `token` stands for one opened form: however often that is sent, it makes one letter.
    """
    message_id = f"<{token}@{settings.mail_from.rpartition('@')[2]}>"
    if session.scalar(select(Mail.id).where(Mail.message_id == message_id)) is not None:
        return None
    mail = Mail(
        company_id=company_id,
        kind=kind,
        record_id=record_id,
        recipients=", ".join(letter.recipients),
        sender_name=letter.sender_name,
        reply_to=letter.reply_to,
        subject=letter.subject,
        body=letter.body,
        file_name=letter.file_name,
        pdf=letter.pdf,
        message_id=message_id,
        user_id=user_id,
    )
    session.add(mail)
    return mail


def again(session: Session, mail: Mail, user_id: int | None) -> bool:
    """Send once more what failed or was perhaps sent; says whether it was one of these. Commits."""
    found = session.scalar(
        update(Mail)
        .where(Mail.id == mail.id, Mail.state.in_((MailState.FAILED, MailState.PERHAPS_SENT)))
        .values(
            state=MailState.WAITING, due_at=now(), tries=0, ended_at=None, reason=None, reason_raw=None, user_id=user_id
        )
        .returning(Mail.id)
        .execution_options(synchronize_session=False)
    )
    session.commit()
    return found is not None


def due(session: Session) -> Sequence[int]:
    """What waits and may be tried now."""
    query = select(Mail.id).where(Mail.state == MailState.WAITING, Mail.due_at <= now()).order_by(Mail.due_at, Mail.id)
    return session.scalars(query.limit(1000)).all()


def find_lost(session: Session) -> int:
    """Say "perhaps sent" of what somebody was sending who has gone silent; says of how many. Commits if any."""
    lost = select(Mail.id).where(Mail.state == MailState.SENDING, Mail.lease_until < now())
    if not (ids := session.scalars(lost).all()):
        return 0
    reason = "Whoever was sending it stopped in the middle, so it may have been sent."
    return sum(_end(session, one, None, Outcome(MailState.PERHAPS_SENT, reason)) for one in ids)


def send(session: Session, settings: Settings, mail_id: int) -> MailState | None:
    """Send one e-mail that waits; None when there is nothing to do. Commits; nothing is open while it talks."""
    fence = _claim(session, settings, mail_id)
    if fence is None:
        return None
    mail = session.get_one(Mail, mail_id, options=[undefer(Mail.pdf)], populate_existing=True)
    recipients, message = mail.addresses, compose(mail, settings)
    session.rollback()
    outcome = hand_over(settings, recipients, message)
    _end(session, mail_id, fence, outcome, settings)
    return outcome.state


def _claim(session: Session, settings: Settings, mail_id: int) -> int | None:
    """Take what waits, before the mail server hears of it; the number of this turn."""
    lease = max(settings.lease_seconds, COMMANDS * settings.read_timeout)
    fence = session.scalar(
        update(Mail)
        .where(Mail.id == mail_id, Mail.state == MailState.WAITING, Mail.due_at <= now())
        .values(
            state=MailState.SENDING,
            fence=Mail.fence + 1,
            tries=Mail.tries + 1,
            lease_until=now() + timedelta(seconds=lease),
        )
        .returning(Mail.fence)
        .execution_options(synchronize_session=False)
    )
    session.commit()
    return fence


def _end(session: Session, mail_id: int, fence: int | None, outcome: Outcome, settings: Settings | None = None) -> bool:
    """Write down what became of a try, if that turn is still the last one. Commits."""
    mail = session.scalar(
        select(Mail)
        .where(Mail.id == mail_id, Mail.state.in_((MailState.SENDING, MailState.PERHAPS_SENT)))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if (
        mail is None
        or (fence is not None and mail.fence != fence)
        or (fence is None and mail.state is not MailState.SENDING)
    ):
        session.rollback()
        return False
    mail.state, mail.reason, mail.reason_raw, mail.lease_until = outcome.state, outcome.reason, outcome.raw, None
    if outcome.state is MailState.WAITING and settings is not None:
        _wait(mail, settings)
    if mail.state is not MailState.WAITING:
        mail.ended_at = now()
    if mail.state in (MailState.SENT, MailState.PERHAPS_SENT):
        session.execute(insert(History), [_entry(mail)])
    session.commit()
    return True


def _wait(mail: Mail, settings: Settings) -> None:
    """Until the next try, which comes later each time; or no more."""
    if mail.tries >= MOST_TRIES:
        mail.state, mail.reason = MailState.FAILED, f"Given up after {mail.tries} tries. {mail.reason or ''}".strip()
        return
    waits = settings.retry_seconds or (60.0,)
    mail.due_at = now() + timedelta(seconds=waits[min(mail.tries, len(waits)) - 1])


def _entry(mail: Mail) -> dict[str, object]:
    """What the document's history says of it."""
    return {
        "company_id": mail.company_id,
        "kind": mail.kind,
        "record_id": mail.record_id,
        "action": "e-mailed" if mail.state is MailState.SENT else "perhaps e-mailed",
        "new": mail.recipients,
        "at": now(),
        "user_id": mail.user_id,
    }


# The letter and the mail server.


def compose(mail: Mail, settings: Settings) -> bytes:
    """An e-mail as it travels: plain letters, lines that end as mail servers want them."""
    message = EmailMessage(PLAIN)
    message["From"] = Address(" ".join(mail.sender_name.split()), addr_spec=settings.mail_from)
    message["To"] = mail.recipients
    if mail.reply_to:
        message["Reply-To"] = mail.reply_to
    message["Subject"] = " ".join(mail.subject.split())
    message["Date"] = mail.created_at
    message["Message-ID"] = mail.message_id
    message.set_content(mail.body.replace("\r\n", "\n"))
    message.add_attachment(mail.pdf, maintype="application", subtype="pdf", filename=mail.file_name)
    return message.as_bytes()


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
