"""All that an application serves: the pages for people, and the doors for machines."""

from __future__ import annotations

from flask import Flask

from backoffice import admin, health, metrics, webhooks
from backoffice.extensions import csrf, limiter, login
from backoffice.providers.openid import OpenID


def join(app: Flask) -> None:
    """Put every address on an application."""
    app.extensions["openid"] = OpenID(app.extensions["settings"])
    for extension in (csrf, limiter, login, admin):
        extension.init_app(app)
    for door in (webhooks, health, metrics):
        door.register(app)
