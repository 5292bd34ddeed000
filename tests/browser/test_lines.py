"""The lines of a document in a real browser: filled by an item, moved by keys, and totals as the server has them."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from backoffice.config import Settings
from backoffice.models import Company, Invoice, PurchaseOrder, Role, new_company
from tests.admin.conftest import PASSWORD, Outside, a_person
from tests.admin.papers import a_party, what_lines_name

PRICES = ("0.005", "1.2345", "19.995", "1,234.50", "7", "-3.335", ".5")
QUANTITIES = ("1", "3", "0.3333", "2.5", "12")


@pytest.fixture
def session(app: Flask, settings: Settings) -> Iterator[Session]:
    engine = create_engine(settings.database_url)
    with Outside(engine) as session:
        yield session
    engine.dispose()


@pytest.fixture
def company(session: Session) -> Company:
    company = new_company(session, "Harbour Supplies")
    session.add(a_person("operator@example.com", Role.OPERATOR))
    session.commit()
    what_lines_name(session, company)
    a_party(session, company)
    session.commit()
    return company


@pytest.fixture
def page(app: Flask, company: Company, browser: Browser) -> Iterator[Page]:
    """Somebody who is signed in."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    context = browser.new_context(base_url=f"http://127.0.0.1:{server.server_port}")
    page = context.new_page()
    page.goto("/")
    page.get_by_label("E-mail").fill("operator@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state()
    yield page
    context.close()
    server.shutdown()
    thread.join()


def figure(page: Page, name: str) -> Decimal:
    return Decimal(page.locator(f"[data-sum={name}]").inner_text().replace(",", ""))


@pytest.mark.parametrize("screen", ["purchase-orders", "invoices"])
def test_totals_are_the_servers_as_they_are_typed(screen: str, page: Page, session: Session, company: Company) -> None:
    seed = random.Random(screen)
    page.goto(f"/c/{company.id}/{screen}/new/")
    page.get_by_label("Supplier" if screen == "purchase-orders" else "Customer").fill("Acme Ltd")
    page.get_by_label("Amounts are").select_option(seed.choice(["exclusive", "inclusive"]))
    for at in range(1, 7):
        page.get_by_label(f"Description, line {at}", exact=True).fill(f"Line {at}")
        page.get_by_label(f"Quantity, line {at}", exact=True).fill(seed.choice(QUANTITIES))
        page.get_by_label(f"Unit price, line {at}", exact=True).fill(seed.choice(PRICES))
        page.get_by_label(f"Tax, line {at}", exact=True).select_option(index=seed.choice([0, 1]))
    shown = figure(page, "sub"), figure(page, "tax"), figure(page, "total")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("was added.").wait_for()
    model = PurchaseOrder if screen == "purchase-orders" else Invoice
    paper = session.query(model).one()
    assert shown == (paper.sub_total, paper.tax_total, paper.total)
    assert len(paper.lines) == 6


def test_an_item_fills_its_line_and_keys_move_it(page: Page, session: Session, company: Company) -> None:
    page.goto(f"/c/{company.id}/purchase-orders/new/")
    page.get_by_label("Supplier").fill("Acme Ltd")
    page.get_by_label("Description, line 1", exact=True).fill("By hand")
    page.get_by_label("Item, line 2", exact=True).fill("w-1")
    page.keyboard.press("Tab")
    price = page.get_by_label("Unit price, line 2", exact=True)
    page.wait_for_function("one => one.value === '12.34'", arg=price.element_handle())
    price.fill("12.345")
    assert "Xero" not in page.locator("[data-long-price]").inner_text(), "nothing is linked yet"
    assert "12.345 becomes 12.35 (line 2)" in page.locator("[data-long-price]").inner_text()
    price.press("Alt+ArrowUp")
    assert page.get_by_label("Item, line 1", exact=True).input_value() == "w-1"
    page.keyboard.press("Alt+Enter")
    page.keyboard.insert_text("Nothing like it")
    page.get_by_role("button", name="Remove line 4").click()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("was added.").wait_for()
    lines = session.query(PurchaseOrder).one().lines
    assert [(line.item_code, line.account_code) for line in lines] == [("W-1", "300"), (None, None)]
