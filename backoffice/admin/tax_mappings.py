"""Tax-rate mappings: our tax codes, each paired with a rate of the accounting system."""

from __future__ import annotations

from typing import Any

from flask import g, request, url_for
from markupsafe import Markup
from sqlalchemy import ColumnElement, false
from wtforms import SelectField

from backoffice.admin import links
from backoffice.admin.filters import TextFilter, WordFilter, YesNoFilter
from backoffice.admin.forms import options
from backoffice.admin.mapping_view import MappingView
from backoffice.admin.references import CompanyLoader
from backoffice.admin.suggestions import Suggestion, tax_suggestions
from backoffice.admin.words import SIDE_WORDS
from backoffice.models import Side, TaxMapping, TaxRate


def _for_side() -> ColumnElement[bool] | None:
    """Only rates that fit the side chosen in the form."""
    side = request.args.get("side")
    if side is None:
        return None
    return TaxRate.fits(Side(side)).is_(True) if side in set(Side) else false()


class TaxMappingsView(MappingView):
    """The list and the form of the mappings."""

    record = TaxMapping
    title, noun, path = "Tax-rate mappings", "mapping", "tax_mappings"
    about = "Tax-rate mappings pair your own tax codes with the rates of the accounting system."
    lead = "Our tax codes, each paired with the rate that it is in the accounting system, for sales and for purchases."
    #: The list says how fresh the rates are that it pairs with.
    kinds = ("tax_rate",)
    columns_of = {"tax_rate": "tax_rate_id"}

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

    def get_list(self, *args: Any, **kwargs: Any) -> tuple[int | None, Any]:
        count, rows = super().get_list(*args, **kwargs)
        if kwargs.get("execute", True):
            g.links = links.links_of(TaxRate.kind, [row.tax_rate_id for row in rows if row.tax_rate_id])
        return count, rows

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

    def validate_form(self, form: Any) -> bool:
        fine = bool(super().validate_form(form))
        rate = form.tax_rate.data if fine else None
        if rate is None:
            return fine
        fits = rate.fits(form.side.data)
        if not fits:
            form.tax_rate.errors = [f"{rate.name} is not for {SIDE_WORDS[form.side.data].lower()}; choose one that is."]
        return bool(fits)

    def prefill(self, form: Any) -> None:
        super().prefill(form)
        code = request.args.get("code", "").replace("\0", "")[:50]
        form.code.data, form.name.data = code or None, code or None

    def keep(self, mapping: Any, form: Any) -> None:
        mapping.tax_rate_id = form.tax_rate.data.id if form.tax_rate.data else None

    def suggestions(self) -> list[Suggestion]:
        return tax_suggestions()

    def confirm(self, suggestion: Suggestion, choice: str) -> bool:
        suggestion.subject.tax_rate_id = int(choice)
        return True
