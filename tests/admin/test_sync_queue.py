"""The queue, record by record."""

from __future__ import annotations

import pytest

from backoffice.models import (
    Company,
    Connection,
    Contact,
    History,
    Link,
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
    assert [link.pending for link in links] == [False, True, True]
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


@pytest.mark.parametrize("odd", ["state=x", "kind=x", "cause=%00", "page=-1", "page=99999999999999999999", "state=%00"])
def test_no_address_breaks_the_sync_pages(odd: str, connection: Connection, browser: Browser) -> None:
    for page in ("sync-queue", "sync-jobs", "matches", "integrations"):
        assert browser.says(f"/c/{connection.company_id}/{page}/?tab=x&{odd}")
