"""`backoffice backup` and `restore`: the whole database as one file, and a database made of it."""

from __future__ import annotations

from pathlib import Path

import click

from backoffice.command_line import application
from backoffice.wording import counted

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("file", type=FILE)
def backup(file: Path) -> None:
    """Write the whole database to FILE, as it is at this moment; everything goes on meanwhile."""
    from backoffice import backup

    with application() as app, app.app_context():
        rows = backup.backup(file)
    click.echo(f"{rows:,} rows are in {file}, attachments among them.")
    click.echo("The keys to what is encrypted in it are not: keep ENCRYPTION_KEYS in another place.")


@click.command()
@click.argument("file", type=FILE)
def restore(file: Path) -> None:
    """Make a database of the backup in FILE. DATABASE_URL has to name an empty one; start the services afterwards."""
    from backoffice import restore
    from backoffice.app import create_app
    from backoffice.extensions import db

    with create_app(screens=False).app_context():
        try:
            found = restore.restore(file)
        finally:
            db.engine.dispose()
    click.echo("The database is as it was when the backup was made.")
    if found.companies:
        click.echo(f"{counted(found.companies, 'company')} to be read first, once a worker and a scheduler run.")
    if found.perhaps_there:
        click.echo(f"{counted(found.perhaps_there, 'record')} not sent then, to be looked for before anything is sent.")
    if found.perhaps_sent:
        click.echo(f"{counted(found.perhaps_sent, 'e-mail')} perhaps sent since: each document says so, and asks.")
    click.echo("A permission that was renewed since the backup has ended: such a company says so and is linked again.")
