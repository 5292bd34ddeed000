"""Tax-rate mappings, settings and companies."""

from __future__ import annotations

from collections.abc import Callable

from backoffice.models import (
    Company,
    Connection,
    Contact,
    Role,
    TaxMapping,
    TaxRate,
)
from tests.admin.conftest import Browser, Db, a_record


def test_a_mapping_takes_only_a_rate_of_its_side_and_company(
    session: Db, company: Company, elsewhere: Company, browser: Browser
) -> None:
    sales = a_record(session, TaxRate, company, name="On income", for_sales=True)
    alien = a_record(session, TaxRate, elsewhere, name="Alien", for_sales=True)
    place = f"/c/{company.id}/tax-mappings"
    look_up = browser.get(f"{place}/ajax/lookup/?name=tax_rate&query=&side=sales").get_json()
    assert [row[0] for row in look_up] == [sales.id]
    assert browser.get(f"{place}/ajax/lookup/?name=tax_rate&query=&side=purchases").get_json() == []
    data = {"code": "GST", "name": "GST", "rate": "15", "side": "sales"}
    assert (
        "is not for purchases"
        in browser.post(f"{place}/new/", {**data, "side": "purchases", "tax_rate": sales.id}).text
    )
    browser.post(f"{place}/new/", {**data, "tax_rate": sales.id})
    mapping = session.query(TaxMapping).one()
    assert mapping.tax_rate_id == sales.id
    assert "there can be only one" in browser.post(f"{place}/new/", data).text
    browser.post(f"{place}/edit/?id={mapping.id}", {**data, "tax_rate": alien.id})
    session.refresh(mapping)
    assert mapping.tax_rate_id != alien.id
    assert browser.post(f"/c/{elsewhere.id}/tax-mappings/delete/", {"id": mapping.id}).status_code == 404
    browser.post(f"{place}/delete/", {"id": mapping.id})
    assert session.query(TaxMapping).count() == 0


def test_settings_of_a_company(session: Db, company: Company, administrator: Browser) -> None:
    place = f"/c/{company.id}/settings/"
    administrator.post(place, {"conflict_winner": "ours", "nightly_at": "03:30"})
    text = administrator.says(place)
    assert 'value="03:30"' in text
    assert "This was not saved." in administrator.post(place, {"conflict_winner": "x", "nightly_at": "late"}).text


def test_companies_are_added_and_changed(session: Db, company: Company, administrator: Browser) -> None:
    administrator.post("/companies/new", {"name": "Third Ltd", "time_zone": "Pacific/Auckland"})
    third = session.query(Company).filter_by(name="Third Ltd").one()
    assert "There is no such time zone" in administrator.post("/companies/new", {"name": "X", "time_zone": "Mars"}).text
    told = administrator.post("/companies/new", {"name": "Third Ltd", "time_zone": "UTC"})
    assert "There is a company called Third Ltd already." in told.text
    administrator.post(f"/companies/edit?id={third.id}", {"name": "Third Limited", "time_zone": "UTC"})
    session.refresh(third)
    assert (third.name, third.time_zone) == ("Third Limited", "UTC")


def test_a_viewer_sees_no_buttons(
    session: Db, company: Company, connection: Connection, browser_as: Callable[[Role], Browser]
) -> None:
    viewer = browser_as(Role.VIEWER)
    record = a_record(session, Contact, company)
    for page in ("suppliers/", f"suppliers/details/?id={record.id}", "integrations/", "sync-queue/", "sync-jobs/"):
        text = viewer.says(f"/c/{company.id}/{page}")
        assert text.count('method="post"') == 1, page  # signing out
