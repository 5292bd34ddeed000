"""What all commands share: how they end, how they print, and the application they work with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from backoffice.errors import BackofficeError

if TYPE_CHECKING:
    from flask import Flask

#: For commands that print data: `--json` gives it to programs.
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class Commands(click.Group):
    """Commands that end with one plain sentence when something is wrong."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except BackofficeError as error:
            raise click.ClickException(error.message) from error


def print_json(data: object) -> None:
    """Print data for programs."""
    click.echo(json.dumps(data, indent=2, default=str))


def table(rows: Sequence[dict[str, Any]]) -> None:
    """Print rows for people."""
    if rows:
        shown = [list(rows[0]), *([_word(value) for value in row.values()] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
        for line in shown:
            click.echo("  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip())


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


@contextmanager
def application(migrate: bool = False) -> Iterator[Flask]:
    """The application, with the embedded Redis of its data directory where no other one is named.

    Raises: OutdatedDatabaseError, unless it may `migrate` the database first.
    """
    from backoffice import schema
    from backoffice.app import create_app
    from backoffice.extensions import db

    with redis_at_hand():
        app = create_app(screens=False)
        try:
            with app.app_context():
                (schema.upgrade if migrate else schema.check)()
                db.engine.dispose()  # no connection of ours is handed down to forks
            yield app
        finally:
            with app.app_context():
                db.engine.dispose()
            app.extensions["redis"].close()


@contextmanager
def transaction(migrate: bool = False) -> Iterator[Flask]:
    """The application inside its context; what the block did to the database is committed."""
    from backoffice.extensions import db

    with application(migrate) as app, app.app_context():
        yield app
        db.session.commit()


@contextmanager
def redis_at_hand() -> Iterator[None]:
    """Start or share the embedded Redis where REDIS_URL names no other."""
    from backoffice import embedded_redis
    from backoffice.config import Settings

    settings = Settings.from_environment()
    if settings.redis_url:
        yield
        return
    with embedded_redis.running(settings.data_dir / "redis") as url:
        os.environ["REDIS_URL"] = url
        yield
