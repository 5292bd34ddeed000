"""What is synchronised: which kinds, in which direction, with which fields. Read from the mappers themselves."""

from __future__ import annotations

from flask import current_app
from flask.typing import ResponseReturnValue
from flask_admin import expose

from backoffice.admin.company_base import Page
from backoffice.admin.words import DIRECTION_WORDS
from backoffice.sync.mapper import Mapper


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
        )


def pairs(mapper: Mapper) -> list[tuple[str, str, bool]]:
    """Our label, their key, and whether the field only comes in."""
    model = mapper.model
    named = [(model.column_label(f.column), f.key, f.column in mapper.theirs) for f in mapper.fields]
    refs = [(model.column_label(ref.column), ref.key, False) for ref in mapper.refs]
    return named + refs
