"""What Xero's answers mean: status to error, the envelope of lists, and its way of writing time.

https://developer.xero.com/documentation/api/accounting/responsecodes
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from backoffice.errors import (
    BackofficeError,
    ConnectionLostError,
    Ending,
    RateLimitedError,
    RejectedError,
    TransientError,
    UnansweredError,
    UnreadableError,
)
from backoffice.providers.http import Answer
from backoffice.providers.tokens import TokenRefusedError
from backoffice.providers.xero import refusals
from backoffice.sync.mapper import Payload
from backoffice.sync.provider import Page

#: The only ErrorNumber that may be relied on: the records were turned down on their merits.
VALIDATION = 10
#: How long Xero asks to be left alone while an organisation or its API is offline, in seconds.
OFFLINE = 300.0
#: Xero's word in X-Rate-Limit-Problem, and ours.
LIMITS = {"minute": "minute", "day": "day", "concurrent": "concurrent", "appminute": "app", "app-minute": "app"}
WITHOUT_RETRY_AFTER = {"minute": 60.0, "day": 3600.0, "concurrent": 1.0, "app": 60.0}

_DATE = re.compile(r"/Date\((-?\d{1,16})([+-]\d{4})?\)/")
_SCOPE = re.compile(r'error="?insuffici?ent_scope"?', re.IGNORECASE)


class OrganisationRefusedError(RejectedError):
    """Xero does not allow this for the organisation."""


class NotThereError(RejectedError):
    """This is not in Xero."""


class InvalidError(RejectedError):
    """Xero turned records of the request down, and with them all of it."""

    def __init__(self, message: str, raw: str, elements: Sequence[Payload]) -> None:
        super().__init__(message, raw, divisible=True)
        #: What was sent, each with its ValidationErrors.
        self.elements = elements


def refusal(answer: Answer, writes: bool) -> BackofficeError | None:
    """The error that a status means; None for a success. The one place where a status of the API is judged."""
    status = answer.status
    if 200 <= status < 300:
        return None
    if status == 429:
        return limited(answer)
    if status >= 500:
        return _fault(answer, writes)
    if status == 401:
        return _unauthorised(answer)
    if status == 403:
        return OrganisationRefusedError("Xero does not allow this for the organisation.")
    if status == 404:
        return NotThereError("This is not in Xero.")
    if status >= 400:
        return rejected(answer)
    return UnansweredError(status=status) if writes else UnreadableError()


def limited(answer: Answer) -> RateLimitedError:
    """Which limit, and for how long. The body is empty and is never read."""
    problem = answer.headers.get("X-Rate-Limit-Problem", "").strip().lower()
    limit = LIMITS.get(problem, "minute")
    seconds = answer.number("Retry-After")
    return RateLimitedError(limit, WITHOUT_RETRY_AFTER[limit] if seconds is None else max(seconds, 1))


def _fault(answer: Answer, writes: bool) -> TransientError:
    plain = answer.headers.get("Content-Type", "").startswith("text/plain")
    wait = OFFLINE if answer.status == 503 and plain else None
    if not writes:
        return TransientError(retry_after=wait)
    # Also for a write that was not begun: Xero gives the same answer to the same key for six minutes.
    error = UnansweredError(status=answer.status)
    error.retry_after = wait
    return error


def _unauthorised(answer: Answer) -> ConnectionLostError:
    if _SCOPE.search(answer.headers.get("WWW-Authenticate", "")):
        return ConnectionLostError(
            "Xero was not asked for everything this needs; link the company again and allow all that is listed.",
            reason=Ending.SCOPE_MISSING,
        )
    return TokenRefusedError()


def rejected(answer: Answer) -> RejectedError:
    """A request turned down as a whole, in Xero's words and, where they are known, in ours."""
    try:
        body = answer.json()
    except UnreadableError:
        body = None
    if not isinstance(body, dict):
        return RejectedError(f"Xero turned the request down ({answer.status}).", divisible=answer.status == 413)
    raw = "\n".join(said(body)) or str(body.get("Message", ""))
    message = refusals.explain(raw).message
    elements = body.get("Elements")
    if body.get("ErrorNumber") == VALIDATION and isinstance(elements, list):
        return InvalidError(message, raw, [element for element in elements if isinstance(element, dict)])
    return RejectedError(message, raw, divisible=answer.status in (400, 413))


def said(value: Any) -> Iterator[str]:
    """Every validation message in a row, those of its addresses and telephones included."""
    if isinstance(value, list):
        for part in value:
            yield from said(part)
    elif isinstance(value, dict):
        errors = value.get("ValidationErrors")
        for message in errors if isinstance(errors, list) else ():
            yield str(message.get("Message", "")) if isinstance(message, dict) else str(message)
        for key, part in value.items():
            if key not in ("ValidationErrors", "Warnings") and isinstance(part, list | dict):
                yield from said(part)


def envelope(answer: Answer, resource: str) -> tuple[dict[str, Any], Sequence[Payload]]:
    """The body of an answer and its rows; what is no object among them is a row without anything.

    Raises: UnreadableError for anything that is not a list.
    """
    body = answer.json()
    rows = body.get(resource) if isinstance(body, dict) else None
    if not isinstance(rows, list):
        raise UnreadableError
    return body, [row if isinstance(row, dict) else {} for row in rows]


def written(answer: Answer, resource: str | None) -> Sequence[Payload]:
    """The rows of the answer to a write; without a resource, the body itself is the row. Raises: UnreadableError."""
    if resource is not None:
        return envelope(answer, resource)[1]
    body = answer.json()
    if not isinstance(body, dict):
        raise UnreadableError
    return (body,)


def page(answer: Answer, resource: str) -> Page:
    """A list as it came, with Xero's own clock and count."""
    body, rows = envelope(answer, resource)
    counts = body.get("pagination")
    counts = counts if isinstance(counts, dict) else {}
    return Page(rows, _clock(answer, body), _count(counts.get("pageCount")), _count(counts.get("itemCount")))


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _clock(answer: Answer, body: dict[str, Any]) -> datetime:
    try:
        return moment(body.get("DateTimeUTC"))
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC)
    except ValueError as error:
        raise UnreadableError from error


def moment(value: Any) -> datetime:
    """`/Date(1789378193539+0000)/`, with or without the zone, which is always UTC; negative before 1970.

    Raises: ValueError for anything else.
    """
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r:.40} is no date of Xero's")
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(match[1]))
    except OverflowError as error:
        raise ValueError(f"{value!r:.40} is beyond the calendar") from error
