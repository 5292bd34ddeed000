"""A bill that was changed in Xero after we sent it: never overwritten unasked, settled in each of the three ways."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backoffice.models import Bill, Link, LinkState
from backoffice.sync import changed
from backoffice.sync.mapper import Mapper
from tests.sync.documents.conftest import Papers


@pytest.fixture
def bill(papers: Papers) -> Bill:
    """Changed there in its reference and its second line."""
    found = papers.bill(papers.line(Bill), papers.line(Bill, description="Second"), reference="ours")
    papers.push()
    there = papers.there(found)
    lines = [there["LineItems"][0], {**there["LineItems"][1], "Description": "Changed", "LineAmount": None}]
    lines[1] = {k: v for k, v in lines[1].items() if v is not None}
    papers.office("invoices").edit(there["InvoiceID"], {"Reference": "theirs", "LineItems": lines})
    papers.book.update("bill")
    return found


def link(papers: Papers, bill: Bill) -> Link:
    return papers.book.link_of(bill)


def mapper(papers: Papers) -> Mapper:
    return next(each for each in papers.book.provider.mappers if each.kind == "bill")


def test_it_shows_the_differences_and_keeps_ours(papers: Papers, bill: Bill) -> None:
    papers.session.refresh(bill)
    assert (papers.state(bill), bill.reference) == (LinkState.CHANGED, "ours")
    found = changed.differences(papers.session, mapper(papers), link(papers, bill))
    assert [(each.key, each.theirs) for each in found] == [
        ("reference", "theirs"),
        ("lines.2", "2 × Changed at 12.5, account 300, tax INPUT2"),
    ]


def test_lines_that_differ_never_read_alike(papers: Papers, bill: Bill) -> None:
    there = papers.there(bill)
    category = papers.book.theirs.shelf("TrackingCategories").bodies()[0]
    option = category["Options"][0]
    lines = [{k: v for k, v in line.items() if k not in ("LineAmount", "TaxAmount")} for line in there["LineItems"]]
    lines[0]["Tracking"] = [{"Name": category["Name"], "Option": option["Name"]}]
    papers.office("invoices").edit(there["InvoiceID"], {"LineItems": lines})
    papers.book.update("bill")
    found = changed.differences(papers.session, mapper(papers), link(papers, bill))
    rope = "2 × Rope at 12.5, account 300, tax INPUT2"
    assert [(each.ours, each.theirs) for each in found if each.key == "lines.1"] == [
        (rope, f"{rope}, {option['Name']}")
    ]


def test_our_next_push_overwrites_nothing(papers: Papers, bill: Bill) -> None:
    bill.reference = "edited"
    papers.session.commit()
    papers.push()
    assert papers.there(bill)["Reference"] == "theirs"
    assert papers.state(bill) == LinkState.CHANGED


def test_theirs_is_kept(papers: Papers, bill: Bill) -> None:
    changed.keep_theirs(papers.session, mapper(papers), link(papers, bill))
    papers.session.commit()
    papers.book.theirs.forget_calls()
    papers.push()
    papers.book.update("bill")
    assert (bill.reference, bill.lines[1].description) == ("theirs", "Changed")
    assert (papers.state(bill), papers.book.theirs.writes()) == (LinkState.INTEGRATED, [])


def test_ours_is_sent(papers: Papers, bill: Bill) -> None:
    changed.send_ours(papers.session, mapper(papers), link(papers, bill))
    papers.session.commit()
    papers.push()
    there = papers.there(bill)
    assert (there["Reference"], there["LineItems"][1]["Description"]) == ("ours", "Second")
    assert papers.state(bill) == LinkState.INTEGRATED


def test_each_line_is_chosen(papers: Papers, bill: Bill) -> None:
    changed.merge(papers.session, mapper(papers), link(papers, bill), {"lines.2"})
    papers.session.commit()
    papers.push()
    there = papers.there(bill)
    assert (there["Reference"], there["LineItems"][1]["Description"]) == ("ours", "Changed")
    assert (bill.reference, bill.lines[1].description) == ("ours", "Changed")
    assert papers.state(bill) == LinkState.INTEGRATED


def test_a_change_there_after_the_choice_is_asked_about_again(papers: Papers, bill: Bill) -> None:
    changed.send_ours(papers.session, mapper(papers), link(papers, bill))
    papers.session.commit()
    papers.office("invoices").edit(papers.there(bill)["InvoiceID"], {"Reference": "once more"})
    papers.push()
    assert papers.there(bill)["Reference"] == "once more"
    assert papers.state(bill) == LinkState.CHANGED


def test_a_change_of_money_alone_is_no_question(papers: Papers) -> None:
    bill = papers.bill()
    papers.push()
    papers.office("invoices").pay(papers.there(bill)["InvoiceID"], {"Amount": 1})
    papers.book.update()
    assert papers.state(bill) == LinkState.INTEGRATED
    papers.session.refresh(bill)
    assert bill.amount_paid == Decimal("1.00")
