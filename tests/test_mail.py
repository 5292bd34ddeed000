"""E-mail: what is put into the outbox is sent once, tried again if nothing was taken, and never twice unasked."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import event, select
from sqlalchemy.orm import Session

import jobs
from backoffice import clock, doctor, mail
from backoffice.config import Settings
from backoffice.extensions import db
from backoffice.mail import outbox
from backoffice.models import Contact, History, Invoice, Mail, MailState, new_company
from backoffice.queue import doorbell
from tests.databases import application
from tests.mail_server import PostOffice, certificate, mail_server

NOW = dt.datetime(2026, 11, 21, 10, 0, tzinfo=dt.UTC)
TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with mail_server(PostOffice()) as office:
        yield office


@pytest.fixture
def settings(settings: Settings, office: PostOffice) -> Settings:
    return settings.model_copy(update=to_this(office))


def to_this(office: PostOffice, **more: Any) -> dict[str, Any]:
    """The settings that lead to a mail server on this machine."""
    plain = {"smtp_host": "127.0.0.1", "smtp_port": office.port, "smtp_security": "none"}
    return {**plain, "mail_from": "books@harbour.example", "read_timeout": 5.0, **more}


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """As a worker has it."""
    with application(settings, screens=False) as app:
        yield app


@pytest.fixture
def time() -> Iterator[list[dt.datetime]]:
    """The clock, which stands still until a test moves it."""
    at = [NOW]
    clock.use(lambda: at[0])
    yield at
    clock.use()


@pytest.fixture
def session(app: Flask, time: list[dt.datetime]) -> Iterator[Session]:
    with app.app_context():
        yield db.session()


@pytest.fixture
def invoice(session: Session) -> Invoice:
    company = new_company(session, "Harbour Supplies")
    contact = Contact(company_id=company.id, name="Acme Ltd", email="ap@acme.example")
    invoice = Invoice(company_id=company.id, contact=contact, name="INV-1", date=dt.date(2026, 11, 21))
    session.add_all([contact, invoice])
    session.commit()
    return invoice


def put(session: Session, settings: Settings, invoice: Invoice, *to: str, token: str = TOKEN, **changes: Any) -> Mail:
    letter = mail.Letter(
        to or ("ap@acme.example",),
        **{
            "subject": "Invoice INV-1",
            "body": "Kia ora,\n\nattached is our invoice – €5.\n.\nNgā mihi\n",
            "file_name": "invoice-INV-1.pdf",
            "pdf": b"%PDF-1.7 \x00\xff\r\n.\r\n",
            "sender_name": "Māori Supplies, Ltd",
            "reply_to": "accounts@harbour.example",
            **changes,
        },
    )
    made = mail.put(session, settings, letter, token, None, about=invoice)
    session.commit()
    assert made is not None
    return made


def state(session: Session, row: Mail) -> tuple[MailState, str]:
    session.expire_all()
    found = session.get_one(Mail, row.id)
    return found.state, found.reason or ""


def history(session: Session, invoice: Invoice) -> list[tuple[str, str | None]]:
    query = select(History.action, History.new).where(History.kind == "invoice", History.record_id == invoice.id)
    return [(action, new) for action, new in session.execute(query.order_by(History.id)) if "mail" in action]


def test_an_e_mail_arrives_as_it_was_written(session, settings, office, invoice):
    row = put(session, settings, invoice, "ap@acme.example", "boss@acme.example")
    jobs.mail(row.id)
    (received,) = office.received
    message = received.message
    assert (received.sender, received.recipients) == (
        "books@harbour.example",
        ["ap@acme.example", "boss@acme.example"],
    )
    assert message["From"] == '"Māori Supplies, Ltd" <books@harbour.example>'
    assert message["To"] == "ap@acme.example, boss@acme.example"
    assert message["Reply-To"] == "accounts@harbour.example"
    assert message["Subject"] == "Invoice INV-1"
    assert message["Message-ID"] == f"<{TOKEN}@harbour.example>"
    assert message["Date"].datetime == NOW
    assert received.text == "Kia ora,\n\nattached is our invoice – €5.\n.\nNgā mihi\n"
    assert received.files == {"invoice-INV-1.pdf": b"%PDF-1.7 \x00\xff\r\n.\r\n"}
    assert received.raw.isascii()
    assert state(session, row) == (MailState.SENT, "")
    assert history(session, invoice) == [("e-mailed", "ap@acme.example, boss@acme.example")]


def test_what_is_sent_is_not_sent_again_however_often_it_is_rung_for(session, settings, office, invoice):
    row = put(session, settings, invoice)
    for _ in range(3):
        jobs.mail(row.id)
    jobs.mail(12345)
    assert len(office.received) == 1


def test_a_lost_bell_is_rung_again_by_the_sweep(session, settings, office, invoice, app):
    row = put(session, settings, invoice)
    jobs.sweep()
    (rung,) = doorbell.queue().jobs
    assert (rung.func_name, rung.args) == ("jobs.mail", [row.id])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_process_sends_what_it_is_rung_for(session, settings, office, invoice):
    row = put(session, settings, invoice)
    doorbell.ring("mail", row.id)
    session.rollback()
    names = ("database_url", "redis_url", "data_dir", "smtp_host", "smtp_port", "smtp_security", "mail_from")
    environment = {**os.environ, **{name.upper(): str(getattr(settings, name)) for name in names}}
    command = [sys.executable, "-m", "backoffice.cli", "worker", "--burst"]
    clock.use()
    subprocess.run(command, check=True, env=environment, capture_output=True, timeout=60)
    assert len(office.received) == 1
    assert state(session, row) == (MailState.SENT, "")


def test_one_form_makes_one_letter(session, settings, office, invoice):
    put(session, settings, invoice)
    with pytest.raises(AssertionError):
        put(session, settings, invoice)
    assert len(session.scalars(select(Mail)).all()) == 1


def test_nothing_is_open_in_the_database_while_the_mail_server_is_talked_to(session, settings, office, invoice):
    row = put(session, settings, invoice)
    open_then = []
    plain = office.handle_RCPT

    async def look(*args: Any) -> str:
        open_then.append((transactions[0], session.in_transaction()))
        return await plain(*args)

    transactions = [0]
    event.listen(db.engine, "begin", lambda _: transactions.__setitem__(0, transactions[0] + 1))
    for ending in ("commit", "rollback"):
        event.listen(db.engine, ending, lambda _: transactions.__setitem__(0, transactions[0] - 1))
    office.handle_RCPT = look
    session.rollback()
    transactions[0] = 0
    jobs.mail(row.id)
    assert open_then == [(0, False)]


def test_a_server_that_is_busy_is_asked_again_later_each_time_later(session, settings, office, invoice, time):
    row = put(session, settings, invoice)
    office.contents = ["451 busy", "421 closing", "250 taken"]
    jobs.mail(row.id)
    assert state(session, row) == (MailState.WAITING, "The mail server does not take this e-mail.")
    assert session.get_one(Mail, row.id).reason_raw == "451 busy"
    assert session.get_one(Mail, row.id).due_at == NOW + dt.timedelta(seconds=10)
    jobs.mail(row.id)  # a bell that rings too early
    assert len(office.contents) == 2
    time[0] += dt.timedelta(seconds=10)
    assert mail.due(session) == [row.id]
    jobs.mail(row.id)
    assert session.get_one(Mail, row.id).due_at == time[0] + dt.timedelta(seconds=30)
    time[0] += dt.timedelta(seconds=30)
    jobs.mail(row.id)
    assert state(session, row) == (MailState.SENT, "")
    assert len(office.received) == 1


def test_a_server_that_never_answers_is_given_up(session, settings, office, invoice, time):
    row = put(session, settings, invoice)
    office.to["ap@acme.example"] = "450 greylisted"
    for _ in range(mail.MOST_TRIES):
        jobs.mail(row.id)
        time[0] += dt.timedelta(seconds=900)
    assert state(session, row) == (
        MailState.FAILED,
        "Given up after 30 tries. The mail server cannot take mail just now for ap@acme.example. Nothing was sent.",
    )
    assert mail.due(session) == []
    assert history(session, invoice) == []


def test_an_address_that_is_refused_is_named_and_nobody_gets_it(session, settings, office, invoice):
    row = put(session, settings, invoice, "ap@acme.example", "gone@acme.example")
    office.to["gone@acme.example"] = "550 5.1.1 no such user"
    jobs.mail(row.id)
    assert state(session, row) == (
        MailState.FAILED,
        "The mail server does not know or does not take gone@acme.example. Nothing was sent.",
    )
    assert session.get_one(Mail, row.id).reason_raw == "550 5.1.1 no such user"
    assert office.received == []


def test_what_is_refused_for_good_is_not_tried_again(session, settings, office, invoice, time):
    row = put(session, settings, invoice)
    office.contents = ["554 looks like spam"]
    jobs.mail(row.id)
    time[0] += dt.timedelta(days=1)
    jobs.sweep()
    jobs.mail(row.id)
    assert state(session, row)[0] is MailState.FAILED
    assert office.received == []


def test_a_line_cut_after_the_contents_is_perhaps_sent_and_not_sent_again_unasked(
    session, settings, office, invoice, time
):
    row = put(session, settings, invoice)
    office.contents = ["cut"]
    jobs.mail(row.id)
    assert state(session, row) == (MailState.PERHAPS_SENT, mail.CUT)
    time[0] += dt.timedelta(days=1)
    jobs.sweep()
    jobs.mail(row.id)
    assert len(office.received) == 1
    assert history(session, invoice) == [("perhaps e-mailed", "ap@acme.example")]
    assert mail.again(session, row, None)
    assert not mail.again(session, row, None)
    jobs.mail(row.id)
    assert state(session, row) == (MailState.SENT, "")
    assert [one.message["Message-ID"] for one in office.received] == [f"<{TOKEN}@harbour.example>"] * 2


def test_a_worker_that_dies_while_it_sends_leaves_it_perhaps_sent(session, settings, office, invoice, time):
    row = put(session, settings, invoice)
    fence = outbox._claim(session, settings, row.id) or 0  # and dies
    jobs.sweep()
    assert state(session, row)[0] is MailState.SENDING
    time[0] += dt.timedelta(minutes=10)
    jobs.sweep()
    assert state(session, row)[0] is MailState.PERHAPS_SENT
    jobs.sweep()
    assert mail.due(session) == []
    # It was only slow after all, and says how it ended.
    assert outbox._finish(session, row.id, fence, mail.Outcome(MailState.SENT), settings)
    assert state(session, row)[0] is MailState.SENT


def test_a_slow_worker_says_nothing_of_a_later_turn(session, settings, office, invoice, time):
    row = put(session, settings, invoice)
    fence = outbox._claim(session, settings, row.id) or 0
    time[0] += dt.timedelta(minutes=10)
    jobs.sweep()
    mail.again(session, row, None)
    assert outbox._claim(session, settings, row.id) == 2
    assert not outbox._finish(session, row.id, fence, mail.Outcome(MailState.FAILED, "too late"), settings)
    assert state(session, row)[0] is MailState.SENDING


def test_a_worker_that_is_slow_to_die_is_not_given_up_in_its_new_turn(session, settings, office, invoice, time):
    row = put(session, settings, invoice)
    outbox._claim(session, settings, row.id)
    assert not outbox._give_up(session, row.id)
    assert state(session, row)[0] is MailState.SENDING


def test_what_cannot_leave_for_want_of_a_setting_waits_and_says_so(session, settings, office, invoice, time):
    row = put(session, settings, invoice)
    for gone in ({"mail_from": ""}, {"mail_from": "nobody"}, {"smtp_host": ""}):
        spoilt = settings.model_copy(update=gone)
        assert mail.send(session, spoilt, row.id) is MailState.WAITING
        found, said = state(session, row)
        assert found is MailState.WAITING
        assert "E-mail is not set up." in said
    assert mail.find_lost(session) == 0
    assert (row.tries, row.fence) == (0, 0)
    assert office.received == []
    time[0] += dt.timedelta(days=1)
    assert mail.send(session, settings, row.id) is MailState.SENT
    assert state(session, row) == (MailState.SENT, "")


def test_what_no_e_mail_can_be_made_of_fails_before_it_is_sent(session, settings, office, invoice):
    row = put(session, settings, invoice)
    row.recipients = "no address at all\n, <>"
    session.commit()
    assert mail.send(session, settings, row.id) is MailState.FAILED
    assert state(session, row) == (MailState.FAILED, "No e-mail could be made of it.")
    assert (row.fence, office.received) == (0, [])


def test_a_server_that_is_away_is_waited_for(session, settings, office, invoice, app):
    row = put(session, settings, invoice)
    gone = settings.model_copy(update={"smtp_port": 1})
    assert mail.send(session, gone, row.id) is MailState.WAITING
    assert state(session, row)[1] == "The mail server did not answer."


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server's side of TLS that clients here trust."""
    context, public = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    return context


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_the_line_is_protected_and_the_password_given(session, settings, invoice, trusted, security):
    row = put(session, settings, invoice)
    more = {"smtp_security": security, "smtp_user": "harbour", "smtp_password": SecretStr("the password")}
    with mail_server(PostOffice(), **{security: trusted}, sign_in=True) as office:
        safe = settings.model_copy(update=to_this(office, **more))
        assert mail.gaps(safe) == []
        assert mail.send(session, safe, row.id) is MailState.SENT
    assert [one.protected for one in office.received] == [True]


