"""CSV in: looked at first, written once, each bad row with its reason, and nothing that breaks the page."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from time import monotonic
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select
from werkzeug.test import TestResponse

from backoffice import clock
from backoffice.admin.imports import SORT_OF_LIST
from backoffice.admin.views import RECORD_VIEWS
from backoffice.clock import now
from backoffice.errors import LeaseLostError
from backoffice.imports import files
from backoffice.imports.plan import Options, Verdict
from backoffice.imports.reader import UnreadableFileError, read
from backoffice.imports.sorts import SORTS, guessed
from backoffice.imports.write import plan, write
from backoffice.models import (
    Account,
    Bill,
    Company,
    CompanySettings,
    Connection,
    Contact,
    CsvImport,
    Duplicate,
    History,
    Invoice,
    Item,
    Link,
    PurchaseOrder,
    Role,
    Status,
    TaxMapping,
    TaxRate,
    TrackingOption,
    User,
)
from backoffice.models.leased import MOST_TRIES, Lease, claim
from tests.admin.conftest import Browser, Db, a_record, integrate
from tests.admin.papers import a_paper
from tests.imports.turn import a_turn

MEGABYTE = 1024 * 1024
BILLS = "Number,Supplier,Date,Due date,Description,Quantity,Unit price,Account,Tax,Total\n"


def place(company: Company, rest: str = "") -> str:
    return f"/c/{company.id}/imports/{rest}"


def bring(browser: Browser, company: Company, sort: str, content: str | bytes, name: str = "file.csv") -> str:
    """Bring a file; returns the address of its page."""
    data = {"sort": sort, "file": (io.BytesIO(content.encode() if isinstance(content, str) else content), name)}
    answer = browser.post(place(company), data)
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def bring_large(browser: Browser, company: Company, size: int) -> TestResponse:
    """Bring a file of so many bytes, without the temporary file that the test client would leave open."""
    fields = {"csrf_token": browser.token(), "sort": "bill"}
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    parts.append('--x\r\nContent-Disposition: form-data; name="file"; filename="large.csv"\r\n\r\n')
    body = "".join(parts).encode() + b"x" * size + b"\r\n--x--\r\n"
    return browser.client.post(place(company), data=body, content_type="multipart/form-data; boundary=x")


def key(address: str) -> str:
    found = re.search(r"id=(\d+)", address)
    assert found, address
    return found[1]


def choose(browser: Browser, company: Company, address: str, **chosen: Any) -> str:
    """Keep the columns that were guessed and choose besides; returns the page."""
    text = browser.says(address)
    columns = {}
    for name, options in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', text, re.DOTALL):
        kept = re.search(r'value="([^"]*)" selected', options)
        columns[name] = kept[1] if kept else ""
    browser.post(place(company, "columns/"), {**columns, "id": key(address), **chosen})
    return browser.says(address)


def run(browser: Browser, company: Company, address: str, which: str = "good") -> str:
    return browser.post(place(company, "run/"), {"id": key(address), "which": which}, follow=True).text


@pytest.fixture
def books(session: Db, company: Company) -> Contact:
    """A supplier, an account, a rate."""
    a_record(session, Account, company, code="429", name="Costs", account_type="EXPENSE", account_class="EXPENSE")
    a_record(session, TaxRate, company, code="INPUT2", name="GST on costs", rate=Decimal(15), for_purchases=True)
    supplier: Contact = a_record(session, Contact, company, number="S-1", email="pay@acme.nz")
    return supplier


def test_every_sort_belongs_to_a_list() -> None:
    assert set(SORT_OF_LIST) <= {view.path for view in RECORD_VIEWS}


def test_500_bills_of_which_12_are_bad_give_488_quickly(
    session: Db, company: Company, connection: Connection, books: Contact, browser: Browser
) -> None:
    rows = [f"B-{n},Acme Ltd,2026-11-{n % 28 + 1:02},,Paper,2,10.00,429,INPUT2,23.00" for n in range(500)]
    bad = {
        3: ("B-3,Nobody,2026-11-01,,Paper,1,1,429,INPUT2,", "“Nobody” is not here"),
        50: ("B-50,Acme Ltd,31/02/2026,,Paper,1,1,429,INPUT2,", "is no date"),
        90: ("B-90,Acme Ltd,,,Paper,1,1,429,INPUT2,", "is missing"),
        120: ("B-120,Acme Ltd,2026-11-01,,Paper,x,1,429,INPUT2,", "is not a number"),
        150: ("B-150,Acme Ltd,2026-11-01,,Paper,1,1e400,429,INPUT2,", "is not a number"),
        200: ("B-200,Acme Ltd,2026-11-01,,Paper,1,1,999,INPUT2,", "There is no active account “999”"),
        230: ("B-230,Acme Ltd,2026-11-01,,Paper,1,1,429,NOPE,", "There is no tax code “NOPE”"),
        260: ("B-260,Acme Ltd,2026-11-01,,Paper,1,10,429,INPUT2,12.00", "says 12.00, and the lines come to 11.50"),
        300: (",Acme Ltd,2026-11-01,,Paper,1,1,429,INPUT2,", "is missing"),
        333: ("B-333,Acme Ltd,2026-11-01,,,1,1,429,INPUT2,", "no item is named"),
        400: ("B-400,Acme Ltd,2026-11-01,,Paper,1,1.23456,429,INPUT2,", "more than 4 decimal places"),
        450: ("B-450,Acme Ltd,2026-11-01,,Paper,99999999999999,99999999999999,429,INPUT2,", "too large"),
    }
    for at, (row, _) in bad.items():
        rows[at] = row
    started = monotonic()
    address = bring(browser, company, "bill", BILLS + "\n".join(rows), "bills.csv")
    text = browser.says(address)
    assert ("488 good" in text, "12 bad" in text, "Import the good rows" in text) == (True, True, True)
    assert "Import all<" not in text
    for _, said in bad.values():
        assert said in text, said
    assert "Nothing was imported" in run(browser, company, address, "all")
    assert session.query(Bill).count() == 0
    assert "488 bills added, 12 bad and left out." in run(browser, company, address)
    took = monotonic() - started
    assert session.query(Bill).count() == 488
    assert {str(row.total) for row in session.query(Bill)} == {"23.00"}
    assert {row.status for row in session.query(Bill)} == {Status.DRAFT}
    assert took < 30, took
    mended = list(csv.reader(io.StringIO(browser.says(place(company, f"bad/?id={key(address)}")))))
    assert (len(mended), mended[0][-1]) == (13, "What is wrong")


def test_a_file_and_its_documents_come_in_once(
    session: Db, company: Company, books: Contact, browser: Browser, administrator: Browser
) -> None:
    content = BILLS + "B-1,Acme Ltd,2026-11-01,2026-12-01,Paper,2,10,429,INPUT2,23\n"
    address = bring(browser, company, "bill", content)
    twin = bring(administrator, company, "bill", content)
    assert "1 bill added" in run(browser, company, address, "all")
    for again in (run(browser, company, address), run(administrator, company, twin)):
        assert "nothing was imported this time" in again
        assert "by Operator" in again
    assert "nothing was imported this time" in administrator.says(bring(administrator, company, "bill", content))
    other = bring(browser, company, "bill", content + "B-2,ACME  LTD,2026-11-01,,Paper,1,1,429,INPUT2,\n")
    text = browser.says(other)
    assert ("1 already here" in text, "1 good" in text) == (True, True)
    assert "1 bill added, 1 here already." in run(browser, company, other)
    assert sorted(row.name for row in session.query(Bill)) == ["B-1", "B-2"]
    entry = session.query(History).filter_by(kind="bill", action="created").first()
    author = session.get(User, entry.user_id) if entry else None
    assert author
    assert author.role is Role.OPERATOR


def test_rows_of_a_number_and_party_are_one_document(
    session: Db, company: Company, books: Contact, browser: Browser
) -> None:
    a_record(session, Item, company, code="W-1", purchase_account="429", purchase_tax="INPUT2")
    option = a_record(session, TrackingOption, company, name="North")
    content = (
        "PO number;Supplier number;E-mail;Order date;Item;Description;Qty;Unit price;Tracking;Total;Delivery date\n"
        "PO-7;S-1;;3/4/2026;w-1;;1,5;10,00;Region: north;32,25;\n"
        "PO-7;;;;;Freight;1;15,00;;;\n"
        "PO-8;;PAY@acme.nz;4/4/2026;;Two;2;1.000,505;North;;5/4/2026\n"
    )
    address = bring(browser, company, "purchase_order", content)
    text = choose(browser, company, address, **{"column-name": "0", "column-party_email": "2"})
    assert ("Nothing in the file tells which it is" in text, "2 good" in text) == (False, True), text
    assert "A unit price has more than 2 decimals" in text
    run(browser, company, address, "all")
    orders = {row.name: row for row in session.query(PurchaseOrder)}
    seven = orders["PO-7"]
    assert [(line.item_code, line.description, line.quantity) for line in seven.lines] == [
        ("W-1", None, Decimal("1.5")),
        (None, "Freight", Decimal(1)),
    ]
    assert (str(seven.date), str(orders["PO-8"].delivery_date)) == ("2026-04-03", "2026-04-05")
    assert (seven.lines[0].tracking_1_id, orders["PO-8"].lines[0].tracking_1_id) == (option.id, option.id)
    assert {row.contact_id for row in orders.values()} == {books.id}
    assert orders["PO-8"].lines[0].unit_price == Decimal("1000.5050")


def test_missing_parties_are_made_once_if_a_person_says_so(
    session: Db, company: Company, connection: Connection, books: Contact, browser: Browser
) -> None:
    content = BILLS + "".join(f"B-{n},New Ltd,2026-11-01,,Paper,1,1,429,INPUT2,\n" for n in range(3))
    address = bring(browser, company, "bill", content)
    assert "tick “Create suppliers that are missing”" in browser.says(address)
    text = choose(browser, company, address, create_parties="1")
    assert ("3 good" in text, "1 supplier to be made" in text) == (True, True)
    assert "3 bills added, 1 supplier made for them." in run(browser, company, address, "all")
    made = session.query(Contact).filter_by(name="New Ltd").one()
    assert (made.supplier_here, made.customer_here) == (True, False)
    assert session.query(Link).filter_by(kind="contact", record_id=made.id).one().pending


def test_documents_come_in_approved_only_by_who_may_approve(
    session: Db, company: Company, connection: Connection, books: Contact, browser: Browser
) -> None:
    row = "Acme Ltd,2026-11-01,,Paper,1,1,429,INPUT2,\n"
    address = bring(browser, company, "bill", f"{BILLS}B-1,{row}")
    choose(browser, company, address, approved="1")
    run(browser, company, address)
    assert session.query(Bill).one().status is Status.APPROVED
    session.query(CompanySettings).filter_by(company_id=company.id).one().approve_own = False
    session.commit()
    address = bring(browser, company, "bill", f"{BILLS}B-2,{row}")
    assert "Nobody approves their own documents here" in choose(browser, company, address, approved="1")
    run(browser, company, address)
    assert session.query(Bill).filter_by(name="B-2").one().status is Status.DRAFT


def test_numbers_of_orders_and_invoices_are_taken_once(
    session: Db, company: Company, books: Contact, browser: Browser
) -> None:
    a_record(session, Contact, company, name="Other Ltd")
    a_paper(session, Invoice, company, name="I-1", contact=books)
    head = "Number,Customer,Date,Description,Unit price\n"
    pairs = (("I-1", "Other Ltd"), ("I-1", "Acme Ltd"), ("I-2", "Acme Ltd"), ("I-2", "Other Ltd"))
    rows = "".join(f"{number},{name},2026-11-01,x,1\n" for number, name in pairs)
    text = browser.says(bring(browser, company, "invoice", head + rows))
    assert ("that of another invoice, of Acme Ltd" in text, "stands on line 4 already" in text) == (True, True)
    assert ("1 good" in text, "1 already here" in text, "2 bad" in text) == (True, True, True)
    bills = head.replace("Customer", "Supplier") + rows
    assert "4 good" in browser.says(bring(browser, company, "bill", bills))


def test_the_number_of_what_was_voided_is_free(session: Db, company: Company, books: Contact, browser: Browser) -> None:
    a_record(session, Contact, company, name="Other Ltd")
    a_paper(session, Invoice, company, name="I-1", contact=books, status=Status.VOIDED, archived=True)
    text = "Number,Customer,Date,Description,Unit price\nI-1,Other Ltd,2026-11-01,x,1\n"
    assert "1 good" in browser.says(bring(browser, company, "invoice", text))


def test_contacts_come_in_and_change_only_if_a_person_says_so(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    known = a_record(session, Contact, company, name="Known Ltd", number="K", customer_here=False)
    a_record(session, Contact, company, name="Old Ltd", archived=True)
    content = (
        "Name,Contact number,E-mail,City,Currency\nNew Ltd,N,a@b.nz,Town,nzd\nknown  ltd,K,k@b.nz,,\nOld Ltd,,,,\n"
        "Twin,,,,\nTwin,,,,\n,,x@y.nz,,\nBad,,nobody,,NZDX\n"
    )
    address = bring(browser, company, "customer", content)
    text = browser.says(address)
    for said in (
        "1 already here",
        "Old Ltd is archived here",
        "stands on line 5 already",
        "not an e-mail",
        "not a currency",
    ):
        assert said in text, said
    assert "2 good" in text
    choose(browser, company, address, change_known="1")
    assert "2 customers added, 1 customer changed, 4 bad and left out." in run(browser, company, address)
    session.refresh(known)
    assert (known.name, known.email, known.city, known.revision) == ("known  ltd", "k@b.nz", None, 2)
    new = session.query(Contact).filter_by(name="New Ltd").one()
    assert (new.currency, new.customer_here, new.supplier_here) == ("NZD", True, False)


def test_items_that_come_from_the_accounting_system_are_left_alone(
    session: Db, company: Company, connection: Connection, books: Contact, browser: Browser
) -> None:
    theirs = a_record(session, Item, company, code="THEIRS", name="Theirs")
    integrate(session, connection, theirs)
    ours = a_record(session, Item, company, code="OURS", name="Ours")
    session.add(TaxMapping(company_id=company.id, code="G", name="GST", rate=15, side="purchases"))
    session.commit()
    content = (
        "Code,Name,Purchase price,Purchase account,Purchase tax,Group,Sold\nTHEIRS,Changed,1,429,G,A,no\n"
        "ours,Changed,1.2345,429 - Costs,GST,A,no\nNEW,New,,,,,yes\nBAD,Bad,1,888,,,perhaps\n"
    )
    address = bring(browser, company, "item", content)
    text = choose(browser, company, address, change_known="1")
    assert "comes from the accounting system" in text
    assert "neither yes nor no" in text
    assert "1 item added, 1 item changed, 1 here already, 1 bad and left out." in run(browser, company, address)
    session.expire_all()
    assert (theirs.name, theirs.group) == ("Theirs", None)
    assert (ours.name, ours.purchase_account, ours.purchase_tax, ours.is_sold, str(ours.purchase_price)) == (
        "Changed", "429", "G", False, "1.2345",
    )  # fmt: skip


def test_the_columns_are_chosen_and_remembered(session: Db, company: Company, books: Contact, browser: Browser) -> None:
    head = "Beleg,Wer,Wann,Was,Wieviel"
    address = bring(browser, company, "bill", f"{head}\nB-1,Acme Ltd,2026-11-01,Paper,5\n")
    text = browser.says(address)
    assert "Say which column holds: Number, Date, Supplier." in text
    assert "Nothing was imported" in run(browser, company, address)
    chosen = {
        f"column-{name}": str(at) for at, name in enumerate(("name", "party", "date", "description", "unit_price"))
    }
    assert "1 good" in choose(browser, company, address, **chosen)
    run(browser, company, address, "all")
    assert session.query(Bill).one().total == Decimal(5)
    assert "1 good" in browser.says(bring(browser, company, "bill", f"{head}\nB-2,Acme Ltd,2026-11-01,Paper,5\n"))


def test_an_import_that_was_broken_off_is_gone_on_with(
    session: Db, company: Company, books: Contact, browser: Browser
) -> None:
    rows = "".join(f"B-{n},Acme Ltd,2026-11-01,,Paper,1,1,429,INPUT2,\n" for n in range(2))
    address = bring(browser, company, "bill", BILLS + rows)
    kept = session.query(CsvImport).one()
    a_paper(session, Bill, company, name="B-0", contact=books)
    kept.started_at = now() - timedelta(minutes=30)
    kept.lease_until = now() + timedelta(minutes=1)
    session.commit()
    assert "under way" in run(browser, company, address)
    kept.lease_until = now() - timedelta(seconds=1)
    session.commit()
    assert "Go on with the rest" in browser.says(address)
    assert "1 bill added, 1 here already." in run(browser, company, address)
    assert session.query(Bill).count() == 2
    session.refresh(kept)
    assert kept.started_by_id == kept.uploaded_by_id, "who went on with it imported it"


def test_an_import_that_fails_again_and_again_is_given_up(
    session: Db, company: Company, books: Contact, browser: Browser
) -> None:
    address = bring(browser, company, "bill", BILLS + "B-1,Acme Ltd,2026-11-01,,Paper,1,1,429,INPUT2,\n")
    kept = session.query(CsvImport).one()
    kept.started_at, kept.tries = now() - timedelta(minutes=30), MOST_TRIES
    session.commit()
    assert "It came to no end" in browser.says(place(company))
    text = run(browser, company, address)
    assert "It was given up" in text
    assert "Bring the rows that are left in a file of their own." in text
    assert "Not added" in text
    assert "Go on with the rest" not in text
    assert "It was given up" in browser.says(place(company))
    assert session.query(Bill).count() == 0


def begun(session: Db) -> tuple[CsvImport, Lease]:
    """The one file, as somebody's who has just pressed Import; nobody else can then."""
    kept = session.query(CsvImport).one()
    assert kept.uploaded_by_id is not None
    lease, other = (files.claim(session, kept, kept.uploaded_by_id, 60) for _ in range(2))
    assert lease is not None
    assert other is None
    return kept, lease


