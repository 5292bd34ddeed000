"""After the commit: ring when a record is ahead of what its organisation has."""

from __future__ import annotations

from sqlalchemy import event
from sqlalchemy.orm import Session

from backoffice.queue import doorbell


def listen(session: type[Session]) -> None:
    """Put the ring on a class of sessions."""
    event.listen(session, "after_commit", _ring)
    event.listen(session, "after_soft_rollback", _forget)


def _ring(session: Session) -> None:
    for connection_id in session.info.pop("to_ring", ()):
        doorbell.ring("push", connection_id, urgent=True)


def _forget(session: Session, _previous: object) -> None:
    session.info.pop("to_ring", None)
    session.info.pop("flushed", None)