def test_a_wrong_password_is_said_to_be_one(session, settings, invoice, trusted):
    row = put(session, settings, invoice)
    more = {"smtp_security": "starttls", "smtp_user": "harbour", "smtp_password": SecretStr("wrong")}
    with mail_server(PostOffice(), starttls=trusted, sign_in=True) as office:
        mail.send(session, settings.model_copy(update=to_this(office, **more)), row.id)
    assert state(session, row) == (MailState.FAILED, "The mail server does not accept SMTP_USER and SMTP_PASSWORD.")
    assert "wrong" not in str(session.get_one(Mail, row.id).reason_raw)


def test_nothing_goes_over_a_line_that_cannot_be_trusted(session, settings, invoice, tmp_path):
    stranger, _ = certificate(tmp_path)
    row = put(session, settings, invoice)
    with mail_server(PostOffice(), starttls=stranger) as office:
        mail.send(session, settings.model_copy(update=to_this(office, smtp_security="starttls")), row.id)
    assert state(session, row)[1] == "The mail server’s certificate is not one that can be trusted."
    assert office.received == []


def test_nothing_goes_in_clear_where_protection_was_asked_for(session, settings, office, invoice):
    row = put(session, settings, invoice)
    mail.send(session, settings.model_copy(update={"smtp_security": "starttls"}), row.id)
    assert state(session, row)[0] is MailState.FAILED
    assert office.received == []


