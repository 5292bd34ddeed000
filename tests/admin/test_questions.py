"""How often a page asks the database: as often for many rows as for few."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from backoffice.clock import now
from backoffice.models import (
    Alert,
    Allocation,
    Attachment,
    AttemptState,
    Bill,
    Cause,
    Company,
    Connection,
    Contact,
    CreditNote,
    Invoice,
    JobState,
    Payment,
    Reconciliation,
    Side,
    Status,
    SyncAttempt,
    SyncAttemptItem,
)
from tests.admin.conftest import Browser, Db, a_job, a_record, integrate
from tests.admin.papers import DAY, a_bank, a_paper, a_party, approved
from tests.admin.test_drift import a_drift
from tests.admin.test_previews import a_preview, a_row
from tests.questions import questions

LISTS = ("payments", "allocations", "attachments", "bills", "credit-notes")


def fill(session: Db, company: Company, start: int, count: int) -> None:
    """Documents of several parties with what belongs to them."""
    bank = session.query(Payment).first()
    account = bank.account_id if bank else a_bank(session, company).id
    for number in range(start, start + count):
        party = a_party(session, company, f"Party {number}")
        bill = approved(session, Bill, company, name=f"B-{number}", contact=party)
        invoice = approved(session, Invoice, company, name=f"I-{number}", contact=party)
        note = approved(session, CreditNote, company, name=f"N-{number}", contact=party, side=Side.PURCHASES)
        least: dict[str, Any] = {"company_id": company.id, "date": DAY, "amount": 1}
        for paid in ({"bill_id": bill.id}, {"invoice_id": invoice.id}):
            session.add(Payment(**least, account_id=account, **paid))
        session.add(Allocation(**least, name=f"A-{number}", credit_note_id=note.id, bill_id=bill.id))
        session.add(
            Attachment(
                company_id=company.id, name=f"{number}.pdf", mime_type="application/pdf", size=1, bill_id=bill.id
            )
        )
    session.commit()


@pytest.mark.parametrize("sort", ["", "export/csv/"])
@pytest.mark.parametrize("path", LISTS)
def test_a_list_asks_as_often_for_many_rows_as_for_few(
    path: str, sort: str, app: Flask, session: Db, company: Company, browser: Browser
) -> None:
    place, counts = f"/c/{company.id}/{path}/{sort}", []
    for start, count in ((1, 2), (3, 6)):
        fill(session, company, start, count)
        browser.says(place)
        with questions(app) as asked:
            browser.says(place)
        counts.append(len(asked))
    assert counts[0] == counts[1] > 0


def test_the_page_of_a_document_asks_as_often_with_many_payments_as_with_few(
    app: Flask, session: Db, company: Company, browser: Browser
) -> None:
    account, bill = a_bank(session, company), approved(session, Bill, company)
    place, counts = f"/c/{company.id}/bills/details/?id={bill.id}", []
    for count in (1, 5):
        for _ in range(count):
            session.add(Payment(company_id=company.id, date=DAY, amount=1, bill_id=bill.id, account_id=account.id))
        session.commit()
        browser.says(place)
        with questions(app) as asked:
            browser.says(place)
        counts.append(len(asked))
    assert counts[0] == counts[1] > 0


def test_the_steps_of_a_document_are_asked_for_once(
    app: Flask, session: Db, company: Company, browser: Browser
) -> None:
    bill = a_paper(session, Bill, company, status=Status.AWAITING_APPROVAL)
    with questions(app) as asked:
        browser.says(f"/c/{company.id}/bills/details/?id={bill.id}")
    assert len([one for one in asked if "FROM payment " in " ".join(one.split())]) <= 2, (
        "the page's own, and the step's"
    )


@pytest.mark.parametrize("path", ["alerts", "drift-report", "previews"])
def test_a_page_of_rows_that_name_records_asks_as_often_for_many_as_for_few(
    path: str, app: Flask, session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    place, counts, preview = f"/c/{company.id}/{path}/", [], a_preview(session, connection)
    session.add(Reconciliation(company_id=company.id, connection_id=connection.id, finished_at=now(), complete=True))
    for start, count in ((1, 2), (3, 18)):
        for number in range(start, start + count):
            party = a_party(session, company, f"Party {number}")
            session.add(Alert(company_id=company.id, kind="contact", record_id=party.id, column="bank_account"))
            a_drift(session, connection, party, Cause.EDITED_SILENTLY)
            a_row(session, preview, party.name, record_id=party.id)
        browser.says(place)
        with questions(app) as asked:
            text = browser.says(place)
        counts.append(len(asked))
        assert f"details/?id={party.id}" in text
    assert counts[0] == counts[1] > 0


def test_a_file_names_what_rows_belong_to(session: Db, company: Company, browser: Browser) -> None:
    fill(session, company, 1, 1)
    for path, names in (("allocations", ("N-1", "B-1")), ("attachments", ("B-1",))):
        text = browser.says(f"/c/{company.id}/{path}/export/csv/")
        assert all(name in text for name in names), text


def test_an_expense_opens_on_its_own_screen(session: Db, company: Company, browser: Browser) -> None:
    expense = approved(session, Bill, company, name="R-1", expense=True)
    account = a_bank(session, company)
    payment = Payment(company_id=company.id, date=DAY, amount=1, bill_id=expense.id, account_id=account.id)
    session.add(payment)
    session.commit()
    page = browser.says(f"/c/{company.id}/payments/details/?id={payment.id}")
    assert f"/c/{company.id}/expenses/details/?id={expense.id}" in page


def test_the_page_of_a_large_job_asks_no_more_than_that_of_a_small_one(
    app: Flask, session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    job = a_job(session, connection, JobState.COMPLETED, ended_at=now())
    common = {"connection_id": connection.id, "sync_job_id": job.id, "resource": "Contacts", "action": "create"}
    asked = []
    for count in (2, 40):
        for number in range(count):
            link = integrate(session, connection, a_record(session, Contact, company, name=f"Party {count} {number}"))
            attempt = SyncAttempt(idempotency_key=f"{count} {number}", state=AttemptState.ANSWERED, **common)
            about = {"link_id": link.id, "kind": "contact", "record_id": link.record_id, "revision": 1}
            attempt.items = [SyncAttemptItem(position=0, payload={}, outcome="sent", **about)]
            session.add(attempt)
        session.commit()
        with questions(app) as statements:
            assert f"Party {count} 1" in browser.says(f"/c/{company.id}/sync-jobs/details/?id={job.id}")
        asked.append(len(statements))
    assert asked[0] == asked[1]
