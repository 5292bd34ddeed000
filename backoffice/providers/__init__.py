"""The accounting systems this can talk to, a folder each; `PROVIDERS` registers them."""

from __future__ import annotations

from redis import Redis
from sqlalchemy.orm import Session, sessionmaker

from backoffice.config import Settings
from backoffice.providers.xero.provider import Xero
from backoffice.sync.provider import Provider

PROVIDERS = (Xero,)


def providers_of(settings: Settings, redis: Redis, sessions: sessionmaker[Session]) -> dict[str, Provider]:
    """Every provider, by its key, ready to be used from any thread.

    `sessions` makes short sessions of its own, none of which is open during a network call. Whoever calls a provider
    has no transaction open either: on SQLite its tokens could not be saved.
    """
    return {provider.key: provider(settings, redis, sessions) for provider in PROVIDERS}
