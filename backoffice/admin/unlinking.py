"""Unlinking: what is said to the other side when a company lets go of its organisation."""

from __future__ import annotations

from flask import g

from backoffice.admin.messages import show_error
from backoffice.errors import BackofficeError
from backoffice.extensions import db
from backoffice.models import Connection
from backoffice.sync.provider import Provider


def let_go(connection: Connection) -> Connection:
    """The connection, loaded and apart from the session, whose transaction is over: no call is made inside one."""
    db.session.refresh(connection)
    db.session.expunge(connection)
    db.session.rollback()
    g.pop("connection", None)
    return connection


def end_there(provider: Provider | None, connection: Connection) -> None:
    """End this one connection on the other side too; says what to do where that cannot be told."""
    if provider is None:
        return
    try:
        provider.disconnect(let_go(connection))
    except BackofficeError as error:
        todo = f"Remove this application in {provider.name} as well, under Connected apps."
        show_error(f"It is unlinked here, but {provider.name} could not be told.", error, todo)
