"""What answers look like: the envelope, the two kinds of error bodies, refusals, XML for those who forget `Accept`."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from backoffice.sandbox.xero.clock import ms_date
from backoffice.sandbox.xero.shelf import Json, dump

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
NOT_FOUND = "<!DOCTYPE html><html><body><h1>The resource you are looking for does not exist</h1></body></html>"
ZERO_ID = "00000000-0000-0000-0000-000000000000"


class RefusalError(Exception):
    """A call ends with this answer."""

    def __init__(
        self, status: int, body: str, content_type: str | None = JSON, headers: Mapping[str, str] = {}
    ) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = dict(headers)


# --- from the gateway -----------------------------------------------------------------------------


def problem(title: str, status: int, detail: str) -> str:
    body: Json = {
        "Type": None,
        "Title": title,
        "Status": status,
        "Detail": detail,
        "Instance": str(uuid.uuid4()),
        "Extensions": {},
    }
    return dump(body)


def unauthorized(detail: str, headers: Mapping[str, str] = {}) -> RefusalError:
    return RefusalError(401, problem("Unauthorized", 401, detail), headers=headers)


def forbidden() -> RefusalError:
    return RefusalError(403, problem("Forbidden", 403, "AuthenticationUnsuccessful"))


def not_found() -> RefusalError:
    return RefusalError(404, NOT_FOUND, HTML)


# --- from the accounting API ----------------------------------------------------------------------


def envelope(provider: str, now: int, name: str, texts: Iterable[str], pagination: Json | None = None) -> str:
    """The body of a success; `texts` are the elements as JSON, and stay as they are."""
    head: Json = {
        "Id": str(uuid.uuid4()),
        "Status": "OK",
        "ProviderName": provider,
        "DateTimeUTC": ms_date(now, offset=False),
    }
    if pagination is not None:
        head["pagination"] = pagination
    return f'{dump(head)[:-1]},"{name}":[{",".join(texts)}]}}'


def error(number: int, kind: str, message: str, elements: list[Json] | None = None) -> RefusalError:
    body: Json = {"ErrorNumber": number, "Type": kind, "Message": message}
    if elements is not None:
        body["Elements"] = elements
    return RefusalError(400, dump(body))


def bad_data(message: str) -> RefusalError:
    """JSON that cannot be read, or a value of the wrong kind: refused as a whole, without elements."""
    return error(14, "PostDataInvalidException", message)


def bad_query(message: str) -> RefusalError:
    return error(16, "QueryParseException", message)


def no_data() -> RefusalError:
    return error(17, "NoDataProcessedException", "No data has been processed for this endpoint.")


def invalid(elements: list[Json]) -> RefusalError:
    return error(10, "ValidationException", "A validation exception occurred", elements)


# --- XML ------------------------------------------------------------------------------------------


def as_xml(value: Any, tag: str = "Response") -> str:
    """The same answer for a caller who did not ask for JSON; its finer points are not played."""
    if isinstance(value, dict):
        inner = "".join(as_xml(child, name) for name, child in value.items())
    elif isinstance(value, list):
        inner = "".join(as_xml(child, _singular(tag)) for child in value)
    elif isinstance(value, bool):
        inner = str(value).lower()
    else:
        inner = escape("" if value is None else str(value))
    return f"<{tag}>{inner}</{tag}>"


def _singular(tag: str) -> str:
    if tag.endswith("ies"):
        return f"{tag[:-3]}y"
    return f"{tag[:-2]}" if tag.endswith("sses") else tag.removesuffix("s")
