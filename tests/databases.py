"""Databases for tests: each one fresh, copied from one that was migrated as a deployment migrates it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from sqlalchemy import make_url

from backoffice.config import Settings


class Databases:
    """Fresh databases of one sort, copied from a migrated one."""

    def __init__(self, sort: str, directory: Path) -> None:
        self.sort = sort
        self.directory = directory
        self._name = f"backoffice_{os.getpid()}"
        self._count = 0
        if sort == "sqlite":
            self._template = f"sqlite:///{directory / 'template.db'}"
        else:
            with self._server() as server:
                server.execute(f'CREATE DATABASE "{self._name}"')
            self._template = self._url(self._name)
        migrate(self._template, directory)

    def new(self, directory: Path) -> str:
        if self.sort == "sqlite":
            shutil.copy(self.directory / "template.db", directory / "backoffice.db")
            return f"sqlite:///{directory / 'backoffice.db'}"
        self._count += 1
        name = f"{self._name}_{self._count}"
        with self._server() as server:
            server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{self._name}" STRATEGY FILE_COPY')
        return self._url(name)

    def drop(self, url: str) -> None:
        if self.sort == "postgresql":
            with self._server() as server:
                server.execute(f'DROP DATABASE "{make_url(url).database}" WITH (FORCE)')

    def close(self) -> None:
        self.drop(self._template)

    def _server(self) -> psycopg.Connection:
        return psycopg.connect(os.environ["TEST_DATABASE_URL"], autocommit=True)

    def _url(self, name: str) -> str:
        url = make_url(os.environ["TEST_DATABASE_URL"]).set(drivername="postgresql+psycopg", database=name)
        return url.render_as_string(hide_password=False)


def migrate(url: str, directory: Path) -> None:
    """Bring an empty database to where the code is, the way a deployment does it."""
    from backoffice import schema

    with application(Settings(database_url=url, data_dir=directory)) as app, app.app_context():
        schema.upgrade()


@contextmanager
def application(settings: Settings) -> Iterator[Flask]:
    """An application whose connections end with the block."""
    from backoffice.app import create_app  # not above: most tests of the sandbox need none
    from backoffice.extensions import db

    app = create_app(settings)
    app.testing = True
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    app.extensions["redis"].close()


class LazyDatabases(dict[str, Databases]):
    def __init__(self, paths: pytest.TempPathFactory) -> None:
        self._paths = paths

    def __missing__(self, sort: str) -> Databases:
        self[sort] = Databases(sort, self._paths.mktemp(sort))
        return self[sort]
