"""The wire: one session with time-outs, no retries, no redirects and no cookies; what a dead line means; exact JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from http.cookiejar import DefaultCookiePolicy
from time import monotonic
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError

from backoffice.config import Settings
from backoffice.errors import BackofficeError, TransientError, UnansweredError, UnreadableError

#: Digits of a whole number that Python reads without being told that it may.
LONGEST_INTEGER = 4000
#: So many bytes of an answer are read at a time.
PIECE = 65_536
HEADERS = {"Accept-Encoding": "gzip", "User-Agent": "backoffice"}


@dataclass(frozen=True)
class Request:
    """What is to be sent. A request that `writes` leaves its outcome unknown when no answer comes."""

    method: str
    url: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes | None = None

    @property
    def writes(self) -> bool:
        return self.method != "GET"


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers (read without regard to case) and the whole body."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """The body, its fractions as Decimal; a number that is none, or beyond all reckoning, is Decimal's NaN.

        Raises: UnreadableError for an empty, cut or foreign body.
        """
        try:
            return json.loads(self.content, parse_float=_number, parse_int=_whole, parse_constant=_number)
        except (ValueError, RecursionError) as error:
            raise UnreadableError from error

    def number(self, header: str) -> int | None:
        """A header as a whole number; None where it is missing or no such number."""
        text = self.headers.get(header, "").strip()
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _number(text: str) -> Decimal:
    """One odd number concerns its own row, and whoever reads that refuses it; the rest of the list is fine."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")


def _whole(text: str) -> int | Decimal:
    return int(text) if len(text) <= LONGEST_INTEGER else _number(text)


class Bearer(requests.auth.AuthBase):
    """Puts the token on a request. Being an `auth`, it keeps requests from looking for one in a .netrc file."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def quiet(session: requests.Session) -> None:
    """Take from a session what it would do on its own: retries, cookies kept between requests."""
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=0))
    session.cookies = RequestsCookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))


def dead_line(error: requests.RequestException, writes: bool) -> BackofficeError:
    """What a request means to which no whole answer came."""
    if not writes or isinstance(error, requests.ConnectTimeout) or _never_connected(error):
        return TransientError("The accounting system cannot be reached just now.")
    return UnansweredError()


def _never_connected(error: requests.RequestException) -> bool:
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)


class Wire:
    """Sends requests one at a time or from several threads; keeps its connections open between them."""

    def __init__(self, settings: Settings) -> None:
        self._timeout = (settings.connect_timeout, settings.read_timeout)
        self._session = requests.Session()
        quiet(self._session)

    def send(self, request: Request, token: str) -> Answer:
        """Exactly one request and its answer, whatever the status.

        Raises: TransientError when it was not sent or was a question; UnansweredError when it was sent, would write,
        and no whole answer came in the time that connecting and reading may take together.
        """
        ends = monotonic() + sum(self._timeout)
        try:
            response = self._session.request(
                request.method,
                request.url,
                params=dict(request.params),
                headers={**HEADERS, **request.headers},
                data=request.body,
                auth=Bearer(token),
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            )
            content = _whole_body(response, ends)
        except requests.RequestException as error:
            raise dead_line(error, request.writes) from error
        return Answer(response.status_code, response.headers, content)


def _whole_body(response: requests.Response, ends: float) -> bytes:
    """What an answer holds. A line is given up after a silence only: byte by byte, an answer would last for hours.

    Raises: RequestException when the line breaks, or at the moment `ends`.
    """
    pieces = []
    with response:
        try:
            while piece := response.raw.read1(PIECE, decode_content=True):
                pieces.append(piece)
                if monotonic() > ends:
                    raise requests.ReadTimeout("The answer came too slowly.")
        except HTTPError as error:
            raise requests.ConnectionError(error) from error
    return b"".join(pieces)
