"""Why isn't it here? What a person pastes, what they read, and what they can do about it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest

from backoffice.models import (
    RECORDS,
    Company,
    CompanySettings,
    Connection,
    Contact,
    JobState,
    Link,
    Match,
    Record,
    Role,
)
from tests.admin.conftest import Browser, Db, a_job, a_record, integrate

HOSTILE = ["<script>alert(1)</script>", "' OR 1=1 --", "%00%00", "http://[", "a" * 3_000, "\\", "{{ 7*7 }}", "\u200b"]


def says(browser: Browser, company: Company, text: str) -> str:
    answer = browser.client.get(f"/c/{company.id}/why/", query_string={"q": text})
    assert answer.status_code == 200
    return answer.text


@pytest.fixture
def supplier(session: Db, company: Company, connection: Connection) -> Contact:
    found: Contact = a_record(session, Contact, company, name="Kiwi Steel", number="K-1", customer_here=False)
    integrate(session, connection, found)
    return found


@pytest.mark.parametrize("model", RECORDS, ids=lambda model: model.kind)
def test_every_kind_is_found(
    model: type[Record], session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    record = a_record(session, model, company)
    link = integrate(session, connection, record)
    for text in (record.name, f"e-{record.id}"):
        page = says(browser, company, text)
        assert f"{model.label.capitalize()} " in page
        assert f"details/?id={record.id}" in page
        assert "It is here, in the list" in page
    assert link.external_id == f"e-{record.id}"


def test_the_verdict_leads_on(session: Db, company: Company, supplier: Contact, browser: Browser) -> None:
    link = session.query(Link).filter_by(kind="contact", record_id=supplier.id).one()
    link.refusal, link.refusal_cause, link.refusal_column = "The e-mail is wrong.", "email_invalid", "email"
    session.commit()
    page = says(browser, company, "kiwi STEEL")
    assert "It was not sent: The e-mail is wrong." in page
    assert f"/c/{company.id}/suppliers/edit/?id={supplier.id}#email" in page


def test_a_link_into_xero_is_understood(company: Company, supplier: Contact, session: Db, browser: Browser) -> None:
    link = session.query(Link).filter_by(kind="contact", record_id=supplier.id).one()
    link.external_id = "bd2270c3-8706-4c11-9cfb-000b551c3f51"
    session.commit()
    for text in (
        f"https://go.xero.com/app/!x/contacts/contact/{link.external_id}",
        f"go.xero.com/Contacts/View/{link.external_id.upper()}",
    ):
        assert "It is here, in the list Suppliers" in says(browser, company, text)


def test_a_former_number_and_a_part_of_a_name(
    session: Db, company: Company, supplier: Contact, browser: Browser
) -> None:
    supplier.number = "K-2"
    session.commit()
    assert "It was called so before: its contact number was changed since." in says(browser, company, "k-1")
    assert "this one is like it" in says(browser, company, "wi ste")


def test_what_is_archived_unmarked_or_paused_says_what_to_do(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    a_record(session, Contact, company, name="Gone Ltd", archived=True)
    a_record(session, Contact, company, name="New Ltd", supplier_here=False, customer_here=False)
    rest = integrate(session, connection, a_record(session, Contact, company, name="Rest Ltd"))
    rest.paused, rest.paused_reason = True, "<b>why</b>"
    session.commit()
    assert "It is archived here, so lists leave it out." in says(browser, company, "Gone Ltd")
    assert "It is neither supplier nor customer yet" in says(browser, company, "New Ltd")
    assert "It is paused: &lt;b&gt;why&lt;/b&gt;." in says(browser, company, "Rest Ltd")


def test_another_company_is_named(session: Db, company: Company, elsewhere: Company, browser: Browser) -> None:
    other = a_record(session, Contact, elsewhere, name="Kiwi Steel")
    page = says(browser, company, "Kiwi Steel")
    assert "It belongs to another company, Hill Supplies." in page
    assert f"/c/{elsewhere.id}/suppliers/details/?id={other.id}" in page


def test_questions_and_notes_of_jobs_are_shown(
    session: Db, company: Company, connection: Connection, supplier: Contact, browser: Browser
) -> None:
    link = session.query(Link).filter_by(kind="contact", record_id=supplier.id).one()
    session.add(
        Match(connection_id=connection.id, resource="Contacts", link_id=link.id, external_id="theirs-1",
              payload={"Name": "Tui Metals"}, matched_by="email")
    )  # fmt: skip
    job = a_job(session, connection, JobState.COMPLETED, notes=["A contact was set aside (bad-1): <b>"])
    assert "it may be one of yours" in says(browser, company, "tui metals")
    page = says(browser, company, "bad-1")
    assert ("set aside (bad-1): &lt;b&gt;" in page, f"/sync-jobs/details/?id={job.id}" in page) == (
        True,
        True,
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_is_pasted_harms_the_page(
    text: str, company: Company, connection: Connection, supplier: Contact, browser: Browser
) -> None:
    page = says(browser, company, text)
    assert ("Nothing that was ever kept here" in page or "Looking asks" in page, "<script>alert" in page) == (
        True,
        False,
    )


def test_the_longest_text_that_can_be_pasted_fits_into_an_address(company: Company, browser: Browser) -> None:
    [longest] = re.findall(r'maxlength="(\d+)"', says(browser, company, ""))
    assert len(quote("長" * int(longest))) < 4_000, "the server takes a line of 4,094"


def test_nothing_is_asked_of_the_other_side_by_looking_and_viewers_cannot_ask(
    session: Db, company: Company, connection: Connection, browser_as: Any
) -> None:
    viewer = browser_as(Role.VIEWER)
    assert "Ask Xero now" not in says(viewer, company, "Nobody")
    assert viewer.post(f"/c/{company.id}/why/ask/", {"q": "Nobody", "kind": "contact"}).status_code == 403
    assert viewer.post(f"/c/{company.id}/why/bring-in/", {"id": "x", "kind": "contact"}).status_code == 403


def test_asking_where_it_cannot_be_done_is_said(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    assert "Ask Xero now" in says(browser, company, "Nobody")
    for form in ({"q": "Nobody", "kind": "nonsense"}, {"q": "", "kind": "contact"}, {}):
        told = browser.post(f"/c/{company.id}/why/ask/", form, follow=True)
        assert (told.status_code, "Say what it is" in told.text) == (200, True)
    told = browser.post(f"/c/{company.id}/why/bring-in/", {"kind": "contact", "id": "no id"}, follow=True)
    assert "Ask for it first" in told.text
    told = browser.post(f"/c/{company.id}/why/ask/", {"q": "Nobody", "kind": "contact"}, follow=True)
    assert (told.status_code, "Xero could not be asked." in told.text) == (200, True)


def test_a_company_that_is_not_linked_has_a_page_as_well(session: Db, company: Company, browser: Browser) -> None:
    a_record(session, Contact, company, name="Kiwi Steel")
    page = says(browser, company, "Kiwi Steel")
    assert "the company is not linked to an accounting system" in page
    assert "Ask " not in page.split("Find out")[1].split("</form>")[0]


def test_a_paused_kind_is_said(session: Db, company: Company, connection: Connection, browser: Browser) -> None:
    a_record(session, Contact, company, name="Kiwi Steel")
    session.query(CompanySettings).filter_by(company_id=company.id).one().paused_kinds = ["contact"]
    session.commit()
    assert "Contacts are paused" in says(browser, company, "Kiwi Steel")


def test_what_rests_in_another_book_says_so_and_leads_nowhere_wrong(
    session: Db, company: Company, connection: Connection, supplier: Contact, browser: Browser
) -> None:
    supplier.book_id = connection.id
    session.commit()
    page = says(browser, company, "Kiwi Steel")
    assert "It is in the book of Demo Company, which is set aside" in page
    assert f"suppliers/details/?id={supplier.id}" not in page
    open_one = a_record(session, Contact, company, name="Kiwi Steel", number="K-1")
    for text in ("Kiwi Steel", "K-1"):
        page = says(browser, company, text)
        assert 0 < page.index(f"details/?id={open_one.id}") < page.index("which is set aside"), "what can be used first"
