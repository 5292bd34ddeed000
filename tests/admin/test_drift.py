"""Drift report: what differs is shown side by side, and settled by its buttons."""

from __future__ import annotations

import re
from typing import Any

import pytest

from backoffice.clock import now
from backoffice.models import (
    Approvers,
    Bill,
    Cause,
    Company,
    CompanySettings,
    ComparedList,
    Connection,
    ConnectionState,
    Contact,
    Drift,
    Item,
    JobState,
    Link,
    LinkState,
    Reconciliation,
    Role,
    Settled,
    SyncJob,
    Work,
)
from tests.admin.conftest import Browser, Db, a_record, integrate
from tests.admin.papers import a_party, approved

HOSTILE = '<script>alert("x")</script>'


@pytest.fixture
def page(company: Company) -> str:
    return f"/c/{company.id}/drift-report/"


def a_drift(session: Db, connection: Connection, record: Any, cause: Cause, **values: Any) -> Drift:
    """A difference in the e-mail address of a record, unless something else is said."""
    cells = [{"column": "email", "label": "E-mail", "ours": "here@x.example", "theirs": HOSTILE}]
    given = {"kind": record.kind, "record_id": record.id, "name": str(record), "external_id": f"e-{record.id}"}
    given |= {"differences": cells, "payload": {"ContactID": f"e-{record.id}", "Name": "Acme Ltd"}, "fingerprint": "f"}
    row = Drift(company_id=connection.company_id, connection_id=connection.id, cause=cause, **{**given, **values})
    session.add(row)
    session.commit()
    return row


@pytest.fixture
def contact(session: Db, company: Company, connection: Connection) -> Contact:
    found: Contact = a_record(session, Contact, company, name="Acme Ltd", email="here@x.example")
    integrate(session, connection, found)
    return found


@pytest.fixture
def row(session: Db, connection: Connection, contact: Contact) -> Drift:
    """A reconciliation that found one difference."""
    run = Reconciliation(
        company_id=connection.company_id,
        connection_id=connection.id,
        finished_at=now(),
        differences=1,
        calls=12,
        complete=True,
    )
    counts = {"ours": 5, "theirs": 6, "differences": 1, "explained": {"waiting": 2}}
    run.lists = [ComparedList(resource="Contacts", complete=True, finished_at=now(), counts={"contact": counts})]
    session.add(run)
    session.flush()
    return a_drift(session, connection, contact, Cause.EDITED_SILENTLY, reconciliation_id=run.id)


def press(browser: Browser, page: str, seen: str | None = None, **form: Any) -> str:
    """Press a button of the report as it is shown now, or as it was seen before."""
    return browser.post(f"{page}settle/", {**form, "seen": seen or as_seen(browser, page, form)}, follow=True).text


def as_seen(browser: Browser, page: str, form: dict[str, Any]) -> str:
    """What the buttons of a difference, or of all of a cause, say that the page shows."""
    about = rf'name="row" value="{form["row"]}"' if "row" in form else f'name="cause" value="{form.get("cause")}"'
    text = browser.says(page) + browser.says(f"{page}?left=1")
    found = re.search(rf'{about}>\s*<input type="hidden" name="seen" value="(\w*)"', text)
    return found[1] if found else ""


def test_a_report_that_is_out_of_date_overwrites_nothing(
    session: Db, page: str, row: Drift, contact: Contact, browser: Browser
) -> None:
    seen = as_seen(browser, page, {"row": row.id})
    assert seen
    row.fingerprint, row.differences = "another", [{"column": "city", "label": "City", "ours": "A", "theirs": "B"}]
    session.commit()
    assert "Something else differs than this page showed" in press(browser, page, seen, row=row.id, way="send")
    session.expire_all()
    assert row.settled_at is None


def test_nothing_is_settled_while_the_link_is_lost(
    session: Db, page: str, connection: Connection, row: Drift, browser: Browser
) -> None:
    connection.state = ConnectionState.NEEDS_RECONNECTING
    session.commit()
    assert "has to be linked again first" in press(browser, page, row=row.id, way="take")


def link_of(session: Db, record: Any) -> Link:
    session.expire_all()
    return session.query(Link).filter_by(kind=record.kind, record_id=record.id).one()


def test_without_a_link_or_a_reconciliation_it_says_what_belongs_here(
    session: Db, company: Company, page: str, browser: Browser
) -> None:
    assert "Once the company is linked" in browser.says(page)
    session.add(Connection(company_id=company.id, provider="xero", external_id="t", organisation="Demo"))
    session.commit()
    text = browser.says(page)
    assert "Both sides have not been compared yet" in text
    assert "Reconcile now" in text
    assert "It costs about 11 calls" in text


def test_each_difference_shows_both_values_and_its_cause(page: str, row: Drift, browser: Browser) -> None:
    text = browser.says(page)
    for word in ("Edited in Xero without a time", "E-mail", "here@x.example", "1 difference", "2 waiting to be sent"):
        assert word in text, word
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text
    assert f"contacts/contact/{row.external_id}" in text


