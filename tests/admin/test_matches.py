"""The page of matches: nothing is sent before a person has seen it."""

from __future__ import annotations

import pytest

from backoffice.models import (
    Company,
    Connection,
    Contact,
    Link,
    Match,
)
from tests.admin.conftest import Browser, Db, a_record


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
    browser.post(place, {f"choice-{doubt.id}": "t-2", f"listed-{new.id}": "1"})
    session.expire_all()
    chosen = {match.external_id: match.chosen for match in session.query(Match)}
    assert chosen == {"t-1": False, "t-2": True}
    assert (new.paused, connection.push_confirmed_at is not None) == (True, True)


def test_a_choice_that_was_not_offered_is_none(
    session: Db, company: Company, connection: Connection, doubt: Link, browser: Browser
) -> None:
    browser.post(f"/c/{company.id}/matches/", {f"choice-{doubt.id}": "somebody else's"})
    assert {match.chosen for match in session.query(Match)} == {None}
