"""Contacts: suppliers and customers, two screens of one table."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import flash, g, request
from flask_admin.actions import action
from flask_login import current_user
from markupsafe import Markup
from sqlalchemy import or_
from sqlalchemy.orm import Query

from backoffice.admin import duplicates
from backoffice.admin.alerts import marked
from backoffice.admin.company_base import here
from backoffice.admin.filters import TextFilter
from backoffice.admin.forms import EMAIL
from backoffice.admin.record_view import RecordView
from backoffice.extensions import db
from backoffice.models import Contact, rules
from backoffice.models.duplicate import say_different
from backoffice.wording import counted

PARTY = (
    ("Details", ("name", "number", "account_number", "tax_number", "company_number", "currency")),
    ("Shown here as", ("supplier_here", "customer_here")),
    ("Person", ("first_name", "last_name", "email", "phone", "mobile")),
    ("Address", ("street", "city", "region", "postal_code", "country")),
    ("Payment", ("bank_account",)),
)


class ContactView(RecordView):
    """Suppliers and customers are two screens of one table."""

    record = Contact
    group = "Purchasing"
    kinds = ("contact",)
    columns = ("name", "email", "phone", "city", "country")
    searched = ("name", "email", "number")
    groups = PARTY
    column_editable_list = ("email", "phone")
    form_template, details_template = "contacts/form.html", "contacts/details.html"
    form_args = {
        "email": {"validators": [EMAIL]},
        "currency": {"description": "Three letters, such as NZD."},
        "number": {"description": "Ours, and unique: it is what this contact is found by in the accounting system."},
    }
    #: The mark it gets when it is made here, and the provider's own mark.
    here_column: ClassVar[str]
    there_column: ClassVar[str]

    def make_filters(self) -> list[Any]:
        texts = [TextFilter(getattr(Contact, c), Contact.column_label(c)) for c in ("email", "city", "country")]
        return [*super().make_filters(), *texts]

    def scope(self, query: Query[Any]) -> Query[Any]:
        if request.args.get("show") == "all":
            return query
        return query.filter(or_(getattr(Contact, self.here_column), getattr(Contact, self.there_column)))

    def create_form(self, obj: Any = None) -> Any:
        form = super().create_form(obj)
        if request.method == "GET":
            form[self.here_column].data = True
        return form

    def validate_form(self, form: Any) -> bool:
        return self._named_alone(form) and (form._obj is not None or self._asked_about(form))

    def _asked_about(self, form: Any) -> bool:
        """Whether nothing here is like a new one, or the person has seen what is and wants it all the same."""
        likely = duplicates.likely_ones(form.data)
        shown = "-".join(str(one.contact.id) for one in likely)
        if "name" not in form or not likely or request.form.get("not_these") == shown:
            g.not_these = [one.contact.id for one in likely]
            return True
        self._template_args.update(likely=likely, not_these=shown)
        return False

    def create_model(self, form: Any) -> Any:
        record = super().create_model(form)
        for other in g.get("not_these", ()) if record else ():
            say_different(db.session(), record.company_id, record.id, other, current_user.id)
        db.session.commit()
        return record

    def cell(self, record: Any, column: str) -> Any:
        shown = super().cell(record, column)
        return marked(shown, record) if column == "name" else shown

    def prepare(self, record: Any) -> None:
        if not (record.supplier_here or record.customer_here):
            setattr(record, self.here_column, True)

    @action("as_supplier", "Show as supplier")
    def action_as_supplier(self, ids: list[int]) -> None:
        self._show_as("supplier_here", "supplier", ids)

    @action("as_customer", "Show as customer")
    def action_as_customer(self, ids: list[int]) -> None:
        self._show_as("customer_here", "customer", ids)

    def _show_as(self, column: str, noun: str, ids: list[int]) -> None:
        found = [record for record in self.selected(ids) if not getattr(record, column)]
        for record in found:
            setattr(record, column, True)
        db.session.commit()
        flash(f"{counted(len(found), 'contact')} shown as {noun} from now on.", "success")

    def _named_alone(self, form: Any) -> bool:
        """Whether a form is well filled in, under a name that no other active contact has."""
        fine = bool(super().validate_form(form))
        if fine and "name" in form and form.name.data != getattr(form._obj, "name", None):
            other = rules.namesake(db.session(), here().id, form.name.data, getattr(form._obj, "id", None))
            if other is not None:
                said = Markup('<a href="{}">{}</a> has this name already; two active contacts cannot share one.')
                form.name.errors = [said.format(self.open_url(other), other.name)]
            return other is None
        return fine

    def cannot_restore(self, record: Any) -> str | None:
        return rules.why_name_taken(db.session(), record, record.name) or None


class SuppliersView(ContactView):
    """Who the company buys from."""

    title, noun, path = "Suppliers", "supplier", "suppliers"
    about = "Suppliers are the people and companies you buy from."
    here_column, there_column = "supplier_here", "is_supplier"
    switches = {"show": (("", "Suppliers"), ("all", "All contacts")), **RecordView.switches}


class CustomersView(ContactView):
    """Who the company sells to."""

    title, noun, path = "Customers", "customer", "customers"
    group = "Sales"
    about = "Customers are the people and companies you sell to."
    here_column, there_column = "customer_here", "is_customer"
    switches = {"show": (("", "Customers"), ("all", "All contacts")), **RecordView.switches}
