"""The way to each record on Xero's own pages: every kind that has one leads to that very record."""

from __future__ import annotations

import html
from typing import Any

import pytest
import requests
from sqlalchemy import select

from backoffice.models import KINDS as MODELS
from backoffice.models import Link, Side
from backoffice.providers.xero.addresses import OLD_PAGES, OWN_PAGES
from tests.sync.documents.conftest import Papers

KINDS = sorted({*OWN_PAGES, *OLD_PAGES})


def page_there(papers: Papers, link: Link) -> str:
    """What a person sees who follows the link."""
    url = papers.book.provider.record_url(link.connection, link.kind, str(link.external_id))
    assert url is not None
    answer = requests.get(url, timeout=5)
    assert answer.status_code == 200, url
    return html.unescape(answer.text)


def newest_link(papers: Papers, kind: str) -> Link | None:
    query = select(Link).where(Link.kind == kind, Link.external_id.is_not(None), Link.gone.is_(None))
    return papers.session.scalars(query.order_by(Link.id.desc()).limit(1)).one_or_none()


def made(papers: Papers) -> None:
    """One of every kind of document and of money, sent from here or made there."""
    bill, _ = papers.bill(name="B-77"), papers.order(name="PO-77")
    papers.invoice(name="I-77")
    papers.credit_note(name="CN-77", side=Side.PURCHASES)
    papers.push()
    papers.pay(bill, "5.00", name="PAY-77")
    papers.push()
    about = {"Contact": {"ContactID": papers.book.theirs.contacts()[0]["ContactID"]}, "Total": 5}
    papers.office("overpayments").add({"Type": "SPEND-OVERPAYMENT", **about})
    papers.office("prepayments").add({"Type": "SPEND-PREPAYMENT", **about})
    papers.book.update()


def test_each_link_shows_its_own_record(papers: Papers) -> None:
    made(papers)
    missing = [kind for kind in KINDS if newest_link(papers, kind) is None]
    assert missing == []
    for kind in KINDS:
        link = newest_link(papers, kind)
        assert link is not None
        record: Any = papers.session.get_one(MODELS[kind], link.record_id)
        text = page_there(papers, link)
        assert (record.name or str(link.external_id)) in text, kind
        assert str(link.external_id) in text, kind


def test_a_link_that_a_person_copies_there_is_understood_here(papers: Papers) -> None:
    made(papers)
    for kind in KINDS:
        link = newest_link(papers, kind)
        assert link is not None
        url = papers.book.provider.record_url(link.connection, kind, str(link.external_id))
        place = papers.book.provider.place(str(url))
        assert place is not None
        assert (place.external_id, place.short_code) == (link.external_id, link.connection.short_code)
        assert place.kind in (kind, "payment")
        landed = papers.book.provider.place(requests.get(str(url), timeout=5).url)
        assert landed is not None
        assert (landed.external_id, landed.kind) == (link.external_id, kind)


@pytest.mark.parametrize("kind", ["account", "tax_rate", "tracking", "tracking_option", "allocation", "attachment"])
def test_what_has_no_page_there_has_no_link(papers: Papers, kind: str) -> None:
    assert papers.book.provider.record_url(papers.book.connection, kind, "some-id") is None


def test_what_is_not_there_is_said(papers: Papers) -> None:
    nowhere = "99999999-0000-4000-8000-000000000000"
    for kind in KINDS:
        url = papers.book.provider.record_url(papers.book.connection, kind, nowhere)
        assert requests.get(str(url), timeout=5).status_code == 404, url
