"""Tokens as they are kept: handed out, refreshed by one process at a time, saved before use, and ended with the reason.

The lease is a column of the row; the request is made outside any transaction, and only who still holds the lease may
save. A token set whose answer was lost is not lost: the old refresh token works for half an hour more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from typing import Any, TypeVar

import structlog
from sqlalchemy import Row, Select, select, update
from sqlalchemy.orm import Session, sessionmaker

from backoffice.clock import now
from backoffice.database import read_only
from backoffice.errors import BackofficeError, ConnectionLostError, DependencyError, Ending, LostKeyError
from backoffice.models import Authorisation, Grant
from backoffice.providers.consents import Consents, columns
from backoffice.providers.grants import GrantEndedError, TokenSet
from backoffice.providers.oauth import Identity

log = structlog.get_logger()

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
UNREADABLE = (
    "The permission to reach the organisation is kept encrypted, and the key to it is missing from ENCRYPTION_KEYS. "
    "Link the company again; or whoever runs this deployment puts the key back, and you press Test connection. "
    "Nothing is lost meanwhile."
)

T = TypeVar("T")


class TokenRefusedError(ConnectionLostError):
    """The accounting system does not take the token, although it should still be good; link the company again."""


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
        self, sessions: sessionmaker[Session], consents: Consents, identity: Identity, lease_seconds: float
    ) -> None:
        self._sessions = sessions
        self._consents = consents
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

    def using(self, authorisation_id: int, call: Callable[[str], T]) -> T:
        """Call with a token; once more with a fresh one if the provider refuses the first.

        Raises: as `access_token`, and what the call raises.
        """
        token = self.access_token(authorisation_id)
        try:
            return call(token)
        except TokenRefusedError:
            return call(self.access_token(authorisation_id, refused=token))

    def refresh(self, authorisation_id: int) -> bool:
        """Renew the tokens although they are still good. False when another process is doing so.

        Raises: as `access_token`.
        """
        held = self._claim(authorisation_id)
        return held is not None and self._renewed(held, held.access_token) is not None

    def _read(self, authorisation_id: int) -> Kept:
        query = select(*COLUMNS).where(Authorisation.id == authorisation_id)
        with self._legible(authorisation_id):
            row = copy_context().run(self._one, query)
        if row is None:
            raise ConnectionLostError
        return Kept(**row._mapping)

    def _one(self, query: Select[Any]) -> Row[Any] | None:
        read_only(True)  # looking again and again takes no write lock; in a context of its own, so it ends here
        with self._sessions() as session:
            return session.execute(query).one_or_none()

    @contextmanager
    def _legible(self, authorisation_id: int) -> Iterator[None]:
        """Let the connections of a consent whose tokens no key opens say so. Raises: ConnectionLostError."""
        try:
            yield
        except LostKeyError as error:
            self._consents.ended(authorisation_id, UNREADABLE, Ending.KEY_LOST)
            raise ConnectionLostError(UNREADABLE, Ending.KEY_LOST) from error

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
        with self._legible(authorisation_id), self._sessions.begin() as session:
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
        saved = self._write(held, lease_until=None, **columns(tokens, used))
        log.info("tokens renewed", authorisation=held.id, saved=saved)
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
            self._consents.ended(held.id, ENDED)
