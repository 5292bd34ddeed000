"""How the pages say things: badges, jobs, amounts, times. The same word for the same thing everywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from markupsafe import Markup

from backoffice.clock import now
from backoffice.errors import Ending
from backoffice.models import (
    KINDS,
    Connection,
    Direction,
    Document,
    LinkState,
    Role,
    Side,
    Status,
    Strictness,
    Treatment,
    Winner,
)
from backoffice.wording import counted, plural


@dataclass(frozen=True)
class Badge:
    """A state as people see it: a shape, a word and a colour together."""

    shape: str
    word: str
    colour: str
    tooltip: str = ""
    #: What a list of states leaves out: the first words of a reason.
    detail: str = ""

    @property
    def text(self) -> str:
        """Word and detail."""
        return f"{self.word}: {self.detail}" if self.detail else self.word

    @property
    def after_number(self) -> str:
        """The word as it follows a count."""
        return self.word[:1].lower() + self.word[1:]

    def at(self, provider: str) -> Badge:
        """The badge for an accounting system of this name."""
        return replace(self, word=self.word.format(provider=provider))


LINK_BADGES = {
    LinkState.INTEGRATED: Badge("✓", "Integrated", "green"),
    LinkState.NOT_INTEGRATED: Badge("○", "Not integrated", "grey"),
    LinkState.WAITING: Badge("↑", "Waiting", "blue"),
    LinkState.BLOCKED: Badge("◔", "Blocked", "amber"),
    LinkState.UNCONFIRMED: Badge("?", "Unconfirmed", "amber"),
    LinkState.REFUSED: Badge("✕", "Refused", "red"),
    LinkState.PAUSED: Badge("‖", "Paused", "grey"),
    LinkState.CHANGED: Badge("⇄", "Changed in {provider}", "amber"),
    LinkState.GONE: Badge("▢", "Archived or deleted in {provider}", "grey"),
}
#: What became of a record there, for the badge of one that is gone.
GONE_WORDS = {
    "archived": "Archived in {provider}",
    "deleted": "Deleted in {provider}",
    "voided": "Voided in {provider}",
}

#: What a connection is called that has ended, by how.
LOST = "Needs linking again"
ENDINGS = {Ending.ORGANISATION_CLOSED: "Organisation closed"}
ENDING_TITLES = {
    Ending.CONSENT_ENDED: "{organisation} needs linking again.",
    Ending.ORGANISATION_GONE: "{organisation} no longer lets this application in.",
    Ending.ORGANISATION_CLOSED: "{organisation} is closed.",
    Ending.DEMO_GONE: "{organisation} was reset, or no longer lets this application in.",
    Ending.SCOPE_MISSING: "{organisation} needs linking again, with all permissions.",
    Ending.KEY_LOST: "{organisation} needs linking again: the key to the stored permission is lost.",
}

ROLE_WORDS = {
    Role.ADMINISTRATOR: "Administrator: people, connections, settings, and all that operators do",
    Role.OPERATOR: "Operator: records, Update and the sync queue",
    Role.VIEWER: "Viewer: sees everything, changes nothing",
}
SIDE_WORDS = {Side.SALES: "Sales", Side.PURCHASES: "Purchases"}
STATUS_BADGES = {
    Status.DRAFT: Badge("○", "Draft", "grey"),
    Status.AWAITING_APPROVAL: Badge("◔", "Awaiting approval", "amber"),
    Status.APPROVED: Badge("✓", "Approved", "green"),
    Status.VOIDED: Badge("–", "Voided", "grey"),
}
#: What a button says that brings a document there.
STEP_WORDS = {
    Status.AWAITING_APPROVAL: "Submit for approval",
    Status.APPROVED: "Approve",
    Status.DRAFT: "Return to draft",
    Status.VOIDED: "Void",
}
TREATMENT_WORDS = {
    Treatment.EXCLUSIVE: "Tax exclusive",
    Treatment.INCLUSIVE: "Tax inclusive",
    Treatment.NONE: "No tax",
}
WINNER_WORDS = {Winner.PROVIDER: "The accounting system’s value stays", Winner.OURS: "Our value stays"}
STRICTNESS_WORDS = {
    Strictness.OFF: "Never",
    Strictness.EQUAL: "Where e-mail, tax number or bank account is the same, or the name however it is spelled",
    Strictness.ALIKE: "Where names are alike, too",
}
#: Types of accounts as the accounting system writes them, and as its own screens say them.
ACCOUNT_WORDS = {
    "BANK": "Bank",
    "CURRENT": "Current asset",
    "CURRLIAB": "Current liability",
    "DEPRECIATN": "Depreciation",
    "DIRECTCOSTS": "Direct costs",
    "EQUITY": "Equity",
    "EXPENSE": "Expense",
    "FIXED": "Fixed asset",
    "INVENTORY": "Inventory",
    "LIABILITY": "Liability",
    "NONCURRENT": "Non-current asset",
    "OTHERINCOME": "Other income",
    "OVERHEADS": "Overheads",
    "PAYG": "PAYG",
    "PAYGLIABILITY": "PAYG liability",
    "PREPAYMENT": "Prepayment",
    "REVENUE": "Revenue",
    "SALES": "Sales",
    "SUPERANNUATIONEXPENSE": "Superannuation expense",
    "SUPERANNUATIONLIABILITY": "Superannuation liability",
    "TERMLIAB": "Non-current liability",
    "WAGESEXPENSE": "Wages expense",
    "WAGESPAYABLELIABILITY": "Wages payable",
}
DIRECTION_WORDS = {
    Direction.IN: "Comes in one way; changed there",
    Direction.OUT: "Goes out one way; changed here",
    Direction.BOTH: "Both ways; changed on either side",
}
#: What happened to a record, as its history says it.
ACTION_WORDS = {"created": "Created", "changed": "Changed", "deleted": "Deleted", "linked": "Linked"}


def connection_badge(connection: Connection) -> Badge:
    """The badge of a connection."""
    if connection.usable:
        return Badge("✓", "Linked", "green")
    return Badge("◔", ENDINGS.get(connection.lost_reason or Ending.CONSENT_ENDED, LOST), "amber")


def ending_title(connection: Connection) -> str:
    """How a connection has ended, in a sentence: each way in its own."""
    sentence = ENDING_TITLES[connection.lost_reason or Ending.CONSENT_ENDED]
    return sentence.format(organisation=connection.organisation)


def kind_label(kind: str) -> str:
    """What people call one record of a kind."""
    return KINDS[kind].label if kind in KINDS else kind.replace("_", " ")


def kinds_text(kinds: list[str]) -> str:
    """Several kinds in a sentence."""
    return ", ".join(plural(kind_label(kind)) for kind in kinds)


def duration(start: datetime | None, end: datetime | None) -> str:
    """How long something took, roughly as people say it."""
    if start is None:
        return ""
    seconds = max(0, round(((end or now()) - start).total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"


def status_badge(document: Document) -> Badge:
    """The badge of a document's own state."""
    return STATUS_BADGES[document.status]


