"""Every door of the application, read off its own pages: addresses, and the fields of the forms that lead to them."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter, RequestRedirect, Rule

#: Field -> its values, as a form may hold several.
Fields = dict[str, list[str]]
#: How many forms that differ are noted of those that lead to one address.
MOST_FORMS = 3


@dataclass
class Door:
    """An address with what a browser would send there; `files` are the fields that take one."""

    method: str
    path: str
    endpoint: str
    fields: Fields = field(default_factory=dict)
    files: set[str] = field(default_factory=set)


@dataclass
class Form:
    """A form of a page, as it stands."""

    method: str
    action: str
    fields: Fields = field(default_factory=dict)
    files: set[str] = field(default_factory=set)


class PageReader(HTMLParser):
    """Reads the links and forms of a page; a field may name the form it belongs to."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._path, self._by_id, self._open = path, dict[str, Form](), Form("GET", path)
        self._select: tuple[Form, str] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and given.get("href", "").startswith("/"):
            self.links.append(given["href"])
        elif tag == "form":
            self._open = self._form(given)
        elif tag == "option" and self._select is not None:
            self._option(given)
        elif tag in ("input", "textarea", "select", "button") and given.get("name"):
            self._field(tag, given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = Form("GET", self._path)
        elif tag == "select":
            self._select = None

    def _form(self, given: dict[str, str]) -> Form:
        form = self._by_id.setdefault(given.get("id", f"#{len(self.forms)}"), Form("GET", self._path))
        form.method = given.get("method", "get").upper()
        form.action = given.get("action") or self._path
        self.forms.append(form)
        return form

    def _field(self, tag: str, given: dict[str, str]) -> None:
        form = self._by_id.setdefault(given["form"], Form("GET", self._path)) if "form" in given else self._open
        if given.get("type") == "file":
            form.files.add(given["name"])
        elif tag == "select":
            form.fields.setdefault(given["name"], [])
            self._select = form, given["name"]
        elif given["name"] != "csrf_token":
            form.fields.setdefault(given["name"], []).append(given.get("value", ""))

    def _option(self, given: dict[str, str]) -> None:
        assert self._select is not None
        values = self._select[0].fields[self._select[1]]
        if "selected" in given or not values:
            values[:] = [given.get("value", "")]


class Walker:
    """Walks through the pages that a person can reach, and notes the doors.

    All that leads to one address to be opened is one door; of the forms that lead to another, a few that differ.
    """

    def __init__(self, app: Flask, client: FlaskClient) -> None:
        self._client = client
        self._map = app.url_map
        self._adapter: MapAdapter = app.url_map.bind("localhost")
        self._ahead: deque[Door] = deque()
        self.doors: dict[tuple[str, str], list[Door]] = defaultdict(list)
        #: Every page that was read on the way.
        self.pages: list[str] = []

    def walk(self, company: int) -> Walker:
        """Find every door: those that pages lead to, then every other address of the map."""
        self._note("GET", "/", {}, set())
        self._look_around()
        for method, rule in self._addresses():
            if (method, rule.endpoint) not in self.doors:
                self._note(method, self._built(method, rule, company), {"id": ["1"]}, set())
        self._look_around()
        return self

    def found(self) -> list[Door]:
        return [door for doors in self.doors.values() for door in doors]

    def _addresses(self) -> Iterator[tuple[str, Rule]]:
        for rule in self._map.iter_rules():
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                yield method, rule

    def _built(self, method: str, rule: Rule, company: int) -> str:
        filled = {"company": company, "key": "xero", "export_type": "csv", "token": "x", "filename": "app.css"}
        return self._adapter.build(rule.endpoint, {name: filled[name] for name in rule.arguments}, method=method)

    def _look_around(self) -> None:
        while self._ahead:
            door = self._ahead.popleft()
            answer = self._client.get(door.path, query_string=dict(door.fields), buffered=True)
            if answer.mimetype == "text/html":
                self.pages.append(answer.text)
                self._read(PageReader(door.path, answer.text))

    def _read(self, page: PageReader) -> None:
        for link in page.links:
            self._note("GET", urlsplit(link).path, parse_qs(urlsplit(link).query), set())
        for form in page.forms:
            query = parse_qs(urlsplit(form.action).query)
            self._note(form.method, urlsplit(form.action).path, {**query, **form.fields}, form.files)

    def _note(self, method: str, path: str, fields: Fields, files: set[str]) -> None:
        try:
            endpoint, _ = self._adapter.match(path, method)
        except (RequestRedirect, HTTPException):
            return  # it leads to the played Xero, or nowhere
        known, door = self.doors[method, endpoint], Door(method, path, endpoint, dict(fields), files)
        if method == "GET" and known:
            known[0].fields.update({name: fields[name] for name in fields.keys() - known[0].fields.keys()})
        elif len(known) < MOST_FORMS and all(fields.keys() != other.fields.keys() for other in known):
            known.append(door)
            if method == "GET" and not endpoint.endswith("static"):
                self._ahead.append(door)