@pytest.fixture
def moment() -> Iterator[list[datetime]]:
    """The time, which goes on when a test says so."""
    at = [now()]
    clock.use(lambda: at[0])
    yield at
    clock.use()


def test_an_import_that_takes_long_is_nobody_elses_meanwhile(
    session: Db,
    company: Company,
    books: Contact,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    moment: list[datetime],
) -> None:
    rows = "".join(f"B-{n},Acme Ltd,2026-11-01,,Paper,1,1,429,INPUT2,\n" for n in range(4))
    address = bring(browser, company, "bill", BILLS + rows)
    kept, lease = begun(session)
    monkeypatch.setattr("backoffice.imports.write.LOT", 1)
    free: list[bool] = []

    def a_lot_takes_long(_: Any) -> None:
        moment[0] += timedelta(seconds=40)
        with Db(session.get_bind()) as other:
            free.append(other.scalar(select(CsvImport.id).where(CsvImport.free())) is not None)

    event.listen(session, "after_commit", a_lot_takes_long)
    found = plan(session, company.id, SORTS["bill"], read((BILLS + rows).encode()), kept.columns, Options())
    write(session, found, company.id, lease)
    event.remove(session, "after_commit", a_lot_takes_long)
    assert free == [False] * 4
    assert "under way" in run(browser, company, address)
    assert session.query(Bill).count() == 4


