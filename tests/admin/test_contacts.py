"""Suppliers and customers: two screens of one table."""

from __future__ import annotations

import pytest

from backoffice.models import Company, Connection, Contact
from tests.admin.conftest import Browser, Db, a_record


def test_a_contact_is_shown_where_it_belongs(session: Db, company: Company, browser: Browser) -> None:
    a_record(session, Contact, company, name="Buyer", supplier_here=False)
    a_record(session, Contact, company, name="Seller", customer_here=False)
    a_record(session, Contact, company, name="Marked", supplier_here=False, customer_here=False, is_supplier=True)
    suppliers = browser.says(f"/c/{company.id}/suppliers/")
    assert ("Seller" in suppliers, "Marked" in suppliers, "Buyer" in suppliers) == (True, True, False)
    assert "Buyer" in browser.says(f"/c/{company.id}/suppliers/?show=all")
    assert "Seller" not in browser.says(f"/c/{company.id}/customers/")


def test_a_new_contact_gets_the_role_of_its_screen(session: Db, company: Company, browser: Browser) -> None:
    browser.post(f"/c/{company.id}/customers/new/", {"name": "New Ltd"})
    contact = session.query(Contact).one()
    assert (contact.customer_here, contact.supplier_here, contact.name) == (True, False, "New Ltd")


def test_a_contact_is_made_a_supplier_or_a_customer_here(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    buyer = a_record(session, Contact, company, name="Buyer", supplier_here=False)
    place = f"/c/{company.id}/customers/edit/?id={buyer.id}"
    assert 'name="supplier_here"' in browser.says(place)
    form = {"name": "Buyer", "revision": "1", "supplier_here": "y", "customer_here": "y"}
    assert browser.post(place, form).status_code == 303
    assert "Buyer" in browser.says(f"/c/{company.id}/suppliers/")
    session.expire_all()
    assert buyer.revision == 1  # ours alone: nothing is sent


@pytest.mark.parametrize(("screen", "action"), [("customers", "as_supplier"), ("suppliers", "as_customer")])
def test_several_contacts_are_shown_on_the_other_screen(
    screen: str, action: str, session: Db, company: Company, browser: Browser
) -> None:
    roles = {"supplier_here": screen == "suppliers", "customer_here": screen == "customers"}
    found = [a_record(session, Contact, company, name=f"C{i}", **roles) for i in range(3)]
    ids = {"action": action, "rowid": [one.id for one in found[:2]]}
    told = browser.post(f"/c/{company.id}/{screen}/action/", ids, follow=True)
    assert f"2 contacts shown as {action.removeprefix('as_')} from now on." in told.text
    session.expire_all()
    assert [one.supplier_here and one.customer_here for one in found] == [True, True, False]


def test_two_active_contacts_cannot_share_a_name(session: Db, company: Company, browser: Browser) -> None:
    known = a_record(session, Contact, company, name="Kiwi Steel")
    told = browser.post(f"/c/{company.id}/suppliers/new/", {"name": " kiwi  STEEL"})
    assert f'<a href="/c/{company.id}/suppliers/details/?id={known.id}">Kiwi Steel</a> has this name' in told.text
    assert session.query(Contact).count() == 1
    archived = a_record(session, Contact, company, name="kiwi steel", archived=True)
    restored = browser.post(f"/c/{company.id}/suppliers/restore/", {"id": archived.id}, follow=True)
    assert "Another active contact is called Kiwi Steel" in restored.text


@pytest.mark.parametrize(
    "field", [{"name": ""}, {"name": "x" * 256}, {"name": "a\x00b"}, {"email": "nobody"}, {"city": "a\x00"},
              {"currency": "NZDX"}, {"street": "x" * 20_000}],
)  # fmt: skip
def test_what_cannot_be_kept_is_said_beside_its_field(
    field: dict[str, str], session: Db, company: Company, browser: Browser
) -> None:
    told = browser.post(f"/c/{company.id}/suppliers/new/", {"name": "Fine Ltd", **field})
    assert (told.status_code, "This was not saved." in told.text) == (200, True)
    assert session.query(Contact).count() == 0
