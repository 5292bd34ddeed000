"""A list: its limits, and what it says around its table: filters, how fresh it is, what runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from flask import url_for
from flask_admin.model.base import ViewArgs
from flask_login import current_user

from backoffice.admin import links, pauses, standing, words
from backoffice.admin.company_base import Page
from backoffice.database import Exact
from backoffice.models import Role, SyncJob

LAST_PAGE = 100_000
MOST_FILTERS = 20
LONGEST_SEARCH = 200

#: Argument -> (value, words), the default first.
Switches = dict[str, tuple[tuple[str, str], ...]]


class ListPage(Page):
    """What the template of a list asks for."""

    #: Switches over the list.
    switches: ClassVar[Switches] = {}
    #: Whether a person can add a row.
    creatable: ClassVar[bool] = True
    #: Whether its rows are synced themselves: each has a badge, and Update brings them in.
    synced: ClassVar[bool] = True
    #: A sentence over the list, where its title does not say it all.
    lead: ClassVar[str] = ""

    can_set_page_size = True
    page_size = 50
    page_size_options = (20, 50, 100, 200)
    named_filter_urls = True
    list_template = "record/list.html"

    def _get_list_extra_args(self) -> ViewArgs:
        args = super()._get_list_extra_args()
        args.page = min(max(args.page, 0), LAST_PAGE)
        args.search = (args.search or "").replace("\x00", "")[:LONGEST_SEARCH].strip() or None
        args.filters = (args.filters or [])[:MOST_FILTERS]
        args.extra_args = {k: v for k, v in args.extra_args.items() if k in self.switches and self._switched(k, v)}
        return args

    def _switched(self, switch: str, value: str) -> bool:
        return value in dict(self.switches[switch])

    def is_editable(self, name: str) -> bool:
        return name in self.column_editable_list and self.may_write

    @property
    def may_create(self) -> bool:
        return self.creatable and self.may_write

    def cell(self, record: Any, column: str) -> Any:
        """A value as the list shows it."""
        return words.value(getattr(record, column))

    def named_by(self, record: Any, columns: list[tuple[str, str]]) -> str:
        """The column that leads to the record's page: the first that holds something, as a bank account has no code."""
        return next((key for key, _ in columns if getattr(record, key, None)), columns[0][0])

    def list_url(self) -> str:
        return url_for(f"{self.endpoint}.index_view")

    def fresh(self) -> standing.Freshness | None:
        found = standing.freshness(self.kinds)
        return found and replace(found, rest=pauses.rest([self.record.kind]))

    def rest(self) -> pauses.Rest | None:
        """The pause that this list is in by itself."""
        return pauses.rest([self.record.kind]) if pauses.rest() is None else None

    @property
    def may_pause(self) -> bool:
        """Whether the person who looks may pause and resume; nothing by itself can be, while the company is."""
        return bool(current_user.may(Role.ADMINISTRATOR)) and pauses.rest() is None

    def open_job(self) -> SyncJob | None:
        """The job that is bringing this list up to date."""
        return standing.open_job(self.kinds)

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

    def part_links(self, record: Any) -> dict[int, Any]:
        """The links of the records that a page lists as parts."""
        parts = getattr(record, self.parts)
        return links.links_of(parts[0].kind, [part.id for part in parts]) if parts else {}