def test_who_was_overtaken_writes_nothing_more(
    session: Db, company: Company, books: Contact, browser: Browser, moment: list[datetime]
) -> None:
    content = BILLS + "B-1,Acme Ltd,2026-11-01,,Paper,1,1,429,INPUT2,\n"
    address = bring(browser, company, "bill", content)
    kept, lease = begun(session)
    found = plan(session, company.id, SORTS["bill"], read(content.encode()), kept.columns, Options())
    moment[0] += timedelta(seconds=61)
    assert "1 bill added" in run(browser, company, address)
    with pytest.raises(LeaseLostError):
        write(session, found, company.id, lease)
    assert session.query(Bill).count() == 1


def test_who_is_overtaken_on_the_page_is_told(
    session: Db,
    company: Company,
    books: Contact,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    moment: list[datetime],
) -> None:
    address = bring(browser, company, "bill", BILLS + "B-1,Acme Ltd,2026-11-01,,Paper,1,1,429,INPUT2,\n")

    def overtaken(*given: Any) -> Any:
        moment[0] += timedelta(seconds=61)
        assert claim(session, CsvImport, int(key(address)), 60) is not None
        return write(*given)

    monkeypatch.setattr("backoffice.admin.imports.write", overtaken)
    assert "Somebody else went on with this file" in run(browser, company, address)
    assert session.query(Bill).count() == 0


