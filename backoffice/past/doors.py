"""The doors that every edit goes through: what a person may change here now, or in a sentence why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.errors import ReadOnlyRecordError
from backoffice.models import KINDS, Alert, CompanySettings, Connection, Document, Payment, Record, Role, User
from backoffice.models.approval import why_frozen
from backoffice.models.hooks import guard
from backoffice.models.link import Routes
from backoffice.models.reach import enters
from backoffice.models.rules import alerts_of_money, why_payment_frozen
from backoffice.past.change import Change, same_line
from backoffice.past.fitting import unkept, why_unfit

GONE = "It is not here any more."
WHOLE_LINE = "A line that came or went is not kept whole; write it on the document’s page."
OTHER_LINE = "The lines were put in another order since; change it on the document’s page."
STEPS = "Where a document stands is changed by its steps, on its own page."
VOIDED = "A document is voided on its own page, and what is voided stays so."
COMPUTED = "It follows from the lines."
NO_FORM = "Nobody writes this here: it comes with the record."
UNREADABLE = "What stood there cannot be made out any more."
MAY_NOT = "Whoever asked may not change records any more."


@dataclass(frozen=True)
class Form:
    """What people write of one kind of record, and whether they may put one away."""

    columns: frozenset[str] = frozenset()
    archivable: bool = False
    #: What people are told who try to write what has no form.
    why_frozen: str = ""


@dataclass
class Doors:
    """One person at the forms of one company."""

    session: Session
    company_id: int
    user: User | None
    forms: Mapping[str, Form]
    #: What the accounting system is called.
    provider: str
    _frozen: dict[tuple[str, int], str] = field(default_factory=dict)

    def why_not(self, record: Record | None, change: Change) -> str:
        """Why what stood in a field cannot be brought back; empty if it can."""
        if record is None:
            return GONE
        return (
            self._no_form(record, change)
            or self._frozen_here(record)
            or self._read_only(record, change)
            or self._unfit(record, change)
        )

    def why_not_archive(self, record: Record) -> str:
        """Why a record cannot be put away; empty if it can."""
        if not self.form(record).archivable:
            return VOIDED if isinstance(record, Document) else self.form(record).why_frozen or NO_FORM
        return self._frozen_here(record) or self._guarded(record, "archived")

    def alerts(self, record: Record) -> list[Alert]:
        """What a person has to know of before they change a record."""
        return alerts_of_money(self.session, record)

    def form(self, record: Record) -> Form:
        return self.forms.get(record.kind, Form())

    def lock(self, kind: str, record_id: int) -> Record | None:
        """A record of the company that nobody else writes until the transaction ends."""
        fresh: Any = {"with_for_update": True, "populate_existing": True}
        found = self.session.get(KINDS[kind], record_id, **fresh) if kind in KINDS else None
        if found is None or found.company_id != self.company_id:
            return None
        if isinstance(found, Payment) and isinstance(found.document, Document):
            self.session.refresh(found.document, with_for_update=True)  # of two who pay, one sees what the other left
        return found

    def write(self, record: Record, change: Change) -> None:
        """Give a field the value that it had. Commits nothing."""
        column, holder = change.column(record), change.holder(record)
        assert column is not None
        setattr(holder, column.key, change.before(record))

    # One by one.

    def _no_form(self, record: Record, change: Change) -> str:
        if change.line is not None:
            return self._no_line(record, change)
        if isinstance(record, Document) and change.field in record.computed_columns:
            return COMPUTED
        if change.field == "archived":
            return self.why_not_archive(record)
        if isinstance(record, Document) and change.field == "status":
            return STEPS
        return "" if change.field in self.form(record).columns else self.form(record).why_frozen or NO_FORM

    def _no_line(self, record: Record, change: Change) -> str:
        if change.line is None or change.line[1] is None:
            return WHOLE_LINE
        if change.line[1] == "position" or change.holder(record) is None:
            return OTHER_LINE
        unmeant = change.line[1] == "discount" and isinstance(record, Document) and not record.discounted
        if unmeant or f"lines.{change.line[1]}" not in self.form(record).columns:
            return NO_FORM
        return "" if same_line(self.session, record, change) else OTHER_LINE

    def _frozen_here(self, record: Record) -> str:
        key = record.kind, record.id
        if key not in self._frozen:
            self._frozen[key] = self._why_frozen(record)
        return self._frozen[key]

    def _may(self) -> bool:
        user = self.user
        return user is not None and user.may(Role.OPERATOR) and enters(self.session, user, self.company_id)

    def _why_frozen(self, record: Record) -> str:
        if not self._may():
            return MAY_NOT
        assert self.user is not None
        if isinstance(record, Document):
            return why_frozen(self.session, self.settings, record, self.user.role, self.user.id)
        if isinstance(record, Payment):
            return why_payment_frozen(self.session, record, self.provider)
        return ""

    @cached_property
    def settings(self) -> CompanySettings | None:
        return self.session.scalar(select(CompanySettings).where(CompanySettings.company_id == self.company_id))

    def _read_only(self, record: Record, change: Change) -> str:
        column = "lines" if change.line else change.field
        return self._guarded(record, column) if column in record.synced_columns() else ""

    @cached_property
    def _provider_key(self) -> str | None:
        linked = select(Connection.provider).where(Connection.company_id == self.company_id, Connection.active)
        return self.session.scalar(linked)

    def _guarded(self, record: Record, column: str) -> str:
        routes: Routes = self.session.info.get("routes", {})
        route = routes.get((self._provider_key or "", record.kind))
        if route is None or route.direction.sends:
            return ""
        try:
            guard(self.session, record, (column,))
        except ReadOnlyRecordError:
            return f"{record} comes from {self.provider} and is changed there."
        return ""

    def _unfit(self, record: Record, change: Change) -> str:
        try:
            value = change.before(record)
        except ValueError:
            return UNREADABLE
        column: Any = change.column(record)
        return unkept(column, value) or why_unfit(self.session, record, change, value)
