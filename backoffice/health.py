"""For machines that watch over this one: whether the process lives, and whether it is ready to serve.

/healthz touches nothing but the process: one that does not answer is to be started again. /readyz asks the database
and Redis: one that is not ready is to get no visitors for now, and mends itself.
"""

from __future__ import annotations

from flask import Flask, Response, current_app
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from backoffice import schema
from backoffice.extensions import limiter


def register(app: Flask) -> None:
    """Put both on an application: for everybody, without a session."""
    for path, view in (("/healthz", healthz), ("/readyz", readyz)):
        app.add_url_rule(path, path.strip("/"), limiter.exempt(view))


def healthz() -> Response:
    """Always 200 where anything is answered."""
    return _plain(["ok"], 200)


def readyz() -> Response:
    """A line a part. 503 without the database as this version wants it; without Redis, jobs wait, and pages do not."""
    database = _database()
    lines = [f"database: {database}", f"redis: {_redis()}"]
    return _plain(lines, 200 if database == "ok" else 503)


for view in (healthz, readyz):
    view.public = view.machine = True  # type: ignore[attr-defined]


def _database() -> str:
    try:
        return "ok" if schema.present() == schema.wanted() else "not at this version"
    except SQLAlchemyError:
        return "out of reach"


def _redis() -> str:
    try:
        current_app.extensions["redis"].ping()
    except RedisError:
        return "out of reach; jobs wait in the database"
    return "ok"


def _plain(lines: list[str], status: int) -> Response:
    return Response("\n".join([*lines, ""]), status, mimetype="text/plain")
