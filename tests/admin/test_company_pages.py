"""Tax-rate mappings, settings and companies."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from backoffice.clock import now
from backoffice.models import (
    Company,
    Connection,
    Contact,
    JobState,
    Link,
    Role,
    Side,
    TaxMapping,
    TaxRate,
    Work,
)
from backoffice.sync import freshness
from tests.admin.conftest import Browser, Db, a_job, a_record, integrate


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


def test_mappings_are_searched_filtered_sorted_and_downloaded(
    session: Db, company: Company, elsewhere: Company, browser: Browser
) -> None:
    rate = a_record(session, TaxRate, company, name="On income", for_sales=True)
    common = {"company_id": company.id, "name": "GST"}
    session.add_all([TaxMapping(code=f"G{i}", rate=15 + i, side=Side.SALES, **common) for i in range(2)])
    session.add(TaxMapping(code="=P", rate=15, side=Side.PURCHASES, tax_rate_id=rate.id, **common))
    session.add(TaxMapping(company_id=elsewhere.id, name="Hidden", code="H", rate=1, side=Side.SALES))
    session.commit()
    place = f"/c/{company.id}/tax-mappings/"

    def codes(rest: str) -> list[str]:
        return re.findall(r">(G0|G1|=P|H)</a>", browser.says(f"{place}?{rest}"))

    assert sorted(codes("")) == ["=P", "G0", "G1"]
    assert 'name="rowid"' not in browser.says(place)  # nothing is done with several at once
    assert codes("search=g1") == ["G1"]
    assert codes("flt0_side_is=purchases") == ["=P"]
    assert sorted(codes("flt0_paired_is=no")) == ["G0", "G1"]
    assert codes("sort=2&desc=1")[0] == "G1"
    for odd in ("page=-1", "sort=99", "search=%00", "flt0_side_is=x", "page_size=1000000", "sort=4"):
        browser.says(f"{place}?{odd}")
    rows = list(csv.reader(io.StringIO(browser.says(f"{place}export/csv/?flt0_side_is=purchases"))))
    assert rows == [["Our code", "Our name", "Rate %", "Side", "Tax rate there"],
                    ["'=P", "GST", "15.0000", "purchases", "On income (0 %)"]]  # fmt: skip


def test_the_history_of_a_mapping_is_shown_in_words(
    session: Db, company: Company, elsewhere: Company, browser: Browser
) -> None:
    rate = a_record(session, TaxRate, company, name="On income", for_sales=True)
    place = f"/c/{company.id}/tax-mappings"
    data = {"code": "GST", "name": "GST", "rate": "15", "side": "sales"}
    browser.post(f"{place}/new/", data)
    mapping = session.query(TaxMapping).one()
    browser.post(f"{place}/edit/?id={mapping.id}", {**data, "name": "Goods", "tax_rate": rate.id})
    text = browser.says(f"{place}/history/?id={mapping.id}")
    assert ("Our name" in text, "Goods" in text, "On income" in text, "Operator" in text) == (True,) * 4
    assert browser.get(f"/c/{elsewhere.id}/tax-mappings/history/?id={mapping.id}").status_code == 404


def test_a_rate_says_what_became_of_it_there(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    rate = a_record(session, TaxRate, company, name="On income", for_sales=True, archived=True)
    session.add(TaxMapping(company_id=company.id, code="G", name="GST", rate=15, side=Side.SALES, tax_rate_id=rate.id))
    integrate(session, connection, rate).gone = "deleted"
    session.commit()
    assert "Deleted in Xero" in browser.says(f"/c/{company.id}/tax-mappings/")


def test_companies_are_added_and_changed(session: Db, company: Company, administrator: Browser) -> None:
    administrator.post("/companies/new", {"name": "Third Ltd", "time_zone": "Pacific/Auckland"})
    third = session.query(Company).filter_by(name="Third Ltd").one()
    assert "There is no such time zone" in administrator.post("/companies/new", {"name": "X", "time_zone": "Mars"}).text
    told = administrator.post("/companies/new", {"name": "Third Ltd", "time_zone": "UTC"})
    assert "There is a company called Third Ltd already." in told.text
    administrator.post(f"/companies/edit?id={third.id}", {"name": "Third Limited", "time_zone": "UTC"})
    session.refresh(third)
    assert (third.name, third.time_zone) == ("Third Limited", "UTC")
    assert "There is no such company here." in administrator.get("/companies/edit?id=99999").text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("   ", "Give the company a name"),
        ("\u200b", "Give the company a name"),
        ("x" * 256, "At most 255 characters."),
        ("harbour\t SUPPLIES ", "There is a company called Harbour Supplies already."),
    ],
)
def test_a_company_has_a_name_that_can_be_read_and_told_from_others(
    typed: str, said: str, session: Db, company: Company, administrator: Browser
) -> None:
    assert said in administrator.post("/companies/new", {"name": typed, "time_zone": "UTC"}).text
    assert session.query(Company.name).all() == [("Harbour Supplies",)]
    place = f"/companies/edit?id={company.id}"
    administrator.post(place, {"name": " HARBOUR \n supplies", "time_zone": "UTC"})
    session.refresh(company)
    assert company.name == "HARBOUR supplies", "its own name in other letters is not taken"


def test_a_viewer_sees_no_buttons(
    session: Db, company: Company, connection: Connection, browser_as: Callable[[Role], Browser]
) -> None:
    viewer = browser_as(Role.VIEWER)
    record = a_record(session, Contact, company)
    for page in ("suppliers/", f"suppliers/details/?id={record.id}", "integrations/", "sync-queue/", "sync-jobs/"):
        text = viewer.says(f"/c/{company.id}/{page}")
        assert text.count('method="post"') == 1, page  # signing out


def test_only_an_update_of_its_kinds_makes_a_list_fresh(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    place = f"/c/{company.id}"
    a_job(session, connection, JobState.COMPLETED, work=Work.PUSH, ended_at=now())
    a_job(session, connection, JobState.COMPLETED, kinds=["item"], ended_at=now())
    assert "not updated yet" in browser.says(f"{place}/suppliers/")
    assert "not updated yet" not in browser.says(f"{place}/items/")
    a_job(session, connection, JobState.COMPLETED, ended_at=now() - timedelta(hours=3))
    assert "3 hours ago" in browser.says(f"{place}/suppliers/")


def test_a_company_is_not_updated_by_what_it_sends(session: Db, connection: Connection, browser: Browser) -> None:
    a_job(session, connection, JobState.COMPLETED, work=Work.PUSH, ended_at=now())
    assert "not yet" in browser.says("/companies/")
    a_job(session, connection, JobState.COMPLETED, ended_at=now() - timedelta(hours=3))
    assert "3 hours ago" in browser.says("/companies/")


def test_all_is_in_step_only_when_it_is(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    place, calm = f"/c/{company.id}/", "All is in step."
    assert calm not in browser.says(place)  # nothing was compared yet
    a_job(session, connection, JobState.COMPLETED, ended_at=now() - timedelta(hours=3))
    connection.push_confirmed_at = now()
    session.commit()
    assert calm in browser.says(place)
    failed = a_job(session, connection, JobState.FAILED, reason="Xero did not answer.", ended_at=now())
    text = browser.says(place)
    assert (calm in text, f"/sync-jobs/details/?id={failed.id}" in text) == (False, True)
    assert "failed: Xero did not answer." in text
    later = {"kinds": ["contact", "item"], "ended_at": now() + timedelta(seconds=1)}
    freshness.make_good(session, a_job(session, connection, JobState.COMPLETED, **later))
    session.commit()
    assert calm in browser.says(place)  # a later one made it good
    a_record(session, Contact, company)
    text = browser.says(place)
    assert (calm in text, "1 record waits</a> to be sent" in text) == (False, True)


def test_what_was_paused_on_purpose_is_no_hindrance_and_no_secret(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    a_job(session, connection, JobState.COMPLETED, ended_at=now())
    connection.push_confirmed_at = now()
    record = a_record(session, Contact, company)
    session.query(Link).filter_by(record_id=record.id).one().paused = True
    session.commit()
    assert "All is in step, but for" in browser.says(f"/c/{company.id}/")
    assert "waiting</span>" not in browser.says(f"/c/{company.id}/suppliers/")


def test_a_zone_that_an_organisation_has_can_stay_and_be_chosen_again(
    session: Db, company: Company, administrator: Browser
) -> None:
    for zone in ("Etc/GMT+12", "Pacific/Auckland", "Etc/GMT+12"):
        administrator.post(f"/companies/edit?id={company.id}", {"name": f"By {zone}", "time_zone": zone})
        session.expire_all()
        assert (company.name, company.time_zone) == (f"By {zone}", zone)
