"""`backoffice keys`: the keys that encrypt what is secret in the database."""

from __future__ import annotations

import sys

import click

from backoffice.command_line import transaction
from backoffice.wording import counted


@click.group()
def keys() -> None:
    """Look after the keys that encrypt tokens."""


@keys.command()
def new() -> None:
    """Print a new key: for the end of ENCRYPTION_KEYS first, and for its front once every process knows it."""
    from cryptography.fernet import Fernet

    click.echo(Fernet.generate_key().decode())


@keys.command()
def rotate() -> None:
    """Put all that is kept encrypted under the first of ENCRYPTION_KEYS, while everything goes on."""
    from backoffice.extensions import db
    from backoffice.models import encrypted

    with transaction():
        found = encrypted.rotate(db.session())
    click.echo(f"{counted(found.newest, 'secret')} under the first key, {found.renewed:,} of them since just now.")
    for sentence in found.lost:
        click.echo(f"No key opens this any more. {sentence}", err=True)
    if found.older:
        words = "are still written under an older key: restart every process with these keys, and repeat this"
        click.echo(f"{found.older} {words}.", err=True)
    elif not found.lost:
        click.echo("The keys behind it can be taken out; keep them for as long as you keep backups of before.")
    sys.exit(bool(found.lost or found.older))
