"""The forms of documents: what is typed is kept to the cent, and what cannot be kept is said at its field."""

from __future__ import annotations

import datetime as dt
import html
import re
from decimal import Decimal
from typing import Any

import pytest

from backoffice.models import (
    Bill,
    Company,
    CompanySettings,
    Connection,
    Contact,
    CreditNote,
    Invoice,
    Link,
    PurchaseOrder,
    Role,
    Side,
    Status,
    TaxMapping,
    TaxRate,
    Treatment,
)
from tests.admin.conftest import Browser, Db, integrate
from tests.admin.papers import (
    SCREENS,
    a_paper,
    a_party,
    approved,
    form_values,
    line,
    typed,
    what_lines_name,
)

KINDS = pytest.mark.parametrize("model", list(SCREENS), ids=lambda model: model.kind)


def place(model: Any, company: Company, rest: str = "") -> str:
    return f"/c/{company.id}/{SCREENS[model]}/{rest}"


@KINDS
def test_a_document_is_written_with_its_lines(model: Any, session: Db, company: Company, browser: Browser) -> None:
    what_lines_name(session, company)
    a_party(session, company)
    session.commit()
    sales = model in (Invoice, CreditNote)
    code = "OUTPUT2" if sales else "INPUT2"
    answer = browser.post(
        place(model, company, "new/"),
        typed(
            "acme ltd",
            line(1, description="Paper", quantity="3", unit_price="1,234.50", account_code="300", tax_code=code),
            line(4, description="Only words"),
        ),
        follow=True,
    )
    assert "was added." in answer.text
    paper = session.query(model).one()
    assert paper.contact.name == "Acme Ltd"
    assert (paper.sub_total, paper.tax_total, paper.total) == (
        Decimal("3703.50"), Decimal("555.53"), Decimal("4259.03"),
    )  # fmt: skip
    assert [(one.position, one.description, one.quantity) for one in paper.lines] == [
        (1, "Paper", 3),
        (2, "Only words", 1),
    ]
    assert "4,259.03" in browser.says(place(model, company, f"details/?id={paper.id}"))
    assert (paper.name == "") == (model is Bill), "a supplier's bill has a number of its own"
    named = paper.name or "Bill without a number"
    assert f'details/?id={paper.id}">{named}</a>' in browser.get(place(model, company)).text


def test_an_item_fills_what_was_left_empty(session: Db, company: Company, browser: Browser) -> None:
    named = what_lines_name(session, company)
    a_party(session, company)
    session.commit()
    tags = {"tracking_1_id": named["north"].id, "tracking_2_id": named["office"].id}
    for screen in ("purchase-orders", "invoices"):
        browser.post(f"/c/{company.id}/{screen}/new/", typed("Acme Ltd", line(1, item_code="w-1", quantity=2, **tags)))
    bought: Any = session.query(PurchaseOrder).one().lines[0]
    sold: Any = session.query(Invoice).one().lines[0]
    assert (bought.item_code, bought.description, bought.unit_price) == ("W-1", "A widget for us", Decimal("12.34"))
    assert (bought.account_code, bought.tax_code) == ("300", "INPUT2")
    assert (sold.description, sold.unit_price, sold.account_code) == ("A widget for you", Decimal("20.5"), "200")
    assert (sold.tracking_1.name, sold.tracking_2.name) == ("North", "Office")
    found = browser.get(f"/c/{company.id}/invoices/lookup/?what=item&q=widg").get_json()
    assert [(one["value"], one["fills"]["unit_price"]) for one in found] == [("W-1", "20.5")]
    assert browser.get(f"/c/{company.id}/bills/lookup/?what=party&q=acm").get_json()[0]["value"] == "Acme Ltd"


