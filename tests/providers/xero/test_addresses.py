"""What people paste of Xero's own addresses, and what is none of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.providers.xero.addresses import OLD_PAGES, OWN_PAGES, page_of, place
from backoffice.sync.provider import Place

SITE = "https://go.xero.com"
ID = "bd2270c3-8706-4c11-9cfb-000b551c3f51"


@pytest.mark.parametrize(
    ("text", "kind", "short_code"),
    [
        (f"https://go.xero.com/app/!Qj35V/contacts/contact/{ID}", "contact", "!Qj35V"),
        (f"go.xero.com/app/!Qj35V/invoicing/view/{ID}", "invoice", "!Qj35V"),
        (f"https://go.xero.com/Contacts/View/{ID}", "contact", ""),
        (f"https://go.xero.com/Contacts/View.aspx?contactID={ID.upper()}", "contact", ""),
        (f"https://go.xero.com/AccountsPayable/View.aspx?InvoiceID={ID}", "bill", ""),
        (f"https://go.xero.com/AccountsReceivable/Edit.aspx?InvoiceID={ID}&x=1", "invoice", ""),
        (f"https://go.xero.com/AccountsPayable/ViewCreditNote.aspx?creditNoteID={ID}", "credit_note", ""),
        (f"https://go.xero.com/Accounts/Payable/PurchaseOrders/View/{ID}/", "purchase_order", ""),
        (f"https://go.xero.com/Accounts/Inventory/{ID}", "item", ""),
        (f"https://go.xero.com/Bank/ViewTransaction.aspx?bankTransactionID={ID}", "payment", ""),
        (
            "https://go.xero.com/organisationlogin/default.aspx?shortcode=!Qj35V"
            f"&redirecturl=/AccountsPayable/Edit.aspx?InvoiceID={ID}",
            "bill",
            "!Qj35V",
        ),
        (f"https://go.xero.com/somewhere/new/{ID}", None, ""),
    ],
)
def test_every_form_of_an_address_is_understood(text: str, kind: str | None, short_code: str) -> None:
    found = place(SITE, f"  {text} ")
    assert found is not None
    assert (found.external_id, found.kind, found.short_code) == (ID, kind, short_code)


def test_an_id_alone_is_understood_however_it_is_written() -> None:
    assert place(SITE, f" {ID.upper()}\n") == Place(ID, None, "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"x{ID}",
        "Acme Ltd",
        "https://go.xero.com/",
        f"https://xero.com.evil.example/{ID}",
        f"https://evil.example/?u=https://go.xero.com/{ID}",
        f"https://go.xero.com@evil.example/{ID}",
        "http://[",
        f"javascript://go.xero.com.evil/{ID}",
    ],
)
def test_what_is_no_address_of_theirs_is_none(text: str) -> None:
    assert place(SITE, text) is None


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    for whole in (text, f"https://go.xero.com/{text}", f"https://go.xero.com/?{text}{ID}"):
        found = place(SITE, whole)
        assert found is None or len(found.external_id) == len(ID)


@pytest.mark.parametrize("kind", sorted({*OWN_PAGES, *OLD_PAGES}))
def test_an_address_of_ours_is_understood_and_holds_no_more_than_it_should(kind: str) -> None:
    url = page_of(SITE, "!Ab1/c", kind, ID)
    assert url is not None
    assert place(SITE, url) is not None
    hostile = page_of(SITE, "!x", kind, 'a"><script>&x=1#/..')
    assert hostile is not None
    assert not set('"<>#') & set(hostile)
    assert hostile.count("&") <= 1
