"""A document that was changed there after we had sent it: shown field by field, and settled in three ways."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from backoffice.models import Approvers, Bill, Company, CompanySettings, Connection, Contact, Link, LinkState, Role
from tests.admin.conftest import Browser, Db, integrate
from tests.admin.papers import a_party, approved


@pytest.fixture
def bill(session: Db, company: Company, connection: Connection) -> Any:
    """A bill of two lines; there it has another reference and another first line."""
    party: Contact = a_party(session, company)
    session.commit()
    integrate(session, connection, party)
    lines = [
        {"description": "Paper", "quantity": Decimal(2), "unit_price": Decimal(50)},
        {"description": "Ink", "quantity": Decimal(1), "unit_price": Decimal(9)},
    ]
    paper = approved(session, Bill, company, name="B-1", reference="ours", lines=lines)
    link = integrate(session, connection, paper)
    link.changed_there = {
        "Type": "ACCPAY", "InvoiceID": "e-9", "InvoiceNumber": "B-1", "Reference": "theirs", "Status": "AUTHORISED",
        "Contact": {"ContactID": f"e-{party.id}", "Name": "Acme Ltd"}, "DateString": "2026-11-02T00:00:00",
        "Date": "/Date(1793577600000+0000)/", "LineAmountTypes": "Exclusive", "CurrencyCode": "NZD", "CurrencyRate": 1,
        "SubTotal": 149, "TotalTax": 0, "Total": 149, "AmountDue": 149, "AmountPaid": 0, "AmountCredited": 0,
        "UpdatedDateUTC": "/Date(1793577600000+0000)/",
        "LineItems": [
            {"Description": "Paper", "Quantity": 2, "UnitAmount": 70, "LineAmount": 140, "TaxAmount": 0},
            {"Description": "Ink", "Quantity": 1, "UnitAmount": 9, "LineAmount": 9, "TaxAmount": 0},
        ],
    }  # fmt: skip
    link.sent_at = link.synced_at
    connection.base_currency = "NZD"
    session.commit()
    return paper


def page_of(session: Db, bill: Any) -> str:
    return f"/c/{bill.company_id}/changed-there/?link={link_of(session, bill).id}"


def link_of(session: Db, bill: Any) -> Link:
    session.expire_all()
    return session.query(Link).filter_by(kind="bill", record_id=bill.id).one()


def answer(session: Db, browser: Browser, bill: Any, how: str, **sides: str) -> str:
    path = page_of(session, bill)
    shown = re.search(r'name="shown" value="([^"]+)"', browser.says(path))
    assert shown
    rows = {f"side.{key}": side for key, side in sides.items()}
    return browser.post(path, {"shown": shown[1], "how": how, **rows}, follow=True).text


def test_it_is_shown_wherever_it_stands(session: Db, company: Company, bill: Any, browser: Browser) -> None:
    assert link_of(session, bill).state is LinkState.CHANGED
    base = f"/c/{company.id}"
    assert "Changed in Xero" in browser.says(f"{base}/bills/?flt0_state_is=changed")
    assert "See what differs, and choose" in browser.says(f"{base}/bills/details/?id={bill.id}")
    assert "See what differs, and choose" in browser.says(f"{base}/sync-queue/?state=changed")
    assert "1 record changed in Xero after it was sent" in browser.says(f"{base}/")


def test_the_differences_are_shown_field_by_field(session: Db, bill: Any, browser: Browser) -> None:
    text = browser.says(page_of(session, bill))
    for word in ("Reference", "ours", "theirs", "Line 1", "50", "70"):
        assert word in text
    assert "Line 2" not in text


def test_values_are_said_in_the_words_of_every_page(session: Db, bill: Any, browser: Browser) -> None:
    link = link_of(session, bill)
    link.changed_there = {**(link.changed_there or {}), "LineAmountTypes": "Inclusive"}
    session.commit()
    text = browser.says(page_of(session, bill))
    assert (">Tax exclusive<" in text, ">Tax inclusive<" in text) == (True, True)


def test_theirs_is_kept(session: Db, bill: Any, browser: Browser) -> None:
    assert "it is here now as it is in Xero" in answer(session, browser, bill, "theirs")
    link = link_of(session, bill)
    assert (bill.reference, bill.lines[0].unit_price, bill.total) == ("theirs", Decimal(70), Decimal(149))
    assert (link.changed_there, link.state) == (None, LinkState.INTEGRATED)


def test_ours_is_sent(session: Db, bill: Any, browser: Browser) -> None:
    assert "ours is sent to Xero" in answer(session, browser, bill, "ours")
    link = link_of(session, bill)
    assert (bill.reference, bill.total, link.changed_there) == ("ours", Decimal(109), None)
    assert link.state is LinkState.WAITING


def test_each_row_is_chosen(session: Db, bill: Any, browser: Browser) -> None:
    told = answer(session, browser, bill, "choose", reference="ours")
    assert "Choose a side for each row" in told
    told = answer(session, browser, bill, "choose", **{"reference": "ours", "lines.1": "theirs"})
    assert "what you chose holds" in told
    link = link_of(session, bill)
    assert (bill.reference, bill.lines[0].unit_price, link.changed_there) == ("ours", Decimal(70), None)
    assert link.state is LinkState.WAITING


@pytest.mark.parametrize("how", ["theirs", "ours"])
def test_what_is_approved_is_settled_by_who_may_approve_it(session: Db, bill: Any, browser: Browser, how: str) -> None:
    session.query(CompanySettings).one().approvers = Approvers.ADMINISTRATORS
    session.commit()
    assert "Only who may approve it settles this" in answer(session, browser, bill, how)
    assert link_of(session, bill).changed_there is not None


def test_what_moved_on_meanwhile_is_not_settled(session: Db, bill: Any, browser: Browser) -> None:
    path = page_of(session, bill)
    for shown in ("", "0" * 64, "\x00"):
        told = browser.post(path, {"shown": shown, "how": "theirs"}, follow=True)
        assert "changed once more since this page was made" in told.text
    assert link_of(session, bill).changed_there is not None
    assert "Choose a side" in answer(session, browser, bill, "nonsense")


def test_only_people_who_may_write_here_settle_it(
    session: Db, company: Company, elsewhere: Company, bill: Any, browser: Browser, browser_as: Any
) -> None:
    path = page_of(session, bill)
    viewer = browser_as(Role.VIEWER)
    assert "Keep theirs</button>" not in viewer.says(path)
    assert viewer.post(path, {"how": "theirs"}).status_code == 403
    assert browser.get(path.replace(f"/c/{company.id}/", f"/c/{elsewhere.id}/")).status_code == 404
    for odd in ("x", "0", "99999999999999999999", "%00"):
        assert browser.get(f"/c/{company.id}/changed-there/?link={odd}").status_code == 404


def test_what_is_settled_leads_back(session: Db, bill: Any, browser: Browser) -> None:
    link = link_of(session, bill)
    path = page_of(session, bill)
    link.changed_there = None
    session.commit()
    assert browser.get(path).location.endswith(f"/bills/details/?id={bill.id}")
