"""A thousand approved bills over forty suppliers, seven of them bad in seven ways."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backoffice.models import Bill, Link, LinkState, Side, Status, TaxMapping
from tests.sync.documents.conftest import DAY, DUE, Papers

#: The database adds nothing here: what is sent is asked of the mappers, and the rest runs on both.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

MANY = 1000


@pytest.fixture
def sandbox_size() -> dict[str, int]:
    return {"contacts": 60, "items": 12}


def test_the_good_are_there_once_and_each_bad_one_says_why(papers: Papers) -> None:
    company_id = papers.book.company_id
    contacts = [contact for contact in papers.book.contacts() if not contact.archived][:40]
    assert len(contacts) == 40
    papers.session.add(
        TaxMapping(company_id=company_id, code="OURS", name="Ours", rate=Decimal(15), side=Side.PURCHASES)
    )
    bills = [
        Bill(
            company_id=company_id,
            contact=contacts[number % 40],
            name=f"M-{number}",
            date=DAY,
            due_date=DUE,
            status=Status.APPROVED,
            lines=[papers.line(Bill, quantity=Decimal(number % 7 + 1), unit_price=Decimal("3.3333"))],
        )
        for number in range(MANY)
    ]
    bills[100].due_date = None
    bills[200].lines[0].account_code = None
    bills[300].lines[0].tax_code = "OURS"
    bills[400].currency = "GBP"
    bills[500].lines[0].description = "x" * 4001
    bills[600].lines[0].tax_code = "OUTPUT2"
    bills[700].name, bills[700].contact = bills[699].name, bills[699].contact
    papers.session.add_all(bills)
    papers.session.commit()
    papers.book.theirs.forget_calls()
    job = papers.push()
    assert job.sent == MANY - 7, job.reason
    refused = papers.session.query(Link).filter(Link.refusal.is_not(None)).all()
    assert sorted(link.refusal_cause or "" for link in refused) == [
        "account_missing",
        "currency_unknown",
        "due_date_missing",
        "number_taken",
        "tax_unmapped",
        "tax_wrong_side",
        "too_long",
    ]
    there = [body for body in papers.book.theirs.shelf("Invoices").bodies() if body["InvoiceNumber"].startswith("M-")]
    assert len(there) == len({body["InvoiceNumber"] for body in there}) == MANY - 7
    assert {papers.state(bill) for bill in bills} == {LinkState.INTEGRATED, LinkState.REFUSED}
    totals = {body["InvoiceNumber"]: Decimal(str(body["Total"])) for body in there}
    assert all(totals[bill.name] == bill.total for bill in bills if bill.name in totals and bill is not bills[700])
    calls = papers.book.theirs.calls()
    writes = sum(number for call, number in calls.items() if not call.startswith("GET"))
    assert (writes <= 35, sum(calls.values()) - writes <= 30) == (True, True), calls
