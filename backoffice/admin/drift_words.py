"""How the pages speak of drift: what a difference most likely came from, and what each button does about it."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Date, Enum

from backoffice.admin import words
from backoffice.database import Exact
from backoffice.models import KINDS, Cause, Document, Drift, Settled
from backoffice.sync.reconciliation.settling import Way

#: The cause as a title, and in a sentence.
CAUSES = {
    Cause.DELETED_THERE: ("Deleted in {there}", "Somebody deleted it in {there}, and it is still in use here."),
    Cause.ARCHIVED_THERE: (
        "Archived in {there}",
        "Somebody archived it in {there}. To have it back, restore it there: no program may.",
    ),
    Cause.VOIDED_THERE: ("Voided in {there}", "Somebody voided it in {there}; here it still stands."),
    Cause.MERGED_THERE: (
        "Merged in {there}",
        "Somebody merged it into another contact in {there}, where its documents are the other’s now.",
    ),
    Cause.ALIVE_THERE: ("Archived or voided here, in use in {there}", "It was taken out of use on this side only."),
    Cause.EDITED_SILENTLY: (
        "Edited in {there} without a time",
        "{there} says that nothing changed since, so no Update reads it again.",
    ),
    Cause.EDITED_THERE: ("Edited in {there}", "Somebody changed it in {there} since the last Update."),
    Cause.RENAMED_THERE: ("Renamed in {there}", "Somebody gave it another name in {there}."),
    Cause.MARKS_MOVED: (
        "What {there} decides has moved",
        "Marks, money due and status follow {there}, which sets no time of change for them.",
    ),
    Cause.MADE_THERE: ("Made in {there}", "Somebody made it in {there}, and it has not come in yet."),
    Cause.CHANGED_HERE: (
        "Changed here past the engine",
        "It is in {there} as both sides agreed; here a value was changed without an edit, for instance by a script.",
    ),
}
TAKE = {
    Cause.ARCHIVED_THERE: "Archive it here",
    Cause.VOIDED_THERE: "Void it here",
    Cause.MERGED_THERE: "Follow the merge",
    Cause.MADE_THERE: "Bring it in",
    Cause.ALIVE_THERE: "Restore it here",
}
LABELS = {Way.SEND: "Send ours", Way.CREATE: "Create it there again", Way.UNLINK: "Unlink", Way.LEAVE: "Leave it"}
#: What the button does, where a person should think twice.
ASKS = {
    Way.CREATE: "Create {what} in {there} anew? What is there of it under its old number stays as it is.",
    Way.UNLINK: "Unlink {what}? Nothing of it travels either way until somebody resumes it.",
}
DONE = {
    Way.TAKE: "{n} being settled: what is in {there} is read again and holds here.",
    Way.SEND: "{n} settled: ours goes to {there}.",
    Way.CREATE: "{n} settled: created in {there} again.",
    Way.UNLINK: "{n} settled: unlinked.",
    Way.LEAVE: "{n} left as it is, until it changes again.",
}
SETTLED = {
    Settled.THEIRS: "Theirs was taken",
    Settled.OURS: "Ours was sent",
    Settled.CREATED_AGAIN: "Created there again",
    Settled.UNLINKED: "Unlinked",
    Settled.BY_ITSELF: "Equal again by itself",
}
#: Why rows were not compared.
EXPLAINED = {
    "waiting": "waiting to be sent",
    "paused": "paused",
    "unconfirmed": "sent without an answer",
    "changed": "changed there, with a question of its own",
    "unlinked": "unlinked by hand",
    "match": "to be matched",
    "not wanted": "outside what the settings bring in",
    "unreadable": "that could not be read",
}


def title(cause: Cause, there: str) -> str:
    """A cause as a title."""
    return CAUSES[cause][0].format(there=there)


def why(cause: Cause, there: str) -> str:
    """A cause in a sentence."""
    said = CAUSES[cause][1].format(there=there)
    return said[:1].upper() + said[1:]


def label(row: Drift, way: Way) -> str:
    """What the button says."""
    if way is not Way.TAKE:
        return LABELS[way]
    if row.cause is Cause.DELETED_THERE:
        paper = issubclass(KINDS[row.kind], Document) or row.kind == "payment"
        return "Void it here" if paper else "Archive it here"
    return TAKE.get(row.cause, "Take theirs")


def asks(way: Way, what: str, there: str) -> str:
    """What the button asks first; nothing where it just does it."""
    return ASKS[way].format(what=what, there=there) if way in ASKS else ""


def explained(counts: dict[str, int]) -> str:
    """Why rows of a list were not compared, in a line."""
    return ", ".join(f"{n:,} {EXPLAINED.get(key, key)}" for key, n in sorted(counts.items()))


def cell(kind: str, column: str, kept: Any) -> str:
    """A value of a difference as people read it."""
    return words.value(typed(kind, column, kept))


def typed(kind: str, column: str, kept: Any) -> Any:
    """A value as its column has it, where it can be."""
    found = KINDS[kind].table().c.get(column) if isinstance(kept, str) else None
    with suppress(ValueError, ArithmeticError):
        if found is not None and isinstance(found.type, Date):
            return date.fromisoformat(kept)
        if found is not None and isinstance(found.type, Exact):
            return Decimal(kept)
        if found is not None and isinstance(found.type, Enum) and found.type.enum_class is not None:
            return found.type.enum_class(kept)
    return kept
