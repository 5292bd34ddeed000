"""The webhook of our app at a provider: its signing key, and the counts of its deliveries."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.database import is_postgresql
from backoffice.models import Webhook
from backoffice.sync.provider import Provider


def of(session: Session, provider: Provider) -> Webhook | None:
    """The webhook of the app that is set up now; None before anything was delivered and any key was kept."""
    return session.scalar(select(Webhook).filter_by(provider=provider.key, client_id=provider.client_id))


def signing_key(session: Session, provider: Provider) -> str | None:
    return session.scalar(select(Webhook.signing_key).filter_by(provider=provider.key, client_id=provider.client_id))


def keep_key(session: Session, provider: Provider, key: str | None) -> None:
    """Keep the key that the provider issued, or forget it. Commits."""
    count(session, provider)
    webhook = of(session, provider)
    assert webhook is not None, "it was just put down"
    webhook.signing_key, webhook.key_set_at = key, now() if key else None
    session.commit()


def count(
    session: Session, provider: Provider, delivered: int = 0, refused: int = 0, unknown: int = 0, odd: int = 0
) -> None:
    """Add to the counts, in one statement. Commits nothing."""
    counts = {"delivered": delivered, "refused": refused, "unknown": unknown, "odd": odd}
    times = {"last_delivery_at": now()} if delivered else {}
    times |= {"last_refused_at": now()} if refused else {}
    table = Webhook.table()
    statement = (postgresql if is_postgresql(session) else sqlite).insert(table)
    statement = statement.values(provider=provider.key, client_id=provider.client_id, **counts, **times)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["provider", "client_id"],
            set_={name: table.c[name] + number for name, number in counts.items()} | times,
        )
    )
