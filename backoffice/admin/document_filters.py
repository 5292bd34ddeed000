"""Filters of the lists of documents: by party, by day, by why they were refused."""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from typing import Any

from flask_admin.model.filters import BaseFilter
from sqlalchemy import exists

from backoffice.admin.filters import TextFilter
from backoffice.admin.links import connection_here
from backoffice.admin.standing import causes
from backoffice.admin.words import day
from backoffice.models import Contact, Link, Record
from backoffice.sync import needs

MOST_CAUSES = 20


class PartyFilter(TextFilter):
    """Documents of parties whose name holds a text."""

    def __init__(self, model: Any, name: str) -> None:
        BaseFilter.__init__(self, name, key_name="party")
        self.model = model

    def apply(self, query: Any, value: str, _alias: Any = None) -> Any:
        return query.filter(self.model.contact.has(Contact.name.icontains(value, autoescape=True)))


class DayFilter(BaseFilter):
    """Documents from a day on, or until a day."""

    def __init__(self, column: Any, until: bool) -> None:
        super().__init__("Until" if until else "From", data_type="date", key_name="until" if until else "from")
        self.column, self.until = column, until

    def operation(self) -> str:
        return "is"

    def clean(self, value: Any) -> dt.date:
        return dt.date.fromisoformat(str(value)[:10])

    def apply(self, query: Any, value: dt.date, _alias: Any = None) -> Any:
        return query.filter(self.column <= value if self.until else self.column >= value)

    def word(self, value: str) -> str:
        """The day as a chip says it."""
        try:
            return day(self.clean(value))
        except ValueError:
            return "no day"


class FilterWords:
    """What the lists of documents and payments say of these filters; for a view, before Flask-Admin's own."""

    def _get_filter_groups(self) -> OrderedDict[str, list[dict[str, Any]]]:
        """The filters by name; why records were refused is offered as it is just now."""
        view: Any = super()
        groups: OrderedDict[str, list[dict[str, Any]]] = view._get_filter_groups()
        kind = getattr(self, "record").kind  # noqa: B009 - the view's
        found = [one for one in causes(connection_here(), MOST_CAUSES) if one.kind == kind]
        groups["Refused for"][0]["options"] = [(one.cause, f"{one.count:,} × {one.text}") for one in found]
        if not found:
            del groups["Refused for"]
        return groups

    def filter_word(self, index: int, value: str) -> str:
        """A filter's value as a chip says it."""
        view: Any = super()
        chosen = getattr(self, "_filters")[index]  # noqa: B009 - the view's
        if isinstance(chosen, DayFilter):
            return chosen.word(value)
        return (
            f"“{value.replace('_', ' ')}”" if isinstance(chosen, CauseFilter) else str(view.filter_word(index, value))
        )


class CauseFilter(BaseFilter):
    """Records refused for one cause; the list offers the causes that there are."""

    def __init__(self, model: type[Record]) -> None:
        super().__init__("Refused for", key_name="cause")
        self.model = model

    def operation(self) -> str:
        return "is"

    def clean(self, value: Any) -> str:
        if not value or "\x00" in value or len(value) > 60:
            raise ValueError(value)
        return str(value)

    def apply(self, query: Any, value: str, _alias: Any = None) -> Any:
        connection = connection_here()
        model: Any = self.model
        return query.filter(
            exists().where(
                Link.connection_id == (connection.id if connection else None),
                Link.kind == model.kind,
                Link.record_id == model.id,
                Link.refusal_cause == value,
                needs.turned_down(),
            )
        )
