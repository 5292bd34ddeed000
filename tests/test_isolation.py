"""What the fixtures promise: each test alone with its database and its Redis, and no word to other machines."""

from __future__ import annotations

import socket

import pytest
from redis import Redis
from sqlalchemy import create_engine, text

from backoffice.extensions import db
from backoffice.models import new_company


@pytest.mark.parametrize("again", [False, True])
def test_a_database_is_empty_for_every_test(app, again):
    with app.app_context():
        company = new_company(db.session(), "Only Ltd")
        db.session.commit()
        assert company.id == 1


@pytest.mark.parametrize("again", [False, True])
def test_a_database_is_new_for_every_test(database_url, again):
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE left_behind (number INTEGER)"))
    engine.dispose()


@pytest.mark.parametrize("again", [False, True])
def test_redis_is_empty_for_every_test(redis_url, again):
    with Redis.from_url(redis_url) as redis:
        assert redis.incr("count") == 1


def test_other_machines_are_out_of_reach():
    with pytest.raises(RuntimeError, match="only this machine"):
        socket.getaddrinfo("example.org", 80)
    with socket.socket() as connection, pytest.raises(RuntimeError, match="only this machine"):
        connection.connect(("192.0.2.1", 80))
