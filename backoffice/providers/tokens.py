"""Tokens as they are kept: handed out, refreshed by one process at a time, saved before use, and ended with the reason.

The lease is a column of the row; the request is made outside any transaction, and only who still holds the lease may
save. A token set whose answer was lost is not lost: the old refresh token works for half an hour more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from backoffice.clock import now
from backoffice.errors import ConnectionLostError, DependencyError, LeaseLostError
from backoffice.models import Authorisation, Connection, ConnectionState, Grant
from backoffice.providers.oauth import GrantEndedError, Identity, TokenSet

#: A token is replaced this long before it ends.
MARGIN = timedelta(minutes=2)
#: And is still handed out this long before, while another process replaces it.
LAST_USE = timedelta(seconds=20)
#: How long the refresh token before the last one still works.
GRACE = timedelta(minutes=30)
#: How long to look whether the other process has finished: times, and seconds between.
LOOKS, PAUSE = 140, 0.07
ENDED = (
    "The permission to reach the organisation has ended: it was withdrawn, or not used for too long. "
    "Link the company again; nothing is lost meanwhile."
)


@dataclass(frozen=True)
class Kept:
    """The tokens of an authorisation as they stood at one moment."""

    id: int
    grant: Grant
    access_token: str
    refresh_token: str | None
    previous_refresh_token: str | None
    expires_at: datetime
    refreshed_at: datetime
    ended: str | None
    fence: int

    def good(self, refused: str | None, margin: timedelta) -> bool:
        return self.access_token != refused and self.expires_at > now() + margin


COLUMNS = tuple(getattr(Authorisation, name) for name in Kept.__dataclass_fields__)


class Tokens:
    """The stored tokens of one provider. May be used from several threads and processes."""

    def __init__(self, sessions: sessionmaker[Session], identity: Identity, lease_seconds: float) -> None:
        self._sessions = sessions
        self._identity = identity
        self._lease = timedelta(seconds=lease_seconds)

    def access_token(self, authorisation_id: int, refused: str | None = None) -> str:
        """A token that is good now; `refused` is one that the provider has turned down.

        Raises: ConnectionLostError when the consent has ended, ConfigurationError, TransientError, and DependencyError
        when another process is at it for too long.
        """
        for _ in range(LOOKS):
            kept = self._read(authorisation_id)
            if kept.ended:
                raise ConnectionLostError(kept.ended)
            if kept.good(refused, MARGIN):
                return kept.access_token
            if held := self._claim(authorisation_id):
                return self._renewed(held, refused)
            if kept.good(refused, LAST_USE):
                return kept.access_token
            Event().wait(PAUSE)
        raise DependencyError("Another process is renewing the permission.", retry_after=5)

    def refresh(self, authorisation_id: int) -> bool:
        """Renew the tokens although they are still good. False when another process is doing so.

        Raises: as `access_token`.
        """
        held = self._claim(authorisation_id)
        if held is None or held.ended:
            return False
        self._renewed(held, held.access_token)
        return True

    def resting(self, since: datetime) -> list[int]:
        """Authorisations with an active connection that were last renewed before `since`."""
        with self._sessions() as session:
            used = select(Connection.authorisation_id).where(Connection.active)
            query = select(Authorisation.id).where(
                Authorisation.id.in_(used),
                Authorisation.ended.is_(None),
                Authorisation.grant == Grant.AUTHORISATION_CODE,
                Authorisation.refreshed_at < since,
            )
            return list(session.scalars(query.order_by(Authorisation.id)))

    def store(self, provider: str, client_id: str, subject: str, grant: Grant, tokens: TokenSet) -> int:
        """Keep what a consent gave; the same person consenting again replaces what was there. Returns the row's id."""
        who = {"provider": provider, "client_id": client_id, "subject": subject}
        values = {**_columns(tokens, None), "grant": grant, "ended": None, "lease_until": None}
        try:
            return self._overwrite(who, values) or self._insert({**who, **values})
        except IntegrityError:  # the same person twice at once
            found = self._overwrite(who, values)
            assert found is not None
            return found

    def _overwrite(self, who: dict[str, str], values: dict[str, object]) -> int | None:
        # The fence moves, so that a renewal under way does not put the old tokens back.
        statement = update(Authorisation).filter_by(**who).values(fence=Authorisation.fence + 1, **values)
        with self._sessions.begin() as session:
            return session.scalar(statement.returning(Authorisation.id))

    def _insert(self, values: dict[str, object]) -> int:
        with self._sessions.begin() as session:
            row = Authorisation(**values)
            session.add(row)
            session.flush()
            return row.id

    def _read(self, authorisation_id: int) -> Kept:
        with self._sessions() as session:
            row = session.execute(select(*COLUMNS).where(Authorisation.id == authorisation_id)).one_or_none()
        if row is None:
            raise ConnectionLostError
        return Kept(*row)

    def _claim(self, authorisation_id: int) -> Kept | None:
        """The row as it is, with the lease on it; None when another process has that."""
        statement = (
            update(Authorisation)
            .where(
                Authorisation.id == authorisation_id,
                Authorisation.lease_until.is_(None) | (Authorisation.lease_until < now()),
            )
            .values(fence=Authorisation.fence + 1, lease_until=now() + self._lease)
            .returning(*COLUMNS)
        )
        with self._sessions.begin() as session:
            row = session.execute(statement).one_or_none()
        return None if row is None else Kept(*row)

    def _renewed(self, held: Kept, refused: str | None) -> str:
        """Renew under the lease, unless somebody else did just before; give the lease back whatever happens."""
        if held.good(refused, MARGIN):
            self._write(held, lease_until=None)
            return held.access_token
        with self._released(held):
            tokens = self._fetch(held)
            saved = self._write(held, lease_until=None, **_columns(tokens, held.refresh_token))
        if not saved:
            raise LeaseLostError
        return tokens.access_token
