"""One organisation at Xero, for the length of a job: each method is one call, counted, limited and judged.

https://developer.xero.com/documentation/api/accounting/requests-and-responses
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from threading import Lock

from backoffice.config import Settings
from backoffice.database import folded
from backoffice.errors import ConnectionLostError, RateLimitedError, UnansweredError, UnreadableError
from backoffice.models import Connection
from backoffice.providers.consents import Consents
from backoffice.providers.http import Answer, Request, Wire
from backoffice.providers.limits import Budget
from backoffice.providers.tokens import Tokens
from backoffice.providers.xero import answers, refusals
from backoffice.providers.xero.connections import Connections
from backoffice.providers.xero.kinds import MAPPERS
from backoffice.providers.xero.shape import NOBODY
from backoffice.sync.mapper import Mapper, Payload
from backoffice.sync.provider import Outcome, Page

#: Resources whose prices would be rounded to two decimals without being asked for four.
FOUR_DECIMALS = {"Items"}
#: Resources that have an archive, and leave it out unless asked.
WITH_ARCHIVE = {"Contacts", "TrackingCategories"}
#: Resources that can be asked for by ids; the others are read whole.
WITH_IDS = {"Contacts"}
#: Characters of a text that are looked for; any more may not fit into an address.
LONGEST_SEARCH = 120
ORGANISATION_GONE = (
    "The organisation has disconnected this application in Xero, or no longer exists. "
    "Link the company again; nothing is lost meanwhile."
)


@dataclass(frozen=True)
class Access:
    """What a client works with: settings, tokens, consents, the list of connections, the organisation's budget."""

    settings: Settings
    tokens: Tokens
    consents: Consents
    connections: Connections
    budget: Budget


class XeroClient:
    """The port `Client`, for Xero. May be used from several threads."""

    def __init__(self, connection: Connection, urgent: bool, access: Access) -> None:
        self.calls = 0
        #: Xero's own last count of what is left: (day, minute).
        self.budget: tuple[int | None, int | None] = (None, None)
        self._connection_id = connection.id
        self._authorisation_id = connection.authorisation_id
        self._tenant = connection.external_id
        self._urgent = urgent
        self._access = access
        self._wire = Wire(access.settings)
        self._lock = Lock()

    def page(self, resource: str, number: int, since: datetime | None = None) -> Page:
        params = {"page": str(number), "pageSize": str(self._access.settings.page_size), "order": "UpdatedDateUTC DESC"}
        return answers.page(self._call(self._read(resource, params, since)), resource)

    def whole(self, resource: str) -> Page:
        return answers.page(self._call(self._read(resource, {})), resource)

    def by_ids(self, resource: str, ids: Sequence[str]) -> Sequence[Payload]:
        """The rows with these ids; a resource that cannot be asked so is read whole, which is one call too."""
        if not ids:
            return ()
        params = {"IDs": ",".join(ids), "page": "1", "pageSize": "1000"} if resource in WITH_IDS else {}
        rows = answers.page(self._call(self._read(resource, params)), resource).rows
        return [row for row in rows if _ids(resource, row) & set(ids)]

    def find(self, mapper: Mapper, payload: Payload) -> Sequence[Payload]:
        """The rows whose first look-up key that is filled here equals ours; without any there is nothing to find."""
        keys = {field.column: field.key for field in mapper.fields}
        filled = (keys[column] for column in mapper.lookup_key if payload.get(keys[column]))
        if (key := next(filled, None)) is None:
            return ()
        wanted = str(payload[key])
        params = {**_search(key, wanted), "page": "1", "pageSize": "1000"}
        rows = answers.page(self._call(self._read(mapper.resource, params)), mapper.resource).rows
        return [row for row in rows if folded(str(row.get(key, ""))) == folded(wanted)]

    def send(self, mapper: Mapper, action: str, payloads: Sequence[Payload], key: str) -> Sequence[Outcome]:
        """PUT creates and refuses what is there; POST, each row with its id, updates."""
        try:
            answer = self._call(self._write(mapper.resource, action, payloads, key))
        except answers.InvalidError as error:
            if len(error.elements) == len(payloads) and all(any(answers.said(each)) for each in error.elements):
                return [_refused(each) for each in error.elements]
            raise
        try:
            rows = answers.envelope(answer, mapper.resource)[1]
            return _outcomes(mapper, action, payloads, rows)
        except UnreadableError as error:
            raise UnansweredError(status=answer.status) from error

    def organisation(self) -> Payload:
        """The organisation itself. Raises: as every call."""
        rows = answers.page(self._call(self._read("Organisation", {})), "Organisations").rows
        if not rows:
            raise UnreadableError
        return rows[0]

    def _read(self, resource: str, params: Mapping[str, str], since: datetime | None = None) -> Request:
        more = {"includeArchived": "true"} if resource in WITH_ARCHIVE else {}
        more |= {"unitdp": "4"} if resource in FOUR_DECIMALS else {}
        headers = self._headers()
        if since is not None:
            headers["If-Modified-Since"] = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return Request("GET", self._url(resource), {**params, **more}, headers)

    def _write(self, resource: str, action: str, payloads: Sequence[Payload], key: str) -> Request:
        params = {"summarizeErrors": "false"} | ({"unitdp": "4"} if resource in FOUR_DECIMALS else {})
        headers = {**self._headers(), "Content-Type": "application/json", "Idempotency-Key": key}
        # Sorted, so that the same request has the same body when it is sent again under the same key.
        body = json.dumps({resource: list(payloads)}, sort_keys=True).encode()
        return Request("PUT" if action == "create" else "POST", self._url(resource), params, headers, body)

    def _url(self, resource: str) -> str:
        return f"{self._access.settings.xero_api_url}/{resource}"

    def _headers(self) -> dict[str, str]:
        return {"xero-tenant-id": self._tenant, "Accept": "application/json"}

    def _call(self, request: Request) -> Answer:
        """One call. When it shows that the connection has ended, the connection says so from then on."""
        try:
            return self._authorised(request)
        except ConnectionLostError as error:
            self._access.consents.lost(self._connection_id, error.message)
            raise

    def _authorised(self, request: Request) -> Answer:
        """Send; if the token is refused, the same request with the same key under a fresh one."""
        if self._authorisation_id is None:
            raise ConnectionLostError
        try:
            return self._access.tokens.using(self._authorisation_id, partial(self._once, request))
        except answers.OrganisationRefusedError as error:
            covered = self._access.tokens.using(self._authorisation_id, self._covered)
            if self._tenant in covered:
                raise
            raise ConnectionLostError(ORGANISATION_GONE, reason="organisation_gone") from error

    def _covered(self, token: str) -> set[str]:
        """The organisations that the token reaches."""
        with self._lock:
            self.calls += 1
        return {each.organisation.external_id for each in self._access.connections.covered(token)}

    def _once(self, request: Request, token: str) -> Answer:
        with self._access.budget.call(self._urgent):
            with self._lock:
                self.calls += 1
            answer = self._wire.send(request, token)
        self._learn(answer)
        error = answers.refusal(answer, request.writes)
        if isinstance(error, RateLimitedError):
            self._access.budget.close(error.limit, error.retry_after or 1)
        if error is not None:
            raise error
        return answer

    def _learn(self, answer: Answer) -> None:
        minute, day = answer.number("X-MinLimit-Remaining"), answer.number("X-DayLimit-Remaining")
        self._access.budget.learn(minute, day, answer.number("X-AppMinLimit-Remaining"))
        if minute is not None and day is not None:
            self.budget = (day, minute)


