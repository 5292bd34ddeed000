"""Signs of life: a scheduler that speaks is seen, one that falls silent is gone; and the doctor can tell."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator

import pytest
from flask import Flask
from redis import Redis

from backoffice import clock, doctor, signs
from jobs.scheduler import Scheduler

NOW = dt.datetime(2026, 11, 21, 10, 0, tzinfo=dt.UTC)


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as redis:
        yield redis


@pytest.fixture
def time() -> Iterator[list[dt.datetime]]:
    at = [NOW]
    clock.use(lambda: at[0])
    yield at
    clock.use()


def test_a_scheduler_that_falls_silent_is_gone(redis: Redis, time: list[dt.datetime]) -> None:
    assert signs.schedulers(redis) == []
    signs.speak(redis)
    [sign] = signs.schedulers(redis)
    assert (sign.pid, sign.seen_at) == (os.getpid(), NOW)
    time[0] += signs.SCHEDULER_TTL + dt.timedelta(seconds=1)
    assert signs.schedulers(redis) == []
    redis.zadd(signs.SCHEDULERS, {"other.example 7": time[0].timestamp()})
    signs.speak(redis)
    assert {sign.host for sign in signs.schedulers(redis)} > {"other.example"}


def test_one_that_cannot_say_so_goes_on(app: Flask, tmp_path: object) -> None:
    app.extensions["redis"], redis = Redis.from_url(f"unix://{tmp_path}/gone.sock"), app.extensions["redis"]
    Scheduler(app)._speak()
    app.extensions["redis"] = redis


def test_the_doctor_finds_it(app: Flask, redis: Redis) -> None:
    Scheduler(app)._speak()
    with app.app_context():
        assert str(os.getpid()) in doctor.schedulers()
