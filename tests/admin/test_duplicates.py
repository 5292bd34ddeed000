"""Likely duplicates: asked about before one is made, listed side by side, answered for ever."""

from __future__ import annotations

import re
from typing import Any

import pytest

from backoffice.models import Company, CompanySettings, Connection, Contact, Duplicate, Role, Strictness
from tests.admin.conftest import Browser, Db, a_record, integrate


def a_contact(session: Db, company: Company, name: str, **columns: Any) -> Contact:
    found: Contact = a_record(session, Contact, company, **{"name": name, "customer_here": False, **columns})
    return found


def ask_for(session: Db, company: Company, strictness: Strictness) -> None:
    session.query(CompanySettings).filter_by(company_id=company.id).one().ask_duplicates = strictness
    session.commit()


def both(pair: Duplicate) -> dict[str, int]:
    """What the button under a pair sends."""
    return {"first": pair.first_id, "second": pair.second_id}


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"name": "KIWI-STEEL Ltd."}, "the same name, spelled another way"),
        ({"name": "Other", "email": "AR@kiwi.nz"}, "the same e-mail"),
        ({"name": "Other", "tax_number": "12 345 678"}, "the same tax number"),
        ({"name": "Other", "bank_account": "12345678901"}, "the same bank account"),
    ],
)
def test_one_that_may_be_here_is_asked_about_before_it_is_made(
    typed: dict[str, str], why: str, session: Db, company: Company, browser: Browser
) -> None:
    details = {"email": "ar@kiwi.nz", "tax_number": "12-345-678", "bank_account": "12-3456-78901"}
    known = a_contact(session, company, "Kiwi Steel", **details)
    asked = browser.post(f"/c/{company.id}/suppliers/new/", typed)
    assert (asked.status_code, session.query(Contact).count()) == (200, 1)
    assert f'href="/c/{company.id}/suppliers/details/?id={known.id}">Open Kiwi Steel</a>' in asked.text
    assert (why in asked.text, f'value="{typed["name"]}"' in asked.text) == (True, True)


def test_the_answer_is_remembered(session: Db, company: Company, connection: Connection, browser: Browser) -> None:
    a_contact(session, company, "Kiwi Steel")
    typed = {"name": "Kiwi Steel Ltd"}
    text = browser.post(f"/c/{company.id}/suppliers/new/", typed).text
    found = re.search(r'name="not_these" value="([^"]+)"', text)
    assert found
    made = browser.post(f"/c/{company.id}/suppliers/new/", {**typed, "not_these": found[1]})
    assert (made.status_code, session.query(Contact).count()) == (303, 2)
    assert session.query(Duplicate).one().answered_at is not None
    assert "spelled another way" not in browser.says(f"/c/{company.id}/duplicates/")


def test_one_that_came_meanwhile_is_asked_about_again(session: Db, company: Company, browser: Browser) -> None:
    first = a_contact(session, company, "Kiwi Steel")
    a_contact(session, company, "Kiwi Steel Co", email="new@kiwi.nz")
    again = browser.post(f"/c/{company.id}/suppliers/new/", {"name": "Kiwi Steel Ltd", "not_these": str(first.id)})
    assert (again.status_code, session.query(Contact).count()) == (200, 2)


def test_it_asks_as_strictly_as_the_settings_say(session: Db, company: Company, browser: Browser) -> None:
    a_contact(session, company, "Harbour Supplies")
    place, alike = f"/c/{company.id}/suppliers/new/", {"name": "Harbour Suplies"}
    ask_for(session, company, Strictness.ALIKE)
    assert "names that are alike" in browser.post(place, alike).text
    ask_for(session, company, Strictness.OFF)
    assert browser.post(place, {"name": "Harbour Supplies Ltd"}).status_code == 303
    ask_for(session, company, Strictness.EQUAL)
    assert browser.post(place, alike).status_code == 303


def test_an_edit_is_never_held_up(session: Db, company: Company, browser: Browser) -> None:
    a_contact(session, company, "Kiwi Steel", email="a@b.nz")
    other = a_contact(session, company, "Tui Metals")
    form = {"name": "Tui Metals", "email": "a@b.nz", "revision": "1", "supplier_here": "y"}
    assert browser.post(f"/c/{company.id}/suppliers/edit/?id={other.id}", form).status_code == 303
    assert session.query(Duplicate).count() == 1