HOSTILE = [
    b"",
    b"\0",
    b"\xff\xfe",
    b'Number,"Supplier',
    b"Number\n" + b"\0" * 50,
    b"=cmd|' /C calc'!A0,Number\n=1,@x\n",
    b"\xef\xbb\xbf",
    b"a" * 300_000,
    b"Number,Supplier,Date\n\0,\0,\0\n",
    b"PK\x03\x04",
    b",,,\n,,,\n",
    b"\xed\xa0\x80,x\n1,2\n",
    b"Number,Supplier,Date,Unit price\nNaN,Acme Ltd,2026-11-01,NaN\n1,Acme Ltd,2026-11-01,1e400\n",
    b"Number,Supplier,Date,Description,Quantity,Unit price\nX,Acme Ltd,2026-11-01,y,10000000,1000000\n",
    b"Number,Supplier,Date\n" + b"x" * 100_000 + b",Acme Ltd,2026-11-01\n",
    "Number,Supplier,Date,Description\n\ud7ff\U0010ffff\u202e,Acme Ltd,2026-11-01,\u0085\u2028".encode(),
    b"Number,Number,Supplier,Date\n1,2,Acme Ltd,2026-01-01\n",
]


@pytest.mark.parametrize("sort", ["bill", "item", "customer", "nonsense"])
@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_no_file_breaks_a_page(sort: str, content: bytes, company: Company, books: Contact, browser: Browser) -> None:
    address = bring(browser, company, sort, content, "\0<b>x</b>.csv")
    text = browser.says(address)
    assert "<b>x</b>" not in text
    if "id=" in address:
        choose(browser, company, address, create_parties="1", change_known="1", approved="1")
        assert browser.get(place(company, f"bad/?id={key(address)}")).status_code == 200
        run(browser, company, address)
        browser.says(address)
    browser.says(place(company))


