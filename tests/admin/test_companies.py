"""The list of companies: how each stands, what is found and in which order, and many brought up to date at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from backoffice.clock import now
from backoffice.models import (
    Alert,
    Cause,
    Company,
    CompanySettings,
    Connection,
    ConnectionState,
    Contact,
    Drift,
    JobState,
    Link,
    Role,
    SyncJob,
    Work,
    new_company,
)
from tests.admin.conftest import Browser, Db, a_job, a_record, integrate
from tests.questions import questions


def linked(session: Db, name: str, **values: Any) -> Connection:
    """A company with this name, linked to an organisation of its own."""
    company = new_company(session, name)
    connection = Connection(company_id=company.id, provider="xero", external_id=f"t {name}", organisation=f"{name} Org")
    for column, value in values.items():
        setattr(connection, column, value)
    session.add(connection)
    session.commit()
    return connection


def names(text: str) -> list[str]:
    """The companies on a page, in its order."""
    known = ("Harbour Supplies", "Hill Supplies", "Airy", "Beach", "Coast", "Dune", "Ärzte GmbH")
    main = text.split("<main")[1]
    return sorted((n for n in known if f">{n}</a>" in main), key=lambda n: main.index(f">{n}</a>"))


@pytest.fixture
def several(session: Db, elsewhere: Company, connection: Connection) -> dict[str, Connection]:
    """Beside two companies, of which one is linked, four linked ones that stand differently."""
    found = {name: linked(session, name) for name in ("Airy", "Beach", "Coast")}
    found["Dune"] = linked(session, "Dune", state=ConnectionState.NEEDS_RECONNECTING, lost_reason="organisation_gone")
    a_job(session, found["Airy"], JobState.COMPLETED, ended_at=now() - timedelta(hours=3))
    a_job(session, found["Beach"], JobState.COMPLETED, ended_at=now() - timedelta(days=2))
    a_job(session, found["Beach"], JobState.FAILED, ended_at=now() - timedelta(hours=1), reason="No.")
    a_job(session, found["Airy"], JobState.FAILED, ended_at=now() - timedelta(hours=4), made_good_at=now())
    company = session.get_one(Company, found["Coast"].company_id)
    for number in range(2):
        a_record(session, Contact, company, name=f"Waits {number}")
    refused = session.query(Link).filter_by(connection_id=found["Coast"].id).first()
    assert refused
    refused.refusal, refused.refusal_cause = "No.", "other"
    integrate(session, found["Coast"], a_record(session, Contact, company, name="There"))
    session.commit()
    return found


def test_a_card_says_how_a_company_stands(session: Db, several: dict[str, Connection], administrator: Browser) -> None:
    text = administrator.says("/companies/")
    cards = {name: text.split(f">{name}</a></h2>")[1].split("</section>")[0] for name in names(text)}
    assert ("Linked" in cards["Airy"], "3 hours ago" in cards["Airy"], "Airy Org" in cards["Airy"]) == (True,) * 3
    assert ("<dt>Failures</dt><dd>none" in cards["Airy"], "1 sync job" in cards["Beach"]) == (True, True)
    assert ("1 record refused" in cards["Coast"], "1 record</a>" in cards["Coast"]) == (True, True)
    assert ("Needs linking again" in cards["Dune"], "when this is settled" in cards["Dune"]) == (True, True)
    assert ("Not linked" in cards["Hill Supplies"], "when it is linked" in cards["Hill Supplies"]) == (True, True)
    assert "in " in cards["Airy"].split("<dt>Next sync</dt>")[1].split("</dd>")[0]
    assert 'd="M5 7V5' in cards["Airy"], "a closed padlock"
    assert 'd="M10.5 7V4.8' in cards["Hill Supplies"], "an open one"


def test_they_are_found_filtered_and_sorted_in_the_address(
    several: dict[str, Connection], administrator: Browser
) -> None:
    def shown(query: str) -> list[str]:
        return names(administrator.says(f"/companies/?{query}"))

    every = ["Airy", "Beach", "Coast", "Dune", "Harbour Supplies", "Hill Supplies"]
    assert shown("") == every
    assert shown("search=SUPPL") == ["Harbour Supplies", "Hill Supplies"]
    assert shown("search=beach+org") == ["Beach"]
    assert shown("search=%25") == []
    assert shown("only=unlinked") == ["Hill Supplies"]
    assert shown("only=attention") == ["Beach", "Coast", "Dune", "Hill Supplies"]
    assert shown("provider=xero") == every[:-1]
    assert shown("provider=nobody") == []
    assert shown("sort=last") == ["Coast", "Dune", "Harbour Supplies", "Hill Supplies", "Beach", "Airy"]
    assert set(shown("sort=failures")[:2]) == {"Beach", "Coast"}
    assert shown("sort=waiting")[0] == "Coast"
    for odd in ("page=9", "page=99999999999999999999", "sort=x&only=y&view=z", "search=%00", "page=-1", "provider=%00"):
        administrator.says(f"/companies/?{odd}")


@pytest.mark.parametrize("sort", ["alert", "difference", "changed there", "may be one of theirs"])
def test_what_waits_for_a_choice_needs_attention(
    sort: str, session: Db, company: Company, connection: Connection, administrator: Browser
) -> None:
    contact = a_record(session, Contact, company)
    link = integrate(session, connection, contact)
    attention = "/companies/?only=attention"
    assert names(administrator.says(attention)) == []
    about: dict[str, Any] = {"company_id": company.id, "kind": "contact", "record_id": contact.id}
    if sort == "alert":
        session.add(Alert(**about, column="bank_account", new="1"))
        session.add(Alert(**about, column="bank_account", new="1", acknowledged_at=now()))
    elif sort == "difference":
        found = {"connection_id": connection.id, "external_id": "e", "fingerprint": "f", "differences": []}
        session.add(Drift(**about, **found, name="Acme", cause=Cause.EDITED_SILENTLY))
    elif sort == "changed there":
        link.changed_there = {"Name": "Acme"}
    else:
        link.external_id, link.synced_revision, link.blocked_kind = None, 0, "match"
    session.commit()
    card = administrator.says(attention).split(">Harbour Supplies</a></h2>")[1].split("</section>")[0]
    assert "1 thing</a>" in card.split("<dt>To decide</dt>")[1].split("</dd>")[0]
    assert "Xero</span> Demo Company" in administrator.says(f"{attention}&view=table")


def test_letters_are_one_in_either_case_beyond_ascii(
    session: Db, company: Company, elsewhere: Company, connection: Connection, administrator: Browser
) -> None:
    elsewhere.name, connection.organisation = "Ärzte GmbH", "ŠKODA"
    session.commit()
    for text, name in (("ärzte", elsewhere.name), ("škoda", company.name)):
        assert names(administrator.says(f"/companies/?search={text}")) == [name]


def test_it_asks_as_many_questions_for_many_as_for_few(
    app: Flask, session: Db, several: dict[str, Connection], administrator: Browser
) -> None:
    asked = {}
    for view in ("cards", "table"):
        administrator.says(f"/companies/?view={view}")
        with questions(app) as found:
            administrator.says(f"/companies/?view={view}")
        asked[view] = len(found)
    for number in range(60):
        connection = linked(session, f"Many {number:02}")
        a_job(session, connection, JobState.COMPLETED, ended_at=now())
    for view, before in asked.items():
        with questions(app) as found:
            text = administrator.says(f"/companies/?view={view}")
        assert len(found) == before, "\n".join(found)
        assert ("Page 1" in text) == (view == "cards")
    assert "<table" in administrator.says("/companies/"), "more than 24 are a table"
    assert "<table" not in administrator.says("/companies/?view=cards")


def test_several_are_brought_up_to_date_at_once(
    session: Db, several: dict[str, Connection], elsewhere: Company, browser: Browser
) -> None:
    settings = session.query(CompanySettings).filter_by(company_id=several["Coast"].company_id).one()
    settings.paused = True
    session.commit()
    ids = [several[name].company_id for name in ("Airy", "Beach", "Coast", "Dune")]
    told = browser.post("/companies/sync", {"rowid": [*ids, elsewhere.id, "x", "0", 10**30]}, follow=True).text
    assert "Update started for 2 companies." in told
    assert "1 company is not linked." in told
    assert "1 company is paused." in told
    assert "1 company is linked no more and must be linked again." in told
    jobs = session.query(SyncJob).filter_by(state=JobState.PENDING).all()
    assert {job.connection_id for job in jobs} == {several["Airy"].id, several["Beach"].id}
    assert {job.work for job in jobs} == {Work.UPDATE}
    assert "contact" in jobs[0].kinds
    assert "Under way" in browser.says("/companies/")
    assert "Tick at least one company." in browser.post("/companies/sync", follow=True).text
    answer = browser.post("/companies/sync", {"rowid": ids[:1], "url": "/companies/?sort=last"})
    assert answer.location == "/companies/?sort=last"


def test_options_are_those_of_the_role(several: dict[str, Connection], browser_as: Callable[[Role], Browser]) -> None:
    page = {role: browser_as(role).says("/companies/") for role in Role}
    for word, least in (
        ("Sync now", Role.OPERATOR),
        ("Test connection", Role.ADMINISTRATOR),
        ("Unlink", Role.ADMINISTRATOR),
        ("Delete", Role.ADMINISTRATOR),
        ("Pause", Role.ADMINISTRATOR),
    ):
        shown = {role for role, text in page.items() if f">{word}<" in text}
        assert shown == {role for role in Role if role is Role.ADMINISTRATOR or role is least}, word
    viewer = browser_as(Role.VIEWER)
    assert viewer.post("/companies/sync", {"rowid": 1}).status_code == 403
    assert "Select Airy" not in page[Role.VIEWER]


def test_hostile_names_stay_text(session: Db, company: Company, administrator: Browser) -> None:
    linked(session, "<b>Bold</b>", organisation="<script>alert(1)</script>")
    for view in ("cards", "table"):
        text = administrator.says(f"/companies/?view={view}")
        assert ("<b>Bold" in text, "<script>alert" in text) == (False, False)


def test_the_menu_folds_and_stays_as_it_was_left(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    def open_groups(path: str) -> set[str]:
        return set(re.findall(r'data-group="([^"]+)" open', browser.says(path)))

    assert open_groups(f"/c/{company.id}/") == set()
    assert open_groups(f"/c/{company.id}/items/") == {"Lists"}
    browser.client.set_cookie("menu", "Sync.Money.<b>.Nonsense")
    assert open_groups(f"/c/{company.id}/items/") == {"Lists", "Sync", "Money"}
    connection.state = ConnectionState.NEEDS_RECONNECTING
    session.commit()
    summary = browser.says(f"/c/{company.id}/").split('data-group="Sync"')[1].split("</summary>")[0]
    assert 'title="1 thing to decide"' in summary


@pytest.mark.parametrize(
    ("failed", "state", "count"),
    [
        ({}, ConnectionState.CONNECTED, 1),
        ({"made_good_at": now()}, ConnectionState.CONNECTED, 0),
        ({"lost": True}, ConnectionState.NEEDS_RECONNECTING, 0),
        ({"lost": True}, ConnectionState.CONNECTED, 1),
        ({"lost": False}, ConnectionState.NEEDS_RECONNECTING, 1),
    ],
)
def test_the_list_and_the_overview_name_the_same_failures(
    failed: dict[str, Any], state: ConnectionState, count: int, session: Db, connection: Connection, browser: Browser
) -> None:
    a_job(session, connection, JobState.FAILED, ended_at=now(), reason="It would not.", **failed)
    connection.state = state
    session.commit()
    row = browser.says("/companies/?view=table").split("<main")[1].split(">Harbour Supplies</a>")[1].split("</tr>")[0]
    assert ("tab=failed" in row) == bool(count)
    assert browser.says(f"/c/{connection.company_id}/").split("Records</h2>")[0].count("failed: It would not.") == count


def test_more_failures_than_are_named_are_counted_alike(session: Db, connection: Connection, browser: Browser) -> None:
    for number in range(5):
        a_job(session, connection, JobState.FAILED, ended_at=now() - timedelta(hours=number), reason=f"No {number}.")
    assert "5 sync jobs" in browser.says("/companies/?view=cards")
    text = browser.says(f"/c/{connection.company_id}/")
    assert ("No 2." in text.split("Records</h2>")[0], "2 more failed sync jobs" in text) == (True, True)
