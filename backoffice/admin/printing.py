"""A document on paper: its PDF for printing, and the page from which it is e-mailed to its party."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Any

from flask import Response, current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, ValidationError

from backoffice import mail as outbox
from backoffice.admin.company_base import Page, here, not_found, number
from backoffice.admin.words import Badge
from backoffice.clock import now
from backoffice.config import Settings
from backoffice.database import read_only
from backoffice.extensions import db
from backoffice.models import Document, Mail, MailState, dues
from backoffice.pdf.letterhead import Due, Letterhead, letterhead_of
from backoffice.queue import doorbell

MAIL_BADGES = {
    MailState.WAITING: Badge("↑", "Waiting", "blue"),
    MailState.SENDING: Badge("●", "Being sent", "blue"),
    MailState.SENT: Badge("✓", "Sent", "green"),
    MailState.FAILED: Badge("✕", "Failed", "red"),
    MailState.PERHAPS_SENT: Badge("?", "Perhaps sent", "amber"),
}
TOKEN = re.compile(r"[0-9a-f]{32}")
#: Of a printed document: it needs nothing but what a browser shows it with.
PDF_POLICY = "default-src 'none'; object-src 'self'; plugin-types application/pdf; style-src 'unsafe-inline'"
SHOWN = 100


def stripped(value: str | None) -> str | None:
    return value.strip() if value else value


def no_control(_form: Any, field: Any) -> None:
    """Refuse what is neither a letter nor an end of line."""
    if any(not one.isprintable() and one not in "\r\n\t\u00a0\u3000" for one in field.data or ""):
        raise ValidationError("This holds a character that cannot be sent; type it anew.")


class EmailForm(FlaskForm):
    """To whom a document goes, and with which words."""

    to = StringField(
        "To",
        [InputRequired("Give an e-mail address."), Length(max=1000), no_control],
        filters=[stripped],
        description="Several addresses with commas between them; all of them see each other.",
    )
    subject = StringField(
        "Subject", [InputRequired("Give a subject."), Length(max=200), no_control], filters=[stripped]
    )
    body = TextAreaField(
        "Text", [InputRequired("Write a text."), Length(max=20_000), no_control], render_kw={"rows": 9}
    )
    token = HiddenField()

    def validate_to(self, field: StringField) -> None:
        try:
            outbox.addresses_of(field.data or "")
        except outbox.UnfitAddressError as error:
            raise ValidationError(error.message) from error


class Printing(Page):
    """What the view of a kind of document inherits to print and e-mail it: `.pdf_view` and `.email_view`, by id."""

    @expose("/pdf/")
    def pdf_view(self) -> ResponseReturnValue:
        """The document for printing, in the browser's own viewer."""
        from backoffice.pdf.document import file_name

        document = self.one()
        return pdf_answer(printed(document)[0], file_name(document))

    @expose("/email/", methods=("GET", "POST"))
    def email_view(self) -> ResponseReturnValue:
        """Write an e-mail with the document, and see what became of those before."""
        document: Document = self.one()
        settings: Settings = current_app.extensions["settings"]
        gaps = outbox.gaps(settings)
        form = EmailForm(data=None if request.method == "POST" else prefilled(document))
        if request.method == "POST":
            if gaps:
                flash("Nothing was sent: this deployment cannot send e-mail yet.", "danger")
            elif form.validate():
                return self._put(document, form, settings)
        return self.render(
            "printing/email.html",
            record=document,
            form=form,
            gaps=gaps,
            mails=mails_of(document),
            mail_badge=lambda mail: MAIL_BADGES[mail.state],
            may_mail=self.may_write,
        )

    def _put(self, document: Document, form: EmailForm, settings: Settings) -> ResponseReturnValue:
        recipients, token = outbox.addresses_of(form.to.data or ""), form.token.data or ""
        mail = outbox.put(
            db.session(),
            settings,
            letter(document, recipients, str(form.subject.data), str(form.body.data)),
            token if TOKEN.fullmatch(token) else secrets.token_hex(16),
            current_user.id,
            about=document,
        )
        name, back = str(document), self._email_url(document)
        try:
            db.session.commit()
        except IntegrityError:
            db.session.rollback()  # the same form, sent twice at the same moment
            mail = None
        if mail is None:
            flash("This e-mail was in the outbox already; it is sent once.", "info")
        else:
            doorbell.ring("mail", mail.id, urgent=True)
            flash(f"{name} is on its way to {', '.join(recipients)}.", "success")
        return redirect(back, code=303)

    @expose("/email/again/", methods=("POST",))
    def email_again_view(self) -> ResponseReturnValue:
        """Send once more what failed, or what nobody knows of."""
        document = self.one()
        mail = self._mail(document)
        back, mail_id = self._email_url(document), mail.id
        if outbox.gaps(current_app.extensions["settings"]):
            flash("Nothing was sent: this deployment cannot send e-mail yet.", "danger")
        elif outbox.again(db.session(), mail, current_user.id):
            doorbell.ring("mail", mail_id, urgent=True)
            flash("It is sent once more.", "success")
        else:
            flash("That e-mail is on its way or sent already.", "info")
        return redirect(back, code=303)

    @expose("/email/paper/")
    def email_paper_view(self) -> ResponseReturnValue:
        """The document as it was e-mailed."""
        mail = self._mail(self.one())
        return pdf_answer(mail.pdf or b"", mail.file_name or "")

    def _mail(self, document: Document) -> Mail:
        key = number(request.values.get("mail"))
        mail = db.session.get(Mail, key) if key else None
        if mail is None or (mail.company_id, mail.kind, mail.record_id) != (here().id, document.kind, document.id):
            not_found("e-mail")
        return mail

    def _email_url(self, document: Document) -> str:
        return url_for(f"{self.endpoint}.email_view", id=document.id)


