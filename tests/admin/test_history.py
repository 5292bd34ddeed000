"""The history of a company: searched, and what stood somewhere brought back as an ordinary edit."""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Boolean, Date, Enum, select

from backoffice import clock
from backoffice.admin import history_search
from backoffice.admin.doors import forms
from backoffice.database import Exact
from backoffice.models import (
    RECORDS,
    Account,
    Alert,
    Author,
    Bill,
    Company,
    Connection,
    Contact,
    History,
    Item,
    JobState,
    Payment,
    Record,
    Role,
    Status,
    SyncJob,
    TrackingCategory,
    TrackingOption,
    User,
    writing_as,
)
from backoffice.models.history import from_text
from backoffice.past.change import is_reference
from backoffice.past.fitting import TABLES
from tests.admin.conftest import Browser, Db, a_job, a_record, integrate
from tests.admin.papers import a_paper, a_party, approved, what_lines_name

#: Every column that people write, by kind; Xero takes a discount on some documents only.
WRITTEN = [
    (model, column)
    for model in RECORDS
    for column in sorted(forms()[model.kind].columns)
    if column != "lines.discount" or getattr(model, "discounted", False)
]


def place(company: Company, rest: str = "") -> str:
    return f"/c/{company.id}/history/{rest}"


def lines_of(text: str) -> list[str]:
    """The rows of the page's table, without their tags."""
    body = text[text.index("<tbody>") : text.index("</tbody>")] if "<tbody>" in text else ""
    rows = re.findall(r"<tr[ >].*?</tr>", body.replace("<tr>", "<tr >"), re.DOTALL)
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in rows]


def last_change(session: Db, record: Record, field: str) -> History:
    query = select(History).where(History.kind == record.kind, History.record_id == record.id, History.field == field)
    return session.scalars(query.order_by(History.id.desc())).first() or pytest.fail(f"{field} was not changed")


def edited(session: Db, record: Any, **values: Any) -> None:
    for name, value in values.items():
        setattr(record, name, value)
    session.commit()


def bring_back(browser: Browser, company: Company, row: History, **more: Any) -> str:
    answer = browser.post(place(company, "bring-back/"), {"id": row.id, **more}, follow=True)
    assert answer.status_code == 200
    return html.unescape(answer.text)


# Bringing back, by introspection.


def another(session: Db, company: Company, column: Any, before: Any) -> Any:
    """A value that a column may be given besides the one that it holds."""
    sort = column.type
    if is_reference(column):
        return _other_record(session, company, TABLES[next(iter(column.foreign_keys)).column.table.name])
    if isinstance(sort, Boolean):
        return not before
    if isinstance(sort, Enum):
        return next(word for word in sort.enum_class or () if word != before)
    if isinstance(sort, Exact):
        return Decimal(7).scaleb(sort.places).to_integral_value().scaleb(-sort.places)
    return dt.date(2026, 3, 4) if isinstance(sort, Date) else "ABC"


def _other_record(session: Db, company: Company, model: type[Record]) -> int:
    if model is TrackingOption:
        category = a_record(session, TrackingCategory, company, name="Other")
        return int(a_record(session, TrackingOption, company, name="Other", category_id=category.id).id)
    more = {"code": "091", "account_type": "BANK"} if model is Account else {}
    return int(a_record(session, model, company, name="Other", **more).id)


@pytest.mark.parametrize(("model", "column"), WRITTEN, ids=lambda one: getattr(one, "kind", one))
def test_whatever_people_write_can_be_brought_back(
    model: type[Record], column: str, session: Db, company: Company, browser: Browser
) -> None:
    record = a_record(session, model, company)
    in_line, name = column.startswith("lines."), column.removeprefix("lines.")
    holder: Any = record.lines[0] if in_line else record
    before, kept = getattr(holder, name), type(holder).table().c[name]
    edited(session, holder, **{name: another(session, company, kept, before)})
    row = last_change(session, record, f"lines.1.{name}" if in_line else name)
    revision = record.revision
    assert "has it again" in bring_back(browser, company, row)
    session.expire_all()
    assert getattr(holder, name) == before
    assert record.revision == revision + (("lines" if in_line else name) in record.synced_columns())
    latest = last_change(session, record, str(row.field))
    author = session.get(User, latest.user_id)
    assert (from_text(kept, latest.new), author and author.role) == (before, Role.OPERATOR)
    assert from_text(kept, latest.old) == from_text(kept, row.new)


