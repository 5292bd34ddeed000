"""Bringing back one value: an ordinary edit, which asks first where somebody has changed it again since."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from backoffice.errors import ReadOnlyRecordError
from backoffice.models import Alert, Document, History, Record
from backoffice.models.approval import StepError
from backoffice.models.rules import mark_party
from backoffice.models.totals import TooLargeError
from backoffice.past.change import Change
from backoffice.past.doors import Doors

TAKEN = "Something like this is here already, and there can be only one."
OVERTAKEN = "Somebody changed it at the same moment. Look at it again."


@dataclass(frozen=True)
class Offer:
    """What bringing a value back would do, as things stand."""

    record: Record | None
    change: Change
    why_not: str
    now: str | None
    #: What the person has to know of first.
    alerts: list[Alert]

    @property
    def already(self) -> bool:
        """Whether that is what stands there."""
        return self.record is not None and self.change.undone(self.record)

    @property
    def overtaken(self) -> bool:
        """Whether it was changed again since."""
        return self.record is not None and not self.change.stands(self.record)

    @property
    def seen(self) -> str:
        """A mark of what stands there now, for a page to send back."""
        return sha256(repr(self.now).encode()).hexdigest()[:16]


def offer(doors: Doors, record: Record | None, row: History) -> Offer:
    """What a line of the history could bring back."""
    change = Change.of(row)
    now = change.now(record) if record is not None else None
    why_not = doors.why_not(record, change)
    alerts = doors.alerts(record) if record is not None and not why_not else []
    return Offer(record, change, why_not, now, alerts)


def bring_back(doors: Doors, found: Offer) -> str:
    """Do what was offered; says why it could not be done. Commits."""
    assert found.record is not None
    doors.write(found.record, found.change)
    return save(doors, found.record)


def save(doors: Doors, record: Record) -> str:
    """Commit an edit with what follows from it; or undo everything and say why not."""
    problem = try_out(doors, record)
    if not problem:
        doors.session.commit()
    return problem


def try_out(doors: Doors, record: Record) -> str:
    """Write an edit with what follows from it, and commit nothing; or undo everything and say why not."""
    try:
        doors.session.flush()
        _follow(doors, record)
    except ReadOnlyRecordError:
        said = f"It comes from {doors.provider} and is changed there."
    except (StepError, TooLargeError) as error:
        said = error.message
    except IntegrityError:
        said = TAKEN
    except StaleDataError:
        said = OVERTAKEN
    else:
        return ""
    doors.session.rollback()
    return said


def _follow(doors: Doors, record: Record) -> None:
    """The party of a document is one of its side from now on."""
    if isinstance(record, Document):
        mark_party(record, record.side)
        doors.session.flush()
