"""What a list says around its table: addresses with one filter more or less, how fresh it is, what runs."""

from __future__ import annotations

from typing import Any

from flask import url_for

from backoffice.admin import links
from backoffice.admin.company_base import Page
from backoffice.admin.export import export_arguments
from backoffice.database import Exact
from backoffice.models import SyncJob


class ListPage(Page):
    """Helpers that the template of a list asks for."""

    def fresh(self) -> links.Freshness | None:
        return links.freshness(list(self.kinds))

    def open_job(self) -> SyncJob | None:
        """The job that is bringing this list up to date."""
        return links.open_job(list(self.kinds))

    def sends(self) -> bool:
        """Whether edits of this kind travel to the other side."""
        return links.sends(self.record.kind)

    def numeric(self, column: str) -> bool:
        """Whether a column holds figures, which stand to the right."""
        found = self.record.__table__.c.get(column)
        return found is not None and isinstance(found.type, Exact)

    def row_frozen(self, record: Any) -> bool:
        """Whether a row of the list cannot be edited in place."""
        return links.read_only(record, self.row_link(record))

    def filter_word(self, index: int, value: str) -> str:
        """A filter's value as a chip says it."""
        options = dict(self._filters[index].options or ())
        return f"is {options[value]}" if value in options else f"contains “{value}”"

    def switched_url(self, name: str, value: str) -> str:
        """The list with one switch set."""
        args = self._get_list_extra_args()
        others = {key: word for key, word in args.extra_args.items() if key != name}
        default = self.switches[name][0][0]
        args.extra_args = others if value == default else {**others, name: value}
        args.page = 0
        return str(self._get_list_url(args))

    def without_url(self, what: str | int) -> str:
        """The list without its search, or without one of its filters."""
        args = self._get_list_extra_args()
        args.page = 0
        if what == "search":
            args.search = None
        else:
            args.filters = [one for at, one in enumerate(args.filters) if at != what]
        return str(self._get_list_url(args))

    def export_url(self) -> str:
        args = self._get_list_extra_args()
        return url_for(f"{self.endpoint}.export", export_type="csv", **{**export_arguments(), **args.extra_args})

    def part_links(self, record: Any) -> dict[int, Any]:
        """The links of the records that a page lists as parts."""
        parts = getattr(record, self.parts)
        return links.links_of(parts[0].kind, [part.id for part in parts]) if parts else {}
