"""The addresses that lead into the real Xero from outside, for links that differ in the host alone.

https://developer.xero.com/documentation/guides/how-to-guides/deep-link-xero/
"""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.sandbox.xero import organisations
from backoffice.sandbox.xero.office import MissingError, Office
from backoffice.sandbox.xero.organisations import Organisation
from backoffice.sandbox.xero.paper_screens import PAPER_SCREENS
from backoffice.sandbox.xero.world import current

#: By the place that is asked for, the lists whose page it is.
LISTS = {
    "/accountspayable/edit.aspx": ("bills",),
    "/accountspayable/view.aspx": ("bills",),
    "/accountsreceivable/edit.aspx": ("invoices",),
    "/accountsreceivable/view.aspx": ("invoices",),
    "/accountspayable/viewcreditnote.aspx": ("credit-notes",),
    "/accountsreceivable/viewcreditnote.aspx": ("credit-notes",),
    "/accounts/payable/purchaseorders/view": ("purchase-orders",),
    "/bank/viewtransaction.aspx": ("payments", "prepayments", "overpayments"),
    "/accounts/inventory": ("items",),
    "/contacts/view": ("contacts",),
}

routes = Blueprint("deep_links", __name__)


@routes.errorhandler(MissingError)
def missing(error: MissingError) -> ResponseReturnValue:
    return render_template("missing.html"), 404


@routes.get("/organisationlogin/default.aspx")
def choose_organisation() -> ResponseReturnValue:
    """Choose an organisation by its short code, and go on to a page of it."""
    asked = {key.lower(): value for key, value in request.args.items()}
    found = organisations.find(current().store, asked.get("shortcode", ""))
    place, row_id = _taken_apart(asked.get("redirecturl", ""))
    if found is None or place not in LISTS:
        raise MissingError(place)
    return redirect(_page(found, LISTS[place], row_id))


def _taken_apart(address: str) -> tuple[str, str]:
    """A page's place, and the id of what it shows: in the query, or as the last part of the path."""
    parts = urlsplit(address)
    path = parts.path.rstrip("/")
    named = next((value for _, value in parse_qsl(parts.query)), "")
    if named:
        return path.lower(), named
    place, _, row_id = path.rpartition("/")
    return place.lower(), row_id


def _page(found: Organisation, slugs: tuple[str, ...], row_id: str) -> str:
    """Raises: MissingError where none of these lists has it."""
    for slug in slugs:
        paper = PAPER_SCREENS.get(slug)
        shelf = Office(current(), found, paper.kind if paper else slug).shelf
        if shelf.get(row_id) is not None:
            return url_for("papers.row" if paper else "pages.row", key=found.short_code, slug=slug, row_id=row_id)
    raise MissingError(row_id)