def test_what_is_brought_back_waits_to_be_sent(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    contact = a_record(session, Contact, company)
    edited(session, contact, email="new@example.com")
    link = integrate(session, connection, contact)
    assert not link.pending
    bring_back(browser, company, last_change(session, contact, "email"))
    session.expire_all()
    assert (contact.email, link.pending, link.wanted_revision) == (None, True, contact.revision)


# Conflicts, and what stands in the way.


def test_what_was_changed_again_is_asked_about_first(session: Db, company: Company, browser: Browser) -> None:
    contact = a_record(session, Contact, company, phone="1")
    edited(session, contact, phone="2")
    row = last_change(session, contact, "phone")
    edited(session, contact, phone="3")
    asked = bring_back(browser, company, row)
    assert "It was changed again since." in asked
    seen = re.search(r'name="seen" value="([0-9a-f]+)"', asked)
    assert seen
    session.expire_all()
    assert contact.phone == "3"
    edited(session, contact, phone="4")  # while the question stands on the page
    assert "It was changed again since." in bring_back(browser, company, row, seen=seen[1])
    session.expire_all()
    assert contact.phone == "4"
    fresh = re.search(r'name="seen" value="([0-9a-f]+)"', browser.says(place(company, f"bring-back/?id={row.id}")))
    assert fresh
    assert "has it again" in bring_back(browser, company, row, seen=fresh[1])
    session.expire_all()
    assert contact.phone == "1"


def test_what_stands_there_already_is_left(session: Db, company: Company, browser: Browser) -> None:
    contact = a_record(session, Contact, company, phone="1")
    edited(session, contact, phone="2")
    row = last_change(session, contact, "phone")
    edited(session, contact, phone="1")
    revision = contact.revision
    assert "stands there already" in bring_back(browser, company, row)
    session.expire_all()
    assert contact.revision == revision


def test_the_other_sides_word_is_final(session: Db, company: Company, connection: Connection, browser: Browser) -> None:
    account = a_record(session, Account, company, name="Sales")
    edited(session, account, name="Income")
    integrate(session, connection, account)
    row = last_change(session, account, "name")
    said = "comes from Xero and is changed there"
    assert said in html.unescape(browser.says(f"/c/{company.id}/accounts/history/?id={account.id}"))
    assert said in bring_back(browser, company, row)
    session.expire_all()
    assert account.name == "Income"


def test_a_voided_document_stays_as_it_is(session: Db, company: Company, browser: Browser) -> None:
    bill = a_paper(session, Bill, company)
    edited(session, bill, reference="R-2")
    row = last_change(session, bill, "reference")
    edited(session, bill, status=Status.VOIDED)
    assert "is voided, and stays as it is" in bring_back(browser, company, row)
    session.expire_all()
    assert bill.reference == "R-2"


def test_steps_and_figures_are_not_brought_back(session: Db, company: Company, browser: Browser) -> None:
    bill = approved(session, Bill, company)
    edited(session, bill.lines[0], unit_price=Decimal(80))
    edited(session, bill, status=Status.VOIDED)
    for field in ("status", "total"):
        held = getattr(bill, field)
        assert "cannot be brought back" in bring_back(browser, company, last_change(session, bill, field))
        session.expire_all()
        assert getattr(bill, field) == held


@pytest.mark.parametrize("away", ["archived", "another company's"])
def test_what_a_field_named_has_to_be_in_use(
    away: str, session: Db, company: Company, elsewhere: Company, browser: Browser
) -> None:
    first, bill = a_party(session, company), a_paper(session, Bill, company)
    second = a_party(session, company, "Other Ltd")
    edited(session, bill, contact_id=second.id)
    if away == "archived":
        edited(session, first, archived=True)
    else:
        edited(session, first, company_id=elsewhere.id)
    said = bring_back(browser, company, last_change(session, bill, "contact_id"))
    assert ("Acme Ltd is archived; restore it first." if away == "archived" else "is not here any more") in said
    session.expire_all()
    assert bill.contact_id == second.id


def test_names_and_numbers_that_are_taken_stay_where_they_are(session: Db, company: Company, browser: Browser) -> None:
    contact = a_record(session, Contact, company, name="Acme Ltd")
    edited(session, contact, name="Acme and Sons")
    a_record(session, Contact, company, name="ACME  Ltd")
    assert "Another active contact is called" in bring_back(browser, company, last_change(session, contact, "name"))
    bill = a_paper(session, Bill, company, name="B-1", contact=contact)
    edited(session, bill, name="B-2")
    a_paper(session, Bill, company, name="b-1", contact=contact)
    assert "is here already" in bring_back(browser, company, last_change(session, bill, "name"))
    session.expire_all()
    assert (contact.name, bill.name) == ("Acme and Sons", "B-2")


def test_lines_are_known_by_their_place_as_long_as_none_has_moved(
    session: Db, company: Company, browser: Browser
) -> None:
    two = [{"description": name, "quantity": Decimal(2), "unit_price": Decimal(50)} for name in ("Paper", "Pens")]
    bill = a_paper(session, Bill, company, lines=two)
    edited(session, bill.lines[1], quantity=Decimal(9))
    row = last_change(session, bill, "lines.2.quantity")
    bill.lines.append(Bill.line(description="Ink", quantity=Decimal(1), unit_price=Decimal(5)))
    session.commit()
    assert "has it again" in bring_back(browser, company, row)
    session.expire_all()
    assert [line.quantity for line in bill.lines] == [2, 2, 1]
    assert bill.total == Decimal(205)
    edited(session, bill.lines[1], quantity=Decimal(9))
    bill.lines.pop(0)
    session.commit()
    assert "put in another order since" in bring_back(browser, company, row)
    edited(session, bill.lines[0], quantity=Decimal(4))
    moved, revision = last_change(session, bill, "lines.1.quantity"), bill.revision
    bill.lines[:] = [bill.lines[1], bill.lines[0]]
    session.commit()
    assert (last_change(session, bill, "lines.1.position").old, bill.revision) == ("2", revision + 1)
    assert "put in another order since" in bring_back(browser, company, moved)
    gone = last_change(session, bill, "lines.1")
    assert gone.new is None
    assert "is not kept whole" in bring_back(browser, company, gone)
    session.expire_all()
    assert [line.quantity for line in bill.lines] == [1, 4]


def test_codes_that_lines_named_have_to_be_there(session: Db, company: Company, browser: Browser) -> None:
    named = what_lines_name(session, company)
    bill = a_paper(session, Bill, company)
    codes = {"item_code": "W-1", "account_code": "300", "tax_code": "INPUT2", "tracking_1_id": named["north"].id}
    edited(session, bill.lines[0], **codes)
    edited(session, bill.lines[0], **dict.fromkeys(codes))
    for record in (named["item"], named["purchases"], named["input"], named["north"]):
        edited(session, record, archived=True)
    for column in codes:
        said = bring_back(browser, company, last_change(session, bill, f"lines.1.{column}"))
        assert "It cannot be brought back." in said, column
    edited(session, named["purchases"], archived=False)
    assert "has it again" in bring_back(browser, company, last_change(session, bill, "lines.1.account_code"))
    session.expire_all()
    line = bill.lines[0]
    assert (line.item_code, line.account_code, line.tax_code, line.tracking_1_id) == (None, "300", None, None)


def test_a_payment_is_brought_back_within_what_is_due(session: Db, company: Company, browser: Browser) -> None:
    payment = a_record(session, Payment, company)
    edited(session, payment, amount=Decimal(60))
    edited(session, payment, amount=Decimal(5))
    row = last_change(session, payment, "amount")
    other = Payment(company_id=company.id, bill_id=payment.bill_id, date=payment.date, amount=Decimal(50))
    session.add(other)
    session.commit()
    assert "is due on" in bring_back(browser, company, row)
    edited(session, other, archived=True)
    assert "has it again" in bring_back(browser, company, row)
    session.expire_all()
    assert payment.amount == Decimal(60)


def test_a_rate_that_is_none_stays_away(session: Db, company: Company, browser: Browser) -> None:
    payment = a_record(session, Payment, company)
    for record in (payment, payment.document):
        edited(session, record, currency_rate=Decimal(0))
        edited(session, record, currency_rate=Decimal(2))
        said = bring_back(browser, company, last_change(session, record, "currency_rate"))
        assert "A rate is above nothing." in said


def test_a_payment_into_changed_hands_is_brought_back_by_who_knows_of_it(
    session: Db, company: Company, browser: Browser
) -> None:
    """As on its form: the bank account of its supplier was changed, and nobody has looked at that."""
    payment = a_record(session, Payment, company)
    edited(session, payment, amount=Decimal(60))
    edited(session, payment, amount=Decimal(5))
    about = {"kind": Contact.kind, "record_id": payment.document.contact_id, "column": "bank_account"}
    alert = Alert(company_id=company.id, **about, old="12-3456", new="66-6666")
    session.add(alert)
    session.commit()
    row = last_change(session, payment, "amount")
    for known in ("", "0"):
        said = bring_back(browser, company, row, alerts_known=known)
        assert ("66-6666" in said, "I know of this" in said, "has it again" in said) == (True, True, False)
    assert "has it again" in bring_back(browser, company, row, alerts_known=str(alert.id))
    session.expire_all()
    assert payment.amount == Decimal(60)


# Who may.


def test_viewers_read_the_history_and_bring_nothing_back(
    session: Db, company: Company, browser_as: Callable[[Role], Browser]
) -> None:
    contact = a_record(session, Contact, company, phone="1")
    edited(session, contact, phone="2")
    row, viewer = last_change(session, contact, "phone"), browser_as(Role.VIEWER)
    text = viewer.says(place(company))
    assert "Phone" in text
    assert "Bring back" not in text
    assert viewer.post(place(company, "bring-back/"), {"id": row.id}).status_code == 403
    assert "Bring back" in browser_as(Role.OPERATOR).says(place(company))


def test_another_companys_history_is_nowhere(
    session: Db, company: Company, elsewhere: Company, browser: Browser
) -> None:
    hidden = a_record(session, Contact, elsewhere, name="Hidden", phone="1")
    edited(session, hidden, phone="2")
    row = last_change(session, hidden, "phone")
    assert "Hidden" not in browser.says(place(company, "?text=1"))
    assert browser.get(place(company, f"bring-back/?id={row.id}")).status_code == 404
    assert browser.post(place(company, "bring-back/"), {"id": row.id}).status_code == 404
    session.expire_all()
    assert hidden.phone == "2"


# Searching.


@pytest.fixture
def told(session: Db, company: Company, connection: Connection) -> dict[str, Any]:
    """Two people and a job have changed two records, on three days of Auckland's clock."""
    company.time_zone = "Pacific/Auckland"
    ana, ben = session.scalars(select(User).where(User.role != Role.VIEWER).order_by(User.id)).all()
    job = a_job(session, connection, JobState.COMPLETED, title="Nightly")
    acme, item = a_record(session, Contact, company), a_record(session, Item, company, name="Widget")
    writers = (
        (Author(user_id=ana.id), acme, {"phone": "021"}, dt.datetime(2026, 3, 1, 10, 59, tzinfo=dt.UTC)),
        (Author(user_id=ben.id), item, {"sales_price": Decimal("12.50")}, dt.datetime(2026, 3, 1, 11, tzinfo=dt.UTC)),
        (Author(sync_job_id=job.id), acme, {"city": "Wellington"}, dt.datetime(2026, 3, 3, tzinfo=dt.UTC)),
    )
    for who, record, values, at in writers:
        clock.use(partial(lambda at: at, at))
        with writing_as(who):
            edited(session, record, **values)
    clock.use()
    return {"ana": ana, "ben": ben, "job": job}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("person={ana}", ["Phone"]),
        ("person={ben}", ["Sales price"]),
        ("person=jobs", ["City"]),
        ("job={job}", ["City"]),
        ("kind=item&action=changed", ["Sales price"]),
        ("record=acm&action=changed", ["City", "Phone"]),
        ("record=acm&kind=item", []),
        ("field=city", ["City"]),
        ("text=WELL", ["City"]),
        ("text=12.5", ["Sales price"]),
        ("text=%25", []),
        ("since=2026-03-02&until=2026-03-02", ["Sales price"]),
        ("until=2026-03-01", ["Phone"]),
        ("since=2026-03-02&until=2026-03-31", ["City", "Sales price"]),
        ("person={ana}&field=city", []),
    ],
)
def test_each_filter_finds_what_it_says(
    asked: str, found: list[str], told: dict[str, Any], company: Company, browser: Browser
) -> None:
    address = asked.format(**{name: one.id for name, one in told.items()})
    rows = lines_of(browser.says(place(company, f"?{address}")))
    assert [next(word for word in ("Phone", "Sales price", "City") if word in row) for row in rows] == found


