"""A letter: who it is for, what it says, and how it travels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from backoffice.config import Settings
from backoffice.errors import BackofficeError
from backoffice.models import Mail

MOST_ADDRESSES = 10
#: Plain letters only: what lies outside needs a mail server that few have.
LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
PLAIN = SMTP.clone(cte_type="7bit")


class UnfitAddressError(BackofficeError):
    """This is not an e-mail address."""


@dataclass(frozen=True)
class Letter:
    """What is to be sent: to whom, what it says, and a document as a file where it is about one."""

    recipients: Sequence[str]
    subject: str
    body: str
    #: Whose name it goes out under, and where answers go.
    sender_name: str
    reply_to: str | None = None
    file_name: str | None = None
    pdf: bytes | None = None


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
    if mail.pdf is not None:
        message.add_attachment(mail.pdf, maintype="application", subtype="pdf", filename=mail.file_name)
    return message.as_bytes()