# Settings and addresses.


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_doctor_says_what_is_missing(app, settings, office):
    def found(**changes: Any) -> doctor.Finding:
        nowhere = {"xero_connections_url": "http://127.0.0.1:1/"}
        app.extensions["settings"] = settings.model_copy(update={**nowhere, **changes})
        return {finding.check: finding for finding in doctor.examine(app)}["mail"]

    assert found().found == "127.0.0.1 answers; e-mail comes from books@harbour.example"
    assert found(smtp_host="", mail_from="").ok
    assert found(smtp_host="").mend == "SMTP_HOST must name the mail server."
    assert found(mail_from="books").mend == "MAIL_FROM must be the address that e-mail comes from."
    assert found(smtp_user="harbour").mend == "SMTP_PASSWORD must be set, since SMTP_USER is."
    away = found(smtp_port=1)
    assert (away.ok, away.found.startswith("127.0.0.1: ")) == (False, True)


def test_a_password_never_travels_in_clear_to_another_machine():
    there: dict[str, Any] = {
        "smtp_host": "mail.example",
        "mail_from": "a@b.example",
        "smtp_user": "u",
        "smtp_security": "none",
    }
    (gap,) = mail.gaps(Settings(**there, smtp_password=SecretStr("p")))
    assert "clear" in gap


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (" ap@acme.example ", "ap@acme.example"),
        ("a.b+c@ACME.example", "a.b+c@ACME.example"),
        ("büro@example.com", None),
        ("info@müller.example", "info@xn--mller-kva.example"),
        ("a@b@c.example", None),
        ("a b@c.example", None),
        ("a@c.example\r\nBcc: x@y.example", None),
        ("a@-c.example", None),
        ("a@c..example", None),
        ("@c.example", None),
        ("a@", None),
        ("<a@c.example>", None),
        ("", None),
    ],
)
def test_addresses(written, read):
    if read is None:
        with pytest.raises(mail.UnfitAddressError):
            mail.address_of(written)
    else:
        assert mail.address_of(written) == read


