"""`backoffice user`: the people who may sign in."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from backoffice.command_line import json_option, print_json, table, transaction
from backoffice.errors import BackofficeError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from backoffice.models import Role, User

ROLES = click.Choice(["administrator", "operator", "viewer"])


class UnknownUserError(BackofficeError):
    """There is no user with this e-mail address."""


class UnknownCompanyError(BackofficeError):
    """There is no company of this name."""


@click.group()
def user() -> None:
    """Look after the people who may sign in."""


@user.command()
@click.argument("email")
@click.option("--name", help="What the person is called.  [default: the address]")
@click.option("--role", type=ROLES, default="operator", show_default=True)
@click.option("--company", "companies", multiple=True, help="Open this company, and no other.  [default: all]")
def create(email: str, name: str | None, role: str, companies: tuple[str, ...]) -> None:
    """Add a person; prints the password, this once."""
    from backoffice.extensions import db
    from backoffice.models import Role

    with transaction():
        password = new_user(db.session(), email, name or email, Role(role))
        if companies:
            limit_to(db.session(), email, companies)
    click.echo(f"{email} may sign in with the password {password}")


@user.command("list")
@json_option
def list_users(as_json: bool) -> None:
    """Print who may sign in."""
    from sqlalchemy import select

    from backoffice.extensions import db
    from backoffice.models import User

    with transaction():
        rows = [row(one) for one in db.session.scalars(select(User).order_by(User.email))]
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
@click.argument("names", nargs=-1, metavar="[COMPANY]...")
@click.option("--all", "every", is_flag=True, help="Open all companies, and any added later.")
def companies(email: str, names: tuple[str, ...], every: bool) -> None:
    """Open some companies to a person, and no other, or all of them."""
    from backoffice.models.reach import choose

    if every == bool(names):
        raise click.UsageError("Name the companies, or say --all.")
    with person(email) as (session, one):
        if every:
            choose(session, one, None)
        else:
            limit_to(session, email, names)


@user.command()
@click.argument("email")
def reset_second_factor(email: str) -> None:
    """For somebody whose authenticator is lost: the password alone lets them in; all sessions end."""
    from backoffice.models.second_factor import take_off
    from backoffice.models.user import end_sessions

    with person(email) as (session, one):
        take_off(session, one)
        end_sessions(one)


@user.command()
def allow_passwords() -> None:
    """Take passwords again, where nobody gets in by single sign-on any more."""
    from backoffice.extensions import db
    from backoffice.models.sign_in_rules import rules

    with transaction():
        rules(db.session()).single_sign_on = False
    click.echo("Passwords are taken.")


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


def row(one: User) -> dict[str, Any]:
    """A person as the list prints one."""
    known = {"email": one.email, "name": one.name, "role": one.role.value, "active": one.active}
    reach = ", ".join(map(str, one.companies)) if one.bounded else "all"
    return {**known, "companies": reach, "second_factor": one.totp_since is not None}


def limit_to(session: Session, email: str, names: Sequence[str]) -> None:
    """Open the companies of these names to a person, and no other. Raises: UnknownCompanyError."""
    from backoffice.models import Company
    from backoffice.models.reach import choose, existing
    from backoffice.models.user import find_user

    found = {company.name: company.id for company in session.scalars(existing().where(Company.name.in_(names)))}
    if missing := [name for name in names if name not in found]:
        raise UnknownCompanyError(f"There is no company {missing[0]}.")
    one = find_user(session, email)
    assert one is not None
    choose(session, one, found.values())


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