def test_the_tab_counts_what_is_to_settle(
    session: Db, company: Company, connection: Connection, page: str, row: Drift, browser: Browser
) -> None:
    other = a_record(session, Contact, company, name="Other")
    integrate(session, connection, other)
    a_drift(session, connection, other, Cause.EDITED_SILENTLY)
    press(browser, page, row=row.id, way="leave")
    text = browser.says(page)
    assert ('To settle <span class="count">1<' in text, 'Left as it is <span class="count">1<' in text) == (True, True)


def test_it_stands_in_the_menu_and_on_the_overview(company: Company, row: Drift, browser: Browser) -> None:
    text = browser.says(f"/c/{company.id}/")
    assert "1 difference between here and Xero" in text
    assert "Drift report" in text


def test_both_sides_equal(session: Db, page: str, row: Drift, browser: Browser) -> None:
    session.query(Reconciliation).one().differences = 0
    session.delete(session.get_one(Drift, row.id))
    session.commit()
    text = browser.says(page)
    assert ("Equal" in text, "Both sides are equal" in text) == (True, True)


def test_reconcile_now_asks_for_a_job_once(session: Db, page: str, connection: Connection, browser: Browser) -> None:
    assert "Both sides are being compared" in browser.post(f"{page}reconcile/", follow=True).text
    assert "being compared already" in browser.post(f"{page}reconcile/", follow=True).text
    job = session.query(SyncJob).one()
    assert (job.work, job.thorough, job.state, job.title) == (Work.RECONCILE, True, JobState.PENDING, "Reconciliation")


def test_take_theirs_asks_for_a_job_that_reads_it_again(session: Db, page: str, row: Drift, browser: Browser) -> None:
    assert "1 difference being settled" in press(browser, page, row=row.id, way="take")
    session.expire_all()
    job = session.query(SyncJob).one()
    assert (job.work, job.kinds) == (Work.SETTLE, ["contact"])
    assert (row.taking_id, row.user_id is not None, row.settled_at) == (job.id, True, None)
    assert "Being settled since" in browser.says(page)


def test_send_ours_lets_it_wait_to_be_sent(
    session: Db, page: str, row: Drift, contact: Contact, browser: Browser
) -> None:
    assert "1 difference settled: ours goes to Xero" in press(browser, page, row=row.id, way="send")
    link = link_of(session, contact)
    assert (link.state, link.changed_there, row.settled) == (LinkState.WAITING, None, Settled.OURS)
    assert row.user_id is not None


def test_leave_it_is_remembered_on_its_own_tab(session: Db, page: str, row: Drift, browser: Browser) -> None:
    assert "left as it is, until it changes again" in press(browser, page, row=row.id, way="leave")
    assert "Edited in Xero without a time" not in browser.says(page)
    text = browser.says(f"{page}?left=1")
    assert "Edited in Xero without a time" in text
    press(browser, page, row=row.id, way="send", left="1")
    session.expire_all()
    assert row.settled is Settled.OURS


def test_all_of_one_cause_at_once(
    session: Db, company: Company, connection: Connection, page: str, row: Drift, browser: Browser
) -> None:
    for number in range(30):
        other = a_record(session, Contact, company, name=f"Other {number}")
        integrate(session, connection, other)
        a_drift(session, connection, other, Cause.EDITED_SILENTLY)
    text = browser.says(page)
    assert ("31 contacts: Edited in Xero" in text, "All 31" in text) == (True, True)
    second = browser.says(f"{page}?kind=contact&cause=edited_silently&page=1")
    assert "Other 9" in second
    said = press(browser, page, kind="contact", cause="edited_silently", way="send")
    assert "31 differences settled" in said
    assert session.query(Drift).filter_by(settled=None).count() == 0


def test_what_comes_with_it_is_shown_under_it(
    session: Db, company: Company, connection: Connection, page: str, row: Drift, browser: Browser
) -> None:
    other = a_record(session, Item, company, name="With it", code="W-9")
    a_drift(session, connection, other, Cause.EDITED_THERE, because_id=row.id)
    text = browser.says(page)
    assert ("And with it item" in text, "1 item:" in text) == (True, False)
    press(browser, page, row=row.id, way="leave")
    assert session.query(Drift).filter(Drift.left_at.is_(None)).count() == 0


def test_only_administrators_unlink(
    session: Db, connection: Connection, page: str, contact: Contact, browser: Browser, administrator: Browser
) -> None:
    row = a_drift(session, connection, contact, Cause.ARCHIVED_THERE)
    assert "Unlink</button>" not in browser.says(page)
    assert browser.post(f"{page}settle/", {"row": row.id, "way": "unlink"}).status_code == 403
    assert "Unlink</button>" in administrator.says(page)
    assert "settled: unlinked" in press(administrator, page, row=row.id, way="unlink")
    assert link_of(session, contact).state is LinkState.PAUSED


