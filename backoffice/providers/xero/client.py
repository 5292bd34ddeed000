"""One organisation at Xero, for the length of a job: each method is one call, counted, limited and judged.

https://developer.xero.com/documentation/api/accounting/requests-and-responses
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from threading import Lock
from urllib.parse import quote

from backoffice.config import Settings
from backoffice.errors import (
    ConnectionLostError,
    Ending,
    RateLimitedError,
    RejectedError,
    UnansweredError,
    UnreadableError,
)
from backoffice.models import Connection
from backoffice.providers.consents import Consents
from backoffice.providers.http import Answer, Request, Wire
from backoffice.providers.limits import Budget
from backoffice.providers.tokens import Tokens
from backoffice.providers.xero import answers
from backoffice.providers.xero.connections import Connections
from backoffice.providers.xero.endings import ended
from backoffice.providers.xero.ids import FEW, IDS_IN_WHERE, ONE_BY_ONE, WITH_WHERE, asking, of_row
from backoffice.providers.xero.outcomes import outcomes, refused
from backoffice.providers.xero.shape import Writing, XeroMapper
from backoffice.providers.xero.spoken import correlation_of, sent
from backoffice.sync.mapper import Mapper, Payload
from backoffice.sync.provider import Outcome, Page

#: Resources whose prices would be rounded to two decimals without being asked for four.
FOUR_DECIMALS = {"Items", "Invoices", "CreditNotes", "Overpayments", "Prepayments"}
#: Resources that have an archive, and leave it out unless asked.
WITH_ARCHIVE = {"Contacts", "TrackingCategories"}


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
        #: Xero-Correlation-Id of the last answer.
        self.correlation: str | None = None
        self._connection_id = connection.id
        self._authorisation_id = connection.authorisation_id
        self._tenant, self._demo = connection.external_id, bool(connection.demo)
        self._urgent = urgent
        self._access = access
        self._wire = Wire(access.settings)
        self._lock = Lock()

    def page(self, resource: str, number: int, since: datetime | None = None) -> Page:
        params = {"page": str(number), "pageSize": str(self._access.settings.page_size), "order": "UpdatedDateUTC DESC"}
        return answers.page(self._call(self._read(resource, params, since)), resource)

    def whole(self, resource: str) -> Page:
        return answers.page(self._call(self._read(resource, {})), resource)

    def by_ids(self, resource: str, ids: Sequence[str], since: datetime | None = None) -> Sequence[Payload]:
        """The rows with these ids; a resource that cannot be asked so is read whole, which is one call too.

        Purchase orders can only be asked for one by one, or page by page: one call for each. What is searched for
        its ids takes few of them in a call; more are found by one page of what changed since, or in several calls.
        """
        if not ids:
            return ()
        if resource in ONE_BY_ONE:
            return self._one_by_one(resource, ids)
        if resource in WITH_WHERE and len(ids) > IDS_IN_WHERE:
            return self._few_at_a_time(resource, ids, since)
        rows = answers.page(self._call(self._read(resource, asking(resource, ids))), resource).rows
        return [row for row in rows if of_row(resource, row) & set(ids)]

    def _few_at_a_time(self, resource: str, ids: Sequence[str], since: datetime | None) -> Sequence[Payload]:
        changed = self.page(resource, 1, since).rows if since else ()
        rows = [row for row in changed if of_row(resource, row) & set(ids)]
        missing = sorted(set(ids).difference(*(of_row(resource, row) for row in rows)))
        for start in range(0, len(missing), IDS_IN_WHERE):
            rows += self.by_ids(resource, missing[start : start + IDS_IN_WHERE])
        return rows

    def _one_by_one(self, resource: str, ids: Sequence[str]) -> Sequence[Payload]:
        if len(ids) <= FEW:
            found = [self._optional(self._read(f"{resource}/{quote(key, safe='')}", {}), resource) for key in ids]
            return [row for rows in found for row in rows]
        missing, rows, number = set(ids), [], 1
        while missing:
            page = self.page(resource, number)
            here = [row for row in page.rows if of_row(resource, row) & missing]
            rows += here
            missing -= set().union(*(of_row(resource, row) for row in here))
            if number >= (page.page_count or 1):
                break
            number += 1
        return rows

    def _optional(self, request: Request, resource: str) -> Sequence[Payload]:
        """The rows of an answer; none where there is no such thing."""
        try:
            return answers.envelope(self._call(request), resource)[1]
        except answers.NotThereError:
            return ()

    def find(self, mapper: Mapper, payload: Payload) -> Sequence[Payload]:
        assert isinstance(mapper, XeroMapper)
        search = mapper.search(payload)
        if search is None:
            return ()
        rows = self._optional(self._read(search.path, search.params), search.answer)
        return [each for row in rows for each in mapper.rows(row) if mapper.found(payload, each)]

    def look(self, mapper: Mapper, text: str) -> Sequence[Payload]:
        """The rows of a paged list that a person may mean by a number or a name, archived ones included."""
        assert isinstance(mapper, XeroMapper)
        search = mapper.asked(text)
        if search is None:
            return ()
        rows = self._optional(self._read(search.path, search.params), search.answer)
        return [each for row in rows for each in mapper.rows(row)]

    def send(self, mapper: Mapper, action: str, payloads: Sequence[Payload], key: str) -> Sequence[Outcome]:
        assert isinstance(mapper, XeroMapper)
        writing = mapper.writing(action, payloads)
        try:
            answer = self._call(self._write(writing, key))
        except answers.InvalidError as error:
            if len(error.elements) == len(payloads) and all(any(answers.said(each)) for each in error.elements):
                return [refused(mapper, each) for each in error.elements]
            raise
        except answers.NotThereError as error:
            if writing.method == "DELETE":  # taken back before: by somebody, or by us when no answer came
                return [Outcome(payload={**payload, "IsDeleted": True}) for payload in payloads]
            raise RejectedError("This is no longer in Xero.", divisible=True) from error
        try:
            found = answers.written(answer, writing.answer)
            return outcomes(
                mapper, action, payloads, [each for row in found for each in mapper.answered(row, payloads)]
            )
        except UnreadableError as error:
            raise UnansweredError(status=answer.status) from error

    def organisation(self) -> Payload:
        """The organisation itself. Raises: as every call."""
        rows = answers.page(self._call(self._read("Organisation", {})), "Organisations").rows
        if not rows:
            raise UnreadableError
        return rows[0]

    def currencies(self) -> Sequence[str]:
        """The ISO 4217 codes that the organisation has. Raises: as every call."""
        rows = answers.page(self._call(self._read("Currencies", {})), "Currencies").rows
        return sorted({str(row["Code"]) for row in rows if isinstance(row.get("Code"), str)})

    def _read(self, resource: str, params: Mapping[str, str], since: datetime | None = None) -> Request:
        more = {"includeArchived": "true"} if resource in WITH_ARCHIVE else {}
        more |= self._places(resource)
        headers = self._headers()
        if since is not None:
            headers["If-Modified-Since"] = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return Request("GET", self._url(resource), {**params, **more}, headers)

    def _write(self, writing: Writing, key: str) -> Request:
        params = {"summarizeErrors": "false"} | self._places(writing.path)
        headers = {**self._headers(), "Content-Type": writing.content_type, "Idempotency-Key": key}
        return Request(writing.method, self._url(writing.path), params, headers, writing.body)

    @staticmethod
    def _places(path: str) -> dict[str, str]:
        return {"unitdp": "4"} if path.partition("/")[0] in FOUR_DECIMALS else {}

    def _url(self, resource: str) -> str:
        return f"{self._access.settings.xero_api_url}/{resource}"

    def _headers(self) -> dict[str, str]:
        return {"xero-tenant-id": self._tenant, "Accept": "application/json"}

    def _call(self, request: Request) -> Answer:
        """One call. When it shows that the connection has ended, the connection says so from then on."""
        try:
            return self._authorised(request)
        except ConnectionLostError as error:
            self._access.consents.lost(self._connection_id, error.message, error.reason)
            raise

    def _authorised(self, request: Request) -> Answer:
        """Send; if the token is refused, the same request with the same key under a fresh one."""
        if self._authorisation_id is None:
            raise ConnectionLostError
        try:
            return self._access.tokens.using(self._authorisation_id, partial(self._once, request))
        except answers.OrganisationRefusedError as error:
            if reason := self._ending(self._authorisation_id):
                raise ended(reason) from error
            raise

    def _ending(self, authorisation_id: int) -> Ending | None:
        """Why Xero turns us away: the application was removed, the organisation is closed; None for this call alone."""
        if self._tenant not in self._access.tokens.using(authorisation_id, self._covered):
            return Ending.DEMO_GONE if self._demo else Ending.ORGANISATION_GONE
        try:
            self._access.tokens.using(authorisation_id, partial(self._once, self._read("Organisation", {})))
        except answers.OrganisationRefusedError:
            return Ending.ORGANISATION_CLOSED
        return None

    def _covered(self, token: str) -> set[str]:
        """The organisations that the token reaches."""
        with self._lock:
            self.calls += 1
        return {each.organisation.external_id for each in self._access.connections.covered(token)}

    def _once(self, request: Request, token: str) -> Answer:
        with self._access.budget.call(self._urgent):
            with self._lock:
                self.calls += 1
            self.correlation = None
            answer = sent(self._wire, request, token, self._access.settings.xero_api_url)
            self.correlation = correlation_of(answer)
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