def test_the_list_shows_pairs_side_by_side(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    one = a_contact(session, company, "Kiwi Steel", email="a@b.nz", city="<i>Nelson</i>")
    a_contact(session, company, "Tui Metals", email="a@b.nz", city="Napier")
    integrate(session, connection, one)
    text = browser.says(f"/c/{company.id}/duplicates/")
    assert "They have the same e-mail." in text
    assert ("&lt;i&gt;Nelson&lt;/i&gt;" in text, "<i>Nelson" in text, "Napier" in text) == (True, False, True)
    assert f"/app/!x/contacts/contact/e-{one.id}" in text
    assert 'data-word="Tui Metals:">Napier' in text, "on a telephone each value says whose it is"
    assert "1 likely duplicate among your contacts" in browser.says(f"/c/{company.id}/")


def test_not_a_duplicate_is_said_once(session: Db, company: Company, browser: Browser) -> None:
    one = a_contact(session, company, "Kiwi Steel", email="a@b.nz")
    a_contact(session, company, "Tui Metals", email="a@b.nz")
    pair = session.query(Duplicate).one()
    told = browser.post(f"/c/{company.id}/duplicates/different/", both(pair), follow=True)
    assert ("They are two" in told.text, "the same e-mail" in told.text) == (True, False)
    session.refresh(one)
    one.phone = "1"
    session.commit()
    assert "the same e-mail" not in browser.says(f"/c/{company.id}/duplicates/")


def test_archiving_one_settles_it(session: Db, company: Company, browser: Browser) -> None:
    a_contact(session, company, "Kiwi Steel", email="a@b.nz")
    other = a_contact(session, company, "Tui Metals", email="a@b.nz")
    where = {"id": other.id, "url": f"/c/{company.id}/duplicates/"}
    told = browser.post(f"/c/{company.id}/suppliers/archive/", where, follow=True)
    assert ("Tui Metals was archived." in told.text, "the same e-mail" in told.text) == (True, False)


def test_viewers_see_the_list_and_answer_nothing(session: Db, company: Company, browser_as: Any) -> None:
    for name in ("Kiwi Steel", "Tui Metals"):
        a_contact(session, company, name, email="a@b.nz")
    viewer, pair = browser_as(Role.VIEWER), session.query(Duplicate).one()
    text = viewer.says(f"/c/{company.id}/duplicates/")
    assert ("the same e-mail" in text, "Not a duplicate</button>" in text) == (True, False)
    assert viewer.post(f"/c/{company.id}/duplicates/different/", both(pair)).status_code == 403


@pytest.mark.parametrize("key", ["", "x", "0", "1", "99999999999999999999"])
def test_a_pair_that_is_none_is_said(key: str, session: Db, company: Company, browser: Browser) -> None:
    one = a_contact(session, company, "Kiwi Steel")
    said = browser.post(f"/c/{company.id}/duplicates/different/", {"first": one.id, "second": key})
    assert (said.status_code, session.query(Duplicate).count()) == (404, 0)


def test_an_old_page_answers_the_pair_that_it_showed(session: Db, company: Company, browser: Browser) -> None:
    one = a_contact(session, company, "Kiwi Steel", email="a@b.nz")
    a_contact(session, company, "Tui Metals", email="a@b.nz")
    shown = session.query(Duplicate).one()
    form = both(shown)
    one.email = "other@b.nz"
    session.commit()
    for name in ("Moa Timber", "Kea Glass"):
        a_contact(session, company, name, email="c@d.nz")
    assert browser.post(f"/c/{company.id}/duplicates/different/", form).status_code == 303
    session.expire_all()
    answered = {row.first_id: row.answered_at is not None for row in session.query(Duplicate)}
    assert list(answered.values()) == [False, True]
    assert answered[one.id]


def test_another_company_keeps_its_pairs(session: Db, company: Company, elsewhere: Company, browser: Browser) -> None:
    for name in ("Kiwi Steel", "Tui Metals"):
        a_contact(session, company, name, email="a@b.nz")
    pair = session.query(Duplicate).one()
    assert "the same e-mail" not in browser.says(f"/c/{elsewhere.id}/duplicates/")
    assert browser.post(f"/c/{elsewhere.id}/duplicates/different/", both(pair)).status_code == 404


def test_the_setting_is_an_administrators(session: Db, company: Company, administrator: Browser) -> None:
    assert "Ask before a contact is made" in administrator.says(f"/c/{company.id}/settings/?tab=general")
