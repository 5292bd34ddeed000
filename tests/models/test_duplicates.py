"""Likely duplicates: what is alike, what is not, and an answer that holds for ever."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import scoped_session

from backoffice.extensions import db
from backoffice.models import Company, CompanySettings, Contact, Duplicate, Likeness, Strictness, new_company
from backoffice.models.duplicate import compare, say_different, stale
from backoffice.models.likeness import keys_of, spelt, twins
from backoffice.sync.duplicates import likely

Db = scoped_session[Any]


@pytest.fixture
def session(app: Flask) -> Iterator[Db]:
    with app.app_context():
        yield db.session


@pytest.fixture
def company(session: Db) -> Company:
    company = new_company(session(), "Harbour Supplies")
    session.commit()
    return company


def a_contact(session: Db, company: Company, name: str, **columns: Any) -> Contact:
    contact = Contact(company_id=company.id, name=name, supplier_here=True, **columns)
    session.add(contact)
    session.commit()
    return contact


def ask(session: Db, company: Company, strictness: Strictness) -> dict[str, int]:
    """How many pairs wait for an answer under a setting."""
    session.query(CompanySettings).filter_by(company_id=company.id).one().ask_duplicates = strictness
    session.commit()
    return likely(session(), company.id)


def found(session: Db, company: Company) -> list[tuple[str, str, str]]:
    names = {contact.id: contact.name for contact in session.query(Contact)}
    rows = session.query(Duplicate).filter_by(company_id=company.id, answered_at=None).order_by(Duplicate.id)
    return [(names[row.first_id], names[row.second_id], row.equal_in) for row in rows]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ACME Pty. Ltd.", "Acme"),
        ("Müller & Söhne GmbH", "muller and sohne"),
        ("O’Brien's L.L.C.", "obriens"),
        ("Kiwi-Steel Limited", "KIWI STEEL CO."),
        ("Straßenbau AG", "STRASSENBAU"),
        ("株式会社 東京", "株式会社東京"),
        ("Ltd", "LTD."),
    ],
)
def test_a_name_is_the_same_however_it_is_spelled(one: str, other: str) -> None:
    assert spelt(one) == spelt(other) != ""


@pytest.mark.parametrize(("one", "other"), [("Acme", "Acne"), ("Depot 12", "Depot 13"), ("Al", "Ai"), ("Co-op", "Op")])
def test_other_names_are_others(one: str, other: str) -> None:
    assert spelt(one) != spelt(other)


def test_nothing_says_nothing() -> None:
    assert set(keys_of({"name": " - ", "tax_number": "12", "bank_account": "n/a"}).values()) == {None}


def test_equal_ones_are_kept_as_pairs_when_they_are_written(session: Db, company: Company) -> None:
    a_contact(session, company, "Kiwi Steel", email="ar@kiwi.nz", tax_number="12-345-678")
    a_contact(session, company, "KIWI STEEL Ltd", email="other@kiwi.nz")
    a_contact(session, company, "Iron Works", email="AR@kiwi.nz", tax_number="12 345 678")
    a_contact(session, company, "Somebody else")
    assert found(session, company) == [
        ("Kiwi Steel", "KIWI STEEL Ltd", "spelling"),
        ("Kiwi Steel", "Iron Works", "email tax_number"),
    ]
    assert ask(session, company, Strictness.EQUAL) == {"contact": 2}
    assert ask(session, company, Strictness.OFF) == {}


def test_alike_names_count_only_where_they_are_asked_for(session: Db, company: Company) -> None:
    a_contact(session, company, "Harbour Supplies")
    a_contact(session, company, "Harbour Suplies Ltd")
    a_contact(session, company, "Harbour Cafe")
    a_contact(session, company, "Harbour Supplies 2")
    assert ask(session, company, Strictness.EQUAL) == {}
    assert ask(session, company, Strictness.ALIKE) == {"contact": 1}


def test_a_slip_at_either_end_is_found(session: Db, company: Company) -> None:
    for name in ("Northern Traders", "Morthern Traders", "Northern Tradesr"):
        a_contact(session, company, name)
    assert ask(session, company, Strictness.ALIKE) == {"contact": 2}


def test_a_pair_goes_when_it_is_one_no_longer(session: Db, company: Company) -> None:
    one, other = (a_contact(session, company, name) for name in ("Kiwi Steel", "Kiwi Steel Ltd"))
    other.name = "Bluebird Bakery"
    session.commit()
    assert found(session, company) == []
    other.name = "Kiwi Steel Ltd"
    session.commit()
    one.archived = True
    session.commit()
    assert (found(session, company), likely(session(), company.id)) == ([], {})


def test_a_pair_stays_the_same_row_while_it_is_likely(session: Db, company: Company) -> None:
    one, other = (a_contact(session, company, name, email="a@b.nz") for name in ("Kiwi Steel", "Kiwi Steel Ltd"))
    row = session.query(Duplicate).one().id
    other.email = None
    session.commit()
    session.expire_all()
    assert [(pair.id, pair.equal_in) for pair in session.query(Duplicate)] == [(row, "spelling")]
    one.city = "Nelson"
    session.commit()
    assert session.query(Duplicate.id).scalar() == row


def test_not_a_duplicate_holds_for_ever_and_both_ways(session: Db, company: Company) -> None:
    one, other = (a_contact(session, company, name, email="a@b.nz") for name in ("Kiwi Steel", "Kiwi Steel Ltd"))
    say_different(session(), company.id, other.id, one.id, None)
    session.commit()
    for contact in (one, other):
        contact.email = f"{contact.id}@b.nz"
        session.commit()
    compare(session(), company.id, [one.id, other.id])
    session.commit()
    assert likely(session(), company.id) == {}
    assert session.query(Duplicate).one().answered_at is not None


def test_companies_are_never_compared_with_each_other(session: Db, company: Company) -> None:
    other = new_company(session(), "Hill Supplies")
    for where in (company, other):
        a_contact(session, where, "Kiwi Steel", email="a@b.nz")
    assert session.query(Duplicate).count() == 0


def test_what_many_share_tells_nobody_apart(session: Db, company: Company) -> None:
    session.add_all(Contact(company_id=company.id, name=f"Shop {i:03}", email="all@shops.nz") for i in range(60))
    session.commit()
    assert session.query(Duplicate).count() == 0


def test_what_was_written_past_the_hooks_is_compared_later(session: Db, company: Company) -> None:
    one = a_contact(session, company, "Kiwi Steel")
    session.query(Likeness).delete()
    session.commit()
    assert list(stale(session(), company.id, 10)) == [one.id]
    compare(session(), company.id, [one.id])
    assert list(stale(session(), company.id, 10)) == []


def test_ten_thousand_contacts_are_asked_by_index(session: Db, company: Company) -> None:
    rows = [
        {"contact_id": i, "company_id": company.id, "revision": 1, **keys_of({"name": f"Trader {i}"})}
        for i in range(10_000)
    ]
    session.execute(Likeness.table().insert(), rows)
    session.commit()
    keys = keys_of({"name": "Trader 77 Ltd", "email": "a@b.nz"})
    assert twins(session(), company.id, [keys]) == [[]]  # none of these numbers is a contact
    table = Likeness.table()
    query = select(func.count()).where(table.c.company_id == company.id, table.c.spelling.in_(["trader77"]))
    assert session.scalar(query) == 1


def test_two_who_save_like_contacts_at_once_wait_for_each_other(app: Flask, session: Db, company: Company) -> None:
    company_id = company.id
    session.rollback()

    def save(number: int) -> None:
        with app.app_context():
            for turn in range(5):
                contacts = [
                    Contact(company_id=company_id, name=f"Shop {number} {turn} {i}", email=f"{i}@shops.nz")
                    for i in range(3)
                ]
                db.session.add_all(contacts)
                db.session.commit()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(save, range(3)))
    every = session.query(Contact).count()
    assert (every, session.query(Likeness).count()) == (45, 45)
    assert session.query(Duplicate).count() == 3 * (15 * 14 // 2)