def test_filters_are_chips_that_can_be_taken_away(told: dict[str, Any], company: Company, browser: Browser) -> None:
    text = browser.says(place(company, f"?person={told['ana'].id}&field=phone"))
    chips = dict(re.findall(r'class="chip" href="([^"]+)"[^>]*>([^<]+)<', html.unescape(text)))
    assert {said.strip() for said in chips.values()} == {"by Administrator", "field Phone"}
    without = {said.strip(): address for address, said in chips.items()}
    assert len(lines_of(browser.says(without["by Administrator"]))) == 1
    assert "field=" not in without["field Phone"]


def test_a_day_that_is_none_is_said_to_be_left_out(company: Company, browser: Browser) -> None:
    for odd in ("0202-11-05", "2026-02-30", "soon"):
        assert f"{odd} is no day between 1990 and 2200" in browser.says(place(company, f"?since={odd}")), odd
    assert "is no day" not in browser.says(place(company, "?since=2026-02-28&until="))


def test_lines_of_a_document_are_found_by_their_field(session: Db, company: Company, browser: Browser) -> None:
    bill = a_paper(session, Bill, company)
    edited(session, bill.lines[0], quantity=Decimal(3))
    rows = lines_of(browser.says(place(company, "?field=quantity")))
    assert ["Line 1: Quantity" in row for row in rows] == [True]


