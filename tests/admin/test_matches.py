"""The page of matches: nothing is sent before a person has seen it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from backoffice.admin import matches
from backoffice.clock import now
from backoffice.models import (
    Company,
    Connection,
    Contact,
    JobState,
    Link,
    Match,
    Role,
    SyncJob,
    Work,
)
from tests.admin.conftest import Browser, Db, a_job, a_record

SHOWN = re.compile(r'name="shown" value="([^"]+)"')


def confirm(browser: Browser, place: str, data: dict[str, Any]) -> Any:
    """What a browser sends that shows the whole page."""
    found = SHOWN.search(browser.says(f"{place}?all=1"))
    assert found
    return browser.post(f"{place}?all=1", {"shown": found.group(1), **data}, follow=True)


@pytest.fixture
def doubt(session: Db, company: Company, connection: Connection) -> Link:
    """One record that may be two of theirs, and one that is like nothing there."""
    link = None
    for name in ("Acme", "Brand new"):
        record = a_record(session, Contact, company, name=name)
        link = link or session.query(Link).filter_by(record_id=record.id).one()
    assert link
    for one in ("t-1", "t-2"):
        payload = {"ContactID": one, "Name": "ACME", "EmailAddress": f"{one}@b.nz", "ContactStatus": "ACTIVE"}
        session.add(
            Match(connection_id=connection.id, resource="Contacts", link_id=link.id, external_id=one,
                  payload=payload, matched_by="name")
        )  # fmt: skip
    session.commit()
    return link


def test_nothing_is_sent_before_a_person_has_seen_it(
    session: Db, company: Company, connection: Connection, doubt: Link, browser: Browser
) -> None:
    place = f"/c/{company.id}/matches/"
    text = browser.says(place)
    assert ("In doubt" in text, "Would be created in Xero" in text, "t-2@b.nz" in text) == (True, True, True)
    new = session.query(Link).filter(Link.id != doubt.id).one()
    confirm(browser, place, {f"choice-{doubt.id}": "t-2"})
    session.expire_all()
    chosen = {match.external_id: match.chosen for match in session.query(Match)}
    assert chosen == {"t-1": False, "t-2": True}
    assert (new.paused, connection.push_confirmed_at is not None) == (True, True)


def test_a_choice_that_was_not_offered_is_none(
    session: Db, company: Company, connection: Connection, doubt: Link, browser: Browser
) -> None:
    confirm(browser, f"/c/{company.id}/matches/", {f"choice-{doubt.id}": "somebody else's"})
    assert {match.chosen for match in session.query(Match)} == {None}


@pytest.mark.parametrize(
    ("state", "values", "reading"),
    [
        (JobState.RUNNING, {}, True),
        (JobState.PENDING, {}, True),
        (JobState.PENDING, {"due_at": now() + timedelta(days=400)}, False),
        (JobState.RUNNING, {"work": Work.PUSH}, False),
    ],
)
def test_nothing_is_confirmed_while_the_lists_are_read(
    state: JobState,
    values: dict[str, Any],
    reading: bool,
    session: Db,
    company: Company,
    connection: Connection,
    doubt: Link,
    browser: Browser,
) -> None:
    a_job(session, connection, state, **values)
    told = confirm(browser, f"/c/{company.id}/matches/", {f"choice-{doubt.id}": "t-2"})
    session.expire_all()
    assert ("still being read" in told.text, connection.push_confirmed_at is None) == (reading, reading)


def test_what_came_after_the_page_was_made_is_not_confirmed_with_it(
    session: Db, company: Company, connection: Connection, doubt: Link, browser: Browser
) -> None:
    place = f"/c/{company.id}/matches/"
    found = SHOWN.search(browser.says(place))
    assert found
    a_record(session, Contact, company, name="Nobody saw this one")
    told = browser.post(place, {"shown": found.group(1)}, follow=True)
    assert "has changed since this page was made" in told.text
    session.expire_all()
    assert (connection.push_confirmed_at, session.query(SyncJob).count()) == (None, 0)


def test_all_is_confirmed_only_where_all_is_shown(
    session: Db,
    company: Company,
    connection: Connection,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(matches, "PER_PAGE", 3)
    for number in range(5):
        a_record(session, Contact, company, name=f"Contact {number}")
    place = f"/c/{company.id}/matches/"
    first, second, whole = (browser.says(f"{place}{rest}") for rest in ("", "?page=1", "?all=1"))
    assert [text.count('name="create-') for text in (first, second, whole)] == [3, 2, 5]
    assert ["create 5</button>" in text for text in (first, second, whole)] == [False, False, True]
    assert "Show all 5 and confirm there" in first


def test_candidates_are_shown_in_the_columns_of_their_kind(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    record = a_record(session, Contact, company, name="Acme", country="New Zealand", street="1 Quay Street")
    link = session.query(Link).filter_by(record_id=record.id).one()
    address = {"AddressType": "POBOX", "Country": "Australia"}
    payload = {"ContactID": "t-1", "Name": "Acme", "Addresses": [address], "ContactStatus": "ACTIVE"}
    session.add(
        Match(connection_id=connection.id, resource="Contacts", link_id=link.id, external_id="t-1",
              payload=payload, matched_by="name")
    )  # fmt: skip
    session.commit()
    text = browser.says(f"/c/{company.id}/matches/")
    assert ("Would be linked" in text, "Australia" in text, "ours: 1 Quay Street" in text) == (True, True, True)


def test_a_viewer_confirms_nothing(
    session: Db,
    company: Company,
    connection: Connection,
    doubt: Link,
    browser_as: Callable[[Role], Browser],
) -> None:
    viewer, place = browser_as(Role.VIEWER), f"/c/{company.id}/matches/"
    assert "In doubt" in viewer.says(place)
    assert viewer.post(place, {f"choice-{doubt.id}": "t-2"}).status_code == 403
    session.expire_all()
    assert connection.push_confirmed_at is None
    assert {match.chosen for match in session.query(Match)} == {None}
