"""How much longer an update takes, by what is left to read and what is still allowed; and what the next one costs."""

from __future__ import annotations

from math import ceil
from typing import Any

from sqlalchemy import func, select

from backoffice.admin.links import provider_of
from backoffice.clock import now
from backoffice.extensions import db
from backoffice.models import Connection, JobState, Link, PullRun, SyncJob, Work
from backoffice.sync.needs import on_its_way
from backoffice.sync.provider import Provider
from backoffice.wording import counted

#: A call takes so many seconds at least and at most, where nothing better is known.
PACE = (0.2, 3.0)


def next_cost(connection: Connection, thorough: bool) -> int | None:
    """How many calls the next update costs, roughly: it reads each list, and sends what waits in batches."""
    provider = provider_of(connection)
    return _reading(connection, provider, thorough) + _sending(connection, provider) if provider else None


def _reading(connection: Connection, provider: Provider, thorough: bool) -> int:
    """One call for each list, and for each page of those that the night reads from their beginning."""
    known = _counted(select(Link.resource, func.count(Link.external_id)), connection, Link.resource)
    lists = {mapper.resource for mapper in provider.mappers if mapper.direction.comes}
    whole = {mapper.resource for mapper in provider.mappers if mapper.unstamped} & lists if thorough else set()
    return len(lists - whole) + sum(max(1, ceil(known.get(each, 0) / provider.page_size)) for each in whole)


def _sending(connection: Connection, provider: Provider) -> int:
    waiting = _counted(select(Link.kind, func.count()).where(on_its_way()), connection, Link.kind)
    sent = (mapper for mapper in provider.mappers if mapper.direction.sends)
    return sum(ceil(waiting.get(mapper.kind, 0) / mapper.batch_size) for mapper in sent)


def _counted(query: Any, connection: Connection, by: Any) -> dict[str, int]:
    return dict(db.session.execute(query.where(Link.connection_id == connection.id).group_by(by)).all())


def to_go(job: SyncJob) -> str | None:
    """`at least 7 calls to go · about 2 min`; None where nothing can be said."""
    provider = provider_of(job.connection)
    if provider is None or job.state is not JobState.RUNNING or job.work is not Work.UPDATE:
        return None
    left = calls_left(job, provider)
    return f"at least {counted(left, 'call')} to go · {time_left(job, provider, left)}" if left else None


def calls_left(job: SyncJob, provider: Provider) -> int:
    """Pages that are known to be left of the list under way, and one call for each list that was not begun."""
    lists = {mapper.resource for mapper in provider.mappers if mapper.kind in job.kinds and mapper.direction.comes}
    runs = db.session.scalars(select(PullRun).where(PullRun.sync_job_id == job.id)).all()
    pages = sum(max(0, (run.page_count or 1) - run.next_page + 1) for run in runs if run.finished_at is None)
    return pages + len(lists - {run.resource for run in runs})


def time_left(job: SyncJob, provider: Provider, calls: int) -> str:
    """How long so many calls take within the limits, roughly."""
    limit, minute, day = provider.minute_limit, job.connection.left_this_minute, job.connection.left_today
    kept = limit // 12  # for people who press a button meanwhile
    if day is not None and calls > day:
        return f"more than the {day:,} that are left today: it goes on tomorrow"
    free = max(0, (limit if minute is None else minute) - kept)
    if calls > free:
        minutes = ceil((calls - free) / max(1, limit - kept))
        return f"about {minutes} min, since {provider.name} allows {limit} calls a minute"
    return _roughly(calls * _pace(job))


def _pace(job: SyncJob) -> float:
    """Seconds a call, as this job has gone so far."""
    least, most = PACE
    if job.started_at is None or not job.calls:
        return 1.0
    return min(most, max(least, (now() - job.started_at).total_seconds() / job.calls))


def _roughly(seconds: float) -> str:
    return f"about {ceil(seconds / 60)} min" if seconds > 90 else f"about {max(1, round(seconds))} s"