def test_pages_go_on_where_the_last_one_ended(session: Db, company: Company, browser: Browser) -> None:
    contact = a_record(session, Contact, company)
    clock.use(lambda: dt.datetime(2026, 3, 1, tzinfo=dt.UTC))  # all of them in one moment
    for number in range(120):
        edited(session, contact, phone=f"n{number}")
    clock.use()
    address, seen = place(company, "?field=phone"), []
    for _ in range(3):
        text = browser.says(address)
        seen += [re.findall(r"n\d+", row)[-1] for row in lines_of(text)]
        onward = re.search(r'rel="next" href="([^"]+)"', text)
        address = html.unescape(onward.group(1)) if onward else ""
    assert (address, seen) == ("", [f"n{number}" for number in reversed(range(120))])


def test_a_long_history_is_searched_a_stretch_at_a_time(
    session: Db, company: Company, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_search, "WINDOW", 20)
    contact = a_record(session, Contact, company, city="Needle")
    edited(session, contact, city="Hay")
    for number in range(50):
        edited(session, contact, phone=str(number))
    address = place(company, "?text=needle")
    for _ in range(2):
        text = browser.says(address)
        assert "Nothing fits among the changes looked at so far." in text
        address = html.unescape(re.search(r'rel="next" href="([^"]+)"', text).group(1))  # type: ignore[union-attr]
    assert ["Needle" in row for row in lines_of(browser.says(address))] == [True]


