"""Tokens: renewed in time, by one at a time, never lost; and what ends them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Event

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from redis import Redis
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker, undefer

from backoffice import clock
from backoffice.config import Settings
from backoffice.database import keyring
from backoffice.errors import (
    ConfigurationError,
    ConnectionLostError,
    DependencyError,
    Ending,
    RateLimitedError,
    TransientError,
)
from backoffice.models import Authorisation, Connection, ConnectionState
from backoffice.providers import tokens
from backoffice.providers.xero.provider import Xero
from backoffice.sandbox.xero.faults import Fault
from backoffice.sandbox.xero.server import Sandbox
from tests.providers.conftest import KEY, again, connect, consent, sessions_for, settings_for

HALF_AN_HOUR = 1800.0
Advance = Callable[[float], None]


def kept(sessions: sessionmaker[Session], connection: Connection) -> Authorisation:
    with sessions() as session:
        return session.get_one(Authorisation, connection.authorisation_id, options=[undefer("*")])


def spoil(sessions: sessionmaker[Session], connection: Connection, **values: object) -> None:
    """Put something else into the stored tokens."""
    with sessions.begin() as session:
        statement = update(Authorisation).where(Authorisation.id == connection.authorisation_id)
        session.execute(statement.values(**values))


def refreshes(sandbox: Sandbox) -> int:
    return sandbox.world.stats.token_calls["refresh_token"]


def test_a_good_token_is_used_as_it_is(xero: Xero, connection: Connection, sandbox: Sandbox) -> None:
    for _ in range(3):
        assert xero.test(connection).ok
    assert refreshes(sandbox) == 0


def test_renewed_before_it_ends(
    xero: Xero, connection: Connection, sessions: sessionmaker[Session], sandbox: Sandbox, advance: Advance
) -> None:
    before = kept(sessions, connection)
    advance(HALF_AN_HOUR - 60)
    assert xero.test(connection).ok
    after = kept(sessions, connection)
    assert refreshes(sandbox) == 1
    assert sandbox.world.stats.statuses[401] == 0
    assert after.refresh_token != before.refresh_token
    assert after.previous_refresh_token == before.refresh_token
    assert after.lease_until is None


def test_expired_over_there_before_its_time(
    xero: Xero, connection: Connection, sessions: sessionmaker[Session], sandbox: Sandbox
) -> None:
    sandbox.world.clock.advance(HALF_AN_HOUR + 1)
    client = xero.client(connection, urgent=True)
    assert len(client.page("Contacts", 1).rows) == 12
    assert (client.calls, refreshes(sandbox)) == (2, 1)


def in_process(database_url: str, redis_url: str, url: str, connection: Connection, ahead: float) -> bool:
    clock.use(lambda: clock._system() + timedelta(seconds=ahead))
    sessions = sessions_for(database_url)
    with Redis.from_url(redis_url) as redis:
        xero = Xero(settings_for(database_url, redis_url, url), redis, sessions)
        while True:
            try:
                return len(xero.client(connection, urgent=True).page("Contacts", 1).rows) == 12
            except RateLimitedError:  # eight of them, and five may call at a time
                Event().wait(0.02)


def test_eight_workers_meet_an_expired_token_together(
    connection: Connection, settings: Settings, sandbox: Sandbox
) -> None:
    ahead = HALF_AN_HOUR + 60
    sandbox.world.clock.advance(ahead)
    call = (settings.database_url, settings.redis_url, sandbox.url, connection, ahead)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        halves = [pool.apply_async(four_threads, call) for _ in range(2)]
        assert all(all(half.get(60)) for half in halves)
    assert refreshes(sandbox) == 1
    assert sandbox.world.stats.statuses[400] == 0


def four_threads(*call: object) -> list[bool]:
    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(lambda _: in_process(*call), range(4)))  # type: ignore[arg-type]


def test_eight_threads_whose_token_was_refused(xero: Xero, connection: Connection, sandbox: Sandbox) -> None:
    sandbox.world.clock.advance(HALF_AN_HOUR + 1)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: xero.test(connection).ok, range(8)))
    assert (found, refreshes(sandbox)) == ([True] * 8, 1)


def test_one_renewal_serves_every_company_of_the_person(
    xero: Xero, sessions: sessionmaker[Session], sandbox: Sandbox, advance: Advance
) -> None:
    first = connect(sessions, consent(xero, organisation=1), "First")
    second = connect(sessions, consent(xero, organisation=2), "Second")
    advance(HALF_AN_HOUR)
    assert xero.test(first).ok
    assert xero.test(second).ok
    assert refreshes(sandbox) == 1


@pytest.mark.parametrize("kind", ["cut-after", "truncated", "empty-body", "html"])
def test_a_renewal_whose_answer_was_lost(
    xero: Xero, connection: Connection, sandbox: Sandbox, advance: Advance, kind: str
) -> None:
    advance(HALF_AN_HOUR)
    sandbox.world.faults.add(Fault(kind, path="/connect/token"))
    client = xero.client(connection, urgent=True)
    with pytest.raises(TransientError):
        client.page("Contacts", 1)
    assert len(client.page("Contacts", 1).rows) == 12
    assert refreshes(sandbox) == 2


@pytest.mark.parametrize("kind", ["500", "503", "minute", "cut-before"])
def test_trouble_at_the_identity_server_ends_nothing(
    xero: Xero,
    connection: Connection,
    sessions: sessionmaker[Session],
    sandbox: Sandbox,
    advance: Advance,
    kind: str,
) -> None:
    before = kept(sessions, connection)
    advance(HALF_AN_HOUR)
    sandbox.world.faults.add(Fault(kind, path="/connect/token"))
    with pytest.raises(TransientError):
        xero.client(connection, urgent=True).whole("Items")
    after = kept(sessions, connection)
    assert (after.refresh_token, after.lease_until, after.ended) == (before.refresh_token, None, None)
    assert again(sessions, connection).state is ConnectionState.CONNECTED
    assert xero.test(connection).ok


def test_tokens_that_could_not_be_saved_are_not_lost(
    xero: Xero, connection: Connection, sessions: sessionmaker[Session], advance: Advance
) -> None:
    before = kept(sessions, connection)
    advance(HALF_AN_HOUR)
    assert xero.test(connection).ok
    # As if the process had died between the answer and the commit.
    spoil(sessions, connection, refresh_token=before.refresh_token, expires_at=before.expires_at)
    assert xero.test(connection).ok


def test_the_token_before_the_last_one_helps_out(
    xero: Xero, connection: Connection, sessions: sessionmaker[Session], sandbox: Sandbox, advance: Advance
) -> None:
    before = kept(sessions, connection)
    spoil(sessions, connection, refresh_token="never given", previous_refresh_token=before.refresh_token)
    advance(HALF_AN_HOUR - 60)
    assert xero.test(connection).ok
    assert refreshes(sandbox) == 2
    assert kept(sessions, connection).previous_refresh_token == before.refresh_token


def test_not_when_it_is_too_old(
    xero: Xero, connection: Connection, sessions: sessionmaker[Session], sandbox: Sandbox, advance: Advance
) -> None:
    before = kept(sessions, connection)
    spoil(sessions, connection, refresh_token="never given", previous_refresh_token=before.refresh_token)
    advance(HALF_AN_HOUR + 60)
    assert not xero.test(connection).ok
    assert refreshes(sandbox) == 1


def test_a_withdrawn_consent_ends_every_connection_of_it(
    xero: Xero, sessions: sessionmaker[Session], sandbox: Sandbox, advance: Advance
) -> None:
    first = connect(sessions, consent(xero, organisation=1), "First")
    second = connect(sessions, consent(xero, organisation=2), "Second")
    with sandbox.world.store.transaction():
        sandbox.world.store.change("DELETE FROM refresh_token", ())
    advance(HALF_AN_HOUR)
    with pytest.raises(ConnectionLostError):
        xero.client(first, urgent=True).whole("Items")
    for connection in (again(sessions, first), again(sessions, second)):
        assert connection.state is ConnectionState.NEEDS_RECONNECTING
        assert "Link the company again" in connection.problem
    asked = refreshes(sandbox)
    with pytest.raises(ConnectionLostError):
        xero.client(second, urgent=True).whole("Items")
    assert refreshes(sandbox) == asked


def test_a_wrong_secret_ends_no_connection(
    settings: Settings,
    redis: Redis,
    connection: Connection,
    sessions: sessionmaker[Session],
    advance: Advance,
) -> None:
    advance(HALF_AN_HOUR)
    wrong = Xero(settings.model_copy(update={"xero_client_secret": SecretStr("wrong")}), redis, sessions)
    with pytest.raises(ConfigurationError, match="XERO_CLIENT_SECRET"):
        wrong.client(connection, urgent=True).whole("Items")
    assert again(sessions, connection).state is ConnectionState.CONNECTED
    assert Xero(settings, redis, sessions).test(connection).ok


def hold(sessions: sessionmaker[Session], connection: Connection, seconds: float) -> None:
    spoil(sessions, connection, lease_until=clock.now() + timedelta(seconds=seconds), fence=7)


def test_a_token_still_good_is_used_while_another_renews(
    xero: Xero, connection: Connection, sessions: sessionmaker[Session], sandbox: Sandbox, advance: Advance
) -> None:
    advance(HALF_AN_HOUR - 60)
    hold(sessions, connection, 30)
    assert xero.test(connection).ok
    assert refreshes(sandbox) == 0


def test_nobody_waits_long_for_another(
    xero: Xero,
    connection: Connection,
    sessions: sessionmaker[Session],
    advance: Advance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tokens, "LOOKS", 2)
    advance(HALF_AN_HOUR)
    hold(sessions, connection, 30)
    with pytest.raises(DependencyError) as caught:
        xero.client(connection, urgent=True).whole("Items")
    assert caught.value.retry_after


def test_the_lease_of_a_dead_process_runs_out(
    xero: Xero, connection: Connection, sessions: sessionmaker[Session], sandbox: Sandbox, advance: Advance
) -> None:
    advance(HALF_AN_HOUR)
    hold(sessions, connection, -1)
    assert xero.test(connection).ok
    assert (refreshes(sandbox), kept(sessions, connection).fence) == (1, 8)


def test_who_lost_the_lease_saves_nothing(
    xero: Xero,
    connection: Connection,
    sessions: sessionmaker[Session],
    sandbox: Sandbox,
    advance: Advance,
) -> None:
    """While one renews, the person consents anew: what stands in the end is what the person gave."""
    advance(HALF_AN_HOUR)
    sandbox.world.faults.add(Fault("slow", path="/connect/token", seconds=30))
    with ThreadPoolExecutor(1) as threads:
        renewing = threads.submit(partial(xero.client(connection, urgent=True).whole, "Items"))
        while not refreshes(sandbox) and not sandbox.world.faults.listed()[0]["hits"]:
            Event().wait(0.01)
        consent(xero, organisation=2)
        given = kept(sessions, connection)
        sandbox.world.faults.clear()
        assert len(renewing.result(30).rows) == 5
    assert kept(sessions, connection).access_token == given.access_token


def test_tokens_of_companies_that_rest_are_kept_alive(
    xero: Xero, connection: Connection, sandbox: Sandbox, advance: Advance
) -> None:
    assert xero.keep_alive() == 0
    for _ in range(4):
        advance(21 * 86_400)
        assert xero.keep_alive() == 1
    assert xero.keep_alive() == 0
    assert xero.test(connection).ok


def test_without_that_they_would_have_died(
    xero: Xero, connection: Connection, sessions: sessionmaker[Session], advance: Advance
) -> None:
    advance(61 * 86_400)
    assert xero.keep_alive() == 0
    assert again(sessions, connection).state is ConnectionState.NEEDS_RECONNECTING


def test_what_is_unlinked_is_not_kept_alive(
    xero: Xero, connection: Connection, sessions: sessionmaker[Session], advance: Advance
) -> None:
    with sessions.begin() as session:
        session.get_one(Connection, connection.id).active = False
    advance(21 * 86_400)
    assert xero.keep_alive() == 0


def test_a_lost_key_ends_the_connection_in_words_until_the_key_is_back(
    xero: Xero, connection: Connection, sessions: sessionmaker[Session]
) -> None:
    keyring.load((Fernet.generate_key().decode(),))
    finding = xero.test(connection)
    assert not finding.ok
    assert "missing from ENCRYPTION_KEYS" in finding.what
    with sessions() as session:
        ended = session.get_one(Connection, connection.id)
        assert (ended.state, ended.lost_reason) == (ConnectionState.NEEDS_RECONNECTING, Ending.KEY_LOST)
        assert "Link the company again" in str(ended.problem)
    assert xero.keep_alive() == 0
    xero.disconnect(connection)  # nothing can be given back, and that is no failure
    keyring.load((KEY,))
    assert xero.test(connection).ok


def test_a_lost_key_is_made_up_for_by_linking_again(
    xero: Xero, connection: Connection, sessions: sessionmaker[Session]
) -> None:
    keyring.load((Fernet.generate_key().decode(),))
    assert not xero.test(connection).ok
    assert consent(xero).authorisation_id == connection.authorisation_id
    assert xero.test(connection).ok
    with sessions() as session:
        assert session.get_one(Connection, connection.id).usable
