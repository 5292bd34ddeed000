"""The queue, record by record."""

from __future__ import annotations

import pytest

from backoffice.models import (
    AttemptState,
    Company,
    Connection,
    Contact,
    History,
    Item,
    Link,
    SyncAttempt,
)
from tests.admin.conftest import Browser, Db, a_record, integrate


def test_the_queue_says_why_and_lets_a_person_decide(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    records = [a_record(session, Contact, company, name=f"Contact {i}") for i in range(3)]
    links = [session.query(Link).filter_by(record_id=r.id).one() for r in records]
    links[0].refusal, links[0].refusal_cause, links[0].refusal_column = "The e-mail is not one.", "email", "email"
    links[1].blocked_kind, links[1].blocked_record_id = "contact", records[0].id
    session.commit()
    place = f"/c/{company.id}/sync-queue/"
    text = browser.says(place)
    assert f'/suppliers/edit/?id={records[0].id}#email"' in text
    assert "Blocked by contact Contact 0" in text
    assert "Contact 1" not in browser.says(f"{place}?state=refused&kind=contact&cause=email")
    assert "Say why" in browser.post(f"{place}skip/", {"link": links[0].id}, follow=True).text
    browser.post(f"{place}skip/", {"link": links[0].id, "reason": "not ours"})
    session.expire_all()
    assert [link.paused for link in links] == [True, False, False]
    assert [link.refusal for link in links] == [None, None, None]
    assert session.query(History).filter_by(action="skipped").one().new == "not ours"


def test_one_cause_is_tried_again_together(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    links = [integrate(session, connection, a_record(session, Contact, company, name=f"C{i}")) for i in range(4)]
    for number, link in enumerate(links):
        link.refusal, link.refusal_cause = "No.", "email" if number else "name"
    session.commit()
    browser.post(f"/c/{company.id}/sync-queue/retry-cause/", {"cause": "email"})
    session.expire_all()
    assert [link.refusal for link in links] == ["No.", None, None, None]


def test_another_companys_lines_are_nowhere(
    session: Db, company: Company, connection: Connection, elsewhere: Company, browser: Browser
) -> None:
    theirs = Connection(company_id=elsewhere.id, provider="xero", external_id="t-9", organisation="Other")
    session.add(theirs)
    session.commit()
    link = integrate(session, connection, a_record(session, Contact, company, name="Hidden"))
    link.refusal, link.refusal_cause = "The e-mail is not one.", "email"
    session.commit()
    place = f"/c/{elsewhere.id}/sync-queue/"
    for rest in ("", "?state=refused", "?cause=email"):
        text = browser.says(f"{place}{rest}")
        assert ("Hidden" in text, "The e-mail is not one." in text) == (False, False)
    for verb in ("retry", "skip", "resume"):
        assert browser.post(f"{place}{verb}/", {"link": link.id, "reason": "x"}).status_code == 404
    browser.post(f"{place}retry-cause/", {"cause": "email"})
    session.expire_all()
    assert link.refusal == "The e-mail is not one."


def test_retry_is_offered_only_where_it_does_something(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    record = a_record(session, Contact, company)
    link = session.query(Link).filter_by(record_id=record.id).one()
    place = f"/c/{company.id}/sync-queue/"
    assert ">Retry<" not in browser.says(place)  # it waits and is sent by itself
    assert "sent by itself" in browser.post(f"{place}retry/", {"link": link.id}, follow=True).text
    attempt = SyncAttempt(
        connection_id=connection.id, resource="Contacts", action="create", idempotency_key="k", state=AttemptState.OPEN
    )
    session.add(attempt)
    session.flush()
    link.attempt_id = attempt.id
    session.commit()
    text = browser.says(place)
    assert (">Retry<" in text, "found out before anything is sent again" in text) == (False, True)
    link.attempt_id, link.refusal, link.refusal_cause = None, "No.", "name"
    session.commit()
    assert ">Retry<" in browser.says(place)


def test_nobody_is_sent_to_mend_what_is_changed_there(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    item = a_record(session, Item, company)
    link = integrate(session, connection, item)
    link.refusal, link.refusal_cause = "No.", "name"
    session.commit()
    assert "Mend it" not in browser.says(f"/c/{company.id}/sync-queue/")
    assert "Mend it" not in browser.says(f"/c/{company.id}/items/details/?id={item.id}")


def test_an_archived_twin_is_reached_where_it_can_be_restored(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    twin = integrate(session, connection, a_record(session, Contact, company, name="Acme", archived=True))
    twin.gone = "archived"
    record = a_record(session, Contact, company, name="ACME")
    link = session.query(Link).filter_by(record_id=record.id).one()
    link.refusal, link.refusal_cause = "Xero has an archived contact that matches.", "archived_there"
    session.commit()
    for page in ("sync-queue/", f"suppliers/details/?id={record.id}"):
        text = browser.says(f"/c/{company.id}/{page}")
        assert "Open the archived one in Xero" in text
        assert f"{twin.external_id}" in text


@pytest.mark.parametrize("odd", ["state=x", "kind=x", "cause=%00", "page=-1", "page=99999999999999999999", "state=%00"])
def test_no_address_breaks_the_sync_pages(odd: str, connection: Connection, browser: Browser) -> None:
    for page in ("sync-queue", "sync-jobs", "matches", "integrations"):
        assert browser.says(f"/c/{connection.company_id}/{page}/?tab=x&{odd}")


def test_what_many_were_refused_for_is_said_once_and_sent_again_together(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    said = ("Account 310 of line 1 is archived.", "Account 429 of line 2 is archived.", "Give it a name.")
    for number, text in enumerate(said):
        link = integrate(session, connection, a_record(session, Contact, company, name=f"R{number}"))
        link.refusal, link.refusal_cause = text, "name" if number == 2 else "account_archived"
    session.commit()
    place = f"/c/{company.id}/sync-queue/"
    common = "Account archived, for one: Account 310 of line 1 is archived."
    for page in (f"/c/{company.id}/", f"{place}?state=refused"):
        assert common in browser.says(page), "what holds for one of them is not said of both"
    assert "What many have in common" not in browser.says(f"{place}?state=refused&kind=contact&cause=account_archived")
    told = browser.post(f"{place}retry-cause/", {"cause": "account_archived", "kind": "contact"}, follow=True).text
    assert "2 records tried again." in told
    session.expire_all()
    assert [link.refusal for link in session.query(Link).order_by(Link.id)] == [None, None, "Give it a name."]
