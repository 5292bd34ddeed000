"""`backoffice user`: the people who may sign in."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from backoffice.command_line import json_option, print_json, table, transaction
from backoffice.errors import BackofficeError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from backoffice.models import Role, User

ROLES = click.Choice(["administrator", "operator", "viewer"])


class UnknownUserError(BackofficeError):
    """There is no user with this e-mail address."""


@click.group()
def user() -> None:
    """Look after the people who may sign in."""


@user.command()
@click.argument("email")
@click.option("--name", help="What the person is called.  [default: the address]")
@click.option("--role", type=ROLES, default="operator", show_default=True)
def create(email: str, name: str | None, role: str) -> None:
    """Add a person; prints the password, this once."""
    from backoffice.extensions import db
    from backoffice.models import Role

    with transaction():
        password = new_user(db.session(), email, name or email, Role(role))
    click.echo(f"{email} may sign in with the password {password}")


@user.command("list")
@json_option
def list_users(as_json: bool) -> None:
    """Print who may sign in."""
    from sqlalchemy import select

    from backoffice.extensions import db
    from backoffice.models import User

    with transaction():
        people = db.session.scalars(select(User).order_by(User.email))
        rows = [{"email": p.email, "name": p.name, "role": p.role.value, "active": p.active} for p in people]
    (print_json if as_json else table)(rows)


@user.command()
@click.argument("email")
def deactivate(email: str) -> None:
    """Lock a person out, at once."""
    from backoffice.models.user import end_sessions, keep_an_administrator

    with person(email) as (session, one):
        keep_an_administrator(session, one)
        one.active, one.invitation_hash = False, None
        end_sessions(one)


@user.command()
@click.argument("email")
def activate(email: str) -> None:
    """Let a person in again."""
    with person(email) as (_, one):
        one.active = True


@user.command()
@click.argument("email")
def reset_password(email: str) -> None:
    """Make up a new password and print it, this once; the old one and all sessions end."""
    with person(email) as (_, one):
        password = new_password(one)
    click.echo(f"{email} may sign in with the password {password}")


@user.command()
@click.argument("email")
@click.argument("new_role", metavar="ROLE", type=ROLES)
def role(email: str, new_role: str) -> None:
    """Change what a person may do: administrator, operator or viewer."""
    from backoffice.models import Role
    from backoffice.models.user import keep_an_administrator

    with person(email) as (session, one):
        if new_role != Role.ADMINISTRATOR:
            keep_an_administrator(session, one)
        one.role = Role(new_role)


def new_user(session: Session, email: str, name: str, role: Role) -> str:
    """Add a person and return the password that was made up. Raises: EmailTakenError."""
    from backoffice.models.user import invite

    one, _ = invite(session, email, name, role)
    return new_password(one)


def new_password(one: User) -> str:
    """Give a person a made-up password and return it, the only time it is known."""
    from backoffice.models.user import set_password

    password = secrets.token_urlsafe(12)
    set_password(one, password)
    return password


@contextmanager
def person(email: str) -> Iterator[tuple[Session, User]]:
    """The person with this address; what the block changes is committed. Raises: UnknownUserError."""
    from backoffice.extensions import db
    from backoffice.models.user import find_user

    with transaction():
        one = find_user(db.session(), email)
        if one is None:
            raise UnknownUserError(f"There is no user {email}.")
        yield db.session(), one