ODD = (
    "",
    "1",
    "-1.5",
    "1e400",
    "NaN",
    "2026-11-21",
    "1/2/26",
    "Acme Ltd",
    "S-1",
    "pay@acme.nz",
    "429",
    "INPUT2",
    "W-1",
    "x" * 300,
    "9" * 14,
    "0.0001",
    "exclusive",
    "yes",
    "NZD",
    "Region: North",
    "=1+1",
    "\0",
    "İ",
    "\ud7ff",
    "\U0010ffff",
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_nothing_that_a_table_may_hold_breaks_an_import(
    session: Db, company: Company, books: Contact, data: st.DataObject
) -> None:
    sort = SORTS[data.draw(st.sampled_from(sorted(SORTS)))]
    heads = [target.label for target in sort.targets]
    cells = st.sampled_from(ODD) | st.text(st.characters(codec="utf-8"), max_size=20)
    rows = data.draw(st.lists(st.lists(cells, min_size=len(heads), max_size=len(heads)), max_size=5))
    # What the required columns hold makes sense more often than not, so that something is written.
    for row in rows:
        row[0] = row[0] or data.draw(st.sampled_from(["A", "B"]))
        if sort.document and data.draw(st.booleans()):
            row[1:5] = ["Acme Ltd", "", "", "2026-11-21"]
            row[5:] = [text if text in ("", "1", "x", "INPUT2") else "" for text in row[5:]]
    buffer = io.StringIO()
    csv.writer(buffer).writerows([heads, *rows])
    options = Options(create_parties=True, change_known=True, approved=data.draw(st.booleans()))
    try:
        sheet = read(buffer.getvalue().encode())
    except UnreadableFileError:
        return
    found = plan(session, company.id, sort, sheet, guessed(sort, sheet.headers), options)
    counts = write(session, found, company.id, a_turn(session, company.id, sort))
    assert sum(counts[verdict.value] for verdict in Verdict) == len(found.entries)
    assert {key: counts[key] for key in ("add", "bad")} == {key: found.counts[key] for key in ("add", "bad")}
    again = plan(session, company.id, sort, sheet, guessed(sort, sheet.headers), replace(options, change_known=False))
    assert not again.good


def test_no_request_breaks_a_page(
    session: Db, company: Company, elsewhere: Company, books: Contact, browser: Browser
) -> None:
    address = bring(browser, company, "bill", BILLS + "B-1,Acme Ltd,2026-11-01,,Paper,1,1,429,INPUT2,\n")
    for data in (
        {"column-name": "99999999999999999999", "column-date": "-1", "column-party": "x\0", "treatment": "\0" * 50},
        {"day_first": "\0", "decimal_comma": "\0", "approved": "\0"},
    ):
        assert browser.post(place(company, "columns/"), {"id": key(address), **data}).status_code == 303
        browser.says(address)
    for odd in ("", "?id=x", "?id=99999999999999999999", "?id=999"):
        assert browser.get(place(company, f"file/{odd}")).status_code == 404
        assert browser.get(place(company, f"bad/{odd}")).status_code == 404
    assert browser.get(f"/c/{elsewhere.id}/imports/file/?id={key(address)}").status_code == 404
    for path in ("run/", "columns/", "discard/"):
        assert browser.post(f"/c/{elsewhere.id}/imports/{path}", {"id": key(address)}).status_code == 404
    assert browser.post(place(company), {"sort": "bill"}).status_code == 303
    assert bring_large(browser, company, 17 * MEGABYTE).status_code == 413
    assert "id=" not in bring_large(browser, company, 11 * MEGABYTE).location
    assert "larger than 10 MB" in browser.says(place(company))
    browser.post(place(company, "discard/"), {"id": key(address)})
    assert session.query(CsvImport).count() == 0


def test_viewers_bring_nothing(company: Company, browser_as: Callable[[Role], Browser]) -> None:
    viewer = browser_as(Role.VIEWER)
    assert viewer.get(place(company)).status_code == 403
    assert viewer.post(place(company), {"sort": "bill"}).status_code == 403
    assert "Bring in from CSV" not in viewer.says(f"/c/{company.id}/suppliers/")


def test_lists_lead_to_the_import_and_a_file_is_kept_for_some_days(
    session: Db, company: Company, books: Contact, browser: Browser
) -> None:
    for path, sort in SORT_OF_LIST.items():
        assert f"/imports/?sort={sort}" in browser.says(f"/c/{company.id}/{path.replace('_', '-')}/")
    address = bring(browser, company, "bill", BILLS + "B-1,Acme Ltd,2026-11-01,,Paper,1,1,429,INPUT2,\n")
    session.query(CsvImport).one().uploaded_at = now() - timedelta(days=8)
    session.commit()
    bring(browser, company, "bill", BILLS + "B-2,Acme Ltd,2026-11-01,,Paper,1,1,429,INPUT2,\n")
    assert "no longer kept" in browser.says(address)
    assert browser.get(place(company, f"bad/?id={key(address)}")).status_code == 404


def test_a_contact_that_may_be_here_already_is_found_row_by_row_and_comes_all_the_same(
    session: Db, company: Company, browser: Browser
) -> None:
    a_record(session, Contact, company, name="Kiwi Steel", email="ar@kiwi.nz")
    address = bring(browser, company, "supplier", "Name,E-mail\nKIWI-STEEL Ltd,x@y.nz\nTui,AR@kiwi.nz\nOther,o@o.nz\n")
    page = browser.says(address)
    assert page.count("It may be Kiwi Steel, here already.") == 2
    run(browser, company, address, "all")
    assert session.query(Contact).count() == 4
    assert session.query(Duplicate).filter_by(answered_at=None).count() == 2
