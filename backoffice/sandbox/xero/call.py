"""One call to the accounting API: who asks, of which organisation, what."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from backoffice.sandbox.xero import answers
from backoffice.sandbox.xero.books import Books
from backoffice.sandbox.xero.clock import read_modified_since
from backoffice.sandbox.xero.organisations import Organisation
from backoffice.sandbox.xero.shelf import Json, Shelf
from backoffice.sandbox.xero.world import World


def new_id() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True)
class Call:
    """A call that was let in. `parameters` are the query's, by their names in lower case.

    `by_person` is what someone does in Xero's own screens, where a little more is allowed.
    """

    world: World
    organisation: Organisation
    provider: str
    parameters: Mapping[str, str]
    modified_since: str | None = None
    data: bytes = b""
    content_type: str = ""
    # The address of the accounting API, for links in answers.
    root: str = ""
    unpaged: bool = False
    by_person: bool = False
    # For what is made up: when it happened, and ids that are the same every time.
    moment: int | None = None
    ids: Callable[[], str] = new_id

    @cached_property
    def books(self) -> Books:
        return Books(self.shelf)

    def shelf(self, kind: str) -> Shelf:
        return self.world.shelf(self.organisation.id, kind)

    @property
    def now(self) -> int:
        return self.world.clock.milliseconds() if self.moment is None else self.moment

    @property
    def summarize(self) -> bool:
        """Absent counts as true, whatever the specification says."""
        return self.parameters.get("summarizeerrors", "true").lower() != "false"

    @property
    def places(self) -> int:
        """Decimal places of unit prices."""
        return 4 if self.parameters.get("unitdp") == "4" else 2

    def flag(self, name: str) -> bool:
        return self.parameters.get(name.lower(), "").lower() == "true"

    def since(self) -> int | None:
        """If-Modified-Since in milliseconds. A text that is no date is passed over."""
        return read_modified_since(self.modified_since) if self.modified_since else None

    def elements(self, name: str) -> list[Json]:
        """What was sent: `{"Contacts": [...]}` in any case, a list, or one bare object."""
        try:
            body: Any = json.loads(self.data)
        except ValueError:
            raise answers.bad_data("The request body is not valid JSON.") from None
        if isinstance(body, dict):
            wrapped = [value for key, value in body.items() if key.casefold() == name.casefold()]
            body = wrapped[0] if wrapped else body
        found = body if isinstance(body, list) else [body]
        if not all(isinstance(one, dict) for one in found):
            raise answers.bad_data("The request body holds something else than elements.")
        if not found or found == [{}]:
            raise answers.no_data()
        return found


@dataclass(frozen=True)
class Reply:
    """A success: its body and status."""

    body: str | bytes
    status: int = 200
    content_type: str | None = answers.JSON