def _ids(resource: str, row: Payload) -> set[str]:
    """The ids of all that one row of a resource holds."""
    mappers = [mapper for mapper in MAPPERS if mapper.resource == resource]
    return {str(each.get(mapper.id_key)) for mapper in mappers for each in mapper.rows(row)}


def _search(key: str, wanted: str) -> dict[str, str]:
    """A question that finds a text: by its beginning where the whole is too long for an address or has quotes in it."""
    plain = re.split(r'["\\]', wanted)[0][:LONGEST_SEARCH]
    if plain == wanted:
        return {"where": f'{key}=="{wanted}"'}
    if plain:
        return {"where": f'{key}!=null AND {key}.StartsWith("{plain}")'}
    return {"searchTerm": wanted[:LONGEST_SEARCH]}


def _outcomes(mapper: Mapper, action: str, payloads: Sequence[Payload], rows: Sequence[Payload]) -> Sequence[Outcome]:
    """Each row of the answer beside what was sent in its place.

    Raises: UnreadableError when they do not belong together.
    """
    if len(rows) != len(payloads):
        raise UnreadableError
    return [_outcome(mapper, action, sent, row) for sent, row in zip(payloads, rows, strict=True)]


def _outcome(mapper: Mapper, action: str, sent: Payload, row: Payload) -> Outcome:
    if any(answers.said(row)) or row.get("StatusAttributeString") == "ERROR":
        return _refused(row)
    found = row.get(mapper.id_key)
    same = found == sent.get(mapper.id_key) if action == "update" else _same(mapper, sent, row)
    if not same or not isinstance(found, str) or found == NOBODY:
        raise UnreadableError
    return Outcome(payload=row, warnings=_warnings(row))


def _same(mapper: Mapper, sent: Payload, row: Payload) -> bool:
    """Whether a created row carries one of the texts by which ours is known there."""
    keys = [field.key for field in mapper.fields if field.column in mapper.lookup_key]
    return any(sent.get(key) and folded(str(row.get(key, ""))) == folded(str(sent[key])) for key in keys)


def _refused(row: Payload) -> Outcome:
    return Outcome(refusal=refusals.explain("\n".join(answers.said(row))))


def _warnings(row: Payload) -> tuple[str, ...]:
    found = row.get("Warnings") or []
    return tuple(str(each["Message"]) for each in found if isinstance(each, dict) and each.get("Message"))
