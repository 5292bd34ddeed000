"""Xero's identity host: the token and revocation endpoints."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from flask import Blueprint, Response, jsonify, request

from backoffice.sandbox.xero import connections, scopes, tokens
from backoffice.sandbox.xero.organisations import find
from backoffice.sandbox.xero.settings import Client, Person
from backoffice.sandbox.xero.tokens import Grant
from backoffice.sandbox.xero.world import World, current

CODE_SECONDS = 300
VERIFIER = re.compile(r"^[A-Za-z0-9\-._~]{43,128}$")


class OAuthError(Exception):
    """The token endpoint refuses; the first argument is OAuth's own name of the reason."""

    def __init__(self, reason: str, description: str = "") -> None:
        super().__init__(reason, description)
        self.reason = reason
        self.description = description


@dataclass(frozen=True)
class Request:
    """What an app asks for at the authorise endpoint."""

    client: Client
    redirect_uri: str
    scope: str
    state: str
    challenge: str | None


def redirect_allowed(uri: str) -> bool:
    """Xero takes https, and http for `localhost` alone; not even 127.0.0.1."""
    parts = urlsplit(uri)
    if parts.fragment or "*" in uri:
        return False
    return (parts.scheme == "https" and bool(parts.hostname)) or (
        parts.scheme == "http" and parts.hostname == "localhost"
    )


def grant_code(world: World, asked: Request, person: Person, organisations: list[str]) -> str:
    """Write a person's consent down and answer the code. Scopes add up over consents. Raises CapReachedError."""
    event = str(uuid.uuid4())
    code = secrets.token_urlsafe(32)
    with world.store.transaction():
        for organisation in organisations:
            connections.connect(world, asked.client.id, person.id, organisation, event)
        scope = _add_consent(world, asked, person)
        world.store.change(
            "INSERT INTO code VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)",
            (
                code,
                asked.client.id,
                person.id,
                asked.redirect_uri,
                scope,
                asked.challenge,
                event,
                _now(world) + CODE_SECONDS,
            ),
        )
    return code


def _add_consent(world: World, asked: Request, person: Person) -> str:
    sql = "SELECT scope FROM consent WHERE client = ? AND person = ?"
    earlier = world.store.row(sql, (asked.client.id, person.id))
    scope = " ".join(dict.fromkeys([*(earlier[0].split() if earlier else []), *asked.scope.split()]))
    world.store.change("INSERT OR REPLACE INTO consent VALUES (?, ?, ?)", (asked.client.id, person.id, scope))
    return scope


def _now(world: World) -> int:
    return int(world.clock.seconds())


routes = Blueprint("oauth", __name__)


@routes.errorhandler(OAuthError)
def refused(error: OAuthError) -> tuple[dict[str, str], int]:
    body = {"error": error.reason}
    if error.description:
        body["error_description"] = error.description
    return body, 400


@routes.post("/connect/token")
def token() -> Response:
    world = current()
    grant_type = request.form.get("grant_type", "")
    world.stats.token(grant_type)
    client = _authenticated(world)
    grants = {"authorization_code": _by_code, "refresh_token": _by_refresh, "client_credentials": _by_client}
    if grant_type not in grants:
        raise OAuthError("unsupported_grant_type" if grant_type else "invalid_request")
    answer: dict[str, Any] = tokens.issue(world, grants[grant_type](world, client))
    response = jsonify(answer)
    response.headers["Cache-Control"] = "no-store, no-cache, max-age=0"
    return response


@routes.post("/connect/revocation")
def revoke() -> Response:
    world = current()
    client = _authenticated(world)
    world.stats.token("revocation")
    row = world.store.row(
        "SELECT person FROM refresh_token WHERE token = ? AND client = ?",
        (request.form.get("token", ""), client.id),
    )
    if row:
        revoke_all(world, client.id, row[0])
    return Response(status=200)


def revoke_all(world: World, client: str, person: str) -> None:
    """End everything that a person gave a client: tokens, consent, every connection."""
    with world.store.transaction():
        for table in ("refresh_token", "consent", "code"):
            world.store.change(f"DELETE FROM {table} WHERE client = ? AND person = ?", (client, person))
        connections.remove_all(world, client, person)


def _authenticated(world: World) -> Client:
    """The client, by Basic or by the form."""
    given_id, given_secret = _basic() or (request.form.get("client_id", ""), request.form.get("client_secret", ""))
    client = world.settings.client(given_id)
    if client is None or not hmac.compare_digest(client.secret.encode(), given_secret.encode()):
        raise OAuthError("invalid_client")
    return client


def _basic() -> tuple[str, str] | None:
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise OAuthError("invalid_client") from None
    return unquote_plus(name), unquote_plus(secret)


def _by_code(world: World, client: Client) -> Grant:
    code = request.form.get("code", "")
    with world.store.transaction():
        row = world.store.row(
            "SELECT person, redirect_uri, scope, challenge, event, expires FROM code"
            " WHERE code = ? AND client = ? AND used = 0",
            (code, client.id),
        )
        # Used up by the first try, right or wrong.
        world.store.change("UPDATE code SET used = 1 WHERE code = ?", (code,))
    if row is None:
        raise OAuthError("invalid_grant")
    person, redirect_uri, scope, challenge, event, expires = row
    if _now(world) >= expires or request.form.get("redirect_uri") != redirect_uri:
        raise OAuthError("invalid_grant")
    if challenge is not None and not _verified(challenge, request.form.get("code_verifier", "")):
        raise OAuthError("invalid_grant")
    return Grant(client, world.settings.person(person), scope, event)


def _verified(challenge: str, verifier: str) -> bool:
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return bool(VERIFIER.match(verifier)) and hmac.compare_digest(digest, challenge)


def _by_refresh(world: World, client: Client) -> Grant:
    grant = tokens.refresh(world, client, request.form.get("refresh_token", ""))
    asked = request.form.get("scope", "").split()
    if grant is None or not set(asked) <= set(grant.scopes):
        raise OAuthError("invalid_grant")
    return grant


def _by_client(world: World, client: Client) -> Grant:
    """A custom connection: bound to one organisation, consented to beforehand, without a person."""
    if client.organisation is None:
        raise OAuthError("unauthorized_client")
    asked = request.form.get("scope", "").split() or sorted(scopes.UNCHANGED)
    if scopes.unknown(asked, world.settings.scope_mode):
        raise OAuthError("invalid_scope")
    _first_connection(world, client)
    own = connections.of(world, client.id, "")
    if not own:
        raise OAuthError("unauthorized_client")
    return Grant(client, None, " ".join(asked), own[0].event)


def _first_connection(world: World, client: Client) -> None:
    """Use the consent up: a connection that was removed does not come back by itself."""
    with world.store.transaction():
        if world.store.change("DELETE FROM consent WHERE client = ? AND person = ''", (client.id,)):
            organisation = find(world.store, str((client.organisation or 0) + 1))
            assert organisation is not None
            connections.connect(world, client.id, "", organisation.id, str(uuid.uuid4()))
