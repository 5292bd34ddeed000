"""A resource of the accounting API. A new one is a file with a subclass, and its line in `resources.py`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import ClassVar

from backoffice.sandbox.xero import answers
from backoffice.sandbox.xero.call import Call, Reply
from backoffice.sandbox.xero.clock import ms_date
from backoffice.sandbox.xero.fields import Field, InvalidError
from backoffice.sandbox.xero.shelf import Json, Row, Selection, Shelf, dump
from backoffice.sandbox.xero.where import Column, parse_order, parse_where

DEFAULT_PAGE = 100
MAX_BODY = 3_500_000
# Columns with an index of their own, of which a value picks a few rows.
SELECTIVE = ("number", "name", "lower(json_extract(body, '$.Url'))")
Match = Callable[[Json], Row | None]


class Resource:
    """What the resources share: lists with their filters, batches with their two ways to report errors.

    A subclass says which verbs it answers (`POST/id` is POST of one), what its columns are called in filters, and in
    `save` what makes an element valid.
    """

    name: ClassVar[str]
    id_key: ClassVar[str]
    writing: ClassVar[frozenset[str]]
    verbs: ClassVar[Mapping[str, str]]
    fields: ClassVar[Mapping[str, Field]] = {}
    columns: ClassVar[Mapping[str, Column]] = {}
    error_flag: ClassVar[str] = "HasValidationErrors"
    default_order: ClassVar[str] = "updated, id"
    paged: ClassVar[bool] = False
    dated: ClassVar[bool] = False
    archives: ClassVar[bool] = False
    by_ids: ClassVar[bool] = False
    searched: ClassVar[bool] = False
    always_paged: ClassVar[bool] = False
    filtered: ClassVar[bool] = True

    def scopes_for(self, action: str) -> frozenset[str]:
        """The scopes of which one opens an action; a reader may have its `.read` instead."""
        return self.writing

    def max_body(self, action: str) -> int:
        return MAX_BODY

    # --- reading ----------------------------------------------------------------------------------

    def read_list(self, call: Call) -> Reply:
        shelf, selection = call.shelf(self.name), self.selection(call)
        try:
            if self.paged and ("page" in call.parameters or self.always_paged) and not call.unpaged:
                return self._page(call, shelf, selection)
            return self.reply(call, [self.listed(text, call) for text in shelf.texts(selection)])
        except sqlite3.OperationalError as error:
            if "user-defined function" not in str(error):
                raise
            raise answers.bad_query("Object reference not set to an instance of an object.") from None

    def selection(self, call: Call) -> Selection:
        """The rows that a list's parameters ask for."""
        selection = Selection(order=self.default_order)
        if self.archives and not call.flag("includeArchived"):
            selection.add("status <> 'ARCHIVED'")
        since = call.since() if self.dated else None
        if since is not None:
            selection.add("updated >= ?", since)
        if self.by_ids and (ids := call.parameters.get("ids")):
            wanted = [one.strip().lower() for one in ids.split(",")]
            selection.add(f"id IN ({', '.join('?' * len(wanted))})", *wanted)
        if self.searched and (term := call.parameters.get("searchterm")):
            selection.add("instr(search, ?) > 0", term.casefold())
        if self.columns and self.filtered and (where := call.parameters.get("where")):
            clause = parse_where(where, self.columns)
            selection.add(clause.sql, *clause.values)
        if self.columns and (order := call.parameters.get("order")):
            selection.order = parse_order(order, self.columns)
        _spare_the_stamps(selection)
        return selection

    def _page(self, call: Call, shelf: Shelf, selection: Selection) -> Reply:
        # A size without a page says nothing, even where pages come unasked.
        page = _whole(call, "page", 1)
        size = _whole(call, "pagesize", DEFAULT_PAGE) if "page" in call.parameters else DEFAULT_PAGE
        size = min(size, call.world.settings.page_limit)
        count = shelf.count(selection)
        texts = shelf.texts(selection, size, (page - 1) * size)
        pagination = {"page": page, "pageSize": size, "pageCount": -(-count // size), "itemCount": count}
        return self.reply(call, [self.listed(text, call) for text in texts], pagination)

    def read_one(self, call: Call, key: str) -> Reply:
        row = self.find(call, key)
        if row is None:
            raise answers.not_found()
        return self.reply(call, [dump(self.detail(row.body, call))])

    def find(self, call: Call, key: str) -> Row | None:
        """By id; a resource with numbers or codes takes those too."""
        return call.shelf(self.name).get(key)

    def listed(self, text: str, call: Call) -> str:
        """A row as lists show it: as a rule the very text that is stored."""
        return text

    def detail(self, body: Json, call: Call) -> Json:
        """A row as a read by id and the answer to a write show it."""
        return body

    def reply(self, call: Call, texts: list[str], pagination: Json | None = None) -> Reply:
        return Reply(answers.envelope(call.provider, call.now, self.name, texts, pagination))

    # --- writing ----------------------------------------------------------------------------------

    def create(self, call: Call) -> Reply:
        return self.write(call, lambda element: None)

    def write(self, call: Call, match: Match, only: int | None = None) -> Reply:
        """Save each element onto the row that `match` finds for it, or as a new one."""
        elements = call.elements(self.name)[:only]
        answered: list[Json] = []
        refused: list[Json] = []
        with call.world.store.transaction():
            for element in elements:
                try:
                    with call.world.store.transaction():
                        row = self.save(call, element, match(element))
                    answered.append(self.written(row, call))
                except InvalidError as invalid:
                    refused.append(self.refused(element, invalid.messages))
                    answered.append(refused[-1])
            if refused and call.summarize:
                raise answers.invalid(refused)
        if not call.summarize:
            answered = [{**one, "StatusAttributeString": _status(one)} for one in answered]
        return self.reply(call, [dump(one) for one in answered])

    def save(self, call: Call, element: Json, old: Row | None) -> Row:
        """Check the element and put it on the shelf. Raises InvalidError."""
        raise NotImplementedError

    def written(self, row: Row, call: Call) -> Json:
        """A row as the answer to its own write shows it."""
        return self.detail(row.body, call)

    def refused(self, element: Json, messages: list[str]) -> Json:
        """What was sent, with what is wrong with it; a new one under the zero id."""
        errors = [{"Message": message} for message in messages]
        return {self.id_key: answers.ZERO_ID, **element, self.error_flag: True, "ValidationErrors": errors}

    # --- for subclasses ---------------------------------------------------------------------------

    def updated(self, call: Call, body: Json) -> int:
        """Stamp a body with the time of this write."""
        body["UpdatedDateUTC"] = ms_date(call.now)
        return call.now


def load(text: str) -> Json:
    body: Json = json.loads(text)
    return body


def _spare_the_stamps(selection: Selection) -> None:
    """Where a number or a name is asked for, keep SQLite from walking all stamps just to have the order for nothing."""
    asked = any(f"{column} IS ?" in condition for column in SELECTIVE for condition in selection.conditions)
    if asked and "(" not in selection.order:
        selection.order = ", ".join(f"+{part}" for part in selection.order.split(", "))


def _status(element: Json) -> str:
    if element.get("ValidationErrors"):
        return "ERROR"
    return "WARNING" if element.get("Warnings") else "OK"


def _whole(call: Call, name: str, default: int) -> int:
    text = call.parameters.get(name, str(default))
    if not text.isdigit() or int(text) < 1:
        raise answers.bad_query(f"'{text}' is not a valid value for {name}")
    return int(text)