@pytest.mark.parametrize(
    ("fields", "anchor", "said"),
    [
        ({"quantity": "many"}, "quantity", "This is not a number"),
        ({"quantity": "1,234"}, "quantity", "read in two ways"),
        ({"unit_price": "1,5"}, "unit_price", "behind a point: 1.5"),
        ({"unit_price": "1.23456"}, "unit_price", "at most 4 decimal places"),
        ({"unit_price": "9" * 30}, "unit_price", "too large"),
        ({"unit_price": "1e400"}, "unit_price", "not a number"),
        ({"unit_price": "NaN"}, "unit_price", "not a number"),
        ({"unit_price": "٣"}, "unit_price", "not a number"),
        ({"quantity": "999999999", "unit_price": "999999999"}, "unit_price", "comes to more than"),
        ({"discount": "101"}, "discount", "too large; the most is 100"),
        ({"discount": "-1"}, "discount", "not below nothing"),
        ({"item_code": "NOPE"}, "item_code", "no active item"),
        ({"item_code": "x" * 31}, "item_code", "too long"),
        ({"account_code": "999"}, "account_code", "no active account"),
        ({"tax_code": "INPUT2"}, "tax_code", "no tax code for this side"),
        ({"tracking_1_id": "99999999999999999999"}, "tracking_1_id", "not there any more"),
        ({"tracking_1_id": "7' OR 1=1"}, "tracking_1_id", "not there any more"),
        ({"description": "a\x00b"}, "description", "cannot be kept"),
        ({"description": "x" * 4001}, "description", "too long"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    fields: dict[str, str], anchor: str, said: str, session: Db, company: Company, browser: Browser
) -> None:
    what_lines_name(session, company)
    a_party(session, company)
    session.commit()
    answer = browser.post(
        f"/c/{company.id}/invoices/new/",
        typed("Acme Ltd", line(1, description="First"), line(2, **{"description": "Kept", **fields}), reference="R-9"),
    )
    text = html.unescape(answer.text)
    assert answer.status_code == 200
    assert said in text
    assert f'href="#lines.2.{anchor}"' in text
    assert f'id="lines.2.{anchor}-error"' in text
    assert 'value="R-9"' in text
    kept = form_values(answer.text)
    assert {k: kept[f"lines.2.{k}"] for k in fields if k not in ("description", "tax_code")} == {
        k: v for k, v in fields.items() if k not in ("description", "tax_code")
    }
    assert session.query(Invoice).count() == 0


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # which cannot be asked for such a code
@pytest.mark.parametrize("column", ["item_code", "account_code", "tax_code"])
def test_a_code_with_a_character_that_no_text_holds_is_told_at_its_field(
    column: str, session: Db, company: Company, browser: Browser
) -> None:
    what_lines_name(session, company)
    document = a_paper(session, Invoice, company)
    session.commit()
    bent = line(1, id=document.lines[0].id, description="Kept", **{column: "a\x00b"})
    answer = browser.post(f"/c/{company.id}/invoices/edit/?id={document.id}", typed("Acme Ltd", bent, revision="1"))
    assert answer.status_code == 200
    assert "cannot be kept" in answer.text
    assert f'id="lines.1.{column}-error"' in answer.text


def test_two_options_of_one_category_are_turned_down(session: Db, company: Company, browser: Browser) -> None:
    named = what_lines_name(session, company)
    a_party(session, company)
    session.commit()
    both = line(1, description="x", tracking_1_id=named["north"].id, tracking_2_id=named["south"].id)
    assert "Both are Region" in browser.post(f"/c/{company.id}/bills/new/", typed("Acme Ltd", both)).text


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ({"contact": ""}, "Choose who it is for."),
        ({"contact": "Nobody"}, "There is no contact called Nobody"),
        ({"contact": "Put away"}, "is archived"),
        ({"contact": "x" * 5000}, "There is no contact called"),
        ({"contact": "a\x00"}, "cannot be kept"),
        ({"date": ""}, "Choose a date."),
        ({"date": "2026-13-45"}, "This is no date"),
        ({"date": "0001-01-01"}, "cannot be right"),
        ({"due_date": "soon"}, "This is no date"),
        ({"currency": "DOLLARS"}, "three letters"),
        ({"currency_rate": "-1"}, "above nothing"),
        ({"currency_rate": "0"}, "above nothing"),
        ({"reference": "x" * 256}, "too long"),
        ({"name": "a\x00"}, "cannot be kept"),
        ({"treatment": "odd"}, "This was not saved"),
    ],
)
def test_a_head_is_checked(head: dict[str, str], said: str, session: Db, company: Company, browser: Browser) -> None:
    a_party(session, company)
    session.add(Contact(company_id=company.id, name="Put away", supplier_here=True, archived=True))
    session.commit()
    values = {**typed("Acme Ltd", line(1, description="Paper")), **head}
    answer = browser.post(f"/c/{company.id}/bills/new/", values)
    assert answer.status_code == 200
    assert said in html.unescape(answer.text)
    assert session.query(Bill).count() == 0


