"""Rules that every screen, file and pre-flight asks: which accounts and rates fit, who may approve, what ends."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import scoped_session

from backoffice.extensions import db
from backoffice.models import (
    Account,
    Approvers,
    Author,
    Bill,
    Company,
    CompanySettings,
    Contact,
    Role,
    Side,
    Status,
    TaxRate,
    User,
    new_company,
    writing_as,
)
from backoffice.models.approval import Bar, StepError, authors_of, bar

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


@pytest.mark.parametrize(
    ("values", "lines", "pays"),
    [
        ({"code": "200", "account_type": "REVENUE"}, True, False),
        ({"code": "260", "account_type": "REVENUE", "system_account": "ROUNDING"}, True, False),
        ({"code": "090", "account_type": "BANK"}, False, True),
        ({"code": None, "account_type": "BANK"}, False, True),
        ({"code": "820", "account_type": "CURRLIAB", "system_account": "GST"}, False, False),
        ({"code": "610", "account_type": "CURRENT", "system_account": "DEBTORS"}, False, False),
        ({"code": "880", "account_type": "EQUITY", "takes_payments": True}, True, True),
        ({"code": None, "account_type": "EXPENSE"}, False, False),
    ],
)
def test_which_accounts_take_lines_and_pay(
    session: Db, company: Company, values: dict[str, Any], lines: bool, pays: bool
) -> None:
    account = Account(company_id=company.id, name="One", **values)
    session.add(account)
    session.commit()
    assert (account.takes_lines, account.pays) == (lines, pays)
    assert session.execute(select(Account.takes_lines, Account.pays)).one() == (lines, pays), "as a condition, too"


def test_a_rate_fits_its_sides(session: Db, company: Company) -> None:
    rate = TaxRate(company_id=company.id, code="IN", name="In", for_purchases=True)
    session.add(rate)
    session.commit()
    assert (rate.fits(Side.SALES), rate.fits(Side.PURCHASES)) == (False, True)
    assert session.scalars(select(TaxRate).where(TaxRate.fits(Side.PURCHASES))).all() == [rate]
    assert session.scalars(select(TaxRate).where(TaxRate.fits(Side.SALES))).all() == []


@pytest.fixture
def people(session: Db) -> list[User]:
    found = [User(name=name, email=f"{name}@example.com", password_hash="x", role=Role.OPERATOR) for name in "abc"]
    session.add_all(found)
    session.commit()
    return found


@pytest.fixture
def bill(session: Db, company: Company, people: list[User]) -> Bill:
    party = Contact(company_id=company.id, name="Acme Ltd")
    session.add(party)
    session.commit()
    with writing_as(Author(people[0].id)):
        made = Bill(company_id=company.id, name="B-1", contact_id=party.id, date=dt.date(2026, 11, 2))
        session.add(made)
        session.commit()
    return made


def change(session: Db, bill: Bill, user: User, **values: Any) -> None:
    with writing_as(Author(user.id)):
        for column, value in values.items():
            setattr(bill, column, value)
        session.commit()


def test_who_wrote_a_document(session: Db, bill: Bill, people: list[User]) -> None:
    maker, second, third = people
    assert authors_of(session(), bill) == {maker.id}
    change(session, bill, second, reference="other words")
    assert authors_of(session(), bill) == {maker.id, second.id}, "whoever changed it last wrote it, too"
    change(session, bill, third, status=Status.AWAITING_APPROVAL)
    assert authors_of(session(), bill) == {maker.id, second.id}, "a step is no word of it"
    change(session, bill, third, status=Status.APPROVED)
    change(session, bill, third, reference="mended by the approver")
    assert authors_of(session(), bill) == {maker.id, second.id}, "what comes after the approval makes no author"


def test_who_may_approve() -> None:
    settings = CompanySettings(approvers=Approvers.OPERATORS, approve_own=True)
    assert bar(settings, Role.OPERATOR, 1, {1}) is None
    settings.approve_own = False
    assert [bar(settings, Role.OPERATOR, 1, authors) for authors in ({1}, {2})] == [Bar.AUTHOR, None]
    settings.approvers = Approvers.ADMINISTRATORS
    assert bar(settings, Role.OPERATOR, 1, {2}) is Bar.ROLE
    assert [bar(settings, Role.ADMINISTRATOR, 1, {2}), bar(None, Role.OPERATOR, 1, {1})] == [None, None]


def test_people_take_no_step_that_is_not_open(session: Db, bill: Bill, people: list[User]) -> None:
    change(session, bill, people[0], status=Status.APPROVED)
    with pytest.raises(StepError):
        change(session, bill, people[0], status=Status.DRAFT)
    session.rollback()
    assert bill.status is Status.APPROVED
    bill.status = Status.DRAFT
    session.commit()
    assert bill.status is Status.DRAFT, "the engine writes what the other side says"


def test_what_is_voided_is_archived_and_nothing_else(session: Db, bill: Bill, people: list[User]) -> None:
    bill.archived = True
    session.commit()
    assert [bill.archived, bill.voided, bill.counts] == [False, False, True]
    assert session.scalars(select(Bill).where(Bill.counts)).all() == [bill]
    change(session, bill, people[0], status=Status.VOIDED)
    assert [bill.archived, bill.voided, bill.counts] == [True, True, False]
    assert session.scalars(select(Bill).where(Bill.counts)).all() == []
