"""/metrics for Prometheus: how the whole deployment stands, read from the database and Redis when it is asked for.

Nothing is counted in memory, so it does not matter which process answers. No label names a company or a record.
https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from flask import Flask, Response, abort, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Select, case, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from backoffice import signs
from backoffice.clock import now
from backoffice.config import LOOPBACK, Settings
from backoffice.extensions import db, limiter
from backoffice.models import Connection, Delivery, DeliveryState, Link, Mail, MailState, Notice, SyncJob
from backoffice.queue import doorbell
from backoffice.sync import freshness, jobs
from backoffice.sync.needs import on_its_way, turned_down

DAY = timedelta(days=1)


def register(app: Flask) -> None:
    """Put the page on an application."""
    app.add_url_rule("/metrics", "metrics", limiter.exempt(metrics))


def metrics() -> Response:
    """Everything, in Prometheus' own text."""
    if not _may_read(current_app.extensions["settings"]):
        abort(404)
    registry = CollectorRegistry()
    registry.register(Standing(db.session(), current_app.extensions["redis"]))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


metrics.public = metrics.machine = True  # type: ignore[attr-defined]


def _may_read(settings: Settings) -> bool:
    """Whoever has the token; where none is set, this machine alone, and only while nobody else uses it."""
    token = settings.metrics_token.get_secret_value()
    if token:
        return hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode())
    return not settings.production and request.remote_addr in LOOPBACK


def gauge(name: str, said: str, values: Iterable[tuple[list[str], float | None]], *labels: str) -> GaugeMetricFamily:
    """A figure, or one for each of its labels; what is not known is left out."""
    family = GaugeMetricFamily(f"backoffice_{name}", said, labels=labels)
    for label, value in values:
        if value is not None:
            family.add_metric(label, float(value))
    return family


def age(at: datetime | None) -> float | None:
    """How long ago that was, in seconds."""
    return None if at is None else max(0.0, (now() - at).total_seconds())


class Standing(Collector):
    """How things stand at this moment."""

    def __init__(self, session: Session, redis: Redis) -> None:
        self._session, self._redis = session, redis

    def describe(self) -> list[Metric]:
        """Nothing: registering it asks nobody."""
        return []

    def collect(self) -> Iterator[Metric]:
        up: dict[str, float] = {}
        for part, read, failure in (
            ("database", self._database, SQLAlchemyError),
            ("redis", self._processes, RedisError),
        ):
            try:
                yield from list(read())
                up[part] = 1
            except failure:
                up[part] = 0
        yield gauge("up", "Whether a part answers.", (([part], value) for part, value in up.items()), "part")

    def _database(self) -> Iterator[Metric]:
        parts: tuple[Callable[[], Iterator[Metric]], ...] = (self._open, self._ended, self._last, self._pending)
        for part in (*parts, self._refused, self._connections, self._notices, self._mail, self._deliveries):
            yield from part()
        self._session.rollback()

    def _open(self) -> Iterator[Metric]:
        open_ones = SyncJob.state, SyncJob.waiting_kind, func.count(), func.min(SyncJob.due_at)
        query = select(*open_ones).where(SyncJob.state.in_(jobs.OPEN)).group_by(SyncJob.state, SyncJob.waiting_kind)
        rows = self._session.execute(query).all()
        labels = ((state.value, kind.value if kind else "nothing") for state, kind, *_ in rows)
        values = [(list(pair), row[2]) for pair, row in zip(labels, rows, strict=True)]
        yield gauge("jobs_open", "Sync jobs by state and what they wait for.", values, "state", "waiting_for")
        overdue = min((row[3] for row in rows if row[0] == "pending"), default=None)
        yield gauge("oldest_due_job_seconds", "Since when the oldest pending sync job is due.", [([], age(overdue))])

    def _ended(self) -> Iterator[Metric]:
        query = select(SyncJob.state, func.count(), func.sum(SyncJob.calls)).where(SyncJob.ended_at > now() - DAY)
        rows = self._session.execute(query.group_by(SyncJob.state)).all()
        yield gauge("jobs_ended", "Sync jobs that ended in the last 24 hours.", [([r[0]], r[1]) for r in rows], "state")
        yield gauge("calls", "Calls made by those sync jobs.", [([], sum(row[2] or 0 for row in rows))])

    def _last(self) -> Iterator[Metric]:
        newest = select(SyncJob.ended_at).where(freshness.updates(), SyncJob.ended_at.is_not(None))
        at = self._session.scalar(newest.order_by(SyncJob.ended_at.desc()).limit(1))
        yield gauge("last_update_seconds", "Since when the last Update of any company was done.", [([], age(at))])

    def _pending(self) -> Iterator[Metric]:
        query = select(Link.kind, func.count(), func.min(Link.changed_at)).where(on_its_way()).group_by(Link.kind)
        rows = self._session.execute(query).all()
        yield gauge("records_pending", "Records on their way out.", [([row[0]], row[1]) for row in rows], "kind")
        oldest = min((row[2] for row in rows), default=None)
        yield gauge("oldest_pending_seconds", "Since when the oldest of them waits.", [([], age(oldest))])

    def _refused(self) -> Iterator[Metric]:
        query = select(func.coalesce(Link.refusal_cause, ""), func.count()).where(turned_down())
        rows = self._session.execute(query.group_by(Link.refusal_cause)).all()
        yield gauge("records_refused", "Records that were turned down.", [([row[0]], row[1]) for row in rows], "cause")

    def _connections(self) -> Iterator[Metric]:
        fresh = case((Connection.budget_at > now() - DAY, Connection.day_left))
        query = select(Connection.state, func.count(), func.min(fresh)).where(Connection.active)
        rows = self._session.execute(query.group_by(Connection.state)).all()
        yield gauge("connections", "Linked organisations.", [([row[0].value], row[1]) for row in rows], "state")
        least = min((row[2] for row in rows if row[2] is not None), default=None)
        yield gauge("least_calls_left", "What the organisation with the fewest has left today.", [([], least)])

    def _notices(self) -> Iterator[Metric]:
        waiting = select(func.count()).select_from(Notice).where(Notice.pending)
        yield gauge("notices_waiting", "Rows that a webhook told of, still to be read.", [([], self._count(waiting))])

    def _mail(self) -> Iterator[Metric]:
        waiting = select(func.count()).select_from(Mail)
        waiting = waiting.where(Mail.state.in_((MailState.WAITING, MailState.SENDING)))
        yield gauge("mail_waiting", "E-mails that were not sent yet.", [([], self._count(waiting))])

    def _deliveries(self) -> Iterator[Metric]:
        waiting = select(func.count()).select_from(Delivery).where(Delivery.state == DeliveryState.WAITING)
        yield gauge("deliveries_waiting", "Deliveries of our webhooks, not taken yet.", [([], self._count(waiting))])

    def _count(self, query: Select[int]) -> int:
        return self._session.scalar(query) or 0

    def _processes(self) -> Iterator[Metric]:
        alive = signs.schedulers(self._redis, DAY)
        yield gauge("workers", "Workers that live.", [([], len(signs.workers(self._redis)))])
        last = age(alive[0].seen_at) if alive else None
        yield gauge("last_tick_seconds", "Since when no scheduler ticked.", [([], last)])
        yield gauge("queue", "Rings that no worker has heard yet.", [([], doorbell.queue().count)])
