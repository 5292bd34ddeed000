"""The addresses of Xero's own pages: where a person sees a record, and what an address that a person has leads to.

https://developer.xero.com/documentation/guides/how-to-guides/deep-link-xero/
Accounts, tax rates, tracking, allocations and files have no page with an address of their own there.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, quote, unquote, urlsplit

from backoffice.providers.xero.shape import GUID
from backoffice.sync.provider import Place

#: The kinds whose page is found in the organisation's own part of the site.
OWN_PAGES = {"contact": "contacts/contact", "invoice": "invoicing/view"}
#: The kinds whose page is reached through choosing the organisation first.
OLD_PAGES = {
    "bill": "/AccountsPayable/Edit.aspx?InvoiceID=",
    "purchase_order": "/Accounts/Payable/PurchaseOrders/View/",
    "credit_note": "/AccountsPayable/ViewCreditNote.aspx?creditNoteID=",
    "payment": "/Bank/ViewTransaction.aspx?bankTransactionID=",
    "prepayment": "/Bank/ViewTransaction.aspx?bankTransactionID=",
    "overpayment": "/Bank/ViewTransaction.aspx?bankTransactionID=",
    "item": "/Accounts/Inventory/",
}
#: What in an address says of which kind it is; the first that fits.
SIGNS = (
    (re.compile(r"credit-?notes?\b|ViewCreditNote|EditCreditNote", re.IGNORECASE), "credit_note"),
    (re.compile(r"purchase-?orders?\b", re.IGNORECASE), "purchase_order"),
    (re.compile(r"/contacts?/", re.IGNORECASE), "contact"),
    (re.compile(r"/AccountsPayable/|/bills?/", re.IGNORECASE), "bill"),
    (re.compile(r"/AccountsReceivable/|/invoicing/|/invoices?/", re.IGNORECASE), "invoice"),
    (re.compile(r"/Inventory/|/items?/", re.IGNORECASE), "item"),
    (re.compile(r"/prepayments?/", re.IGNORECASE), "prepayment"),
    (re.compile(r"/overpayments?/", re.IGNORECASE), "overpayment"),
    (re.compile(r"/payments?/|ViewTransaction", re.IGNORECASE), "payment"),
    (re.compile(r"/tracking/", re.IGNORECASE), "tracking"),
    (re.compile(r"/organisation/[^/]+/accounts/", re.IGNORECASE), "account"),
)
SHORT_CODE = re.compile(r"(?:/app/|/organisation/|shortcode=)(![^/?&#\s]{1,39})", re.IGNORECASE)
#: Characters of an address that are looked at.
LONGEST = 2_000


def page_of(site: str, short_code: str, kind: str, external_id: str) -> str | None:
    """Where a person sees a record; None where it has no page, or the organisation's name in addresses is not known."""
    if not short_code:
        return None
    if kind in OWN_PAGES:
        return f"{site}/app/{_part(short_code)}/{OWN_PAGES[kind]}/{_part(external_id)}"
    if kind not in OLD_PAGES:
        return None
    onward = quote(f"{OLD_PAGES[kind]}{_part(external_id)}", safe="/")
    return f"{site}/organisationlogin/default.aspx?shortcode={_part(short_code)}&redirecturl={onward}"


def _part(text: str) -> str:
    return quote(text, safe="!")


def place(site: str, text: str) -> Place | None:
    """What an address of Xero's own pages leads to, or an id of theirs names; None for any other text."""
    text = text.strip()[:LONGEST]
    if GUID.fullmatch(text):
        return Place(text.lower(), None, "")
    found = _address(text)
    if found is None or not _of_xero(found, site):
        return None
    whole = unquote(unquote(f"{found.path}?{found.query}#{found.fragment}"))
    known = GUID.search(whole)
    if known is None:
        return None
    code = SHORT_CODE.search(whole)
    kind = next((kind for sign, kind in SIGNS if sign.search(whole)), None)
    return Place(known[0].lower(), kind, code[1] if code else "")


def _address(text: str) -> SplitResult | None:
    if "://" not in text:
        text = f"https://{text}"
    try:
        return urlsplit(text)
    except ValueError:
        return None


def _of_xero(address: SplitResult, site: str) -> bool:
    host = (address.hostname or "").lower()
    return host == "xero.com" or host.endswith(".xero.com") or address.netloc.lower() == urlsplit(site).netloc.lower()
