"""What an organisation is like: its name, currency and zone, up to when it is closed, which currencies it has."""

from __future__ import annotations

from datetime import timedelta

from backoffice.clock import now
from backoffice.models import Company, Connection
from backoffice.sync.task import Task

#: What is older is read again with the next job.
FRESH = timedelta(days=1)


def once_a_day(task: Task) -> None:
    """Ask for it right after linking, and when what is known of it is old."""
    described_at = _connection(task).described_at
    if described_at is None or described_at < now() - FRESH:
        organisation(task)


def organisation(task: Task) -> None:
    """Read the organisation itself: one call."""
    found = task.provider.organisation(_connection(task))
    task.begin()
    connection = task.session.get_one(Connection, task.connection_id)
    connection.organisation, connection.country = found.name, found.country
    connection.base_currency, connection.short_code = found.base_currency, found.short_code
    connection.locked_until, connection.described_at = found.locked_until, now()
    connection.demo = found.demo
    company = task.session.get_one(Company, task.company_id)
    if found.time_zone and not company.zone_chosen:
        company.time_zone = found.time_zone
    task.tally["calls"] += 1
    task.commit()


def currencies(task: Task) -> None:
    """Read which currencies it has: one call."""
    found = task.provider.currencies(_connection(task))
    task.begin()
    task.session.get_one(Connection, task.connection_id).currencies = list(found)
    task.tally["calls"] += 1
    task.commit()


def _connection(task: Task) -> Connection:
    """The connection, detached: reading it opens no transaction while a call is under way."""
    connection = task.session.get_one(Connection, task.connection_id, populate_existing=True)
    task.session.expunge(connection)
    task.session.rollback()
    return connection
