"""What is synchronised: which kinds, in which direction, with which fields. Read from the mappers themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import current_app
from flask.typing import ResponseReturnValue
from flask_admin import expose

from backoffice.admin.company_base import Page
from backoffice.admin.words import DIRECTION_WORDS
from backoffice.models import Direction
from backoffice.sync.mapper import Mapper

ARROWS = {Direction.IN: "← comes in", Direction.OUT: "→ goes out", Direction.BOTH: "⇄ both ways"}


@dataclass(frozen=True)
class Pair:
    """A field on both sides, and which way it travels."""

    ours: str
    theirs: str
    direction: Direction

    @property
    def arrow(self) -> str:
        return ARROWS[self.direction]


class SynchronisedView(Page):
    """The page that cannot go stale."""

    def __init__(self) -> None:
        super().__init__("What is synchronised", "Sync", endpoint="synchronised", url="what-is-synchronised")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        return self.render(
            "synchronised.html",
            providers=current_app.extensions["providers"].values(),
            direction_words=DIRECTION_WORDS,
            pairs=pairs,
            line_pairs=line_pairs,
            limits=limits,
        )


def pairs(mapper: Mapper) -> list[Pair]:
    """The fields of a record."""
    return _pairs(mapper, mapper.model, (*mapper.fields, *mapper.refs))


def line_pairs(mapper: Mapper) -> list[Pair]:
    """The fields of a document's lines."""
    named = (*getattr(mapper, "line_fields", ()), *getattr(mapper, "line_refs", ()))
    return _pairs(mapper, getattr(mapper.model, "line", None), named)


def limits(mapper: Mapper) -> tuple[str, ...]:
    """What the accounting system's own interface cannot do with it."""
    found: tuple[str, ...] = getattr(mapper, "limits", ())
    return found


def _pairs(mapper: Mapper, model: Any, named: tuple[Any, ...]) -> list[Pair]:
    """One line for each field; a column that travels under several keys names them all."""
    found: dict[str, list[str]] = {}
    for one in named:
        found.setdefault(one.column, []).append(one.key)
    return [
        Pair(label(model, column), ", ".join(dict.fromkeys(keys)), direction(mapper, column))
        for column, keys in found.items()
    ]


def direction(mapper: Mapper, column: str) -> Direction:
    """Which way a column travels: some only come in, whatever their record does."""
    return Direction.IN if column in mapper.theirs else mapper.direction


def label(model: Any, column: str) -> str:
    """What people call a column; the name of what is no column of the table, such as the lines."""
    if model is not None and column in model.table().c:
        return str(model.column_label(column))
    return column.removesuffix("_id").replace("_", " ").capitalize()
