"""Idempotency keys: the first answer is kept for six minutes, errors too, and given again to the same request."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

from flask import request

from backoffice.sandbox.xero import answers
from backoffice.sandbox.xero.call import Reply
from backoffice.sandbox.xero.world import World

SECONDS = 6 * 60
MAX_KEY = 128
_one_at_a_time = threading.Lock()


def remembered(world: World, organisation: str, act: Callable[[], Reply]) -> Reply:
    """The answer of `act`, or the one already given under this call's key. Raises the refusal for a misused key."""
    key = request.headers.get("Idempotency-Key", "")
    if not key or request.method not in ("PUT", "POST", "PATCH"):
        return act()
    if len(key) > MAX_KEY:
        raise answers.bad_data("The Idempotency-Key is longer than 128 characters.")
    # A twin that comes while the first is at work waits here and gets the same answer.
    with _one_at_a_time:
        earlier = _earlier(world, organisation, key)
        if earlier:
            return earlier
        with world.store.transaction():
            reply = act()
            _keep(world, organisation, key, reply)
        return reply


def _earlier(world: World, organisation: str, key: str) -> Reply | None:
    now = int(world.clock.seconds())
    world.store.change("DELETE FROM idempotency WHERE expires <= ?", (now,))
    row = world.store.row(
        "SELECT fingerprint, body, status, content_type FROM idempotency WHERE organisation = ? AND key = ?",
        (organisation, key),
    )
    if row is None:
        return None
    fingerprint, body, status, content_type = row
    if fingerprint != _fingerprint():
        message = f"Idempotency Key: {key} is used with a different request."
        raise answers.error(0, "IdempotencyException", message)
    return Reply(body, status, content_type or None)


def _keep(world: World, organisation: str, key: str, reply: Reply) -> None:
    expires = int(world.clock.seconds()) + SECONDS
    values = (organisation, key, _fingerprint(), expires, reply.status, reply.content_type or "", reply.body)
    world.store.change("INSERT INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?)", values)


def _fingerprint() -> str:
    text = f"{request.method} {request.full_path} ".encode() + request.get_data()
    return hashlib.sha256(text).hexdigest()
