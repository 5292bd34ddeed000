"""The overview of a company: the health of its lists, what was changed lately, and the charts of the last weeks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from backoffice import clock
from backoffice.errors import Ending
from backoffice.models import Company, Connection, ConnectionState, Contact, JobState, Link, Role, Work
from backoffice.models.settings import settings_of
from tests.admin.conftest import Browser, Db, a_job, a_record, integrate
from tests.databases import Databases, lent

#: A Wednesday.
NOW = datetime(2026, 11, 18, 9, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, databases: dict[str, Databases]) -> Iterator[str]:
    """Its charts are asked for in the words of each database."""
    yield from lent(databases[request.param])


@pytest.fixture
def at_nine() -> Iterator[None]:
    clock.use(lambda: NOW)
    yield
    clock.use()


def figures(text: str) -> dict[str, list[int]]:
    """Each chart's values, as its bars say them."""
    found = {}
    for chart in text.split('<figure class="chart">')[1:]:
        title = re.findall(r"<title id=[^>]*>([^<]*)", chart)[0]
        values = re.findall(r"Week of [^:]*: ([\d,]+)", chart.split("</figure>")[0])
        found[title] = [int(value.replace(",", "")) for value in values]
    return found


@pytest.mark.usefixtures("at_nine")
def test_the_charts_count_week_by_week_by_the_companys_clock(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    company.time_zone = "Pacific/Auckland"  # where this week began on Sunday at 11:00 UTC
    monday = datetime(2026, 11, 15, 11, 0, tzinfo=UTC)
    first = datetime(2026, 8, 30, 12, 0, tzinfo=UTC)  # eleven weeks before, in winter time
    second = timedelta(seconds=1)
    for ended, values in (
        (monday, {"created": 3, "updated": 2, "sent": 1}),
        (monday - second, {"archived": 4}),
        (first, {"created": 7}),
        (first - second, {"created": 1000}),
    ):
        a_job(session, connection, JobState.COMPLETED, started_at=ended - 10 * second, ended_at=ended, **values)
    a_job(session, connection, JobState.COMPLETED, started_at=monday, ended_at=monday + 30 * second)
    a_job(session, connection, JobState.COMPLETED, work=Work.PUSH, started_at=monday, ended_at=monday + 900 * second)
    for _ in range(2):
        a_job(session, connection, JobState.FAILED, started_at=monday, ended_at=monday + second, created=99)
    session.commit()
    shown = figures(browser.says(f"/c/{company.id}/"))
    assert shown["Records changed"] == [7, *[0] * 9, 4, 6]
    assert shown["Failed sync jobs"] == [*[0] * 11, 2]
    assert shown["Duration of an update, on average"] == [10, *[0] * 9, 10, 20]


def test_charts_carry_their_words_and_no_style(company: Company, connection: Connection, browser: Browser) -> None:
    text = browser.says(f"/c/{company.id}/")
    drawings = re.findall(r'<svg viewBox="0 0 300 64".*?</svg>', text, re.DOTALL)
    assert len(drawings) == 3
    assert all("<desc" in one and "style=" not in one and "<script" not in one for one in drawings)
    assert "Nothing in the last 12 weeks." in text
    assert len(figures(text)["Records changed"]) == 12
    assert "<summary>The figures</summary>" in text


def test_the_health_of_each_list(session: Db, company: Company, connection: Connection, browser: Browser) -> None:
    integrate(session, connection, a_record(session, Contact, company))
    a_job(session, connection, JobState.COMPLETED, ended_at=clock.now() - timedelta(hours=3))
    a_job(session, connection, JobState.COMPLETED, kinds=["item"], ended_at=clock.now() - timedelta(hours=5))
    text = browser.says(f"/c/{company.id}/")
    rows = {row.split("</a>")[0].split(">")[-1]: row for row in text.split("<h2>Records</h2>")[1].split("<tr ")[1:]}
    assert ("3 hours ago" in rows["Suppliers and customers"], "5 hours ago" in rows["Items"]) == (True, True)
    assert "not yet" in rows["Accounts"]
    assert "1 integrated" in rows["Suppliers and customers"]
    assert "failed since" not in text
    for hours, kinds in ((6, ["item", "tax_rate"]), (4, ["item", "account", "contact"]), (1, ["item"])):
        last = a_job(session, connection, JobState.FAILED, kinds=kinds, ended_at=clock.now() - timedelta(hours=hours))
    text = browser.says(f"/c/{company.id}/")
    rows = {row.split("</a>")[0].split(">")[-1]: row for row in text.split("<h2>Records</h2>")[1].split("<tr ")[1:]}
    marked = [name for name, row in rows.items() if "failed since" in row]
    assert marked == ["Items", "Accounts", "Tax rates"], "contacts came in afterwards"
    assert f"details/?id={last.id}" in rows["Items"], "the newest of them"


def test_it_says_what_the_next_sync_costs(
    app: Flask, session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    provider: Any = app.extensions["providers"]["xero"]
    lists = len({mapper.resource for mapper in provider.mappers if mapper.direction.comes})

    def told() -> str:
        return browser.says(f"/c/{company.id}/").split("<dt>Next sync</dt>")[1].split("</dd>")[0]

    assert f"about {lists} calls" in told()
    a_record(session, Contact, company)
    assert f"about {lists + 1} calls" in told(), "one batch is sent"
    many = {"connection_id": connection.id, "resource": "Contacts", "kind": "contact"}
    some = [Link(**many, record_id=n, external_id=f"e-{n}") for n in range(100, 100 + provider.page_size + 1)]
    session.add_all(some)
    session.commit()
    assert f"about {lists + 2} calls" in told(), "the night reads contacts from their beginning"
    settings = settings_of(session, company.id)
    assert settings
    settings.nightly, settings.update_every = False, 60
    session.commit()
    assert f"about {lists + 1} calls" in told(), "by day it asks for what changed"


def test_what_was_changed_lately_leads_to_the_record(session: Db, company: Company, browser: Browser) -> None:
    record = a_record(session, Contact, company, name="<i>Acme</i>")
    record.city = "Kaikoura"
    session.commit()
    text = browser.says(f"/c/{company.id}/").split("<h2>Changed lately</h2>")[1]
    assert ("City: – → Kaikoura" in text, f"details/?id={record.id}" in text, "<i>Acme" in text) == (True, True, False)


def test_what_is_not_linked_is_said_once_and_needs_somebody(
    session: Db, company: Company, browser_as: Callable[[Role], Browser]
) -> None:
    text = browser_as(Role.ADMINISTRATOR).says(f"/c/{company.id}/")
    assert text.split("<main")[1].lower().count("not linked") == 1
    assert "Link Harbour Supplies to its accounting system" in text
    assert ">Link to Xero</button>" in text
    assert ">Link to Xero</button>" not in browser_as(Role.OPERATOR).says(f"/c/{company.id}/")


@pytest.mark.parametrize(
    ("reason", "said", "again"),
    [
        (Ending.ORGANISATION_GONE, "Demo Company no longer lets this application in.", True),
        (Ending.ORGANISATION_CLOSED, "Demo Company is closed.", False),
        (Ending.DEMO_GONE, "Demo Company was reset, or no longer lets this application in.", True),
        (Ending.CONSENT_ENDED, "Demo Company needs linking again.", True),
    ],
)
def test_each_end_is_said_as_what_it_is(
    session: Db,
    company: Company,
    connection: Connection,
    administrator: Browser,
    reason: Ending,
    said: str,
    again: bool,
) -> None:
    connection.state, connection.lost_reason = ConnectionState.NEEDS_RECONNECTING, reason
    connection.problem = "What happened. What to do."
    session.commit()
    for page in ("", "integrations/", "suppliers/"):
        text = administrator.says(f"/c/{company.id}/{page}")
        assert ("What happened. What to do." in text, said in text) == (True, True), page
    for page in ("", "integrations/"):
        shown = ">Link to Xero again</button>" in administrator.says(f"/c/{company.id}/{page}")
        assert shown == again, page