def test_a_job_that_is_not_kept_any_more_is_a_job_still(
    told: dict[str, Any], session: Db, company: Company, browser: Browser
) -> None:
    session.delete(session.get_one(SyncJob, told["job"].id))
    session.commit()
    rows = lines_of(browser.says(place(company, "?person=jobs")))
    assert ["A sync job" in row for row in rows] == [True]


@pytest.mark.parametrize(
    "odd",
    [
        "person=x", "person=99999999999999999999", "job=-1", "job=7", "kind=nonsense", "record=%00", "field=%27;--",
        "text=" + "a%25" * 200, "action=%00", "since=tomorrow", "since=9999-12-31", "until=0001-01-01", "before=x",
        "before=99999999999", "until=2026-02-30", "record=%25_%5C", "person=jobs&job=1&kind=bill&record=a&text=b",
    ],
)  # fmt: skip
def test_no_address_breaks_the_page(odd: str, company: Company, browser: Browser) -> None:
    assert browser.get(place(company, f"?{odd}")).status_code == 200
    assert browser.get(place(company, f"bring-back/?{odd}&id=x")).status_code == 404


def test_what_was_typed_is_shown_as_text(session: Db, company: Company, browser: Browser) -> None:
    contact = a_record(session, Contact, company, city="<script>alert(1)</script>")
    edited(session, contact, city="<b>Wellington</b>")
    for address in (place(company), place(company, f"bring-back/?id={last_change(session, contact, 'city').id}")):
        text = browser.says(address)
        assert "<script>alert" not in text
        assert "<b>Wellington" not in text


def test_a_status_there_reads_as_it_does_everywhere(session: Db, company: Company, browser: Browser) -> None:
    bill = approved(session, Bill, company, name="B-1")
    bill.their_status = "AUTHORISED"
    session.commit()
    text = browser.says(f"/c/{company.id}/bills/history/?id={bill.id}")
    assert ("Authorised" in text, "AUTHORISED" in text) == (True, False)