def test_several_addresses():
    assert mail.addresses_of("a@b.example; c@d.example,\na@b.example") == ["a@b.example", "c@d.example"]
    with pytest.raises(mail.UnfitAddressError, match="At most 10"):
        mail.addresses_of(",".join(f"a{n}@b.example" for n in range(11)))
    with pytest.raises(mail.UnfitAddressError, match="Give"):
        mail.addresses_of(" ; ")


@given(st.text(max_size=80))
def test_no_text_becomes_an_address_with_more_in_it(text):
    try:
        found = mail.address_of(text)
    except mail.UnfitAddressError:
        return
    assert found.isascii()
    assert not set(found) & set(' \r\n<>,;:"\\()[]')


@given(st.text(), st.text(), st.text())
def test_no_text_becomes_a_header(subject, body, name):
    row = Mail(
        sender_name=name,
        recipients="a@b.example",
        reply_to=None,
        subject=subject,
        body=body,
        file_name="invoice.pdf",
        pdf=b"%PDF",
        message_id="<1@b.example>",
        created_at=NOW,
    )
    raw = mail.compose(row, Settings(mail_from="books@harbour.example"))
    head = raw.split(b"\r\n\r\n", 1)[0]
    names = [line.split(b":")[0] for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    assert sorted(names) == sorted(
        [b"From", b"To", b"Subject", b"Date", b"Message-ID", b"MIME-Version", b"Content-Type"]
    )
