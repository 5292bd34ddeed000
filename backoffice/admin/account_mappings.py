"""Account mappings: which account an item, or a group of items, posts to on each side."""

from __future__ import annotations

from typing import Any

from flask import g, request, url_for
from markupsafe import Markup
from sqlalchemy import select
from wtforms import SelectField
from wtforms.validators import InputRequired

from backoffice.admin import account_choices
from backoffice.admin.company_base import here, number
from backoffice.admin.filters import TextFilter, WordFilter
from backoffice.admin.forms import options
from backoffice.admin.mapping_view import MappingView
from backoffice.admin.references import CompanyLoader
from backoffice.admin.settings import settings_here
from backoffice.admin.suggestions import Suggestion, account_suggestions
from backoffice.admin.words import SIDE_WORDS
from backoffice.extensions import db
from backoffice.models import Account, AccountMapping, Item, Side


class AccountMappingsView(MappingView):
    """The list and the form of the mappings."""

    record = AccountMapping
    title, noun, path = "Account mappings", "mapping", "account_mappings"
    about = "Account mappings say which account an item, or a group of items, posts to."
    #: The list says how fresh the accounts are that it names.
    kinds = ("account",)
    columns_of = {"item": "item_id"}

    column_list = ("item", "side", "account_code")
    form_columns = ("side", "item", "item_group", "account_code")
    column_searchable_list = ("item.code", "item.name", "item_group", "account_code")
    column_sortable_list = (("item", "item.code"), "side", "account_code")
    column_default_sort = [("side", False), ("item_group", False), ("id", False)]
    column_filters = (
        WordFilter(AccountMapping.side, "Side", [(side.value, word) for side, word in SIDE_WORDS.items()]),
        TextFilter(AccountMapping.item_group, "Group"),
        TextFilter(AccountMapping.account_code, "Account"),
    )
    form_overrides = {"side": SelectField, "account_code": SelectField}
    form_args = {
        "side": {"choices": options(SIDE_WORDS), "coerce": Side},
        "item": {"description": "One item; or name a group below."},
        "item_group": {"description": "All the items of a group that have no mapping of their own."},
        "account_code": {
            "choices": [],
            "coerce": str,
            "validators": [InputRequired("Choose an account.")],
            "description": "What lines post to that name no account themselves.",
        },
    }
    form_ajax_refs = {"item": CompanyLoader("item", Item, ("code", "name"))}

    @property
    def lead(self) -> Any:  # type: ignore[override]
        """What holds where nothing is mapped."""
        settings = settings_here()
        return Markup(
            "A line that names no account posts by its item’s mapping, then its group’s, then the item’s own account, "
            'then the default: {} for sales, {} for purchases, as the <a href="{}">Settings</a> say.'
        ).format(
            settings.revenue_account or "not chosen yet",
            settings.expense_account or "not chosen yet",
            url_for("settings.index", tab="invoices"),
        )

    def search_placeholder(self) -> str:
        return "item, group, account"

    def cell(self, record: Any, column: str) -> Any:
        """A value as the list shows it; an account that is gone says so."""
        if column == "side":
            return SIDE_WORDS[record.side]
        if column == "item":
            return str(record.item) if record.item is not None else f"All of the group {record.item_group}"
        if column != "account_code":
            return super().cell(record, column)
        name = self.account_names().get(record.account_code)
        if name is None:
            return Markup('{} <span class="state amber">▢ Archived, or no longer there</span>').format(
                record.account_code
            )
        return name

    def account_names(self) -> dict[str, str]:
        """The active accounts of the company, by code; read once a request."""
        if "account_names" not in g:
            query = select(Account).where(Account.company_id == here().id, Account.archived.is_(False))
            g.account_names = {row.code or "": str(row) for row in db.session.scalars(query)}
        names: dict[str, str] = g.account_names
        return names

    # The form.

    def create_form(self, obj: Any = None) -> Any:
        return self._with_accounts(super().create_form(obj), None)

    def edit_form(self, obj: Any = None) -> Any:
        return self._with_accounts(super().edit_form(obj), obj)

    def _with_accounts(self, form: Any, mapping: Any) -> Any:
        groups = {f"For {SIDE_WORDS[side].lower()}": account_choices.accounts(side) for side in Side}
        held = mapping.account_code if mapping else None
        if held and not any(held in found for found in groups.values()):
            groups["Chosen earlier"] = {held: f"{held}: archived, or no longer there"}
        form.account_code.choices = {"": [("", "Choose an account")], **{k: list(v.items()) for k, v in groups.items()}}
        return form

    def prefill(self, form: Any) -> None:
        super().prefill(form)
        key = number(request.args.get("item"))
        item = db.session.get(Item, key) if key else None
        if item is not None and item.company_id == here().id:
            form.item.data = item
        form.item_group.data = request.args.get("group", "").replace("\0", "")[:60] or None

    def validate_form(self, form: Any) -> bool:
        if not super().validate_form(form):
            return False
        item, group = form.item.data, form.item_group.data
        if bool(item) == bool(group):
            form.item_group.errors = ["Name an item or a group, and not both."]
            return False
        suits = account_choices.accounts(form.side.data)
        held = form._obj.account_code if form._obj is not None else None
        if form.account_code.data not in {*suits, held}:
            form.account_code.errors = [
                f"This account is not for {SIDE_WORDS[form.side.data].lower()}; choose one that is."
            ]
            return False
        return True

    def keep(self, mapping: Any, form: Any) -> None:
        mapping.item_id = form.item.data.id if form.item.data else None
        mapping.item_group = form.item_group.data or None

    def groups(self) -> list[str]:
        """The groups that items have, to choose from."""
        query = select(Item.group).where(Item.company_id == here().id, Item.group.is_not(None), Item.group != "")
        return list(db.session.scalars(query.distinct().order_by(Item.group).limit(500)))

    def suggestions(self) -> list[Suggestion]:
        return account_suggestions()

    def confirm(self, suggestion: Suggestion, choice: str) -> bool:
        db.session.add(
            AccountMapping(
                company_id=here().id, side=suggestion.side, item_id=suggestion.subject.id, account_code=choice
            )
        )
        return True
