"""The doorbell: the one door to RQ. It carries the name of a job and ids, after the commit, and may be lost."""

from __future__ import annotations

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.serializers import JSONSerializer

from backoffice import trace

log = structlog.get_logger()

QUEUE = "backoffice"


class Doorbell:
    """Rings for a worker. The database says what there is to do; a lost ring is made up for by the sweep."""

    def __init__(self) -> None:
        self._redis: Redis | None = None

    def connect(self, redis: Redis) -> None:
        self._redis = redis

    def queue(self) -> Queue:
        assert self._redis is not None, "create_app connects the doorbell"
        return Queue(QUEUE, connection=self._redis, serializer=JSONSerializer)

    def ring(self, job: str, *ids: int, urgent: bool = False, once_in: float = 0) -> bool:
        """Ask for the job `jobs.<job>` with these ids, at most `once_in` so many seconds, whoever rings.

        Says whether anybody can have heard it.
        """
        if self._redis is None:
            return False
        try:
            if once_in and not self._redis.set(f"rung {job} {ids}", 1, px=round(once_in * 1000), nx=True):
                return True
            self.queue().enqueue(
                f"jobs.{job}",
                args=ids,
                meta={"request": trace.request_id()},
                result_ttl=0,
                failure_ttl=86_400,
                at_front=urgent,
                job_timeout=3600,
            )
        except RedisError as error:
            log.warning("the doorbell is out of reach; the sweep will find the work", job=job, error=str(error))
            return False
        return True


doorbell = Doorbell()
