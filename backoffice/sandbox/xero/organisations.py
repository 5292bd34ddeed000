"""The organisations of the sandbox: finding, listing, resetting them as Xero resets its demo company."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

from backoffice.sandbox.xero.shelf import Json, dump
from backoffice.sandbox.xero.store import Store

COLUMNS = "id, short_code, position, body"


@dataclass(frozen=True)
class Organisation:
    """One organisation ("tenant"); `body` is what GET /Organisation shows."""

    id: str
    short_code: str
    position: int
    body: Json

    @property
    def name(self) -> str:
        return str(self.body["Name"])

    @property
    def closed(self) -> bool:
        """Whether its subscription has ended; it keeps its data and its connections."""
        return bool(self.body.get("OrganisationStatus") != "ACTIVE")


def every(store: Store) -> list[Organisation]:
    return [_read(row) for row in store.rows(f"SELECT {COLUMNS} FROM organisation ORDER BY position")]


def find(store: Store, key: str) -> Organisation | None:
    """By id, by short code (with or without its `!`) or by position: `1` is the first."""
    row = store.row(
        f"SELECT {COLUMNS} FROM organisation WHERE id = ? OR short_code = ? OR short_code = ? OR position + 1 = ?",
        (key.lower(), key, f"!{key}", int(key) if key.isdigit() else -1),
    )
    return _read(row) if row else None


def rewrite(store: Store, organisation: Organisation, changes: Json) -> Organisation:
    """Change what GET /Organisation shows; a None takes a field away."""
    body = {key: value for key, value in {**organisation.body, **changes}.items() if value is not None}
    store.change("UPDATE organisation SET body = ? WHERE id = ?", (dump(body), organisation.id))
    return Organisation(organisation.id, organisation.short_code, organisation.position, body)


def rotate(store: Store, organisation: Organisation) -> Organisation:
    """What the reset of a demo company does: the same data under a new id, every connection gone."""
    new_id = str(uuid.uuid4())
    body = {**organisation.body, "OrganisationID": new_id}
    with store.transaction():
        sql = "UPDATE organisation SET id = ?, body = ? WHERE id = ?"
        store.change(sql, (new_id, dump(body), organisation.id))
        store.change("UPDATE resource SET organisation = ? WHERE organisation = ?", (new_id, organisation.id))
        store.change("UPDATE attachment SET organisation = ? WHERE organisation = ?", (new_id, organisation.id))
        store.change("DELETE FROM connection WHERE organisation = ?", (organisation.id,))
    return Organisation(new_id, organisation.short_code, organisation.position, body)


def _read(row: tuple[Any, ...]) -> Organisation:
    return Organisation(row[0], row[1], row[2], json.loads(row[3]))
