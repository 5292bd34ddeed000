"""Tax-rate mappings: our tax codes, each paired with a rate of the accounting system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import abort, flash, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_admin.contrib.sqla import ModelView
from markupsafe import Markup
from sqlalchemy import ColumnElement, false
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Query
from wtforms import SelectField

from backoffice.admin import links
from backoffice.admin.company_base import here, not_found, number
from backoffice.admin.export import CsvExport
from backoffice.admin.filters import TextFilter, WordFilter, YesNoFilter
from backoffice.admin.forms import RecordConverter, RecordForm, options
from backoffice.admin.history import history_of
from backoffice.admin.list_page import ListPage
from backoffice.admin.references import CompanyLoader
from backoffice.admin.saving import TAKEN
from backoffice.admin.words import SIDE_WORDS
from backoffice.extensions import db
from backoffice.models import Side, TaxMapping, TaxRate


def _for_side() -> ColumnElement[bool] | None:
    """Only rates that fit the side chosen in the form."""
    sides = {Side.SALES: TaxRate.for_sales, Side.PURCHASES: TaxRate.for_purchases}
    side = request.args.get("side")
    if side is None:
        return None
    return sides[Side(side)].is_(True) if side in set(Side) else false()


class TaxMappingsView(CsvExport, ListPage, ModelView):
    """The list and the form of the mappings."""

    record = TaxMapping
    title, noun, path = "Tax-rate mappings", "mapping", "tax_mappings"
    about = "Tax-rate mappings pair your own tax codes with the rates of the accounting system."
    lead = "Our tax codes, each paired with the rate that it is in the accounting system, for sales and for purchases."
    #: The list says how fresh the rates are that it pairs with.
    kinds = ("tax_rate",)
    synced = False

    action_disallowed_list = ("delete",)

    form_base_class = RecordForm
    model_form_converter = RecordConverter
    column_list = form_columns = ("code", "name", "rate", "side", "tax_rate")
    column_searchable_list = ("code", "name")
    column_sortable_list = ("code", "name", "rate", "side", ("tax_rate", "tax_rate.name"))
    column_default_sort = [("side", False), ("code", False)]
    column_filters = (
        TextFilter(TaxMapping.code, "Our code"),
        WordFilter(TaxMapping.side, "Side", [(side.value, word) for side, word in SIDE_WORDS.items()]),
        YesNoFilter(TaxMapping.tax_rate_id.is_not(None).label("paired"), "Paired"),
    )
    form_overrides = {"side": SelectField}
    form_args = {
        "side": {"choices": options(SIDE_WORDS), "coerce": Side},
        "rate": {"description": "In per cent, as we charge it."},
    }
    form_ajax_refs = {"tax_rate": CompanyLoader("tax_rate", TaxRate, ("name", "code"), _for_side)}

    def __init__(self) -> None:
        super().__init__(TaxMapping, db, self.title, "Lists", endpoint=self.path, url="tax-mappings")

    def get_column_name(self, field: str) -> str:
        column = TaxMapping.__table__.c.get("tax_rate_id" if field == "tax_rate" else field)
        return str(column.info.get("label", field)) if column is not None else field

    def get_query(self) -> Query[Any]:
        return super().get_query().filter(TaxMapping.company_id == here().id)

    def get_count_query(self) -> Query[Any]:
        return super().get_count_query().filter(TaxMapping.company_id == here().id)

    def get_list(self, *args: Any, **kwargs: Any) -> tuple[int | None, Any]:
        count, rows = super().get_list(*args, **kwargs)
        if kwargs.get("execute", True):
            g.links = links.links_of(TaxRate.kind, [row.tax_rate_id for row in rows if row.tax_rate_id])
        return count, rows

    def export_columns(self) -> Sequence[str]:
        return self.form_columns

    def open_url(self, mapping: TaxMapping) -> str:
        """Where a person edits a mapping, or sees its history."""
        return url_for(f"tax_mappings.{'edit_view' if self.may_write else 'history_view'}", id=mapping.id)

    def cell(self, record: Any, column: str) -> Any:
        """A value as the list shows it; the rate with what became of it there."""
        if column != "tax_rate":
            return super().cell(record, column)
        rate = record.tax_rate
        if rate is None:
            return Markup('<span class="state amber">○ Not paired</span>')
        said = Markup('<a href="{}">{}</a>').format(url_for("tax_rates.details_view", id=rate.id), rate)
        if not rate.archived:
            return said
        badge = links.badge(g.links[rate.id]) if rate.id in g.links else None
        return said + Markup(' <span class="state amber">▢ {}</span>').format(badge.word if badge else "Archived")

    def get_one(self, id: Any) -> TaxMapping | None:
        found = db.session.get(TaxMapping, key) if (key := number(id)) else None
        return found if found is not None and found.company_id == here().id else None

    def validate_form(self, form: Any) -> bool:
        fine = bool(super().validate_form(form))
        rate = form.tax_rate.data if fine else None
        if rate is None:
            return fine
        fits = rate.for_sales if form.side.data is Side.SALES else rate.for_purchases
        if not fits:
            form.tax_rate.errors = [f"{rate.name} is not for {SIDE_WORDS[form.side.data].lower()}; choose one that is."]
        return bool(fits)

    @expose("/history/")
    def history_view(self) -> ResponseReturnValue:
        mapping = self._one()
        page = min(max(request.args.get("page", 0, type=int), 0), 10_000)
        entries, more = history_of(mapping, page)
        return self.render("tax_mappings/history.html", mapping=mapping, entries=entries, page=page, more=more)

    @expose("/new/", methods=("GET", "POST"))
    def create_view(self) -> ResponseReturnValue:
        return self._form(None)

    @expose("/edit/", methods=("GET", "POST"))
    def edit_view(self) -> ResponseReturnValue:
        return self._form(self._one())

    def _one(self) -> TaxMapping:
        found = self.get_one(request.values.get("id"))
        return found if found is not None else not_found("tax-rate mapping")

    def _form(self, mapping: TaxMapping | None) -> ResponseReturnValue:
        form = self.edit_form(obj=mapping) if mapping else self.create_form()
        if request.method == "POST" and self.validate_form(form):
            mapping = mapping or TaxMapping(company_id=here().id)
            form.populate_obj(mapping)
            # A key that follows from a relationship is set after the history has looked.
            mapping.tax_rate_id = form.tax_rate.data.id if form.tax_rate.data else None
            db.session.add(mapping)
            if self._saved():
                flash(f"{mapping} was saved.", "success")
                return redirect(url_for("tax_mappings.index_view"), code=303)
        return self.render("tax_mappings/form.html", form=form, mapping=mapping if mapping and mapping.id else None)

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
        return redirect(url_for("tax_mappings.index_view"), code=303)

    @expose("/action/", methods=("POST",))
    def action_view(self) -> ResponseReturnValue:
        abort(404)

    @expose("/details/")
    def details_view(self) -> ResponseReturnValue:
        return redirect(self.open_url(self._one()))
