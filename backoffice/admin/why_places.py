"""Where a verdict leads to: the page, the list or the form of a record, the tab of the settings."""

from __future__ import annotations

from typing import Any

from flask import url_for

from backoffice.admin import links
from backoffice.models import KINDS, Contact, Link, Record


def lists_of(record: Record) -> str:
    """The lists that show a record, as people call them."""
    if not isinstance(record, Contact):
        return KINDS[record.kind].plural().capitalize()
    supplier, customer = record.supplier_here or record.is_supplier, record.customer_here or record.is_customer
    found = [word for word, yes in (("Suppliers", supplier), ("Customers", customer)) if yes]
    return " and ".join(found) or "All contacts"


def page_url(record: Any) -> str:
    """The page of a record."""
    return links.page_of(record)


def list_url(record: Any) -> str:
    """The list that shows it, whatever state it is in."""
    return url_for(f"{links.screen_of(record)}.index_view", search=str(record.name), archived="all")


def edit_url(record: Any, link: Link | None) -> str:
    """Its form, at the field that it was refused for."""
    at = f"#{link.refusal_column}" if link is not None and link.refusal_column else ""
    return f"{url_for(f'{links.screen_of(record)}.edit_view', id=record.id)}{at}"


#: Where the settings say whether a kind travels; the others stand under General.
TABS = {"contact": "customers", "invoice": "invoices", "bill": "suppliers", "purchase_order": "suppliers"}


def settings_url(kind: str = "") -> str:
    """The tab of the settings that is about a kind."""
    return url_for("settings.index", tab=TABS.get(kind, "general"))
