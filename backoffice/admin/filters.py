"""Filters of the lists: by badge, by one of a few words, by part of a text."""

from __future__ import annotations

from typing import Any

from flask_admin.model.filters import BaseFilter
from sqlalchemy import exists

from backoffice.admin.links import connection_here
from backoffice.admin.words import LINK_BADGES
from backoffice.models import Link, LinkState, Record


class StateFilter(BaseFilter):
    """Records whose badge says so."""

    def __init__(self, model: type[Record]) -> None:
        words = [
            (state.value, f"{b.shape} {b.word.replace('in {provider}', 'there')}") for state, b in LINK_BADGES.items()
        ]
        super().__init__("State", options=words, key_name="state")
        self.model = model

    def operation(self) -> str:
        return "is"

    def clean(self, value: Any) -> LinkState:
        return LinkState(value)

    def apply(self, query: Any, value: LinkState, _alias: Any = None) -> Any:
        connection = connection_here()
        linked = exists().where(
            Link.connection_id == (connection.id if connection else None),
            Link.kind == self.model.kind,
            Link.record_id == self.model.id,
        )
        if value is LinkState.NOT_INTEGRATED:
            return query.filter(~linked | linked.where(Link.state == value.value))
        return query.filter(linked.where(Link.state == value.value))


class WordFilter(BaseFilter):
    """Records in which a column has one of a few values."""

    def __init__(self, column: Any, name: str, options: list[tuple[str, str]]) -> None:
        super().__init__(name, options=options, key_name=column.key)
        self.column = column

    def operation(self) -> str:
        return "is"

    def clean(self, value: Any) -> str:
        if value not in dict(self.options):
            raise ValueError(value)
        return str(value)

    def apply(self, query: Any, value: str, _alias: Any = None) -> Any:
        plain = {"yes": True, "no": False}.get(value, value)
        return query.filter(self.column == plain)


class YesNoFilter(WordFilter):
    """Records for which something is so, or not."""

    def __init__(self, column: Any, name: str) -> None:
        super().__init__(column, name, [("yes", "Yes"), ("no", "No")])


class TextFilter(BaseFilter):
    """Records in which a column holds a piece of text, in any case."""

    def __init__(self, column: Any, name: str) -> None:
        super().__init__(name, key_name=column.key)
        self.column = column

    def operation(self) -> str:
        return "contains"

    def clean(self, value: Any) -> str:
        if "\x00" in value or len(value) > 255:
            raise ValueError(value)
        return str(value).strip()

    def apply(self, query: Any, value: str, _alias: Any = None) -> Any:
        return query.filter(self.column.icontains(value, autoescape=True))
