"""Every kind of record has its screen; no screen shows or changes what it must not."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from backoffice.admin.record_view import RecordView
from backoffice.admin.views import RECORD_VIEWS, VIEW_OF_KIND
from backoffice.models import (
    RECORDS,
    Account,
    Company,
    Connection,
    Contact,
    History,
    Item,
    Link,
    Role,
    SyncAttempt,
    TaxRate,
    User,
)
from tests.admin.conftest import Browser, Db, a_record, integrate
from tests.admin.papers import form_values

VIEWS = pytest.mark.parametrize("view", RECORD_VIEWS, ids=lambda view: view.path)
EDITABLE = pytest.mark.parametrize("view", [v for v in RECORD_VIEWS if v.editable], ids=lambda view: view.path)
ODD = (
    "page=-1", "page=99999999999999999999", "page=x", "sort=99", "sort=-3", "desc=x", "page_size=1000000", "search=%00",
    "search=" + "a+" * 500, "search=%25_%5C", "flt0_state_is=nonsense", "flt0_nothing=1", "fltx_=", "endpoint=x",
    "_external=1", "_anchor=x", "company=2", "archived=maybe", "show=%00", "url=http://[", "self=1", "id=0",
)  # fmt: skip


def address(view: type[RecordView], company: Company, rest: str = "") -> str:
    return f"/c/{company.id}/{view.path.replace('_', '-')}/{rest}"


def test_every_kind_has_a_screen() -> None:
    assert set(VIEW_OF_KIND) == {model.kind for model in RECORDS}


@VIEWS
def test_each_page_renders(
    view: type[RecordView], session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    record = a_record(session, view.record, company)
    if view.path == "expenses":
        record.expense = True
        session.commit()
    form = (f"edit/?id={record.id}",) if view.editable else ()
    for rest in ("?show=all", f"details/?id={record.id}", f"history/?id={record.id}", *form):
        assert "Acme Ltd" in browser.says(address(view, company, rest))
    assert browser.says(address(view, company, f"link/?id={record.id}"))
    assert browser.get(address(view, company, "new/")).status_code == (200 if view.creatable else 404)
    rows = list(csv.reader(io.StringIO(browser.says(address(view, company, "export/csv/?show=all")))))
    assert len(rows) == 2
    assert "Acme Ltd" in rows[1]


@EDITABLE
def test_an_edit_moves_the_revision_and_is_put_down_to_its_author(
    view: type[RecordView], session: Db, company: Company, browser: Browser
) -> None:
    record = a_record(session, view.record, company)
    place = address(view, company, f"edit/?id={record.id}")
    values = {**form_values(browser.says(place)), "name": "Acme and Sons"}
    assert browser.post(place, values).status_code == 303
    session.expire_all()
    assert (record.name, record.revision) == ("Acme and Sons", 2)
    entry = session.query(History).filter_by(kind=record.kind, record_id=record.id, field="name").one()
    author = session.get(User, entry.user_id)
    assert author
    assert (entry.old, entry.new, author.role) == ("Acme Ltd", "Acme and Sons", Role.OPERATOR)


@EDITABLE
def test_saving_a_form_as_it_stands_changes_nothing(
    view: type[RecordView], session: Db, company: Company, browser: Browser
) -> None:
    record = a_record(session, view.record, company)
    place = address(view, company, f"edit/?id={record.id}")
    assert browser.post(place, form_values(browser.says(place))).status_code == 303
    session.expire_all()
    assert record.revision == 1


@VIEWS
def test_another_companys_record_is_nowhere(
    view: type[RecordView], session: Db, company: Company, elsewhere: Company, browser: Browser
) -> None:
    record = a_record(session, view.record, elsewhere, name="Hidden")
    assert "Hidden" not in browser.says(address(view, company, "?archived=all&show=all"))
    assert "Hidden" not in browser.says(address(view, company, "export/csv/"))
    for rest in ("details", "edit", "history", "link"):
        assert browser.get(address(view, company, f"{rest}/?id={record.id}")).status_code == 404
    data = {"id": record.id, "revision": 1, "name": "Taken"}
    for rest in ("edit", "archive", "restore", "pause", "resume", "retry", "unlink", "link"):
        assert browser.post(address(view, company, f"{rest}/?id={record.id}"), data).status_code == 404
    browser.post(address(view, company, "action/"), {"action": "archive", "rowid": record.id})
    if view.column_editable_list:
        column = next(iter(view.column_editable_list))
        told = browser.post(address(view, company, "ajax/update/"), {"list_form_pk": record.id, column: "x@y.nz"})
        assert told.status_code == 404
    session.expire_all()
    assert (record.name, record.archived, record.revision) == ("Hidden", False, 1)


@VIEWS
def test_no_address_breaks_a_page(view: type[RecordView], company: Company, browser: Browser) -> None:
    for odd in ODD:
        for rest in ("?", "ajax/lookup/?name=category&query=%00&offset=-1&limit=x&"):
            assert browser.get(address(view, company, rest + odd)).status_code in (200, 404), odd
        assert browser.says(address(view, company, f"export/csv/?{odd}"))
    for rest in ("details", "edit", "history"):
        assert browser.get(address(view, company, f"{rest}/?id=99999999999999999999")).status_code == 404


@pytest.mark.parametrize("model", [Item, Account, TaxRate])
def test_what_comes_in_one_way_cannot_be_edited_by_any_door(
    model: Any, session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    record = a_record(session, model, company)
    place = f"/c/{company.id}/{VIEW_OF_KIND[model.kind].replace('_', '-')}/"
    open_form = form_values(browser.says(f"{place}edit/?id={record.id}"))
    integrate(session, connection, record)

    assert browser.get(f"{place}edit/?id={record.id}").location == f"{place}details/?id={record.id}"
    shown = browser.says(f"{place}details/?id={record.id}")
    assert "comes from Xero; change it there" in shown
    crafted = browser.post(f"{place}edit/?id={record.id}", {**open_form, "name": "Changed"}, follow=True)
    assert "is changed there; nothing was changed here" in crafted.text
    archived = browser.post(f"{place}archive/", {"id": record.id}, follow=True)
    assert "is changed there" in archived.text
    bulk = browser.post(f"{place}action/", {"action": "archive", "rowid": record.id}, follow=True)
    assert "is changed there" in bulk.text
    if model is not TaxRate:
        inline = browser.post(f"{place}ajax/update/", {"list_form_pk": record.id, "description": "Changed"})
        assert (inline.status_code, "is changed there" in inline.text) == (409, True)
    session.expire_all()
    assert (record.name, record.archived, record.revision) == ("Acme Ltd", False, 1)


def test_the_later_of_two_forms_is_stopped_and_keeps_what_was_typed(
    session: Db, company: Company, browser: Browser
) -> None:
    record = a_record(session, Contact, company, city="Wellington")
    place = f"/c/{company.id}/suppliers/edit/?id={record.id}"
    first = form_values(browser.says(place))
    assert browser.post(place, {**first, "city": "Nelson"}).status_code == 303
    late = browser.post(place, {**first, "city": "Napier"})
    assert "changed this meanwhile" in late.text
    assert "here now: Nelson" in late.text
    assert 'value="Napier"' in late.text
    assert browser.post(place, form_values(late.text)).status_code == 303
    session.expire_all()
    assert (record.city, record.revision) == ("Napier", 3)


def test_a_form_without_its_revision_changes_nothing(session: Db, company: Company, browser: Browser) -> None:
    record = a_record(session, Contact, company)
    place = f"/c/{company.id}/suppliers/edit/?id={record.id}"
    assert "was not complete" in browser.post(place, {"name": "Other"}).text
    session.expire_all()
    assert record.name == "Acme Ltd"


def test_a_csv_file_holds_all_rows_and_runs_nothing(session: Db, company: Company, browser: Browser) -> None:
    names = ["=1+1", "+64", "-5", "@x", "\tx", "plain"]
    session.add_all([Contact(company_id=company.id, name=name, supplier_here=True) for name in names])
    session.add_all([Contact(company_id=company.id, name=f"n{i:04}", supplier_here=True) for i in range(700)])
    session.commit()
    rows = list(csv.DictReader(io.StringIO(browser.says(f"/c/{company.id}/suppliers/export/csv/"))))
    assert len(rows) == 706
    assert {row["Name"] for row in rows if not row["Name"].startswith("n")} == {
        *(f"'{name}" for name in names[:-1]), "plain"
    }  # fmt: skip
    assert len(browser.says(f"/c/{company.id}/suppliers/export/csv/?search=n0001").splitlines()) == 2


def test_inline_edit_and_its_limits(session: Db, company: Company, browser: Browser) -> None:
    record = a_record(session, Contact, company)
    place = f"/c/{company.id}/suppliers/ajax/update/"
    assert browser.post(place, {"list_form_pk": record.id, "email": "a@b.nz"}).status_code == 200
    assert browser.post(place, {"list_form_pk": record.id, "email": "nobody"}).status_code == 400
    assert browser.post(place, {"list_form_pk": record.id, "name": "Other"}).status_code == 200
    assert browser.post(place, {"list_form_pk": "x", "email": "a@b.nz"}).status_code == 404
    session.expire_all()
    assert (record.email, record.name) == ("a@b.nz", "Acme Ltd")


def test_lists_filter_by_badge(session: Db, company: Company, connection: Connection, browser: Browser) -> None:
    one, two = (a_record(session, Contact, company, name=name) for name in ("Both sides", "Ours alone"))
    integrate(session, connection, one)
    link = session.query(Link).filter_by(record_id=two.id).one()
    link.refusal, link.refusal_cause = "The name is too long for Xero.", "name"
    session.commit()
    refused = browser.says(f"/c/{company.id}/suppliers/?flt0_state_is=refused")
    assert ("Ours alone" in refused, "Both sides" in refused) == (True, False)
    assert "Refused: The name is too long for Xero." in refused
    assert "Ours alone" not in browser.says(f"/c/{company.id}/suppliers/?flt0_state_is=integrated")


def test_a_record_is_linked_by_hand_and_unlinked(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    ours, theirs = (a_record(session, Contact, company, name=name) for name in ("Acme", "Acme Limited"))
    integrate(session, connection, theirs)
    place = f"/c/{company.id}/suppliers"
    beside = browser.says(f"{place}/link/?id={ours.id}&search=acme")
    assert "Side by side" in beside
    assert browser.post(f"{place}/link/?id={ours.id}", {"id": ours.id, "other": theirs.id}).status_code == 303
    session.expire_all()
    assert (ours.name, theirs.archived) == ("Acme Limited", True)
    link = session.query(Link).filter_by(record_id=ours.id).one()
    assert link.external_id == f"e-{theirs.id}"
    browser.post(f"{place}/unlink/", {"id": ours.id})
    session.expire_all()
    unlinked = session.query(Link).filter_by(record_id=ours.id).one()
    assert (unlinked.external_id, unlinked.paused) == (None, True)


def test_bulk_actions(session: Db, company: Company, connection: Connection, browser: Browser) -> None:
    records = [a_record(session, Contact, company, name=f"C{i}") for i in range(3)]
    rows = {"rowid": [r.id for r in records[:2]]}
    place = f"/c/{company.id}/suppliers/action/"
    for name in ("pause", "resume", "retry", "archive"):
        assert browser.post(place, {"action": name, **rows}).status_code == 303
    assert browser.post(place, {"action": "delete", **rows}).status_code == 404
    session.expire_all()
    assert [r.archived for r in records] == [True, True, False]


@pytest.mark.parametrize(
    ("gone", "badge", "sentence"),
    [("archived", "Archived in Xero", "Archived there."), ("deleted", "Deleted in Xero", "Deleted there.")],
)
def test_what_became_of_a_record_there_is_said_as_it_is(
    gone: str, badge: str, sentence: str, session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    record = a_record(session, Contact, company)
    integrate(session, connection, record).gone = gone
    session.commit()
    text = browser.says(f"/c/{company.id}/suppliers/details/?id={record.id}")
    assert (badge in text, sentence in text) == (True, True)
    assert badge in browser.says(f"/c/{company.id}/suppliers/")
    assert "1 archived or deleted in Xero" in browser.says(f"/c/{company.id}/")


def test_a_pause_asks_why(session: Db, company: Company, connection: Connection, browser: Browser) -> None:
    record = a_record(session, Contact, company)
    place = f"/c/{company.id}/suppliers"
    asked = browser.says(f"{place}/details/?id={record.id}")
    assert ("Pause: neither send nor take" in asked, 'name="reason"' in asked) == (True, True)
    told = browser.post(f"{place}/pause/", {"id": record.id, "reason": "In dispute"}, follow=True)
    assert "Paused: In dispute." in told.text


def test_a_name_with_braces_breaks_no_badge(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    blocker, blocked = (a_record(session, Contact, company, name=name) for name in ("{odd} 100%", "Blocked"))
    link = session.query(Link).filter_by(record_id=blocked.id).one()
    link.blocked_kind, link.blocked_record_id = "contact", blocker.id
    session.commit()
    assert "Blocked by contact {odd} 100%" in browser.says(f"/c/{company.id}/sync-queue/")


def test_what_is_being_sent_is_not_unlinked_under_way(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    record = a_record(session, Contact, company)
    link = integrate(session, connection, record)
    attempt = SyncAttempt(connection_id=connection.id, resource="Contacts", action="update", idempotency_key="k")
    session.add(attempt)
    session.flush()
    link.attempt_id = attempt.id
    session.commit()
    for page in (f"details/?id={record.id}", "", "?flt0_state_is=unconfirmed"):
        assert "Unconfirmed" in browser.says(f"/c/{company.id}/suppliers/{page}")
    answer = browser.post(f"/c/{company.id}/suppliers/unlink/", {"id": record.id})
    assert answer.location == f"/c/{company.id}/suppliers/details/?id={record.id}"
    session.expire_all()
    assert link.external_id == f"e-{record.id}"


def test_what_is_not_here_leads_back_to_its_list(company: Company, browser: Browser) -> None:
    answer = browser.get(f"/c/{company.id}/suppliers/details/?id=999")
    assert answer.status_code == 404
    assert f'<a class="btn btn-quiet" href="/c/{company.id}/suppliers/">Suppliers</a>' in answer.text


def test_accounts_say_their_type_and_class_in_words(session: Db, company: Company, browser: Browser) -> None:
    account = a_record(
        session, Account, company, code="310", name="Freight", account_type="DIRECTCOSTS", account_class="EXPENSE"
    )
    for path in ("", f"details/?id={account.id}"):
        page = browser.says(f"/c/{company.id}/accounts/{path}")
        assert "Direct costs" in page
        assert ">EXPENSE<" not in page
