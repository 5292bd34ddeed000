"""Signs of life in Redis: which workers and schedulers said, within their time, that they live."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from redis import Redis
from rq import Worker
from rq.serializers import JSONSerializer

from backoffice.clock import now

#: How long a worker may be silent before RQ counts it as dead, and how often it speaks while a job runs, in seconds.
WORKER_TTL = 30
WORKER_SPEAKS = 5
#: A scheduler speaks with every sweep; one that was silent for this long is gone.
SCHEDULER_TTL = timedelta(minutes=2)
SCHEDULERS = "backoffice:schedulers"


@dataclass(frozen=True)
class Sign:
    """A sign of life of a process, anywhere."""

    host: str
    pid: int
    state: str
    seen_at: datetime


def workers(redis: Redis) -> list[Sign]:
    """The workers that live. Raises: RedisError."""
    signs = [
        Sign(str(worker.hostname), int(worker.pid or 0), worker.get_state(), worker.last_heartbeat)
        for worker in Worker.all(connection=redis, serializer=JSONSerializer)
        if worker.last_heartbeat is not None
    ]
    return [sign for sign in signs if sign.seen_at > now() - timedelta(seconds=WORKER_TTL + WORKER_SPEAKS)]


def speak(redis: Redis) -> None:
    """Say that the scheduler that runs in this process lives. Raises: RedisError."""
    at = now().timestamp()
    with redis.pipeline() as pipe:
        pipe.zadd(SCHEDULERS, {f"{socket.gethostname()} {os.getpid()}": at})
        pipe.zremrangebyscore(SCHEDULERS, "-inf", at - SCHEDULER_TTL.total_seconds())
        pipe.execute()


def schedulers(redis: Redis, ttl: timedelta = SCHEDULER_TTL) -> list[Sign]:
    """The schedulers that live, the latest first. Raises: RedisError."""
    since = (now() - ttl).timestamp()
    found = redis.zrevrangebyscore(SCHEDULERS, "+inf", since, withscores=True)
    return [_scheduler(name.decode(), at) for name, at in cast(list[tuple[Any, float]], found)]


def _scheduler(name: str, at: float) -> Sign:
    host, _, pid = name.rpartition(" ")
    return Sign(host, int(pid), "scheduling", datetime.fromtimestamp(at, UTC))
