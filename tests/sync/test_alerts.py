"""Bank and tax details that a sync job changes: somebody has to look before money moves."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from backoffice.models import Alert, CompanySettings, Contact, SyncJob, Winner
from backoffice.models.alert import open_alerts
from tests.sync.conftest import Book

OLD, NEW = "12-3456-7890123-00", "99-9999-9999999-99"


def a_supplier(book: Book, **there: Any) -> Contact:
    """A supplier that is the same on both sides."""
    contact_id = book.theirs.add("Kiwi Steel", **{"IsSupplier": True, "BankAccountDetails": OLD, **there})
    book.update("contact")
    contact = book.contact("Kiwi Steel")
    assert book.link_of(contact).external_id == contact_id
    return contact


def edit(book: Book, contact: Contact, **changes: Any) -> SyncJob:
    """Change it in Xero, and bring that in."""
    external_id = book.link_of(contact).external_id
    assert external_id is not None
    book.session.rollback()
    book.theirs.edit(external_id, **changes)
    return book.update("contact")


def alerts(book: Book) -> list[Alert]:
    return list(book.session.scalars(select(Alert).order_by(Alert.id)))


def test_a_first_import_alarms_nobody(book: Book) -> None:
    contact = a_supplier(book, TaxNumber="123-456-789")
    assert (contact.bank_account, contact.tax_number) == (OLD, "123-456-789")
    assert alerts(book) == []


def test_a_changed_bank_account_raises_an_alert_with_both_values_and_the_job(book: Book) -> None:
    contact = a_supplier(book)
    job = edit(book, contact, BankAccountDetails=NEW)
    [alert] = alerts(book)
    assert (alert.kind, alert.record_id, alert.column) == ("contact", contact.id, "bank_account")
    assert (alert.old, alert.new, alert.sync_job_id) == (OLD, NEW, job.id)
    assert list(open_alerts(book.session, book.company_id, "contact", [contact.id])) == [contact.id]
    assert [entry.new for entry in book.history(contact) if entry.field == "bank_account"] == [NEW]


def test_bank_and_tax_changed_at_once_are_two_alerts(book: Book) -> None:
    contact = a_supplier(book, TaxNumber="1111")
    edit(book, contact, BankAccountDetails=NEW, TaxNumber="2222", EmailAddress="new@kiwi.nz")
    assert [alert.column for alert in alerts(book)] == ["bank_account", "tax_number"]


def test_other_changes_alarm_nobody(book: Book) -> None:
    edit(book, a_supplier(book), EmailAddress="new@kiwi.nz", FirstName="Kim")
    assert alerts(book) == []


def test_details_that_a_known_supplier_gets_or_loses_alarm(book: Book) -> None:
    contact = a_supplier(book, BankAccountDetails="")
    edit(book, contact, BankAccountDetails=NEW)
    edit(book, contact, BankAccountDetails="")
    assert [(alert.old, alert.new) for alert in alerts(book)] == [(None, NEW), (NEW, None)]


def test_a_mere_customer_is_nobody_whom_we_pay(book: Book) -> None:
    edit(book, a_supplier(book, IsSupplier=False, IsCustomer=True), BankAccountDetails=NEW)
    assert alerts(book) == []


def test_our_own_edit_alarms_nobody(book: Book) -> None:
    contact = a_supplier(book)
    contact.bank_account = NEW
    book.session.commit()
    book.push()
    book.update("contact")
    assert (book.theirs.contact("Kiwi Steel")["BankAccountDetails"], alerts(book)) == (NEW, [])


def test_a_conflict_that_they_win_alarms(book: Book) -> None:
    contact = a_supplier(book)
    contact.bank_account = "our own edit"
    book.session.commit()
    edit(book, contact, BankAccountDetails=NEW)
    [alert] = alerts(book)
    assert (alert.old, alert.new, contact.bank_account) == ("our own edit", NEW, NEW)


def test_a_conflict_that_we_win_leaves_our_value_and_alarms(book: Book) -> None:
    contact = a_supplier(book)
    book.session.scalars(select(CompanySettings)).one().conflict_winner = Winner.OURS
    contact.phone = "555"
    book.session.commit()
    job = edit(book, contact, BankAccountDetails=NEW)
    [alert] = alerts(book)
    assert (alert.old, alert.new, alert.sync_job_id, contact.bank_account) == (OLD, NEW, job.id, OLD)


@pytest.mark.parametrize(("there", "alarms"), [({"EmailAddress": "new@kiwi.nz"}, 0), ({"BankAccountDetails": NEW}, 1)])
def test_a_conflict_over_what_only_we_changed_alarms_nobody(there: dict[str, str], alarms: int, book: Book) -> None:
    contact = a_supplier(book)
    book.session.scalars(select(CompanySettings)).one().conflict_winner = Winner.OURS
    contact.bank_account = "our first edit"
    book.session.commit()
    contact.bank_account = "our second edit"
    book.session.commit()
    edit(book, contact, **there)
    assert (len(alerts(book)), contact.bank_account) == (alarms, "our second edit")


def test_what_a_first_match_fills_in_alarms_nobody_and_what_it_overwrites_does(book: Book) -> None:
    for name, ours in (("Empty here", None), ("Other here", "our own")):
        book.theirs.add(name, BankAccountDetails=NEW, IsSupplier=True)
        book.add(name=name, bank_account=ours)
    book.update("contact")
    assert book.contact("Empty here").bank_account == book.contact("Other here").bank_account == NEW
    assert [(alert.old, alert.new) for alert in alerts(book)] == [("our own", NEW)]


def test_an_acknowledged_alert_is_open_no_longer_and_a_next_change_opens_another(book: Book) -> None:
    contact = a_supplier(book)
    edit(book, contact, BankAccountDetails=NEW)
    alerts(book)[0].acknowledge(None, "called them")
    book.session.commit()
    assert open_alerts(book.session, book.company_id, "contact", [contact.id]) == {}
    edit(book, contact, BankAccountDetails=OLD)
    left = open_alerts(book.session, book.company_id, "contact", [contact.id])[contact.id]
    assert [alert.new for alert in left] == [OLD]


def test_an_alert_follows_the_contact_that_was_merged_into_another(book: Book) -> None:
    contact = a_supplier(book)
    kept_id = book.theirs.add("Tui Metals", IsSupplier=True)
    edit(book, contact, BankAccountDetails=NEW)
    edit(book, contact, ContactStatus="ARCHIVED", MergedToContactID=kept_id)
    kept = book.contact("Tui Metals")
    assert list(open_alerts(book.session, book.company_id, "contact", [contact.id, kept.id])) == [kept.id]