def test_more_than_500_lines_are_turned_down_in_a_sentence(session: Db, company: Company, browser: Browser) -> None:
    a_party(session, company)
    session.commit()
    lines = [line(at, description=f"Line {at}") for at in range(1, 10_001)]
    answer = browser.post(f"/c/{company.id}/bills/new/", typed("Acme Ltd", *lines))
    assert "at most 500 lines; these are 10,000" in answer.text
    assert browser.post(f"/c/{company.id}/bills/new/", typed("Acme Ltd", *lines[:500])).status_code == 303
    assert len(session.query(Bill).one().lines) == 500


def test_half_a_form_changes_nothing(session: Db, company: Company, browser: Browser) -> None:
    paper = a_paper(session, Bill, company)
    values = form_values(browser.says(place(Bill, company, f"edit/?id={paper.id}")))
    values.pop("lines.end")
    assert "was not complete" in browser.post(place(Bill, company, f"edit/?id={paper.id}"), values).text
    session.expire_all()
    assert (len(paper.lines), paper.revision) == (1, 1)


@KINDS
def test_lines_are_changed_moved_added_and_taken_away_in_one_edit(
    model: Any, session: Db, company: Company, browser: Browser
) -> None:
    paper = a_paper(session, model, company, lines=[{"description": word} for word in ("one", "two", "three")])
    ids = {one.description: one.id for one in paper.lines}
    edit = place(model, company, f"edit/?id={paper.id}")
    values = form_values(browser.says(edit))
    kept = {key: value for key, value in values.items() if not key.startswith("lines.")}
    # As a browser sends rows that were moved: in the order in which they stand.
    kept |= line(3, id=ids["three"], description="three", quantity="2", unit_price="5")
    kept |= line(1, id=ids["one"], description="one")
    kept |= line(7, description="new")
    assert browser.post(edit, {**kept, "lines.end": "1"}).status_code == 303
    session.expire_all()
    assert [(one.description, one.position) for one in paper.lines] == [("three", 1), ("one", 2), ("new", 3)]
    assert (paper.lines[0].id, paper.lines[1].id) == (ids["three"], ids["one"])
    assert (paper.revision, paper.total) == (2, Decimal("10.00"))


def test_a_line_of_another_document_is_not_taken_over(session: Db, company: Company, browser: Browser) -> None:
    mine, other = (a_paper(session, Bill, company, name=name) for name in ("Mine", "Other"))
    edit = place(Bill, company, f"edit/?id={mine.id}")
    values = {**form_values(browser.says(edit)), "lines.1.id": str(other.lines[0].id), "lines.1.description": "Stolen"}
    browser.post(edit, values)
    session.expire_all()
    assert [one.description for one in other.lines] == ["Paper"]
    assert [one.description for one in mine.lines] == ["Stolen"]


def test_the_later_of_two_forms_is_stopped_with_its_lines_kept(session: Db, company: Company, browser: Browser) -> None:
    paper = a_paper(session, Bill, company)
    edit = place(Bill, company, f"edit/?id={paper.id}")
    first = form_values(browser.says(edit))
    assert browser.post(edit, {**first, "lines.1.description": "Earlier"}).status_code == 303
    late = browser.post(edit, {**first, "lines.1.description": "Later"})
    assert "changed this meanwhile" in late.text
    assert "Earlier" in late.text
    assert form_values(late.text)["lines.1.description"] == "Later"
    assert browser.post(edit, form_values(late.text)).status_code == 303
    session.expire_all()
    assert [one.description for one in paper.lines] == ["Later"]


def test_numbers_are_not_given_twice(session: Db, company: Company, browser: Browser) -> None:
    for model in (PurchaseOrder, Bill):
        a_paper(session, model, company, name="N-1")
    a_party(session, company, "Other Ltd")
    session.commit()

    def new(screen: str, party: str) -> str:
        return browser.post(f"/c/{company.id}/{screen}/new/", typed(party, line(1, description="x"), name="n-1")).text

    assert "is here already" in new("purchase-orders", "Other Ltd")
    assert "is here already from Acme Ltd" in new("bills", "Acme Ltd")
    assert "is here already" not in new("bills", "Other Ltd"), "another supplier's numbers are its own"


