"""How the pages say things: badges, jobs, amounts, times. The same word for the same thing everywhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from markupsafe import Markup

from backoffice.clock import now
from backoffice.models import (
    KINDS,
    Connection,
    Direction,
    Document,
    JobState,
    LinkState,
    Role,
    Side,
    StartedBy,
    Status,
    SyncJob,
    Treatment,
    Waiting,
    Winner,
    Work,
)


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

JOB_BADGES = {
    JobState.PENDING: Badge("○", "Pending", "grey"),
    JobState.RUNNING: Badge("●", "Running", "blue"),
    JobState.COMPLETED: Badge("✓", "Completed", "green"),
    JobState.FAILED: Badge("✕", "Failed", "red"),
    JobState.CANCELLED: Badge("–", "Cancelled", "grey"),
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
    Status.DRAFT: "Back to draft",
    Status.VOIDED: "Void",
}
#: The states that documents have there, as they are written there.
THEIR_STATUSES = ("DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "BILLED", "VOIDED", "DELETED")
TREATMENT_WORDS = {
    Treatment.EXCLUSIVE: "Tax exclusive",
    Treatment.INCLUSIVE: "Tax inclusive",
    Treatment.NONE: "No tax",
}
WINNER_WORDS = {Winner.PROVIDER: "The accounting system’s value stays", Winner.OURS: "Our value stays"}
DIRECTION_WORDS = {
    Direction.IN: "Comes in one way; changed there",
    Direction.OUT: "Goes out one way; changed here",
    Direction.BOTH: "Both ways; changed on either side",
}
#: Who or what asked for a job, where it was no person we can name.
STARTED_WORDS = {
    StartedBy.PERSON: "a person",
    StartedBy.SAVE: "by itself, on save",
    StartedBy.SCHEDULE: "by itself, on schedule",
    StartedBy.COMMAND: "from the command line",
}
#: What happened to a record, as its history says it.
ACTION_WORDS = {"created": "Created", "changed": "Changed", "deleted": "Deleted", "linked": "Linked"}


def connection_badge(connection: Connection) -> Badge:
    """The badge of a connection."""
    return Badge("✓", "Connected", "green") if connection.usable else Badge("◔", "Needs reconnecting", "amber")


def job_badge(job: SyncJob) -> Badge:
    """The badge of a job; one with refusals is completed all the same, and says so."""
    if job.state is JobState.COMPLETED and job.refused:
        return Badge("✓", f"Completed with {job.refused:,} refused", "amber")
    if job.state is JobState.PENDING and job.waiting_kind:
        return Badge("◔", "Waiting", "amber")
    return JOB_BADGES[job.state]


def plural(word: str) -> str:
    """More than one of it."""
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def counted(count: int, word: str) -> str:
    """`1 record`, `2,000 records`."""
    return f"{count:,} {word if count == 1 else plural(word)}"


def kind_label(kind: str) -> str:
    """What people call one record of a kind."""
    return KINDS[kind].label if kind in KINDS else kind.replace("_", " ")


def kinds_text(kinds: list[str]) -> str:
    """Several kinds in a sentence."""
    return ", ".join(plural(kind_label(kind)) for kind in kinds)


def summary(job: SyncJob) -> str:
    """What a job that has ended did, or why it failed, in a line."""
    if job.state is JobState.FAILED and job.reason:
        return job.reason
    parts = [
        (job.created, "new"),
        (job.updated, "updated"),
        (job.archived, "archived"),
        (job.sent, "sent"),
        (job.refused, "refused"),
    ]
    said = ", ".join(f"{count:,} {word}" for count, word in parts if count)
    if said or job.state is not JobState.COMPLETED:
        return said
    return "Nothing needed to be sent" if job.work is Work.PUSH else "No objects need to be updated"


def waiting_text(job: SyncJob, provider: str) -> str:
    """What a job that is put back waits for."""
    said = job.waiting_for or ""
    if job.waiting_kind is Waiting.LIMIT:
        return f"Waiting for {provider}’s {said.removeprefix('the ')}"
    return f"Waiting for {said}" if job.waiting_kind is Waiting.JOB else said


def asked_by(job: SyncJob) -> str:
    """Who or what asked for a job."""
    return job.user.name if job.user else STARTED_WORDS[job.started_by]


def waits(job: SyncJob) -> str:
    """What a job that nobody has taken up yet waits for."""
    if job.state is not JobState.PENDING:
        return ""
    return "Waits for its time" if job.due_at > now() else "Waits for a worker"


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
