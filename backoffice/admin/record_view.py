"""RecordView: the list, the page and the form of one kind of record. What differs by kind is data in views.py."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import abort, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_admin.contrib.sqla import ModelView
from sqlalchemy.orm import MANYTOONE, Query, selectinload

from backoffice.admin import alerts, links, pauses
from backoffice.admin.addresses import return_to
from backoffice.admin.audience import for_writers
from backoffice.admin.company_base import here, not_found, number
from backoffice.admin.export import CsvExport
from backoffice.admin.filters import StateFilter
from backoffice.admin.forms import RecordConverter, RecordForm
from backoffice.admin.list_page import ListPage, Switches
from backoffice.admin.record_actions import RecordActions
from backoffice.admin.saving import Saving
from backoffice.admin.update import start_update
from backoffice.extensions import db
from backoffice.models import Record


class RecordView(RecordActions, CsvExport, Saving, ListPage, ModelView):
    """A screen of one kind of record, as lists of columns."""

    record: ClassVar[type[Record]]
    title: ClassVar[str]
    #: One of them, in lower case.
    noun: ClassVar[str]
    group: ClassVar[str]
    path: ClassVar[str]
    #: What belongs here, in a sentence for the empty list.
    about: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    searched: ClassVar[tuple[str, ...]] = ("name",)
    #: The form in groups: title and columns.
    groups: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]]
    #: The kinds that Update brings in from here.
    kinds: ClassVar[tuple[str, ...]]
    switches: ClassVar[Switches] = {"archived": (("no", "Active"), ("yes", "Archived"), ("all", "All"))}
    #: What the page shows besides the form: the provider's own figures.
    shown_only: ClassVar[tuple[str, ...]] = ()
    #: Whether a person may say which one of theirs it is.
    linked_by_hand: ClassVar[bool] = True
    #: The relationship whose records the page lists.
    parts: ClassVar[str | None] = None
    #: Whether there is a form to change one.
    editable: ClassVar[bool] = True
    #: Whether it is put away and brought back, and what one that is put away is called.
    archivable: ClassVar[bool] = True
    archived_word: ClassVar[str] = "Archived"
    form_template: ClassVar[str] = "record/form.html"
    details_template: ClassVar[str] = "record/details.html"

    form_base_class = RecordForm
    model_form_converter = RecordConverter
    column_default_sort: Any = "name"
    can_delete = False
    can_view_details = True
    column_auto_select_related = False  # `read_with` does it

    def __init__(self) -> None:
        self.column_list = self.columns
        self.column_searchable_list = self.searched
        self.column_sortable_list = self.sortable()
        self.column_filters = self.make_filters()
        self.form_columns = [column for _, columns in self.groups for column in columns]
        super().__init__(self.record, db, self.title, self.group, endpoint=self.path, url=self.path.replace("_", "-"))

    def sortable(self) -> list[Any]:
        """The columns that the list can be sorted by."""
        return [c for c in self.columns if c in self.record.__table__.c]

    def make_filters(self) -> list[Any]:
        """The filters of the list."""
        return [StateFilter(self.record)]

    def search_placeholder(self) -> str:
        return ", ".join(self.get_column_name(column) for column in self.searched)

    def get_column_name(self, field: str) -> str:
        column = self.record.__table__.c.get(field)
        return self.record.column_label(field) if column is not None else field.replace("_", " ").capitalize()

    # What the company in the address owns, by every door.

    def get_query(self) -> Query[Any]:
        return self._listed(super().get_query()).options(*self.read_with())

    def read_with(self) -> list[Any]:
        """What the rows of the list name, read for all of them at once."""
        record: Any = self.record
        named = {each.key: each.mapper for each in record.__mapper__.relationships if each.direction is MANYTOONE}
        loaders = {key: selectinload(getattr(record, key)) for key in named}
        if "party" not in self.columns:
            return list(loaders.values())
        parties = (loaders[key].selectinload(m.class_.contact) for key, m in named.items() if "contact" in m.attrs)
        return [*loaders.values(), *parties]

    def get_count_query(self) -> Query[Any]:
        return self._listed(super().get_count_query())

    def _listed(self, query: Query[Any]) -> Query[Any]:
        query = query.filter(self.record.company_id == here().id)
        archived = request.args.get("archived", "no")
        if archived in ("no", "yes"):
            query = query.filter(self.record.archived.is_(archived == "yes"))
        return self.scope(query)

    def scope(self, query: Query[Any]) -> Query[Any]:
        """What the list shows of the company's records."""
        return query

    def get_one(self, id: Any) -> Record | None:
        found = db.session.get(self.record, key) if (key := number(id)) else None
        return found if found is not None and found.company_id == here().id else None

    def one(self) -> Record:
        """The record that the address names, or a page that says there is none."""
        found = self.get_one(request.values.get("id"))
        return found if found is not None else not_found(self.noun)

    # The list.

    def get_list(self, *args: Any, **kwargs: Any) -> tuple[int | None, Any]:
        count, rows = super().get_list(*args, **kwargs)
        if kwargs.get("execute", True):
            g.links = links.links_of(self.record.kind, [row.id for row in rows])
            alerts.read_for(rows)
        return count, rows

    def frozen(self, record: Record) -> bool:
        """Whether the person who looks cannot change the record here."""
        return not self.may_write or links.read_only(record, self.link(record))

    def link(self, record: Record) -> Any:
        """The record's link, from the ones read for the list where there is one."""
        known: dict[int, Any] = g.get("links", {})
        return known.get(record.id) if record.id in known else links.link_of(record)

    def row_link(self, record: Record) -> Any:
        """The link of a row of the list, all of which were read together."""
        return g.get("links", {}).get(record.id)

    def heading(self, record: Record) -> str:
        """What stands over the page of a record."""
        return str(record)

    def open_url(self, record: Record) -> str:
        """The page of a record."""
        return url_for(f"{self.endpoint}.details_view", id=record.id)

    # The pages of one record.

    @expose("/details/")
    def details_view(self) -> ResponseReturnValue:
        record = self.one()
        return self.render(self.details_template, record=record, link=links.link_of(record), tab="details")

    @expose("/new/", methods=("GET", "POST"))
    @for_writers
    def create_view(self) -> ResponseReturnValue:
        if not self.may_create:
            abort(404)
        form = self.create_form()
        if request.method == "POST" and self.validate_form(form):
            record = self.create_model(form)
            if record:
                flash(f"{self.heading(record)} was added.", "success")
                return redirect(self.open_url(record), code=303)
        return self.render(self.form_template, form=form, record=None, link=None, back_to=return_to(self.list_url()))

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> ResponseReturnValue:
        record = self.one()
        if request.method == "GET" and self.frozen(record):
            return redirect(self.open_url(record))
        form = self.edit_form(obj=record)
        if request.method == "POST" and self.validate_form(form) and self.update_model(form, record):
            flash(f"{self.heading(record)} was saved.", "success")
            return redirect(self.open_url(record), code=303)
        if g.get("refused_here"):
            return redirect(self.open_url(record), code=303)
        return self.render(self.form_template, form=form, record=record, link=links.link_of(record), back_to=None)

    @expose("/delete/", methods=("POST",))
    def delete_view(self) -> ResponseReturnValue:
        abort(404)  # records are archived

    @expose("/update/", methods=("POST",))
    def update_records(self) -> ResponseReturnValue:
        """Bring this list up to date."""
        connection = links.connection_here()
        if connection is None or not connection.usable:
            flash("Link this company to its accounting system first.", "warning")
            return redirect(url_for("integrations.index"), code=303)
        if not pauses.refused([self.record.kind]):
            start_update(connection, self.kinds)
        return redirect(return_to(self.list_url()), code=303)
