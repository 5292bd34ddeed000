"""Account and tax-rate mappings: lists, forms, suggestions that a person confirms, and what nothing maps."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from backoffice.models import (
    Account,
    AccountMapping,
    Bill,
    Company,
    CompanySettings,
    Connection,
    CreditNote,
    History,
    Invoice,
    Item,
    Link,
    PurchaseOrder,
    Role,
    Side,
    Status,
    TaxMapping,
    TaxRate,
)
from tests.admin.conftest import Browser, Db, a_record, integrate
from tests.admin.papers import a_paper


@pytest.fixture
def accounts(session: Db, company: Company) -> None:
    """Two accounts of each side, and one of no use."""
    for code, name, sort in (
        ("200", "Sales", "REVENUE"),
        ("260", "Services", "REVENUE"),
        ("400", "Freight", "EXPENSE"),
        ("429", "Costs", "EXPENSE"),
    ):
        a_record(session, Account, company, code=code, name=name, account_type=sort, account_class=sort)
    a_record(session, Account, company, code="999", name="Old", account_class="REVENUE", archived=True)


def an_item(session: Db, company: Company, code: str, **values: Any) -> Item:
    item: Item = a_record(session, Item, company, code=code, name=f"Item {code}", **values)
    return item


def mapped(session: Db, company: Company) -> set[tuple[str, str, str]]:
    session.expire_all()
    rows = session.query(AccountMapping).filter_by(company_id=company.id)
    return {(row.side.value, row.item.code if row.item else f"*{row.item_group}", row.account_code) for row in rows}


# Accounts.


def test_items_and_groups_are_mapped_edited_and_let_go(
    session: Db, company: Company, accounts: None, browser: Browser
) -> None:
    item = an_item(session, company, "W", group="Services")
    place = f"/c/{company.id}/account-mappings/"
    assert browser.post(f"{place}new/", {"side": "sales", "item": item.id, "account_code": "260"}).status_code == 303
    browser.post(f"{place}new/", {"side": "purchases", "item_group": "Services", "account_code": "429"})
    assert mapped(session, company) == {("sales", "W", "260"), ("purchases", "*Services", "429")}
    text = browser.says(place)
    for said in ("W Item W", "All of the group Services", "260 Services", "429 Costs", "not chosen yet for sales"):
        assert said in text
    rows = list(csv.reader(io.StringIO(browser.says(f"{place}export/csv/"))))
    assert rows[0] == ["Side", "Item", "Group of items", "Account"]
    assert ["sales", "W Item W", "", "260"] in rows
    mapping = session.query(AccountMapping).filter_by(item_id=item.id).one()
    data = {"side": "sales", "item": item.id, "account_code": "200"}
    assert browser.post(f"{place}edit/?id={mapping.id}", data).status_code == 303
    assert ("sales", "W", "200") in mapped(session, company)
    history = browser.says(f"{place}history/?id={mapping.id}")
    assert ("260" in history, "200" in history, "Operator" in history) == (True, True, True)
    browser.post(f"{place}delete/", {"id": mapping.id})
    assert mapped(session, company) == {("purchases", "*Services", "429")}
    assert session.query(History).filter_by(kind="account_mapping").count() >= 3


def test_a_mapping_is_of_one_thing_to_an_account_that_suits(
    session: Db, company: Company, elsewhere: Company, accounts: None, browser: Browser
) -> None:
    item = an_item(session, company, "W")
    alien = an_item(session, elsewhere, "A")
    place = f"/c/{company.id}/account-mappings/new/"
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"side": "sales", "account_code": "200"}, "Name an item or a group"),
        ({"side": "sales", "item": item.id, "item_group": "G", "account_code": "200"}, "not both"),
        ({"side": "sales", "item": item.id, "account_code": "429"}, "is not for sales"),
        ({"side": "sales", "item": item.id, "account_code": "999"}, "This was not saved."),
        ({"side": "sales", "item": item.id, "account_code": ""}, "Choose an account."),
        ({"side": "sideways", "item": item.id, "account_code": "200"}, "This was not saved."),
        ({"side": "sales", "item": alien.id, "account_code": "200"}, "Name an item or a group"),
        ({"side": "sales", "item_group": "G" * 61, "account_code": "200"}, "This was not saved."),
        ({"side": "sales", "item_group": "\0", "account_code": "200"}, "cannot be kept"),
    ]
    for data, said in wrong:
        told = browser.post(place, data)
        assert (told.status_code, said in told.text) == (200, True), (data, said)
    data = {"side": "sales", "item": item.id, "account_code": "200"}
    browser.post(place, data)
    assert "there can be only one" in browser.post(place, data).text
    assert mapped(session, company) == {("sales", "W", "200")}


def test_a_new_mapping_is_prefilled_from_the_address(
    session: Db, company: Company, elsewhere: Company, accounts: None, browser: Browser
) -> None:
    item = an_item(session, company, "W")
    place = f"/c/{company.id}"
    text = browser.says(f"{place}/account-mappings/new/?side=purchases&item={item.id}&group=G%26")
    assert ("W Item W" in text, 'selected value="purchases"' in text, "G&amp;" in text) == (True, True, True)
    text = browser.says(f"{place}/tax-mappings/new/?side=purchases&code=Z%22")
    assert text.count("Z&#34;") == 2
    alien = an_item(session, elsewhere, "HIDDEN")
    for odd in (f"item={alien.id}", "item=x", "side=x&group=%00", "item=99999999999999999999"):
        assert "HIDDEN" not in browser.says(f"{place}/account-mappings/new/?{odd}")


def test_an_account_that_is_gone_is_said_to_be(session: Db, company: Company, accounts: None, browser: Browser) -> None:
    item = an_item(session, company, "W")
    session.add(AccountMapping(company_id=company.id, side=Side.SALES, item_id=item.id, account_code="999"))
    session.commit()
    place = f"/c/{company.id}/account-mappings/"
    assert "Archived, or no longer there" in browser.says(place)
    mapping = session.query(AccountMapping).one()
    assert "999: archived, or no longer there" in browser.says(f"{place}edit/?id={mapping.id}")


def test_the_group_of_an_integrated_item_can_be_set(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    item = an_item(session, company, "W")
    integrate(session, connection, item)
    place = f"/c/{company.id}/items/"
    text = browser.says(place)
    assert 'data-pk="' in text
    told = browser.post(f"{place}ajax/update/", {"list_form_pk": item.id, "group": "Services"})
    assert told.status_code == 200
    told = browser.post(f"{place}ajax/update/", {"list_form_pk": item.id, "description": "Changed"})
    assert told.status_code == 409
    session.refresh(item)
    assert (item.group, item.description, item.revision) == ("Services", None, 1)
    assert "W Item W" in browser.says(f"{place}?flt0_group_contains=serv") or "Item W" in browser.says(
        f"{place}?search=Services"
    )


def test_suggestions_come_from_lines_then_groups_then_the_default(
    session: Db, company: Company, accounts: None, browser: Browser
) -> None:
    used = an_item(session, company, "USED", is_sold=False)
    an_item(session, company, "MATE", group="Freight", purchase_account="400", is_sold=False)
    grouped = an_item(session, company, "GROUPED", group="freight", is_sold=False)
    plain = an_item(session, company, "PLAIN", is_sold=False)
    an_item(session, company, "MAPPEDGROUP", group="Done", is_sold=False)
    session.add(AccountMapping(company_id=company.id, side=Side.PURCHASES, item_group="Done", account_code="400"))
    line = {"description": "x", "item_code": "USED", "account_code": "429"}
    a_paper(session, Bill, company, lines=[line, line, {**line, "account_code": "400"}])
    session.query(CompanySettings).filter_by(company_id=company.id).one().expense_account = "400"
    session.commit()
    place = f"/c/{company.id}/account-mappings/suggestions/"
    text = browser.says(place)
    for said in (
        "used on 2 lines of it",
        "as others of its group",
        "default for purchases",
        "Confirm all suggested (3)",
    ):
        assert said in text, said
    assert "MAPPEDGROUP" not in text
    browser.post(place, {"pick": f"purchases-{plain.id}", f"choice-purchases-{plain.id}": "429"})
    assert ("purchases", "PLAIN", "429") in mapped(session, company)
    browser.post(place, {"pick": f"purchases-{used.id}", f"choice-purchases-{used.id}": "200"})  # not for purchases
    assert ("purchases", "USED", "200") not in mapped(session, company)
    assert "2 mappings confirmed" in browser.post(place, {"all": "yes"}, follow=True).text
    wanted = {("purchases", "USED", "429"), ("purchases", "GROUPED", "400"), ("purchases", "PLAIN", "429")}
    assert wanted <= mapped(session, company)
    assert grouped.code not in browser.says(place)
    assert "Nothing was chosen" in browser.post(place, {"pick": "x", "choice-x": "\0"}, follow=True).text


# Taxes.


def test_tax_suggestions_go_by_rate_then_name_and_never_guess(session: Db, company: Company, browser: Browser) -> None:
    for code, name, rate in (
        ("OUTPUT2", "15% GST on Income", 15),
        ("OTHER", "15% Import levy", 15),
        ("ZERO", "Zero rated", 0),
        ("A", "Same", 5),
        ("B", "Same", 5),
    ):
        a_record(session, TaxRate, company, code=code, name=name, rate=Decimal(rate), for_sales=True)
    a_record(session, TaxRate, company, code="IN", name="GST on costs", rate=Decimal(15), for_purchases=True)
    common: dict[str, Any] = {"company_id": company.id, "side": Side.SALES}
    session.add_all(
        [
            TaxMapping(code="GST", name="GST on income", rate=Decimal(15), **common),
            TaxMapping(code="ZR", name="Nothing", rate=Decimal(0), **common),
            TaxMapping(code="TWIN", name="Same", rate=Decimal(5), **common),
            TaxMapping(code="NONE", name="Odd", rate=Decimal(7), **common),
        ]
    )
    session.commit()
    place = f"/c/{company.id}/tax-mappings/suggestions/"
    text = browser.says(place)
    for said in (
        "called most alike",
        "the only one of 0 %",
        "2 rates are 5 %",
        "no rate there is 7 %",
        "suggested (2)",
    ):
        assert said in text, said
    browser.post(place, {"all": "yes"})
    session.expire_all()
    paired = {row.code: row.tax_rate.code for row in session.query(TaxMapping) if row.tax_rate}
    assert paired == {"GST": "OUTPUT2", "ZR": "ZERO"}
    twin = session.query(TaxMapping).filter_by(code="TWIN").one()
    wrong_side = session.query(TaxRate).filter_by(code="IN").one()
    browser.post(place, {"pick": str(twin.id), f"choice-{twin.id}": str(wrong_side.id)})
    session.refresh(twin)
    assert twin.tax_rate_id is None
    right = session.query(TaxRate).filter_by(code="B").one()
    browser.post(place, {"pick": str(twin.id), f"choice-{twin.id}": str(right.id)})
    session.refresh(twin)
    assert twin.tax_rate_id == right.id


# What nothing maps.


def test_what_documents_wait_for_is_counted_and_leads_to_its_mending(
    session: Db, company: Company, elsewhere: Company, connection: Connection, accounts: None, browser: Browser
) -> None:
    a_record(session, TaxRate, company, code="OUTPUT2", name="Known", for_sales=True)
    unpaired = TaxMapping(company_id=company.id, code="UNPAIRED", name="U", rate=1, side=Side.PURCHASES)
    session.add(unpaired)
    item = an_item(session, company, "BARE", purchase_account=None)
    line = {"description": "x", "account_code": "429", "tax_code": "UNPAIRED"}
    approved = Status.APPROVED
    a_paper(session, Bill, company, name="B1", status=approved, lines=[line, line])
    a_paper(session, Bill, company, name="B2", lines=[line])
    a_paper(session, PurchaseOrder, company, name="P1", status=approved, lines=[{**line, "tax_code": "NOWHERE"}])
    a_paper(
        session,
        Invoice,
        company,
        name="I1",
        status=approved,
        lines=[{**line, "account_code": "999", "tax_code": "OUTPUT2"}],
    )
    a_paper(
        session,
        CreditNote,
        company,
        name="C1",
        side=Side.SALES,
        status=approved,
        lines=[{**line, "account_code": "200", "tax_code": "NOTED"}],
    )
    a_paper(session, Bill, company, name="B3", status=approved, lines=[{"description": "x", "item_code": "BARE"}])
    a_paper(
        session, Bill, company, name="B4", status=Status.VOIDED, archived=True, lines=[{**line, "tax_code": "VOIDED"}]
    )
    gone = a_paper(session, Bill, company, name="B5", status=approved, lines=[{**line, "tax_code": "SENT"}])
    integrate(session, connection, gone)
    a_paper(session, Bill, elsewhere, name="ELSEWHERE-1", status=approved, lines=[{**line, "tax_code": "HIDDEN"}])
    place = f"/c/{company.id}/not-mapped/"
    text = browser.says(place)
    rows = {
        re.sub("<[^>]+>", "", cells[0]): (
            re.sub("<[^>]+>", "", cells[3]).strip(),
            re.sub("<[^>]+>", "", cells[4]).strip(),
        )
        for row in re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL)
        if len(cells := re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)) == 6
    }
    assert rows == {
        "Tax code UNPAIRED": ("1", "2"), "Tax code NOWHERE": ("1", "1"), "Tax code NOTED": ("1", "1"),
        "Account 999": ("1", "1"), "Item BARE Item BARE": ("1", "1"),
    }  # fmt: skip
    assert f"/tax-mappings/edit/?id={unpaired.id}" in text
    assert f"item={item.id}" in text
    assert "code=NOWHERE" in text
    listed = browser.says(f"{place}documents/?what=tax&side=purchases&code=UNPAIRED")
    assert "/bills/details/" in listed
    assert [name for name in ("B1", "B2", "B3") if name in words(listed)] == ["B1", "B2"]
    assert "C1" in words(browser.says(f"{place}documents/?what=tax&side=sales&code=NOTED"))
    assert "C1" not in words(browser.says(f"{place}documents/?what=tax&side=purchases&code=NOTED"))
    assert "B3" in words(browser.says(f"{place}documents/?what=item&side=purchases&code=BARE"))
    assert "ELSEWHERE-1" not in browser.says(f"{place}documents/?what=tax&side=purchases&code=HIDDEN")
    for odd in ("", "?what=x&side=y&code=%00", "?what=tax&side=sales&code=" + "x" * 999):
        browser.says(f"{place}documents/{odd}")
    a_record(session, TaxRate, company, code="NOWHERE", name="Came", for_purchases=True)
    assert "NOWHERE" not in browser.says(place)
    assert session.query(Link).count() > 0


def words(page: str) -> str:
    """What can be read on a page: a token in its tags may hold any two letters."""
    return re.sub("<[^>]+>", " ", page)


def test_viewers_see_mappings_and_change_none(
    session: Db, company: Company, accounts: None, browser_as: Callable[[Role], Browser]
) -> None:
    item = an_item(session, company, "W")
    viewer = browser_as(Role.VIEWER)
    for path in ("account-mappings/", "account-mappings/suggestions/", "tax-mappings/suggestions/", "not-mapped/"):
        assert viewer.says(f"/c/{company.id}/{path}").count('method="post"') == 1, path  # signing out
    for path in ("account-mappings/new/", "account-mappings/suggestions/", "tax-mappings/suggestions/"):
        data = {"side": "sales", "item": item.id, "account_code": "200", "all": "yes"}
        assert viewer.post(f"/c/{company.id}/{path}", data).status_code == 403
    assert mapped(session, company) == set()


def test_another_companys_mapping_is_nowhere(
    session: Db, company: Company, elsewhere: Company, browser: Browser
) -> None:
    session.add(AccountMapping(company_id=elsewhere.id, side=Side.SALES, item_group="Hidden", account_code="200"))
    session.commit()
    mapping = session.query(AccountMapping).one()
    place = f"/c/{company.id}/account-mappings/"
    assert "Hidden" not in browser.says(place)
    assert "Hidden" not in browser.says(f"{place}export/csv/")
    for path in ("edit", "history"):
        assert browser.get(f"{place}{path}/?id={mapping.id}").status_code == 404
    assert browser.post(f"{place}delete/", {"id": mapping.id}).status_code == 404
    for odd in ("page=-1", "sort=99", "search=%00", "flt0_side_is=x", "page_size=1000000", "sort=4"):
        browser.says(f"{place}?{odd}")
