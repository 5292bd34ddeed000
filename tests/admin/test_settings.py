"""Settings in tabs: each saves by itself, what cannot work says why, and what was held back goes when it may."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from backoffice.admin.settings_form import TABS
from backoffice.models import (
    Account,
    Authorisation,
    Bill,
    Company,
    CompanySettings,
    Connection,
    Contact,
    Inventory,
    Link,
    Role,
    SentAs,
    TaxMapping,
    TaxRate,
)
from backoffice.queue import doorbell
from tests.admin.conftest import Browser, Db, a_record
from tests.admin.papers import approved, form_values

#: What buttons change, at once.
PAUSES = {"paused", "paused_kinds"}


def settings_of(session: Db, company: Company) -> CompanySettings:
    session.expire_all()
    return session.query(CompanySettings).filter_by(company_id=company.id).one()


@pytest.fixture
def linked(session: Db, company: Company, connection: Connection) -> Connection:
    """A connection whose company knows some accounts and rates."""
    a_record(session, Account, company, code="200", name="Sales", account_type="REVENUE", account_class="REVENUE")
    a_record(session, Account, company, code="429", name="Costs", account_type="OVERHEADS", account_class="EXPENSE")
    a_record(session, TaxRate, company, code="OUTPUT2", name="GST on income", rate=15, for_sales=True)
    a_record(session, TaxRate, company, code="INPUT2", name="GST on costs", rate=15, for_purchases=True)
    return connection


def test_every_column_is_on_one_tab_and_says_what_it_does() -> None:
    shown = [name for tab in TABS.values() for _, names in tab.groups for name in names]
    assert sorted(shown) == sorted({c.key for c in CompanySettings.table().c} - {"id", "company_id", *PAUSES})
    for tab in TABS.values():
        for name in (name for _, names in tab.groups for name in names):
            assert getattr(tab, name).kwargs.get("description"), name


@pytest.mark.parametrize("tab", TABS)
def test_saving_a_tab_as_it_stands_changes_nothing(
    tab: str, session: Db, company: Company, linked: Connection, administrator: Browser
) -> None:
    place = f"/c/{company.id}/settings/?tab={tab}"
    before = {c.key: getattr(settings_of(session, company), c.key) for c in CompanySettings.table().c}
    assert administrator.post(place, form_values(administrator.says(place))).status_code == 303
    after = settings_of(session, company)
    assert {c.key: getattr(after, c.key) for c in CompanySettings.table().c} == before


def test_each_tab_saves_its_own(session: Db, company: Company, linked: Connection, administrator: Browser) -> None:
    place = f"/c/{company.id}/settings/?tab="
    posts: dict[str, dict[str, Any]] = {
        "general": {
            "approvers": "administrators",
            "conflict_winner": "ours",
            "send_from": "2026-04-01",
            "send_payments": "y",
        },
        "items": {"inventory": "none"},
        "customers": {"customers": "y"},
        "invoices": {"send_invoices": "y", "invoices_as": "draft", "revenue_account": "200", "sales_tax": "OUTPUT2"},
        "suppliers": {"send_bills": "y", "orders_as": "draft", "bills_as": "authorised", "expense_account": "429"},
        "company": {"address": "1 Main St\nTown", "email": "a@b.nz", "phone": " 09 1 ", "tax_number": "12-3"},
        "schedule": {"nightly_at": "03:30"},
    }
    for tab, data in posts.items():
        assert administrator.post(place + tab, data).status_code == 303, tab
    kept = settings_of(session, company)
    assert (kept.approvers.value, kept.approve_own, kept.conflict_winner.value) == ("administrators", False, "ours")
    assert (kept.send_from, kept.bring_in_from, kept.send_payments) == (dt.date(2026, 4, 1), None, True)
    assert (kept.inventory, kept.customers, kept.create_customers) == (Inventory.NONE, True, False)
    assert (kept.invoices_as, kept.revenue_account, kept.sales_tax) == (SentAs.DRAFT, "200", "OUTPUT2")
    assert (kept.send_orders, kept.send_bills, kept.expense_account, kept.purchase_tax) == (False, True, "429", None)
    assert (kept.address or "").split() == ["1", "Main", "St", "Town"]
    assert (kept.email, kept.phone) == ("a@b.nz", "09 1")
    assert (kept.nightly, kept.nightly_at) == (False, dt.time(3, 30))
    text = administrator.says(place + "general")
    history = text[text.index("<h2>History</h2>") :]
    for said in ("Our value stays", "Administrators alone", "03:30", "Invoices arrive as", "Draft", "Administrator"):
        assert said in history, said


def test_nothing_typed_is_lost_and_nothing_wrong_is_kept(
    session: Db, company: Company, linked: Connection, administrator: Browser
) -> None:
    place = f"/c/{company.id}/settings/?tab="
    wrong: dict[str, dict[str, str]] = {
        "general": {"approvers": "x", "conflict_winner": "ours", "send_from": "2026-02-31"},
        "items": {"inventory": "valuation"},
        "invoices": {"invoices_as": "paid", "revenue_account": "429", "sales_tax": "INPUT2"},
        "suppliers": {"orders_as": "draft", "bills_as": "draft", "expense_account": "200", "purchase_tax": "OUTPUT2"},
        "company": {"email": "nobody", "phone": "1" * 51, "tax_number": "\0", "address": "kept as typed"},
        "schedule": {"nightly_at": "late"},
    }
    for tab, data in wrong.items():
        told = administrator.post(place + tab, data)
        assert (told.status_code, "This was not saved." in told.text) == (200, True), tab
    assert "kept as typed" in administrator.post(place + "company", wrong["company"]).text
    kept = settings_of(session, company)
    assert (kept.email, kept.revenue_account, kept.expense_account, kept.inventory) == (
        None,
        None,
        None,
        Inventory.SYNC,
    )
    for day in ("0001-01-01", "9999-12-31", "x" * 1000, "\0"):
        data = {"approvers": "operators", "conflict_winner": "ours", "send_from": day}
        assert administrator.post(place + "general", data).status_code == 200, day
    assert administrator.get(place + "nothing").status_code == 404


def test_what_cannot_work_without_a_link_says_so_and_stays(
    session: Db, company: Company, administrator: Browser
) -> None:
    place = f"/c/{company.id}/settings/?tab="
    for tab, groups in {"invoices": 2, "suppliers": 3, "customers": 1, "items": 1}.items():
        text = administrator.says(place + tab)
        assert (text.count("Link to Xero first."), "disabled" in text) == (groups, True), f"{tab}: once a group"
    assert administrator.post(place + "invoices", {"revenue_account": "200", "invoices_as": "draft"}).status_code == 303
    kept = settings_of(session, company)
    assert (kept.revenue_account, kept.send_invoices, kept.invoices_as) == (None, True, SentAs.AUTHORISED)
    general = {"approvers": "operators", "conflict_winner": "ours", "approve_own": "y"}
    assert administrator.post(place + "general", general).status_code == 303
    assert settings_of(session, company).conflict_winner.value == "ours"


def test_accounts_that_are_not_there_yet_are_said_to_be(
    session: Db, company: Company, connection: Connection, administrator: Browser
) -> None:
    text = administrator.says(f"/c/{company.id}/settings/?tab=invoices")
    assert "Press Update on the page Accounts" in text
    assert "Press Update on the page Tax rates" in text
    assert "Link to Xero first." not in text


@pytest.mark.parametrize(
    ("scopes", "documents", "payments"),
    [
        ("accounting.contacts accounting.settings", False, False),
        ("accounting.invoices", True, False),
        ("accounting.transactions", True, True),
        ("accounting.invoices accounting.payments", True, True),
        ("accounting.invoices.read", False, False),
    ],
)
def test_a_consent_that_does_not_cover_it_is_named(
    scopes: str,
    documents: bool,
    payments: bool,
    session: Db,
    company: Company,
    linked: Connection,
    administrator: Browser,
) -> None:
    linked.authorisation = Authorisation(
        provider="xero", client_id="c", subject="s", access_token="t", scopes=scopes, expires_at=linked.linked_at
    )
    session.commit()
    general = administrator.says(f"/c/{company.id}/settings/?tab=general")
    invoices = administrator.says(f"/c/{company.id}/settings/?tab=invoices")
    assert ("does not cover this (accounting.invoices)" not in invoices) == documents
    assert ("does not cover this (accounting.payments)" not in general) == payments


def test_an_account_that_was_archived_stays_and_says_so(
    session: Db, company: Company, linked: Connection, administrator: Browser
) -> None:
    settings_of(session, company).revenue_account = "999"
    session.commit()
    place = f"/c/{company.id}/settings/?tab=invoices"
    text = administrator.says(place)
    assert "999: archived, or no longer there" in text
    assert administrator.post(place, form_values(text)).status_code == 303
    assert settings_of(session, company).revenue_account == "999"
    session.add(TaxMapping(company_id=company.id, code="G15", name="GST", rate=15, side="sales"))
    session.commit()
    assert "G15 GST (15 %)" in administrator.says(place)


def test_what_was_held_back_goes_when_it_may(
    session: Db, company: Company, linked: Connection, administrator: Browser
) -> None:
    kept = settings_of(session, company)
    kept.customers = False
    session.commit()
    customer = a_record(session, Contact, company, name="Customer", supplier_here=False)
    session.query(Link).filter_by(record_id=customer.id, kind="contact").delete()
    session.commit()
    place = f"/c/{company.id}/settings/?tab=customers"
    administrator.post(place, {"create_customers": "y"})
    assert session.query(Link).filter_by(record_id=customer.id, kind="contact").count() == 0
    administrator.post(place, {"create_customers": "y", "customers": "y"})
    session.expire_all()
    assert session.query(Link).filter_by(record_id=customer.id, kind="contact").one().pending


def test_only_administrators_change_settings(
    company: Company, linked: Connection, browser_as: Callable[[Role], Browser]
) -> None:
    place = f"/c/{company.id}/settings/?tab=schedule"
    for role in (Role.OPERATOR, Role.VIEWER):
        somebody = browser_as(role)
        assert "An administrator can change these." in somebody.says(place)
        assert somebody.post(place, {"nightly_at": "05:00"}).status_code == 403


def test_settings_are_those_of_the_company_in_the_address(
    session: Db, company: Company, elsewhere: Company, linked: Connection, administrator: Browser
) -> None:
    administrator.post(f"/c/{elsewhere.id}/settings/?tab=company", {"phone": "0800"})
    assert (settings_of(session, company).phone, settings_of(session, elsewhere).phone) == (None, "0800")
    assert "OUTPUT2" not in administrator.says(f"/c/{elsewhere.id}/settings/?tab=invoices")


@pytest.mark.parametrize(
    ("held", "let_go"),
    [
        ({"send_bills": False}, ("suppliers", {"send_bills": "y", "orders_as": "draft", "bills_as": "draft"})),
        ({"send_from": dt.date(2026, 12, 1)}, ("general", {"send_from": "2026-11-01"})),
        ({"send_from": dt.date(2026, 12, 1)}, ("general", {"send_from": ""})),
    ],
)
def test_bills_approved_while_they_were_held_back_wait_to_be_sent(
    held: dict[str, Any],
    let_go: tuple[str, dict[str, str]],
    session: Db,
    company: Company,
    linked: Connection,
    administrator: Browser,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rung: list[tuple[Any, ...]] = []
    monkeypatch.setattr(doorbell, "ring", lambda *what, **how: rung.append(what))
    for name, value in held.items():
        setattr(settings_of(session, company), name, value)
    session.commit()
    bill = approved(session, Bill, company, name="B-1")
    bills = session.query(Link).filter_by(kind="bill", record_id=bill.id)
    assert bills.count() == 0
    general = {"approvers": "operators", "conflict_winner": "ours"}
    place = f"/c/{company.id}/settings/?tab="
    administrator.post(f"{place}general", {**general, "send_from": str(held.get("send_from", ""))})
    assert (bills.count(), rung) == (0, [])
    tab, data = let_go
    assert administrator.post(place + tab, {**general, **data}).status_code == 303
    session.expire_all()
    assert bills.one().pending
    assert rung == [("push", linked.id)]


def test_the_clock_says_whose_it_is(session: Db, company: Company, browser: Browser) -> None:
    place = f"/c/{company.id}/settings/?tab=schedule"
    assert "UTC until it is linked, then its organisation’s." in browser.says(place)
    session.add(Connection(company_id=company.id, provider="xero", external_id="t-1", organisation="One"))
    session.commit()
    assert "UTC, as its organisation’s." in browser.says(place)
    company.zone_chosen = True
    session.commit()
    assert "clock is UTC." in browser.says(place)


def test_the_schedule_is_chosen_and_what_comes_next_is_told(
    session: Db, company: Company, linked: Connection, administrator: Browser
) -> None:
    place = f"/c/{company.id}/settings/?tab=schedule"
    text = administrator.says(place)
    assert ("Next night’s update" in text, "Next reconciliation" in text) == (True, True)
    chosen = {"nightly": "y", "nightly_at": "01:30", "update_every": "60", "reconcile_on": "6"}
    assert administrator.post(place, chosen).status_code == 303
    kept = settings_of(session, company)
    assert (kept.nightly, kept.update_every, kept.reconcile_on) == (True, 60, 6)
    assert company.planned_at is not None
    text = administrator.says(place)
    for said in ("Next night’s update", "Next update by day", "Next reconciliation", "Every hour", "Sunday"):
        assert said in text, said
    planned = company.planned_at
    administrator.post(place, chosen)
    session.expire_all()
    assert company.planned_at == planned
    for wrong in ({"update_every": "7"}, {"reconcile_on": "7"}, {"update_every": "often"}, {"reconcile_on": "\0"}):
        assert administrator.post(place, {**chosen, **wrong}).status_code == 200, wrong
    administrator.post(place, {"nightly_at": "01:30", "update_every": "", "reconcile_on": ""})
    kept = settings_of(session, company)
    assert (kept.nightly, kept.update_every, kept.reconcile_on) == (False, None, None)
    text = administrator.says(place)
    assert "Next " not in text[: text.index("<h2>Paused</h2>")]