def their_status(status: str | None) -> str:
    """A document's state there, in people's letters."""
    return status.replace("_", " ").capitalize() if status else "–"


def day(moment: date) -> str:
    """A date: 21 Nov 2026."""
    return f"{moment.day} {moment:%b %Y}"


def relative(moment: datetime) -> str:
    """How long ago, or how soon."""
    gap = now() - moment
    ahead, gap = gap < timedelta(0), abs(gap)
    for size, word in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute")):
        if gap >= size:
            if word == "day" and gap.days > 30:
                return day(moment)
            said = counted(int(gap / size), word)
            return f"in {said}" if ahead else f"{said} ago"
    return "in a moment" if ahead else "just now"


def when(moment: datetime | None, style: str = "relative") -> Markup:
    """A moment for a page: relative, `exact` or `clock`; the script puts it into the person's zone."""
    if moment is None:
        return Markup("–")
    exact = f"{day(moment)}, {moment:%H:%M:%S} UTC"
    shown = {"relative": relative(moment), "clock": f"{moment:%H:%M:%S}"}.get(style, exact)
    return Markup('<time datetime="{}" data-style="{}" title="{}">{}</time>').format(
        moment.isoformat(), style, exact, shown
    )


def amount(number: Decimal) -> str:
    """An amount with two decimals, or with four where it needs them."""
    return f"{number:,.2f}" if number == round(number, 2) else f"{number:,.4f}"


def account_word(kept: str) -> str:
    """The type or class of an account as people say it."""
    return ACCOUNT_WORDS.get(kept, kept.capitalize()) or "–"


def value(content: Any) -> str:
    """A value of a record as people read it."""
    if content is None or content == "":
        return "–"
    if isinstance(content, bool):
        return "Yes" if content else "No"
    if isinstance(content, Decimal):
        return f"{content.normalize():,f}" if content != content.to_integral_value() else f"{content:,.0f}"
    if isinstance(content, Treatment):
        return TREATMENT_WORDS[content]
    if isinstance(content, StrEnum):
        return content.value.replace("_", " ").capitalize()
    if type(content) is date:
        return day(content)
    return str(content)
