"""Printing and e-mailing a document: who may, of which company, and what is said when it cannot be."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pypdfium2
import pytest
from sqlalchemy import select

import jobs
from backoffice.config import Settings
from backoffice.models import Contact, Invoice, InvoiceLine, Mail, MailState, PurchaseOrder, Role, Status
from tests.admin.conftest import a_record
from tests.mail_server import PostOffice, mail_server

TOKEN = re.compile(r'name="token"[^>]* value="([0-9a-f]{32})"')


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with mail_server(PostOffice()) as office:
        yield office


@pytest.fixture
def settings(settings: Settings, office: PostOffice) -> Settings:
    mail = {"smtp_host": "127.0.0.1", "smtp_port": office.port, "smtp_security": "none"}
    return settings.model_copy(update={**mail, "mail_from": "books@harbour.example"})


@pytest.fixture
def party(session, company) -> Contact:
    return a_record(session, Contact, company, name="Ōtaki Ltd", email="ap@otaki.example", first_name="Hēmi")


@pytest.fixture
def invoice(session, company, party) -> Invoice:
    lines = [InvoiceLine(description="Kete", quantity=Decimal(2), unit_price=Decimal("1234.50"))]
    values = {"contact_id": party.id, "name": "INV-7", "date": dt.date(2026, 11, 21), "lines": lines}
    return a_record(session, Invoice, company, **values)


def path(invoice: Invoice, what: str, company_id: int | None = None, **more: Any) -> str:
    query = "".join(f"&{name}={value}" for name, value in more.items())
    return f"/c/{company_id or invoice.company_id}/invoices/{what}/?id={invoice.id}{query}"


def text_of(pdf: bytes) -> str:
    with pypdfium2.PdfDocument(pdf) as opened:
        page = opened[0]
        text = page.get_textpage()
        found = text.get_text_range()
        text.close()
        page.close()
    return " ".join(str(found).split())


def form(browser, invoice, **changes: str) -> dict[str, str]:
    found = TOKEN.search(browser.says(path(invoice, "email")))
    assert found
    plain = {"to": "ap@otaki.example", "subject": "Invoice INV-7", "body": "Kia ora", "token": found[1]}
    return {**plain, **changes}


def send(browser, invoice, **changes: str) -> str:
    return browser.post(path(invoice, "email"), form(browser, invoice, **changes), follow=True).text


@pytest.mark.parametrize("role", list(Role))
def test_everybody_may_print(browser_as, invoice, role):
    answer = browser_as(role).get(path(invoice, "pdf"))
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert answer.headers["Content-Disposition"] == 'inline; filename="invoice-INV-7.pdf"'
    assert answer.headers["Cache-Control"] == "no-store"
    said = text_of(answer.data)
    assert "Harbour Supplies" in said
    assert "Ōtaki Ltd" in said
    assert "DRAFT" in said
    assert "2,469.00" in said


def test_the_page_of_a_document_leads_there(browser_as, invoice):
    for role in (Role.VIEWER, Role.OPERATOR):
        page = browser_as(role).says(path(invoice, "details"))
        assert f"/invoices/pdf/?id={invoice.id}" in page
        assert f"/invoices/email/?id={invoice.id}" in page


def test_nothing_is_printed_or_mailed_of_another_company(browser, session, invoice, elsewhere):
    for what in ("pdf", "email", "email/paper"):
        assert browser.get(path(invoice, what, elsewhere.id)).status_code == 404
    data = form(browser, invoice)
    assert browser.post(path(invoice, "email", elsewhere.id), data).status_code == 404
    assert session.scalars(select(Mail)).all() == []


def test_a_document_is_mailed_to_its_party_as_it_is_now(browser, session, invoice, office, app):
    page = browser.says(path(invoice, "email"))
    for words in ("ap@otaki.example", "Invoice INV-7 from Harbour Supplies", "Dear Hēmi,", "It is not approved"):
        assert words in page
    said = send(browser, invoice)
    assert "is on its way to ap@otaki.example" in said
    assert "Waiting" in said
    (mail,) = session.scalars(select(Mail))
    assert len(app.extensions["redis"].lrange("rq:queue:backoffice", 0, -1)) == 1
    with app.app_context():
        jobs.mail(mail.id)
    (received,) = office.received
    assert received.recipients == ["ap@otaki.example"]
    assert "2,469.00" in text_of(received.files["invoice-INV-7.pdf"])
    page = browser.says(path(invoice, "email"))
    assert "Sent" in page
    assert browser.get(path(invoice, "email/paper", mail=mail.id)).data == received.files["invoice-INV-7.pdf"]
    history = browser.says(path(invoice, "history"))
    assert "E-mailed" in history
    assert "ap@otaki.example" in history
    assert "Operator" in history


def test_the_same_form_sent_twice_mails_once(browser, session, invoice):
    data = form(browser, invoice)
    browser.post(path(invoice, "email"), data)
    assert "in the outbox already" in browser.post(path(invoice, "email"), data, follow=True).text
    assert len(session.scalars(select(Mail)).all()) == 1


def test_viewers_do_not_mail(browser_as, session, invoice):
    viewer = browser_as(Role.VIEWER)
    page = viewer.says(path(invoice, "email"))
    assert "you can print it" in page
    assert 'name="subject"' not in page
    assert viewer.post(path(invoice, "email"), {"to": "a@b.example", "subject": "x", "body": "y"}).status_code == 403
    assert viewer.post(path(invoice, "email/again"), {"mail": "1"}).status_code == 403
    assert session.scalars(select(Mail)).all() == []


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("to", "", "Give an e-mail address."),
        ("to", "nobody", "“nobody” is not an e-mail address that can be written to."),
        ("to", "a@b.example\r\nBcc: c@d.example", "is not an e-mail address"),
        ("subject", "", "Give a subject."),
        ("subject", "x\x00y", "a character that cannot be sent"),
        ("subject", "x" * 201, "longer than 200"),
        ("body", "", "Write a text."),
        ("body", "\x1b[2J", "a character that cannot be sent"),
    ],
)
def test_what_was_typed_wrong_is_said_and_kept(browser, session, invoice, field, value, said):
    page = send(browser, invoice, **{field: value})
    assert said in page
    assert "Kia ora" in page or field == "body"
    assert session.scalars(select(Mail)).all() == []


def test_a_subject_of_several_lines_is_one(browser, session, invoice, office, app):
    send(browser, invoice, subject="Invoice\r\nBcc: c@d.example")
    (mail,) = session.scalars(select(Mail))
    with app.app_context():
        jobs.mail(mail.id)
    assert office.received[0].message["Subject"] == "Invoice Bcc: c@d.example"
    assert office.received[0].message["Bcc"] is None


def test_without_a_mail_server_it_says_who_has_to_set_what(browser, session, invoice, app, settings):
    app.extensions["settings"] = settings.model_copy(update={"smtp_host": "", "mail_from": ""})
    page = browser.says(path(invoice, "email"))
    for words in ("cannot send e-mail yet", "SMTP_HOST", "MAIL_FROM", "Whoever runs it"):
        assert words in page
    assert 'name="subject"' not in page
    browser.post(path(invoice, "email"), {"to": "a@b.example", "subject": "x", "body": "y"})
    assert session.scalars(select(Mail)).all() == []


def test_what_failed_or_was_perhaps_sent_is_sent_again_when_somebody_asks(browser, session, invoice, office, app):
    office.to["ap@otaki.example"] = "550 no such user"
    send(browser, invoice)
    (mail,) = session.scalars(select(Mail))
    with app.app_context():
        jobs.mail(mail.id)
    page = browser.says(path(invoice, "email"))
    assert "does not know or does not take ap@otaki.example" in page
    assert "550 no such user" in page
    office.to.clear()
    office.contents = ["cut"]
    browser.post(path(invoice, "email/again"), {"mail": str(mail.id)})
    with app.app_context():
        jobs.mail(mail.id)
    page = browser.says(path(invoice, "email"))
    assert "Perhaps sent" in page
    assert "It may have arrived already." in page
    browser.post(path(invoice, "email/again"), {"mail": str(mail.id)})
    with app.app_context():
        jobs.mail(mail.id)
    session.expire_all()
    assert session.get_one(Mail, mail.id).state is MailState.SENT
    assert (
        "on its way or sent already"
        in browser.post(path(invoice, "email/again"), {"mail": str(mail.id)}, follow=True).text
    )


def test_an_e_mail_of_one_document_is_not_found_under_another(browser, session, company, party, invoice):
    send(browser, invoice)
    (mail,) = session.scalars(select(Mail))
    values = {"contact_id": party.id, "date": dt.date(2026, 11, 21)}
    other = a_record(session, Invoice, company, **{**values, "name": "INV-8"})
    order = a_record(session, PurchaseOrder, company, **{**values, "name": "PO-8", "status": Status.APPROVED})
    assert browser.get(path(other, "email/paper", mail=mail.id)).status_code == 404
    assert browser.post(path(other, "email/again"), {"mail": str(mail.id)}).status_code == 404
    assert browser.get(f"/c/{company.id}/purchase-orders/pdf/?id={order.id}").status_code == 200
    assert browser.get(f"/c/{company.id}/purchase-orders/email/paper/?id={order.id}&mail={mail.id}").status_code == 404
