"""Bank and tax details changed on the other side: seen wherever money is about to move, until somebody has looked."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.models import Alert, Bill, Company, Connection, Contact, Invoice, Payment, Role, Status
from tests.admin.conftest import Browser, Db, a_record
from tests.admin.papers import a_bank, approved, form_values

OLD, NEW = "12-3456-7890123-00", "<b>99-9999</b>"


@pytest.fixture
def supplier(session: Db, company: Company, connection: Connection) -> Contact:
    found: Contact = a_record(session, Contact, company, name="Kiwi Steel", customer_here=False)
    return found


@pytest.fixture
def alert(session: Db, supplier: Contact) -> Alert:
    return an_alert(session, supplier)


def an_alert(session: Db, supplier: Contact, **more: Any) -> Alert:
    values = {"column": "bank_account", "old": OLD, "new": NEW, **more}
    found = Alert(company_id=supplier.company_id, kind="contact", record_id=supplier.id, **values)
    session.add(found)
    session.commit()
    return found


def test_it_stands_on_the_supplier_the_list_the_overview_and_its_own_page(
    company: Company, supplier: Contact, alert: Alert, browser: Browser
) -> None:
    root = f"/c/{company.id}"
    page = browser.says(f"{root}/suppliers/details/?id={supplier.id}")
    assert ("has to be looked at before anybody pays" in page, OLD in page) == (True, True)
    assert "&lt;b&gt;99-9999&lt;/b&gt;" in page
    assert NEW not in page
    assert "Bank account changed" in browser.says(f"{root}/suppliers/")
    assert "1 change of bank or tax details" in browser.says(f"{root}/")
    assert "Kiwi Steel" in browser.says(f"{root}/alerts/")


def test_acknowledging_says_who_when_and_why(
    session: Db, company: Company, supplier: Contact, alert: Alert, browser: Browser
) -> None:
    root = f"/c/{company.id}"
    told = browser.post(f"{root}/alerts/acknowledge/", {"id": alert.id, "note": "Rang <Kim>"}, follow=True)
    assert "It is acknowledged." in told.text
    done = browser.says(f"{root}/alerts/?tab=acknowledged")
    assert ("by Operator" in done, "Rang &lt;Kim&gt;" in done) == (True, True)
    assert "has to be looked at" not in browser.says(f"{root}/suppliers/details/?id={supplier.id}")
    session.refresh(alert)
    first = alert.acknowledged_at
    again = browser.post(f"{root}/alerts/acknowledge/", {"id": alert.id, "note": "again"}, follow=True)
    session.refresh(alert)
    assert ("already" in again.text, alert.acknowledged_at, alert.note) == (True, first, "Rang <Kim>")


def test_viewers_see_and_do_not_acknowledge(session: Db, company: Company, alert: Alert, browser_as: Any) -> None:
    viewer = browser_as(Role.VIEWER)
    assert "Kiwi Steel" in viewer.says(f"/c/{company.id}/alerts/")
    assert viewer.post(f"/c/{company.id}/alerts/acknowledge/", {"id": alert.id}).status_code == 403
    session.refresh(alert)
    assert alert.acknowledged_at is None


@pytest.mark.parametrize("key", ["", "x", "0", "99999999999999999999", "-1"])
def test_an_alert_that_is_none_is_said(key: str, company: Company, alert: Alert, browser: Browser) -> None:
    assert browser.post(f"/c/{company.id}/alerts/acknowledge/", {"id": key}).status_code == 404


def test_an_alert_of_another_company_is_none(
    session: Db, company: Company, elsewhere: Company, alert: Alert, browser: Browser
) -> None:
    assert browser.post(f"/c/{elsewhere.id}/alerts/acknowledge/", {"id": alert.id}).status_code == 404
    assert "Kiwi Steel" not in browser.says(f"/c/{elsewhere.id}/alerts/")


def test_open_bills_carry_it_and_paid_or_voided_ones_do_not(
    session: Db, company: Company, supplier: Contact, alert: Alert, browser: Browser
) -> None:
    root = f"/c/{company.id}"
    bill = approved(session, Bill, company, name="B-1", contact=supplier)
    voided = approved(session, Bill, company, name="B-2", contact=supplier)
    voided.status = Status.VOIDED
    session.commit()
    paid = approved(session, Bill, company, name="B-3", contact=supplier)
    session.add(Payment(company_id=company.id, bill_id=paid.id, account_id=a_bank(session, company).id,
                        date=paid.date, amount=paid.total, name="PAY-9"))  # fmt: skip
    session.commit()
    warned = {
        one.name: "before anybody pays" in browser.says(f"{root}/bills/details/?id={one.id}")
        for one in (bill, voided, paid)
    }
    assert warned == {"B-1": True, "B-2": False, "B-3": False}
    assert browser.says(f"{root}/bills/?archived=all").count("Bank account changed") == 1
    payment = session.query(Payment).one()
    assert "before anybody pays" in browser.says(f"{root}/payments/details/?id={payment.id}")
    assert "Bank account changed" in browser.says(f"{root}/payments/")


def test_what_a_customer_pays_is_asked_nothing(
    session: Db, company: Company, supplier: Contact, alert: Alert, browser: Browser
) -> None:
    a_bank(session, company)
    invoice = approved(session, Invoice, company, name="I-1", contact=supplier)
    assert "before anybody pays" not in browser.says(f"/c/{company.id}/invoices/details/?id={invoice.id}")
    assert "alerts_known" not in browser.says(f"/c/{company.id}/payments/new/?invoice={invoice.id}")


def test_a_payment_is_recorded_only_by_who_knows_of_it(
    session: Db, company: Company, supplier: Contact, alert: Alert, browser: Browser
) -> None:
    root = f"/c/{company.id}"
    a_bank(session, company)
    bill = approved(session, Bill, company, name="B-1", contact=supplier)
    form = form_values(browser.says(f"{root}/payments/new/?bill={bill.id}"))
    form.pop("alerts_known", None)
    refused = browser.post(f"{root}/payments/new/", form)
    assert (refused.status_code, "Nothing was recorded. Tick this" in refused.text) == (200, True)
    assert session.query(Payment).count() == 0
    second = an_alert(session, supplier, column="tax_number", old=None, new="1")
    stale = browser.post(f"{root}/payments/new/", {**form, "alerts_known": str(alert.id)})
    assert (stale.status_code, session.query(Payment).count()) == (200, 0)
    done = browser.post(f"{root}/payments/new/", {**form, "alerts_known": f"{second.id}-{alert.id}"})
    assert (done.status_code, session.query(Payment).count()) == (303, 1)


def test_without_an_alert_nothing_is_asked(session: Db, company: Company, supplier: Contact, browser: Browser) -> None:
    a_bank(session, company)
    bill = approved(session, Bill, company, name="B-1", contact=supplier)
    assert "alerts_known" not in browser.says(f"/c/{company.id}/payments/new/?bill={bill.id}")


def test_however_many_are_open_every_one_warns(
    session: Db, company: Company, supplier: Contact, alert: Alert, browser: Browser
) -> None:
    many = [Contact(company_id=company.id, name=f"Supplier {n}", supplier_here=True) for n in range(1_000)]
    session.add_all(many)
    session.flush()
    session.add_all(
        Alert(company_id=company.id, kind="contact", record_id=one.id, column="tax_number", old="1", new="2")
        for one in many
    )
    session.commit()
    assert "has to be looked at" in browser.says(f"/c/{company.id}/suppliers/details/?id={supplier.id}")
    assert "Bank account changed" in browser.says(f"/c/{company.id}/suppliers/?search=Kiwi")


def test_they_are_counted_while_nothing_is_linked(
    session: Db, company: Company, connection: Connection, alert: Alert, browser: Browser
) -> None:
    connection.active = False
    session.commit()
    assert "1 change of bank or tax details" in browser.says(f"/c/{company.id}/")
    assert 'Open <span class="count">1</span>' in browser.says(f"/c/{company.id}/alerts/")
