"""Tokens as they are kept: handed out, refreshed by one process at a time, saved before use, and ended with the reason.

The lease is a column of the row; the request is made outside any transaction, and only who still holds the lease may
save. A token set whose answer was lost is not lost: the old refresh token works for half an hour more.
"""

from __future__ import annotations

from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Row, Select, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from backoffice.clock import now
from backoffice.database import read_only
from backoffice.errors import BackofficeError, ConnectionLostError, DependencyError
from backoffice.models import Authorisation, Connection, ConnectionState, Grant
from backoffice.providers.grants import GrantEndedError, TokenSet
from backoffice.providers.oauth import Identity

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

WITHDRAWN = "The company was unlinked. Link it again to go on."

log = structlog.get_logger()


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

    def __init__(
        self, provider: str, sessions: sessionmaker[Session], identity: Identity, lease_seconds: float
    ) -> None:
        self._provider = provider
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
                if token := self._renewed(held, refused):
                    return token
                continue
            if kept.good(refused, LAST_USE):
                return kept.access_token
            Event().wait(PAUSE)
        raise DependencyError("Another process is renewing the permission.", retry_after=5)

    def refresh(self, authorisation_id: int) -> bool:
        """Renew the tokens although they are still good. False when another process is doing so.

        Raises: as `access_token`.
        """
        held = self._claim(authorisation_id)
        return held is not None and self._renewed(held, held.access_token) is not None

    def resting(self, since: datetime) -> list[int]:
        """Authorisations of the provider with an active connection that were last renewed before `since`."""
        with self._sessions() as session:
            used = select(Connection.authorisation_id).where(Connection.active)
            query = select(Authorisation.id).where(
                Authorisation.id.in_(used),
                Authorisation.provider == self._provider,
                Authorisation.ended.is_(None),
                Authorisation.grant == Grant.AUTHORISATION_CODE,
                Authorisation.refreshed_at < since,
            )
            return list(session.scalars(query.order_by(Authorisation.id)))

    def shared(self, authorisation_id: int, connection_id: int) -> bool:
        """Whether another active connection hangs on the same consent."""
        others = select(Connection.id).where(
            Connection.authorisation_id == authorisation_id, Connection.active, Connection.id != connection_id
        )
        with self._sessions() as session:
            return session.scalar(others.limit(1)) is not None

    def withdraw(self, authorisation_id: int) -> None:
        """Give the consent back and use it no more. That Xero did not hear of it is no harm: it dies unused."""
        kept = self._read(authorisation_id)
        if kept.refresh_token:
            try:
                self._identity.revoke(kept.refresh_token)
            except BackofficeError as error:
                log.warning("a consent could not be withdrawn", authorisation=authorisation_id, error=error.message)
        with self._sessions.begin() as session:
            session.execute(
                update(Authorisation)
                .where(Authorisation.id == authorisation_id)
                .values(ended=WITHDRAWN, fence=Authorisation.fence + 1, lease_until=None)
            )

    def store(self, client_id: str, subject: str, grant: Grant, tokens: TokenSet) -> int:
        """Keep what a consent gave; the same person consenting again replaces what was there. Returns the row's id."""
        who = {"provider": self._provider, "client_id": client_id, "subject": subject}
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
        query = select(*COLUMNS).where(Authorisation.id == authorisation_id)
        row = copy_context().run(self._one, query)
        if row is None:
            raise ConnectionLostError
        return Kept(**row._mapping)

    def _one(self, query: Select[Any]) -> Row[Any] | None:
        read_only(True)  # looking again and again takes no write lock; in a context of its own, so it ends here
        with self._sessions() as session:
            return session.execute(query).one_or_none()

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
        return None if row is None else Kept(**row._mapping)

    def _renewed(self, held: Kept, refused: str | None) -> str | None:
        """Renew under the lease, unless somebody else did just before. None when the row has moved on meanwhile."""
        if held.ended or held.good(refused, MARGIN):
            self._write(held, lease_until=None)
            return None if held.ended else held.access_token
        try:
            tokens, used = self._fetch(held)
        except GrantEndedError as error:
            self._end(held)
            raise ConnectionLostError(ENDED) from error
        except BackofficeError:
            self._write(held, lease_until=None)
            raise
        saved = self._write(held, lease_until=None, **_columns(tokens, used))
        return tokens.access_token if saved else None

    def _fetch(self, held: Kept) -> tuple[TokenSet, str | None]:
        """New tokens, and the refresh token that they were given for."""
        if held.grant is Grant.CLIENT_CREDENTIALS:
            return self._identity.client_credentials(), None
        if not held.refresh_token:
            raise GrantEndedError
        try:
            return self._identity.refresh(held.refresh_token), held.refresh_token
        except GrantEndedError:
            if not held.previous_refresh_token or held.refreshed_at < now() - GRACE:
                raise
        self._write(held, lease_until=now() + self._lease)
        return self._identity.refresh(held.previous_refresh_token), held.previous_refresh_token

    def _write(self, held: Kept, **values: object) -> bool:
        """Whether the lease was still ours to write under."""
        statement = update(Authorisation).where(Authorisation.id == held.id, Authorisation.fence == held.fence)
        with self._sessions.begin() as session:
            return session.scalar(statement.values(**values).returning(Authorisation.id)) is not None

    def _end(self, held: Kept) -> None:
        if self._write(held, ended=ENDED, lease_until=None):
            self._mark(Connection.authorisation_id == held.id, ENDED)

    def lost(self, connection_id: int, problem: str) -> None:
        """One connection of a consent can no longer be reached, and why."""
        self._mark(Connection.id == connection_id, problem)

    def _mark(self, which: ColumnElement[bool], problem: str) -> None:
        state = ConnectionState.NEEDS_RECONNECTING
        statement = update(Connection).where(which, Connection.active, Connection.state != ConnectionState.UNLINKED)
        with self._sessions.begin() as session:
            session.execute(statement.values(state=state, problem=problem))


def _columns(tokens: TokenSet, previous: str | None) -> dict[str, object]:
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "previous_refresh_token": previous,
        "expires_at": tokens.expires_at,
        "refreshed_at": now(),
        "scopes": tokens.scopes,
    }
