"""Tokens: signed access tokens with Xero's claims, refresh tokens that rotate, and the identity token."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from backoffice.sandbox.xero.settings import Client, Person
from backoffice.sandbox.xero.world import World

ISSUER = "https://identity.xero.com"
ACCESS_SECONDS = 1800
GRACE_SECONDS = 30 * 60
UNUSED_SECONDS = 60 * 86_400


@dataclass(frozen=True)
class Grant:
    """What a person (or, for a custom connection, nobody) allowed a client, in one consent `event`."""

    client: Client
    person: Person | None
    scope: str
    event: str

    @property
    def scopes(self) -> list[str]:
        return self.scope.split()


@dataclass(frozen=True)
class Claims:
    """What an access token says."""

    client: str
    person: str
    scopes: frozenset[str]
    event: str
    expires: int


class BadTokenError(Exception):
    """The text is no access token of this sandbox."""


def issue(world: World, grant: Grant) -> dict[str, Any]:
    """The answer of the token endpoint: a refresh token comes with `offline_access`, an id_token with `openid`."""
    now = int(world.clock.seconds())
    access = _sign(world, _access_claims(grant, now))
    answer: dict[str, Any] = {"access_token": access, "expires_in": ACCESS_SECONDS, "token_type": "Bearer"}
    if grant.person and "openid" in grant.scopes:
        answer = {"id_token": _sign(world, _identity_claims(grant, grant.person, access, now)), **answer}
    if grant.person and "offline_access" in grant.scopes:
        answer["refresh_token"] = _new_refresh_token(world, grant, grant.person, now)
    return {**answer, "scope": grant.scope}


def refresh(world: World, client: Client, token: str) -> Grant | None:
    """Use a refresh token: it and its siblings end, it alone with the grace; None if it is not valid any more."""
    now = int(world.clock.seconds())
    with world.store.transaction():
        row = world.store.row(
            "SELECT person, scope, event, expires, rotated FROM refresh_token WHERE token = ? AND client = ?",
            (token, client.id),
        )
        if row is None:
            return None
        person, scope, event, expires, rotated = row
        if now >= expires or (rotated is not None and now >= rotated + GRACE_SECONDS):
            return None
        world.store.change(
            "DELETE FROM refresh_token WHERE client = ? AND person = ? AND token <> ?", (client.id, person, token)
        )
        world.store.change("UPDATE refresh_token SET rotated = coalesce(rotated, ?) WHERE token = ?", (now, token))
    return Grant(client, world.settings.person(person), scope, event)


def read(world: World, token: str) -> Claims:
    """The claims of an access token, expired or not. Raises BadTokenError."""
    try:
        head, body, signature = token.split(".")
        expected = _signature(world, f"{head}.{body}")
        if not hmac.compare_digest(signature.encode(), expected.encode()):
            raise BadTokenError
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except ValueError as error:
        raise BadTokenError from error
    if "scope" not in claims:
        raise BadTokenError
    return Claims(
        client=claims["client_id"],
        person=claims.get("xero_userid", ""),
        scopes=frozenset(claims["scope"]),
        event=claims["authentication_event_id"],
        expires=claims["exp"],
    )


def _new_refresh_token(world: World, grant: Grant, person: Person, now: int) -> str:
    token = secrets.token_urlsafe(48)
    world.store.change(
        "INSERT INTO refresh_token VALUES (?, ?, ?, ?, ?, ?, NULL)",
        (token, grant.client.id, person.id, grant.scope, grant.event, now + UNUSED_SECONDS),
    )
    return token


def _access_claims(grant: Grant, now: int) -> dict[str, Any]:
    claims: dict[str, Any] = {
        "nbf": now,
        "exp": now + ACCESS_SECONDS,
        "iss": ISSUER,
        "aud": f"{ISSUER}/resources",
        "client_id": grant.client.id,
        "jti": secrets.token_hex(16),
        "authentication_event_id": grant.event,
        "scope": grant.scopes,
    }
    if grant.person:
        claims |= {
            "sub": _subject(grant.person),
            "auth_time": now,
            "xero_userid": grant.person.id,
            "global_session_id": uuid.uuid4().hex,
            "amr": ["pwd"],
        }
    return claims


def _identity_claims(grant: Grant, person: Person, access: str, now: int) -> dict[str, Any]:
    half = hashlib.sha256(access.encode()).digest()[:16]
    claims: dict[str, Any] = {
        "nbf": now,
        "exp": now + 300,
        "iss": ISSUER,
        "aud": grant.client.id,
        "iat": now,
        "at_hash": _encode(half),
        "sid": uuid.uuid4().hex,
        "sub": _subject(person),
        "auth_time": now,
        "xero_userid": person.id,
        "global_session_id": uuid.uuid4().hex,
        "amr": ["pwd"],
    }
    if "email" in grant.scopes:
        claims |= {"preferred_username": person.email, "email": person.email}
    if "profile" in grant.scopes:
        claims |= {"given_name": person.given_name, "family_name": person.family_name, "name": person.name}
    return claims


def _subject(person: Person) -> str:
    return hashlib.sha256(person.id.encode()).hexdigest()[:32]


def _sign(world: World, claims: dict[str, Any]) -> str:
    """Signed with HS256: nobody outside has a key to check with, Xero's own RS256 would need one published."""
    head = _encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    text = f"{head}.{_encode(json.dumps(claims).encode())}"
    return f"{text}.{_signature(world, text)}"


def _signature(world: World, text: str) -> str:
    return _encode(hmac.new(world.token_secret.encode(), text.encode(), hashlib.sha256).digest())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
