"""The webhooks of apps: where each one delivers to, its signing key, what waits to be delivered, and how that went.

An app has one webhook. `new` until its intent to receive was answered as it must be, then `ok`; `off` when deliveries
have failed for a day.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from backoffice.sandbox.xero.shelf import Json
from backoffice.sandbox.xero.world import World

CATEGORIES = {"CONTACT": "Contacts", "INVOICE": "Invoices", "CREDITNOTE": "CreditNotes"}
WORDS = {kind: word for word, kind in CATEGORIES.items()}
#: Events in one delivery.
BATCH = 50
#: Seconds to the next try of a delivery that failed; the last one repeats.
RETRIES = (10, 60, 300, 900, 3600, 7200, 14400)
#: After so many milliseconds of failing it is switched off.
PATIENCE = 24 * 3600 * 1000
COLUMNS = "client, address, categories, key, status, problem, held, sequence, failures, failing_since, due"


class NoAddressError(Exception):
    """This is no address that could be delivered to."""


@dataclass(frozen=True)
class Webhook:
    """One app's webhook."""

    client: str
    address: str
    categories: str
    key: str
    status: str
    problem: str
    held: bool
    sequence: int
    failures: int
    failing_since: int | None
    due: int

    def shown(self) -> Json:
        return {**vars(self), "categories": self.categories.split(), "held": bool(self.held)}


@dataclass(frozen=True)
class Event:
    """A row that was changed."""

    sequence: int
    organisation: str
    kind: str
    id: str
    type: str
    happened: int


@dataclass(frozen=True)
class Answer:
    """What the other side said: a status, or a problem where nothing came."""

    status: int | None
    body: bytes = b""
    headers: Mapping[str, str] | None = None
    problem: str = ""


def every(world: World) -> list[Webhook]:
    return [Webhook(*row) for row in world.store.rows(f"SELECT {COLUMNS} FROM webhook ORDER BY client")]


def of(world: World, client: str) -> Webhook | None:
    row = world.store.row(f"SELECT {COLUMNS} FROM webhook WHERE client = ?", (client,))
    return Webhook(*row) if row else None


def register(world: World, client: str, address: str, categories: Sequence[str]) -> Webhook:
    """Deliver to this address from now on, once its intent to receive is known. A key is issued once.

    Raises: NoAddressError.
    """
    if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
        raise NoAddressError
    key = base64.b64encode(secrets.token_bytes(64)).decode()
    world.store.change(
        "INSERT INTO webhook (client, address, categories, key, status) VALUES (?, ?, ?, ?, 'new')"
        " ON CONFLICT (client) DO UPDATE SET address = excluded.address, categories = excluded.categories,"
        " status = 'new', problem = '', failures = 0, failing_since = NULL, due = 0",
        (client, address, " ".join(categories), key),
    )
    found = of(world, client)
    assert found is not None, "it was just put down"
    return found


def change(world: World, client: str, **values: Any) -> None:
    columns = ", ".join(f"{name} = ?" for name in values)
    world.store.change(f"UPDATE webhook SET {columns} WHERE client = ?", (*values.values(), client))


def remove(world: World, client: str) -> None:
    for table in ("webhook", "webhook_event", "webhook_delivery"):
        world.store.change(f"DELETE FROM {table} WHERE client = ?", (client,))


def waiting(world: World, client: str, limit: int = -1) -> list[Event]:
    """What was not delivered yet, in the order in which it happened."""
    sql = (
        "SELECT sequence, organisation, kind, id, type, happened FROM webhook_event"
        " WHERE client = ? ORDER BY sequence LIMIT ?"
    )
    return [Event(*row) for row in world.store.rows(sql, (client, limit))]


def delivered(world: World, client: str, events: Sequence[Event]) -> None:
    sql = "DELETE FROM webhook_event WHERE client = ? AND sequence = ?"
    world.store.change_many(sql, [(client, event.sequence) for event in events])


def body_of(world: World, events: Sequence[Event]) -> bytes:
    """A delivery as Xero writes it: JSON with spaces where no writer of JSON would put them all."""
    numbers = [event.sequence for event in events] or [0]
    told = ",".join(json.dumps(_told(world, event), separators=(",", ": ")) for event in events)
    entropy = "".join(secrets.choice(string.ascii_uppercase) for _ in range(20))
    return (
        f'{{"events":[{told}],"firstEventSequence": {min(numbers)},"lastEventSequence": {max(numbers)},'
        f' "entropy": "{entropy}"}}'
    ).encode()


def _told(world: World, event: Event) -> Json:
    moment = datetime.fromtimestamp(event.happened / 1000, UTC)
    more = {}
    if event.kind == "CreditNotes" and (row := world.shelf(event.organisation, event.kind).get(event.id)):
        more = {"data": {"Type": row.body["Type"], "Status": row.body["Status"]}}
    return {
        "resourceUrl": f"{world.address}/api.xro/2.0/{event.kind}/{event.id}",
        "resourceId": event.id,
        "tenantId": event.organisation,
        "tenantType": "ORGANISATION",
        "eventCategory": WORDS[event.kind],
        "eventType": event.type,
        "eventDateUtc": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}",
        **more,
    }


def sign(body: bytes, key: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def missigned(signature: str) -> str:
    """The signature with one character altered."""
    return ("b" if signature[0] != "b" else "c") + signature[1:]


def wrong(answer: Answer) -> str:
    """What is wrong with the answer to a delivery; nothing, if it is as it must be."""
    if answer.status is None:
        return answer.problem
    if answer.status != 200:
        return f"Response not 200 OK: {answer.status}"
    if answer.body:
        return "Response contained a body"
    if answer.headers and "set-cookie" in {name.lower() for name in answer.headers}:
        return "Response contained a cookie"
    return ""
