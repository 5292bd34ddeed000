"""CSV out: streamed, safe to open, and read back by the import as it was."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient

from backoffice.models import (
    Account,
    Bill,
    Company,
    Contact,
    Invoice,
    Item,
    PurchaseOrder,
    Side,
    TaxMapping,
    TaxRate,
    TrackingCategory,
    TrackingOption,
    Treatment,
)
from tests.admin.conftest import Browser, Db, a_record
from tests.admin.papers import DAY, a_paper
from tests.admin.test_imports import bring, run

FORMULAS = ("=1+1", "+1", "-1", "@x", "\tx", "\rx", "'=1", "＝1", "plain")

HEAD = ("name", "date", "due_date", "reference", "currency", "currency_rate", "treatment", "total", "tax_total")
LINE = ("item_code", "description", "quantity", "unit_price", "discount", "account_code", "tax_code")


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def furnish(session: Db, company: Company) -> None:
    """What lines name."""
    a_record(session, Account, company, code="429", name="Costs", account_type="EXPENSE", account_class="EXPENSE")
    a_record(session, Item, company, code="W-1")
    for side in Side:
        common: dict[str, Any] = {"company_id": company.id, "rate": Decimal(15), "side": side}
        session.add(TaxMapping(code="GST", name="GST", **common))
    region = a_record(session, TrackingCategory, company, name="Region")
    team = a_record(session, TrackingCategory, company, name="Team")
    for category in (region, team):
        a_record(session, TrackingOption, company, name="North", category_id=category.id)
    session.commit()


def shape(session: Db, model: Any, company: Company) -> list[Any]:
    """Documents as a person sees them."""
    session.expire_all()
    found = session.query(model).filter_by(company_id=company.id).order_by(model.name)
    return [([each.contact.name, *(getattr(each, name) for name in HEAD)], _lines(each)) for each in found]


def _lines(document: Any) -> list[Any]:
    return [
        (
            [getattr(line, name) for name in LINE],
            [option and f"{option.category.name} {option.name}" for option in (line.tracking_1, line.tracking_2)],
        )
        for line in document.lines
    ]


@pytest.mark.parametrize(("model", "sort"), [(PurchaseOrder, "purchase_order"), (Bill, "bill"), (Invoice, "invoice")])
def test_documents_go_out_by_line_and_come_back_as_they_were(
    model: Any, sort: str, session: Db, company: Company, elsewhere: Company, browser: Browser
) -> None:
    for one in (company, elsewhere):
        furnish(session, one)
    options = {
        option.category.name: option.id for option in session.query(TrackingOption).filter_by(company_id=company.id)
    }
    line: dict[str, Any] = {
        "description": '=1+1\nand more; "so"',
        "quantity": Decimal("1.5"),
        "unit_price": Decimal("10.25"),
    }
    coded = {"item_code": "W-1", "account_code": "429", "tax_code": "GST", "tracking_1_id": options["Region"]}
    session.add(Contact(company_id=company.id, name="=Formula Ltd", number="N-1"))
    session.commit()
    party = session.query(Contact).filter_by(name="=Formula Ltd").one()
    dated = {} if model is PurchaseOrder else {"due_date": DAY}
    discount = {"discount": Decimal("2.5")} if model is Invoice else {}
    head = {
        "treatment": Treatment.INCLUSIVE,
        "currency": "USD",
        "reference": "'=r",
        "currency_rate": Decimal("1.2345678901"),
    }
    lines = [{**line, **coded, **discount}, {**line, "tracking_2_id": options["Team"]}]
    a_paper(session, model, company, name="A-1", contact=party, lines=lines, **head, **dated)
    a_paper(session, model, company, name="A-2", contact=party, lines=[{**line, "quantity": Decimal(-1)}])
    path = f"{sort.replace('_', '-')}s"
    text = browser.says(f"/c/{company.id}/{path}/export/lines/?archived=all")
    assert len(rows_of(text)) == 3
    cells = [value for row in rows_of(text) for value in row.values()]
    figures = re.compile(r"-?[\d.]+")
    assert not [one for one in cells if one.startswith(("=", "+", "-", "@")) and not figures.fullmatch(one)]
    address = bring(browser, elsewhere, sort, text)
    told = browser.says(address)
    assert "create_parties" in told
    a_record(session, Contact, elsewhere, name="=Formula Ltd", number="N-1")
    assert f"2 {sort.replace('_', ' ')}s added." in run(browser, elsewhere, address, "all")
    assert shape(session, model, elsewhere) == shape(session, model, company)


def test_contacts_and_items_go_out_and_come_back(
    session: Db, company: Company, elsewhere: Company, browser: Browser
) -> None:
    for at, text in enumerate(FORMULAS):
        session.add(
            Contact(company_id=company.id, name=f"C{at}", city=text.strip(), number=f"{at}", supplier_here=True)
        )
        session.add(
            Item(
                company_id=company.id, code=f"I{at}", name=text.strip(), sales_price=Decimal(at) / 4, group=text.strip()
            )
        )
    session.commit()
    for sort, path, model, column in (("supplier", "suppliers", Contact, "city"), ("item", "items", Item, "name")):
        table: Any = model
        text = browser.says(f"/c/{company.id}/{path}/export/csv/")
        run(browser, elsewhere, bring(browser, elsewhere, sort, text), "all")
        there = session.query(table).filter_by(company_id=elsewhere.id).order_by(table.id).all()
        here = session.query(table).filter_by(company_id=company.id).order_by(table.id).all()
        assert [getattr(one, column) for one in there] == [getattr(one, column) for one in here], sort


def test_every_list_is_streamed(session: Db, company: Company, browser: Browser) -> None:
    a_record(session, TaxRate, company)
    for path in (
        "suppliers",
        "items",
        "bills",
        "invoices",
        "purchase-orders",
        "credit-notes",
        "tax-mappings",
        "account-mappings",
    ):
        answer = browser.get(f"/c/{company.id}/{path}/export/csv/")
        assert (answer.status_code, answer.is_streamed, answer.mimetype) == (200, True, "text/csv"), path
        assert "attachment" in answer.headers["Content-Disposition"]
        answer.close()
    for path, code in (("bills", 200), ("suppliers", 404)):
        answer = browser.get(f"/c/{company.id}/{path}/export/lines/")
        assert answer.status_code == code
        answer.close()
    assert browser.get(f"/c/{company.id}/bills/export/xlsx/").status_code == 404


def test_another_companys_lines_are_nowhere(
    session: Db, company: Company, elsewhere: Company, browser: Browser
) -> None:
    a_paper(session, Bill, elsewhere, name="HIDDEN")
    assert "HIDDEN" not in browser.says(f"/c/{company.id}/bills/export/lines/")


def test_a_stranger_downloads_nothing(company: Company, client: FlaskClient) -> None:
    assert client.get(f"/c/{company.id}/bills/export/lines/").status_code == 303
