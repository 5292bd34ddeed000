"""Consents as they are kept: what a person gave, which connections hang on it, and how it ends."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from backoffice.clock import now
from backoffice.errors import Ending, LostKeyError
from backoffice.models import Authorisation, Connection, ConnectionState, Grant
from backoffice.providers.grants import TokenSet
from backoffice.sync.provider import Organisation

WITHDRAWN = "The company was unlinked. Link it again to go on."


def columns(tokens: TokenSet, previous: str | None) -> dict[str, object]:
    """A token set as columns; `previous` is the refresh token that it was given for."""
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "previous_refresh_token": previous,
        "expires_at": tokens.expires_at,
        "refreshed_at": now(),
        "scopes": tokens.scopes,
    }


class Consents:
    """The authorisations of one provider and the connections on them. Every method is one short transaction."""

    def __init__(self, provider: str, sessions: sessionmaker[Session]) -> None:
        self._provider = provider
        self._sessions = sessions

    def store(self, client_id: str, subject: str, grant: Grant, tokens: TokenSet) -> int:
        """Keep what a consent gave; the same person consenting again replaces what was there. Returns the row's id."""
        who = {"provider": self._provider, "client_id": client_id, "subject": subject}
        values = {**columns(tokens, None), "grant": grant, "ended": None, "lease_until": None}
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

    def revive(self, authorisation_id: int, covered: Sequence[Organisation]) -> None:
        """The person's other connections work again too, as far as the new consent reaches them."""
        with self._sessions.begin() as session:
            for organisation in covered:
                statement = update(Connection).where(
                    Connection.authorisation_id == authorisation_id,
                    Connection.external_id == organisation.external_id,
                    Connection.active,
                )
                connected = {"state": ConnectionState.CONNECTED, "problem": None, "lost_reason": None}
                session.execute(statement.values(**connected, consent_id=organisation.consent_id))

    def resting(self, since: datetime) -> list[int]:
        """Authorisations with an active connection that were last renewed before `since`."""
        query = select(Authorisation.id).where(
            Authorisation.id.in_(select(Connection.authorisation_id).where(Connection.active)),
            Authorisation.provider == self._provider,
            Authorisation.ended.is_(None),
            Authorisation.grant == Grant.AUTHORISATION_CODE,
            Authorisation.refreshed_at < since,
        )
        with self._sessions() as session:
            return list(session.scalars(query.order_by(Authorisation.id)))

    def shared(self, authorisation_id: int, connection_id: int) -> bool:
        """Whether another active connection hangs on the same consent."""
        others = select(Connection.id).where(
            Connection.authorisation_id == authorisation_id, Connection.active, Connection.id != connection_id
        )
        with self._sessions() as session:
            return session.scalar(others.limit(1)) is not None

    def withdraw(self, authorisation_id: int) -> str | None:
        """Use it no more. Returns the refresh token that is to be given back, if it can be read."""
        statement = update(Authorisation).where(Authorisation.id == authorisation_id)
        values = {"ended": WITHDRAWN, "fence": Authorisation.fence + 1, "lease_until": None}
        with self._sessions.begin() as session:
            session.execute(statement.values(**values))
        with self._sessions() as session, suppress(LostKeyError):
            return session.scalar(select(Authorisation.refresh_token).where(Authorisation.id == authorisation_id))
        return None

    def ended(self, authorisation_id: int, problem: str, reason: Ending = Ending.CONSENT_ENDED) -> None:
        """No connection of a consent can be reached any more, and why."""
        self._mark(Connection.authorisation_id == authorisation_id, problem, reason)

    def lost(self, connection_id: int, problem: str, reason: Ending) -> None:
        """One connection of a consent can no longer be reached, and why."""
        self._mark(Connection.id == connection_id, problem, reason)

    def _mark(self, which: ColumnElement[bool], problem: str, reason: Ending) -> None:
        state = ConnectionState.NEEDS_RECONNECTING
        statement = update(Connection).where(which, Connection.active, Connection.state != ConnectionState.UNLINKED)
        with self._sessions.begin() as session:
            session.execute(statement.values(state=state, problem=problem, lost_reason=reason))