def test_what_is_gone_there_is_created_again(
    session: Db, company: Company, connection: Connection, page: str, browser: Browser
) -> None:
    party = a_party(session, company)
    session.commit()
    integrate(session, connection, party)
    bill = approved(session, Bill, company, name="B-1")
    integrate(session, connection, bill)
    row = a_drift(session, connection, bill, Cause.VOIDED_THERE)
    assert "Void it here</button>" in browser.says(page)
    assert "created in Xero again" in press(browser, page, row=row.id, way="create")
    link = link_of(session, bill)
    assert (link.external_id, link.state, row.settled) == (None, LinkState.WAITING, Settled.CREATED_AGAIN)


def test_what_was_settled_meanwhile_or_makes_no_sense_does_nothing(
    session: Db, page: str, row: Drift, contact: Contact, browser: Browser
) -> None:
    before = link_of(session, contact).wanted_revision
    for form in (
        {"row": row.id, "way": "create"}, {"row": row.id, "way": "nonsense"}, {"row": "x", "way": "send"},
        {"row": 10**30, "way": "send"}, {"kind": "contact", "cause": "nonsense", "way": "send"},
        {"kind": "%00", "cause": "edited_silently", "way": "send"}, {},
    ):  # fmt: skip
        assert browser.post(f"{page}settle/", form, follow=True).status_code == 200
    assert (link_of(session, contact).wanted_revision, row.settled_at) == (before, None)
    for odd in ("?page=x", "?page=-1", "?page=99999999999", "?kind=x&cause=y", "?left=%00", "?cause=edited_silently"):
        assert browser.get(page + odd).status_code == 200
    press(browser, page, row=row.id, way="send")
    assert "settled meanwhile" in press(browser, page, row=row.id, way="send")


def test_viewers_look_only_and_other_companies_see_nothing(
    session: Db, page: str, company: Company, elsewhere: Company, row: Drift, browser_as: Any
) -> None:
    viewer = browser_as(Role.VIEWER)
    assert "Take theirs</button>" not in viewer.says(page)
    assert viewer.post(f"{page}settle/", {"row": row.id, "way": "send"}).status_code == 403
    assert viewer.post(f"{page}reconcile/").status_code == 403
    other = page.replace(f"/c/{company.id}/", f"/c/{elsewhere.id}/")
    operator = browser_as(Role.OPERATOR)
    assert "Acme Ltd" not in operator.says(other)
    operator.post(f"{other}settle/", {"row": row.id, "way": "send"})
    session.expire_all()
    assert row.settled_at is None


def test_what_is_approved_is_settled_by_who_may_approve_it(
    session: Db, company: Company, connection: Connection, page: str, browser: Browser
) -> None:
    session.query(CompanySettings).one().approvers = Approvers.ADMINISTRATORS
    party = a_party(session, company)
    session.commit()
    integrate(session, connection, party)
    bill = approved(session, Bill, company, name="B-1")
    integrate(session, connection, bill)
    row = a_drift(session, connection, bill, Cause.VOIDED_THERE)
    for way in ("take", "create"):
        assert "Only who may approve it settles this" in press(browser, page, row=row.id, way=way)
    session.expire_all()
    assert (row.taking_id, row.settled_at) == (None, None)


def test_what_was_settled_says_how_and_by_whom(session: Db, page: str, row: Drift, browser: Browser) -> None:
    press(browser, page, row=row.id, way="send")
    text = browser.says(page)
    for word in ("Settled lately", "Ours was sent", "Operator"):
        assert word in text


def test_what_a_job_that_failed_was_to_settle_can_be_chosen_again_for_all(
    session: Db, company: Company, connection: Connection, page: str, row: Drift, browser: Browser
) -> None:
    other = a_record(session, Contact, company, name="Other Ltd")
    integrate(session, connection, other)
    a_drift(session, connection, other, Cause.EDITED_SILENTLY)
    every = {"kind": "contact", "cause": "edited_silently"}
    press(browser, page, **every, way="take")
    assert "settled meanwhile" in press(browser, page, **every, way="leave")
    job = session.query(SyncJob).one()
    job.state, job.ended_at, job.reason = JobState.FAILED, now(), "no"
    session.commit()
    text = browser.says(page)
    assert ("All 2:" in text, "Being settled since" in text) == (True, False)
    assert "2 differences left as it is" in press(browser, page, **every, way="leave")


def test_the_page_loads_itself_anew_when_its_job_has_ended(page: str, row: Drift, browser: Browser) -> None:
    assert "data-reload" not in browser.says(page)
    press(browser, page, row=row.id, way="take")
    assert 'class="strip" data-reload' in browser.says(page)


def test_not_all_seen_is_not_called_equal(session: Db, page: str, row: Drift, browser: Browser) -> None:
    run = session.query(Reconciliation).one()
    run.differences, run.complete = 0, False
    session.delete(session.get_one(Drift, row.id))
    session.commit()
    text = browser.says(page)
    assert ("not all was seen" in text, "Both sides are equal" in text, "✓" in text) == (True, False, False)
