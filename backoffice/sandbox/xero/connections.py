"""Connections: which organisations a client may see for a person; and the `/connections` endpoint."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, jsonify, request

from backoffice.sandbox.xero import answers
from backoffice.sandbox.xero.bearer import claims_of
from backoffice.sandbox.xero.clock import iso_seven_digits
from backoffice.sandbox.xero.world import World, current

SELECT = (
    "SELECT connection.id, client, person, organisation, event, created, updated, json_extract(body, '$.Name')"
    " FROM connection JOIN organisation ON organisation.id = organisation"
)


class CapReachedError(Exception):
    """The plan of the app allows no further connection."""


@dataclass(frozen=True)
class Connection:
    """One organisation that a person let a client into."""

    id: str
    client: str
    person: str
    organisation: str
    event: str
    created: int
    updated: int
    name: str

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "authEventId": self.event,
            "tenantId": self.organisation,
            "tenantType": "ORGANISATION",
            "tenantName": self.name,
            "createdDateUtc": iso_seven_digits(self.created),
            "updatedDateUtc": iso_seven_digits(self.updated),
        }


def every(world: World) -> list[Connection]:
    return [Connection(*row) for row in world.store.rows(f"{SELECT} ORDER BY created, connection.id")]


def of(world: World, client: str, person: str) -> list[Connection]:
    sql = f"{SELECT} WHERE client = ? AND person = ? ORDER BY created, connection.id"
    return [Connection(*row) for row in world.store.rows(sql, (client, person))]


def connect(world: World, client: str, person: str, organisation: str, event: str) -> None:
    """Let the client in; one that is in already keeps its connection, under the new consent. Raises CapReachedError."""
    now = world.clock.milliseconds()
    with world.store.transaction():
        row = world.store.row(
            "SELECT count(*) FROM connection WHERE client = ? AND NOT organisation = ?", (client, organisation)
        )
        cap = world.settings.connection_cap
        if cap is not None and row is not None and row[0] >= cap:
            raise CapReachedError
        world.store.change(
            "INSERT INTO connection VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (client, person, organisation)"
            " DO UPDATE SET event = excluded.event, updated = excluded.updated",
            (str(uuid.uuid4()), client, person, organisation, event, now, now),
        )


def remove(world: World, connection_id: str) -> bool:
    return world.store.change("DELETE FROM connection WHERE id = ?", (connection_id.lower(),)) > 0


def remove_all(world: World, client: str, person: str) -> None:
    world.store.change("DELETE FROM connection WHERE client = ? AND person = ?", (client, person))


routes = Blueprint("connections", __name__)


@routes.get("/connections")
def listed() -> Response:
    world = current()
    claims = claims_of(world, request)
    found = of(world, claims.client, claims.person)
    event = request.args.get("authEventId")
    return jsonify([one.shown() for one in found if event is None or one.event == event])


@routes.delete("/connections/<key>")
def deleted(key: str) -> Response:
    world = current()
    claims = claims_of(world, request)
    mine = of(world, claims.client, claims.person)
    if any(one.id == key.lower() for one in mine):
        remove(world, key)
        return Response(status=204)
    if any(one.organisation == key.lower() for one in mine):
        raise answers.forbidden()
    raise answers.RefusalError(404, answers.problem("Not Found", 404, "Connection not found"))
