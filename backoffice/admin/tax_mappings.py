"""Tax-rate mappings: our tax codes, each paired with a rate of the accounting system."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_admin.contrib.sqla import ModelView
from sqlalchemy import ColumnElement, false
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Query
from wtforms import SelectField

from backoffice.admin.company_base import Page, here, not_found, number
from backoffice.admin.forms import RecordConverter, RecordForm, options
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


class TaxMappingsView(Page, ModelView):
    """The list and the form of the mappings."""

    form_base_class = RecordForm
    model_form_converter = RecordConverter
    form_columns = ("code", "name", "rate", "side", "tax_rate")
    form_overrides = {"side": SelectField}
    form_args = {
        "side": {"choices": options(SIDE_WORDS), "coerce": Side},
        "rate": {"description": "In per cent, as we charge it."},
    }
    form_ajax_refs = {"tax_rate": CompanyLoader("tax_rate", TaxRate, ("name", "code"), _for_side)}
    list_template = "tax_mappings/list.html"

    def __init__(self) -> None:
        super().__init__(TaxMapping, db, "Tax-rate mappings", "Lists", endpoint="tax_mappings", url="tax-mappings")

    def get_column_name(self, field: str) -> str:
        column = TaxMapping.__table__.c.get("tax_rate_id" if field == "tax_rate" else field)
        return str(column.info.get("label", field)) if column is not None else field

    def get_query(self) -> Query[Any]:
        return super().get_query().filter(TaxMapping.company_id == here().id)

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

    @expose("/")
    def index_view(self) -> ResponseReturnValue:
        rows = self.get_query().order_by(TaxMapping.side, TaxMapping.code, TaxMapping.id).limit(2000).all()
        return self.render("tax_mappings/list.html", rows=rows, sides=SIDE_WORDS)

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

    @expose("/export/<export_type>/")
    def export(self, export_type: str) -> ResponseReturnValue:
        abort(404)

    @expose("/details/")
    def details_view(self) -> ResponseReturnValue:
        return redirect(url_for("tax_mappings.edit_view", id=self._one().id))