def printed(document: Document) -> tuple[bytes, Letterhead]:
    """A document as a PDF, and the paper that it is on."""
    from backoffice.pdf.document import document_pdf

    known = dues.due(db.session(), document) if document.kind in dues.PAID_BY else None
    due = Due(known.paid, known.credited, known.left) if known else None
    head = letterhead_of(db.session(), document, now(), due)
    return document_pdf(document, head), head


def pdf_answer(pdf: bytes, name: str) -> Response:
    """A PDF that a browser shows, and saves under that name."""
    answer = Response(pdf, mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{name}"'
    answer.headers["Content-Security-Policy"] = PDF_POLICY
    return answer


def letter(document: Document, recipients: Sequence[str], subject: str, body: str) -> outbox.Letter:
    """What is put into the outbox: the document as it is now. No lock of the database is held while it is set."""
    from backoffice.pdf.document import file_name

    db.session.rollback()
    read_only(True)
    try:
        pdf, head = printed(document)
        name = file_name(document)
    finally:
        db.session.rollback()
        read_only(False)
    try:
        reply_to = outbox.address_of(head.email)
    except outbox.UnfitAddressError:
        reply_to = None
    return outbox.Letter(recipients, subject, body, head.company, reply_to, name, pdf)


def prefilled(document: Document) -> dict[str, str]:
    """What a person usually writes."""
    party, company = document.contact, here().name
    name = f"{document.label} {document.name}".strip()
    greeting = f"Dear {party.first_name}," if party.first_name else "Dear Sir or Madam,"
    what = f"your {name} as we have it" if document.kind == "bill" else f"our {name}"
    return {
        "to": party.email or "",
        "subject": f"{name[:1].upper()}{name[1:]} from {company}"[:200],
        "body": f"{greeting}\n\nattached is {what}.\n\nKind regards\n{current_user.name}\n{company}\n",
        "token": secrets.token_hex(16),
    }


def mails_of(document: Document) -> list[Mail]:
    """What was e-mailed of a document, the latest first."""
    query = select(Mail).filter_by(company_id=here().id, kind=document.kind, record_id=document.id)
    return list(db.session.scalars(query.order_by(Mail.id.desc()).limit(SHOWN)))
