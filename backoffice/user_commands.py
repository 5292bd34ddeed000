"""`backoffice user`: the people who may sign in."""

from __future__ import annotations

import click

from backoffice.command_line import json_option, table, transaction

ROLES = click.Choice(["administrator", "operator", "viewer"])


@click.group()
def user() -> None:
    """Look after the people who may sign in."""


@user.command()
@click.argument("email")
@click.option("--name", help="What the person is called.  [default: the address]")
@click.option("--role", type=ROLES, default="operator", show_default=True)
def create(email: str, name: str | None, role: str) -> None:
    """Add a person; prints the password, this once."""
    from backoffice import users
    from backoffice.models.user import Role

    with transaction():
        password = users.create(email, name or email, Role(role))
    click.echo(f"{email} may sign in with the password {password}")


@user.command("list")
@json_option
def list_users(as_json: bool) -> None:
    """Print who may sign in."""
    from backoffice import users

    with transaction():
        rows = [{"email": u.email, "name": u.name, "role": str(u.role), "active": u.active} for u in users.everybody()]
    table(rows, as_json)


@user.command()
@click.argument("email")
def deactivate(email: str) -> None:
    """Lock a person out, at once."""
    from backoffice import users

    with transaction():
        users.deactivate(users.find(email))


@user.command()
@click.argument("email")
def activate(email: str) -> None:
    """Let a person in again."""
    from backoffice import users

    with transaction():
        users.activate(users.find(email))


@user.command()
@click.argument("email")
def reset_password(email: str) -> None:
    """Make up a new password and print it, this once; the old one and all sessions end."""
    from backoffice import users

    with transaction():
        password = users.new_password(users.find(email))
    click.echo(f"{email} may sign in with the password {password}")


@user.command()
@click.argument("email")
@click.argument("new_role", metavar="ROLE", type=ROLES)
def role(email: str, new_role: str) -> None:
    """Change what a person may do: administrator, operator or viewer."""
    from backoffice import users
    from backoffice.models.user import Role

    with transaction():
        users.set_role(users.find(email), Role(new_role))
