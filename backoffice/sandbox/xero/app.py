"""The sandbox as one WSGI application: the provider's endpoints, its pages, and the controls for tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response, g

from backoffice.sandbox.xero import (
    api,
    connections,
    consent,
    control,
    control_data,
    control_webhooks,
    deep_links,
    gateway,
    oauth,
    pages,
    papers,
    webhook_pages,
)
from backoffice.sandbox.xero.sender import SENDER, Sender
from backoffice.sandbox.xero.world import EXTENSION, World

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def create_app(world: World) -> Flask:
    """Join the parts around one world."""
    app = Flask(__name__)
    app.secret_key = world.session_secret
    # Cookies know no ports: the application beside this one has another name.
    app.config.update(SESSION_COOKIE_NAME="xero_sandbox_session", SESSION_COOKIE_SAMESITE="Lax")
    app.wsgi_app = _any_case(app.wsgi_app)  # type: ignore[assignment, method-assign]
    app.extensions[EXTENSION] = world
    app.extensions[SENDER] = Sender(world)
    gateway.install(app)
    ours = (control, control_data, control_webhooks, pages, papers, webhook_pages, deep_links)
    for part in (oauth, consent, connections, api, *ours):
        app.register_blueprint(part.routes)
    app.after_request(_protect)
    return app


def _protect(response: Response) -> Response:
    """Nothing from outside, nothing inline, in nobody's frame."""
    target = g.get("form_target", "")
    policy = f"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' {target}".strip()
    response.headers["Content-Security-Policy"] = f"{policy}; frame-ancestors 'none'; base-uri 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _any_case(wsgi: Wsgi) -> Wsgi:
    """`/Connections`, as Xero's own SDK writes it, is `/connections`; the same for the API's prefix."""

    def call(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        for known in ("/connections", api.PREFIX):
            if path.lower() == known or path.lower().startswith(f"{known}/"):
                environ["PATH_INFO"] = known + path[len(known) :]
        return wsgi(environ, start)

    return call