def test_a_bill_keeps_its_number_only_where_its_new_party_has_none_like_it(
    session: Db, company: Company, browser: Browser
) -> None:
    a_paper(session, Bill, company, name="N-1", contact=a_party(session, company, "Other Ltd"))
    mine = a_paper(session, Bill, company, name="N-1")
    edit = place(Bill, company, f"edit/?id={mine.id}")
    text = browser.post(edit, {**form_values(browser.says(edit)), "contact": "Other Ltd"}).text
    assert "is here already from Other Ltd" in text


def test_a_suppliers_credit_note_has_a_number_among_its_own(session: Db, company: Company, browser: Browser) -> None:
    a_paper(session, CreditNote, company, name="N-1", side=Side.PURCHASES)
    a_party(session, company, "Other Ltd")
    session.commit()

    def new(side: str, party: str) -> str:
        values = typed(party, line(1, description="x"), name="N-1")
        return browser.post(f"/c/{company.id}/credit-notes/new/?side={side}", values).text

    assert "is here already from Acme Ltd" in new("purchases", "Acme Ltd")
    assert "is here already" not in new("purchases", "Other Ltd")
    assert "is here already" not in new("sales", "Acme Ltd"), "what we write is numbered by itself"


def test_the_date_is_today_where_the_company_is(session: Db, company: Company, browser: Browser) -> None:
    company.time_zone = "Pacific/Kiritimati"
    session.commit()
    shown = form_values(browser.says(place(Bill, company, "new/")))["date"]
    assert shown == (dt.datetime.now(dt.UTC) + dt.timedelta(hours=14)).date().isoformat()


def test_expenses_are_bills_on_a_screen_of_their_own(session: Db, company: Company, browser: Browser) -> None:
    a_party(session, company, "Corner shop")
    a_paper(session, Bill, company, name="B-77")
    browser.post(f"/c/{company.id}/expenses/new/", typed("Corner shop", line(1, description="Milk"), name="R-55"), True)
    assert session.query(Bill).filter_by(expense=True).one().name == "R-55"
    for path, seen in (("bills/", (True, False)), ("bills/?show=all", (True, True)), ("expenses/", (False, True))):
        text = browser.says(f"/c/{company.id}/{path}")
        assert ("B-77" in text, "R-55" in text) == seen, path


def test_our_tax_codes_come_first_and_count(session: Db, company: Company, browser: Browser) -> None:
    what_lines_name(session, company)
    a_party(session, company)
    session.add(TaxMapping(company_id=company.id, code="STD", name="Standard", rate=Decimal(20), side=Side.SALES))
    session.commit()
    text = browser.says(place(Invoice, company, "new/"))
    assert text.index('value="STD"') < text.index('value="OUTPUT2"')
    assert 'value="INPUT2"' not in text
    values = typed("Acme Ltd", line(1, description="x", unit_price="100", tax_code="STD"), treatment="inclusive")
    browser.post(place(Invoice, company, "new/"), values)
    paper = session.query(Invoice).one()
    assert (paper.treatment, paper.tax_total, paper.total) == (Treatment.INCLUSIVE, Decimal("16.67"), Decimal(100))


def test_a_rate_that_makes_no_sense_breaks_no_page(session: Db, company: Company, browser: Browser) -> None:
    a_party(session, company)
    session.add(TaxMapping(company_id=company.id, code="ODD", name="Odd", rate=Decimal(-100), side=Side.PURCHASES))
    session.add(TaxRate(company_id=company.id, code="HUGE", name="Huge", rate=Decimal(10) ** 13, for_purchases=True))
    session.commit()
    for code in ("ODD", "HUGE"):
        one = line(1, description="x", unit_price="100000", tax_code=code)
        answer = browser.post(place(Bill, company, "new/"), typed("Acme Ltd", one, treatment="inclusive"))
        assert answer.status_code in (200, 303), code
        exclusive = browser.post(place(Bill, company, "new/"), typed("Acme Ltd", one))
        assert exclusive.status_code in (200, 303), code


def test_an_orders_long_price_is_warned_of(session: Db, company: Company, browser: Browser) -> None:
    lines = [{"description": "Screw", "unit_price": Decimal("1.2345"), "quantity": Decimal(10)}]
    order = a_paper(session, PurchaseOrder, company, lines=lines)
    invoice = a_paper(session, Invoice, company, lines=lines)
    assert "1.2345 becomes 1.23" in browser.says(place(PurchaseOrder, company, f"details/?id={order.id}"))
    assert "becomes" not in browser.says(place(Invoice, company, f"details/?id={invoice.id}"))
    assert (order.total, invoice.total) == (Decimal("12.30"), Decimal("12.35"))


