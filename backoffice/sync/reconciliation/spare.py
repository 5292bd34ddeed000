"""Spare calls: a reconciliation goes on only while the day's calls leave enough for people and for what changes."""

from __future__ import annotations

from datetime import timedelta

from backoffice.clock import now
from backoffice.errors import RateLimitedError
from backoffice.models import Connection
from backoffice.sync.task import Task

#: How long a reconciliation waits for calls to spare, in seconds; the provider's day begins anew at any hour.
WAIT = 3 * 3600
#: What was said of the day's calls longer ago is not relied on.
FRESH = timedelta(hours=1)


def need_spare_calls(task: Task, calls: int = 0) -> None:
    """Go on only while the day's calls, less so many, leave enough for others. Raises: RateLimitedError."""
    left = task.client.budget[0]
    if left is None:
        connection = task.session.get_one(Connection, task.connection_id)
        known = connection.budget_at is not None and connection.budget_at > now() - FRESH
        left = connection.day_left if known else None
        task.session.rollback()
    if left is not None and left - calls < task.provider.day_reserve:
        raise RateLimitedError("spare", WAIT)
