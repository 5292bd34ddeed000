"""MappingView: the list, the form, the history and the suggestions of mappings, whichever they pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_admin.contrib.sqla import ModelView
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Query

from backoffice.admin.audience import for_writers
from backoffice.admin.company_base import here, not_found, number, page_number
from backoffice.admin.export import CsvExport
from backoffice.admin.forms import RecordConverter, RecordForm
from backoffice.admin.history import history_of
from backoffice.admin.list_page import ListPage
from backoffice.admin.saving import TAKEN
from backoffice.admin.suggestions import Suggestion
from backoffice.extensions import db
from backoffice.models import Side
from backoffice.wording import counted

#: So many suggestions are confirmed at once.
MOST_PICKED = 500


class MappingView(CsvExport, ListPage, ModelView):
    """A screen of one sort of mappings."""

    record: ClassVar[Any]
    title: ClassVar[str]
    noun: ClassVar[str]
    path: ClassVar[str]
    about: ClassVar[str]
    synced = False
    #: Our column -> where its label stands, for those that are relationships.
    columns_of: ClassVar[dict[str, str]] = {}

    action_disallowed_list = ("delete",)
    form_base_class = RecordForm
    model_form_converter = RecordConverter
    list_template = "mappings/list.html"

    def __init__(self) -> None:
        super().__init__(self.record, db, self.title, "Lists", endpoint=self.path, url=self.path.replace("_", "-"))

    def get_column_name(self, field: str) -> str:
        column = self.record.table().c.get(self.columns_of.get(field, field))
        return str(column.info.get("label", field)) if column is not None else field

    def get_query(self) -> Query[Any]:
        return super().get_query().filter(self.record.company_id == here().id)

    def get_count_query(self) -> Query[Any]:
        return super().get_count_query().filter(self.record.company_id == here().id)

    def export_columns(self) -> Sequence[str]:
        return self.form_columns

    def open_url(self, mapping: Any) -> str:
        """Where a person edits a mapping, or sees its history."""
        return url_for(f"{self.path}.{'edit_view' if self.may_write else 'history_view'}", id=mapping.id)

    def get_one(self, id: Any) -> Any:
        found = db.session.get(self.record, key) if (key := number(id)) else None
        return found if found is not None and found.company_id == here().id else None

    def _one(self) -> Any:
        found = self.get_one(request.values.get("id"))
        return found if found is not None else not_found(self.noun)

    # The pages of one mapping.

    @expose("/history/")
    def history_view(self) -> ResponseReturnValue:
        mapping = self._one()
        page = page_number()
        entries, more = history_of(mapping, page)
        return self.render("mappings/history.html", mapping=mapping, entries=entries, page=page, more=more)

    @expose("/new/", methods=("GET", "POST"))
    @for_writers
    def create_view(self) -> ResponseReturnValue:
        return self._form(None)

    @expose("/edit/", methods=("GET", "POST"))
    @for_writers
    def edit_view(self) -> ResponseReturnValue:
        return self._form(self._one())

    def _form(self, mapping: Any) -> ResponseReturnValue:
        form = self.edit_form(obj=mapping) if mapping else self.create_form()
        if request.method == "GET" and not mapping:
            self.prefill(form)
        if request.method == "POST" and self.validate_form(form):
            mapping = mapping or self.record(company_id=here().id)
            with db.session.no_autoflush:
                form.populate_obj(mapping)
                self.keep(mapping, form)
            db.session.add(mapping)
            if self._saved():
                flash(f"{mapping} was saved.", "success")
                return redirect(url_for(f"{self.path}.index_view"), code=303)
        shown = mapping if mapping and mapping.id else None
        return self.render(f"{self.path}/form.html", form=form, mapping=shown)

    def prefill(self, form: Any) -> None:
        """What the address says of a new mapping."""
        side = request.args.get("side")
        if side in set(Side):
            form.side.data = Side(side)

    def keep(self, mapping: Any, form: Any) -> None:
        """Keys that follow from a relationship are set after the history has looked: set them before."""

    def _saved(self) -> bool:
        try:
            db.session.commit()
        except IntegrityError:
            db.session.rollback()
            flash(TAKEN, "danger")
            return False
        return True

    @expose("/delete/", methods=("POST",))
    def delete_view(self) -> ResponseReturnValue:
        mapping = self._one()
        said = f"{mapping} was removed."
        db.session.delete(mapping)
        db.session.commit()
        flash(said, "success")
        return redirect(url_for(f"{self.path}.index_view"), code=303)

    @expose("/action/", methods=("POST",))
    def action_view(self) -> ResponseReturnValue:
        abort(404)

    @expose("/details/")
    def details_view(self) -> ResponseReturnValue:
        return redirect(self.open_url(self._one()))

    # Suggestions, which a person confirms.

    def suggestions(self) -> list[Suggestion]:
        """What could be paired, with the likeliest choice where there is one."""
        raise NotImplementedError

    def confirm(self, suggestion: Suggestion, choice: str) -> bool:
        """Pair one as chosen; says whether that made a difference. Commits nothing."""
        raise NotImplementedError

    @expose("/suggestions/", methods=("GET", "POST"))
    def suggestions_view(self) -> ResponseReturnValue:
        found = self.suggestions()
        if request.method == "GET":
            return self.render("mappings/suggestions.html", found=found)
        whole = request.form.get("all") == "yes"
        picked = set(request.form.getlist("pick")[:MOST_PICKED])
        done = 0
        for one in found:
            choice = (one.choice or "") if whole else request.form.get(f"choice-{one.key}", "")
            if (whole or one.key in picked) and choice in one.choices:
                done += self.confirm(one, choice)
        if not self._saved():
            done = 0
        said = f"{counted(done, self.noun)} confirmed." if done else "Nothing was chosen."
        flash(said, "success" if done else "warning")
        return redirect(url_for(f"{self.path}.suggestions_view"), code=303)