def test_both_totals_are_shown_where_they_differ(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    paper = approved(session, Invoice, company, their_total=Decimal("100.01"), their_status="AUTHORISED")
    text = browser.says(place(Invoice, company, f"details/?id={paper.id}"))
    assert ("100.00" in text, "100.01" in text, "differ by 0.01" in text) == (True, True, True)
    assert "In Xero: Authorised" in text


def test_a_refusal_leads_to_the_very_field(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    paper = approved(session, Bill, company)
    link = integrate(session, connection, paper)
    link.refusal, link.refusal_cause = "Account 300 is archived.", "account_archived"
    link.refusal_column = "lines.1.account_code"
    link.findings = [
        {"message": "Account 300 is archived.", "cause": "account_archived", "column": "lines.1.account_code"},
        {"message": "The due date is missing.", "cause": "due_date", "column": "due_date"},
    ]
    session.commit()
    text = browser.says(place(Bill, company, f"details/?id={paper.id}"))
    form = browser.says(place(Bill, company, f"edit/?id={paper.id}"))
    for column in ("lines.1.account_code", "due_date"):
        assert f"edit/?id={paper.id}#{column}" in text
        assert f'id="{column}"' in form
    assert "The due date is missing." in text
    assert re.search(r'id="contact_id"', form)
    listed = browser.says(place(Bill, company, "?flt0_refused_for_is=account_archived"))
    assert "Acme Ltd" in listed
    assert "1 × Account 300 is archived." in listed
    assert "Nothing here fits" in browser.says(place(Bill, company, "?flt0_refused_for_is=other"))


@KINDS
def test_lists_are_filtered_searched_and_sorted(
    model: Any, session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    other = a_party(session, company, "Zeta Ltd")
    a_paper(session, model, company, name="EARLY", date=dt.date(2026, 1, 5), reference="ref-77")
    approved(session, model, company, name="LATE", contact=other, date=dt.date(2026, 6, 5), their_status="PAID")

    def listed(arguments: str) -> list[str]:
        text = browser.says(place(model, company, f"?{arguments}"))
        found = {word: text.index(f">{word}</a>") for word in ("EARLY", "LATE") if f">{word}</a>" in text}
        return sorted(found, key=lambda word: found[word])

    party = {Invoice: "customer", CreditNote: "party"}.get(model, "supplier")
    assert listed("") == ["LATE", "EARLY"]
    assert listed("search=ref-77") == ["EARLY"]
    assert listed("search=zeta") == ["LATE"]
    assert listed("flt0_status_here_is=approved") == ["LATE"]
    assert listed("flt0_status_there_is=PAID") == ["LATE"]
    assert listed(f"flt0_{party}_contains=zeta") == ["LATE"]
    assert listed("flt0_from_is=2026-03-01") == ["LATE"]
    assert listed("flt0_until_is=2026-03-01") == ["EARLY"]
    assert listed("flt0_until_is=never&flt1_from_is=%00") == ["LATE", "EARLY"]
    assert listed("sort=1") == ["EARLY", "LATE"]
    assert "100.00" in browser.says(place(model, company))


def test_viewers_see_and_change_nothing(session: Db, company: Company, browser_as: Any, connection: Connection) -> None:
    viewer: Browser = browser_as(Role.VIEWER)
    for model in SCREENS:
        paper = approved(session, model, company)
        text = viewer.says(place(model, company, f"details/?id={paper.id}"))
        assert "Acme Ltd" in text
        for button in (">Approve<", ">Void<", ">Edit<", ">Make bill<", ">Record payment<", ">Attach<"):
            assert button not in text, (model, button)
        assert viewer.post(place(model, company, "step/"), {"id": paper.id, "to": "voided"}).status_code == 403
        assert viewer.post(place(model, company, "attach/"), {"id": paper.id}).status_code == 403
        assert viewer.get(place(model, company, "new/")).status_code == 403


def test_a_contact_is_of_a_side_once_it_is_used_there(session: Db, company: Company, browser: Browser) -> None:
    session.add(Contact(company_id=company.id, name="Just a name"))
    session.commit()
    browser.post(place(Invoice, company, "new/"), typed("Just a name", line(1, description="x")))
    contact = session.query(Contact).one()
    assert (contact.customer_here, contact.supplier_here) == (True, False)


def test_a_credit_note_has_the_side_it_was_begun_on(session: Db, company: Company, browser: Browser) -> None:
    a_party(session, company)
    session.commit()
    for side in Side:
        path = place(CreditNote, company, f"new/?side={side.value}")
        page = browser.says(path)
        party = "Customer" if side is Side.SALES else "Supplier"
        assert (f'<label for="contact_id">{party} ' in page, "Discount %" in page) == (True, False)
        assert browser.post(path, typed("Acme Ltd", line(1, description="x"))).status_code == 303
    assert {note.side for note in session.query(CreditNote)} == set(Side)
    assert browser.get(place(CreditNote, company, "new/?side=%00")).status_code == 200


def test_nothing_of_an_unsent_draft_waits(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    a_party(session, company)
    session.commit()
    browser.post(place(Bill, company, "new/"), typed("Acme Ltd", line(1, description="x")))
    assert session.query(Bill).one().status is Status.DRAFT
    assert session.query(Link).filter_by(kind="bill").count() == 0
    assert session.query(CompanySettings).count() == 1


ODD_IDS = ("", "x", "0", "-1", "99999999999999999999", "\x00", "1;2", "١")


def test_no_odd_value_breaks_a_page(session: Db, company: Company, connection: Connection, browser: Browser) -> None:
    note = approved(session, CreditNote, company)
    order = approved(session, PurchaseOrder, company)
    base = f"/c/{company.id}"
    places = [f"{screen}/{rest}/" for screen in SCREENS.values() for rest in ("step", "attach", "edit", "details")]
    places += [
        "purchase-orders/bill/",
        "credit-notes/allocate/",
        "payments/void/",
        "payments/edit/",
        "payments/details/",
    ]
    places += ["allocations/take-back/", "attachments/remove/", "attachments/download/", "changed-there/"]
    for path in places:
        for odd in ODD_IDS[3:6]:
            data = {"id": odd, "link": odd, "to": odd, "revision": odd, "how": odd}
            assert browser.post(f"{base}/{path}", data).status_code in (200, 303, 404, 405), (path, odd)
            assert browser.client.get(f"{base}/{path}", query_string=data).status_code in (200, 302, 404, 405), (
                path,
                odd,
            )
    for odd in (*ODD_IDS, "1" * 5000, "NaN", "Infinity", "1e999"):
        data = {"id": note.id, "revision": odd, "to": odd, f"amount-{odd}": odd, "url": f"//{odd}"}
        assert browser.post(f"{base}/credit-notes/step/", data).status_code in (303, 404)
        assert browser.post(f"{base}/credit-notes/allocate/", data).status_code == 200
        one = {"id": order.id, f"quantity-{order.lines[0].id}": odd, "whole-": odd}
        assert browser.post(f"{base}/purchase-orders/bill/", one).status_code in (200, 303)
        for what in ("party", "item", odd):
            answer = browser.client.get(f"{base}/bills/lookup/", query_string={"what": what, "q": odd, "side": odd})
            assert answer.status_code == 200
        lines = {
            f"lines.{at}.{name}": odd for at in ("1", "0", "999999", odd) for name in ("id", "quantity", "odd", "")
        }
        assert browser.post(f"{base}/bills/new/", typed("Acme Ltd", lines, due_date=odd)).status_code in (200, 303)


def test_the_history_names_people_and_states_in_words(session: Db, company: Company, browser: Browser) -> None:
    named = what_lines_name(session, company)
    paper = a_paper(session, Bill, company, status=Status.AWAITING_APPROVAL)
    a_party(session, company, "Zeta Ltd")
    session.commit()
    edit = place(Bill, company, f"edit/?id={paper.id}")
    values = {**form_values(browser.says(edit)), "contact": "Zeta Ltd", "lines.1.tracking_1_id": str(named["north"].id)}
    assert browser.post(edit, values, True).status_code == 200
    browser.post(place(Bill, company, "step/"), {"id": paper.id, "to": "approved"}, True)
    text = browser.says(place(Bill, company, f"history/?id={paper.id}"))
    for word in (">Acme Ltd<", ">Zeta Ltd<", ">Awaiting approval<", ">Approved<", ">North<", "Line 1: Tracking"):
        assert word in text, word
