"""Whether the process lives, and whether it is ready to serve: for machines, without a session."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import event, text

from backoffice.app import create_app
from backoffice.config import Settings
from backoffice.extensions import db


def ready(client: FlaskClient) -> tuple[int, str]:
    answer = client.get("/readyz")
    return answer.status_code, answer.text


def test_alive_asks_neither_the_database_nor_redis(app: Flask, client: FlaskClient) -> None:
    asked: list[object] = []

    def ask(*given: object) -> None:
        asked.append(given)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "checkout", ask)
    app.extensions["redis"], redis = None, app.extensions["redis"]
    answer = client.get("/healthz", headers={"Cookie": "backoffice_session=anything"})
    app.extensions["redis"] = redis
    event.remove(engine, "checkout", ask)
    assert (answer.status_code, answer.text, asked) == (200, "ok\n", [])


def test_ready_says_a_line_a_part(client: FlaskClient) -> None:
    assert ready(client) == (200, "database: ok\nredis: ok\n")


def test_not_ready_before_the_database_is_at_this_version(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        db.session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        db.session.commit()
    assert ready(client) == (503, "database: not at this version\nredis: ok\n")


def test_not_ready_without_its_database_and_degraded_without_redis(settings: Settings, tmp_path: object) -> None:
    away = {"database_url": f"sqlite:///{tmp_path}/no/such/place.db", "redis_url": f"unix://{tmp_path}/gone.sock"}
    status, said = ready(create_app(settings.model_copy(update=away)).test_client())
    assert status == 503
    assert said == "database: out of reach\nredis: out of reach; jobs wait in the database\n"


def test_without_redis_it_goes_on_serving(app: Flask, client: FlaskClient, tmp_path: object) -> None:
    app.extensions["redis"], redis = Redis.from_url(f"unix://{tmp_path}/gone.sock"), app.extensions["redis"]
    found = ready(client)
    app.extensions["redis"] = redis
    assert found == (200, "database: ok\nredis: out of reach; jobs wait in the database\n")
