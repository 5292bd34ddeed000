"""Items: prices are numbers, kept exactly."""

from __future__ import annotations

import pytest

from backoffice.models import Company, Item
from tests.admin.conftest import Browser, Db


@pytest.mark.parametrize("price", ["x", "1.23456", "NaN", "Infinity", "1e30", "-1e30", "1" * 400])
def test_a_price_that_is_none_is_refused(price: str, session: Db, company: Company, browser: Browser) -> None:
    told = browser.post(f"/c/{company.id}/items/new/", {"code": "A", "name": "A", "sales_price": price})
    assert (told.status_code, session.query(Item).count()) == (200, 0)


def test_a_price_is_kept_exactly(session: Db, company: Company, browser: Browser) -> None:
    browser.post(f"/c/{company.id}/items/new/", {"code": "A", "name": "A", "sales_price": "1,234.5678"})
    assert str(session.query(Item).one().sales_price) == "1234.5678"
