"""What an attacker sends: a door's own fields, some of them bent; and what no answer may ever be."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from flask.testing import FlaskClient
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from backoffice.models import Role
from tests.hostile.doors import Door, Fields

SCRIPT = "<script>alert(1)</script>"
BREAKOUT = "\"'><img src=x onerror=alert(1)>"
#: Values that have broken other people's programs.
NASTY = (
    "", " ", "\0", "a\0b", "\ud800", "\udfff\ud83d", "\u202egnp.exe", "\ufeff", "\x1b[31m", "\x7f",
    "\r\nSet-Cookie: x=1", SCRIPT, BREAKOUT, "javascript:alert(1)", "=1+1", "+1", "@SUM(A1)", "'; DROP TABLE users--",
    "%00", "%s%n", "{{7*7}}", "${7*7}", "../../etc/passwd", "//evil.example", "https://evil.example",
    "/\\evil.example", "-1", "0", "-0", "1", "2", "1e400", "1e-400", "1e9", "NaN", "-NaN", "sNaN", "Infinity",
    "-Infinity", "99999999999999999999", "9223372036854775807", "9223372036854775808", "2147483648", "1" * 5000,
    "0.1" + "0" * 400, "٣", "²", "Ⅷ", "1_000", "1,5", "0x10", "true", "on", "yes", "null", "None", "undefined", "[]",
    "{}", "[1]", "{\"a\":1}", "0001-01-01", "9999-12-31", "2026-02-30", "2026-13-01", "24:61", "0000-00-00",
    "/Date(99999999999999)/", "a" * 256, "a" * 10_001, "é" * 300, "🦄" * 100, "İ", "ß", "xero", "csv",
)  # fmt: skip
#: Names that pages of ours, and others, read without showing a field for them.
NAMES = (
    "id", "ids", "rowid", "list_form_pk", "page", "page_size", "sort", "desc", "search", "flt0_0", "flt1_1",
    "flt0_state", "flt", "url", "next", "archived", "revision", "company", "query", "offset", "limit", "name", "kind",
    "kinds", "state", "lines.1.description", "lines.1.quantity", "lines.end", "lines.9999999999.item_code", "lines.x",
    "tab", "since",
)  # fmt: skip

VALUE = st.sampled_from(NASTY) | st.text(max_size=40) | st.integers(-(2**70), 2**70).map(str)
CONTENT = st.binary(max_size=200) | st.sampled_from(
    [
        b"",
        b"%PDF-1.7\n",
        b"PK\x03\x04zip",
        b"\xff\xfea\0",
        b"name\nAcme\n",
        b'Name,Name\r\n"a',
        b"\0" * 50,
        b"\x89PNG\r\n\x1a\n",
    ]
)
FILE_NAMES = st.sampled_from(
    ["a.csv", "a.pdf", "../../a.png", "a.svg", "", "\r\nX: 1.txt", "a" * 300 + ".pdf", "a.exe"]
)
ROLES = st.sampled_from([Role.ADMINISTRATOR, Role.ADMINISTRATOR, Role.OPERATOR, Role.OPERATOR, Role.VIEWER, None])
POLICY = re.compile(r"script-src 'self'|default-src 'none'")


@dataclass(frozen=True)
class Knock:
    """One request."""

    door: Door
    path: str
    who: Role | None
    fields: Fields
    files: list[tuple[str, str, bytes]]
    signed: bool

    def send(self, client: FlaskClient, token: str) -> TestResponse:
        given = {**self.fields, **({"csrf_token": [token]} if self.signed else {})}
        if self.door.method == "GET":
            return client.get(self.path, query_string=encoded(self.fields), buffered=True)
        if self.door.files:
            return client.post(self.path, data=self._parts(given), content_type="multipart/form-data")
        return client.post(self.path, data=encoded(given), content_type="application/x-www-form-urlencoded")

    def _parts(self, given: Fields) -> MultiDict[str, Any]:
        pairs: list[tuple[str, Any]] = [(plain(name), plain(one)) for name, values in given.items() for one in values]
        pairs += [(name, (io.BytesIO(content), file_name)) for name, file_name, content in self.files]
        return MultiDict(pairs)


def plain(text: str) -> str:
    """Text that can be written as UTF-8."""
    return text.encode("utf-8", "replace").decode()


def encoded(fields: Fields) -> str:
    """As a browser writes a form; halves of characters too, as no browser does."""
    raw = {name.encode("utf-8", "surrogatepass"): [one.encode("utf-8", "surrogatepass") for one in values]
           for name, values in fields.items()}  # fmt: skip
    return urlencode(raw, doseq=True)


@st.composite
def knocks(draw: st.DrawFn, doors: Sequence[Door]) -> Knock:
    """A request to one of these doors, some of it bent."""
    door = draw(st.sampled_from(doors))
    names = st.sampled_from([*door.fields, *door.fields, *NAMES])
    bent = draw(st.lists(st.tuples(names, st.lists(VALUE, max_size=3)), max_size=4))
    fields = {**door.fields, **dict(bent)}
    path = door.path
    if draw(st.integers(0, 9)) == 0:
        path = bent_path(draw, door.path)
    files = [(name, draw(FILE_NAMES), draw(CONTENT)) for name in sorted(door.files) if draw(st.booleans())]
    return Knock(door, path, draw(ROLES), fields, files, signed=draw(st.integers(0, 9)) > 0)


def bent_path(draw: st.DrawFn, path: str) -> str:
    """An address one part of which is something else."""
    parts = path.split("/")
    at = draw(st.integers(1, len(parts) - 1))
    parts[at] = quote(draw(VALUE).encode("utf-8", "surrogatepass"), safe="")
    return "/".join(parts)


def assert_well(answer: TestResponse, leads_to: frozenset[str]) -> None:
    """No failure of ours, nothing that runs, and nobody sent elsewhere."""
    assert answer.status_code < 500
    assert POLICY.search(answer.headers["Content-Security-Policy"])
    assert "x" not in {cookie.key for cookie in map(_cookie, answer.headers.getlist("Set-Cookie"))}
    onward = urlsplit(answer.headers.get("Location", "/"))
    assert onward.netloc in leads_to, answer.headers["Location"]
    assert not onward.path.startswith(("//", "/\\"))
    if answer.mimetype == "text/html":
        text = answer.text
        assert SCRIPT not in text
        assert "<img src=x" not in text


def _cookie(header: str) -> Any:
    from http.cookies import SimpleCookie

    return next(iter(SimpleCookie(header).values()))
