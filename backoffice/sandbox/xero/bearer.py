"""The access token of a call: its claims, or the refusal it gets."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Request

from backoffice.sandbox.xero import tokens
from backoffice.sandbox.xero.answers import unauthorized
from backoffice.sandbox.xero.world import World


def claims_of(world: World, request: Request) -> tokens.Claims:
    """The claims of the call's access token. Raises the refusal that a missing, bad or expired one gets."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise unauthorized("AuthenticationUnsuccessful")
    try:
        claims = tokens.read(world, token.strip())
    except tokens.BadTokenError:
        raise unauthorized("AuthenticationUnsuccessful") from None
    if world.clock.seconds() >= claims.expires:
        end = datetime.fromtimestamp(claims.expires, UTC)
        raise unauthorized(f"TokenExpired: token expired at {end:%m/%d/%Y %H:%M:%S}")
    return claims
