"""The outbox of e-mail: letters are put into it, and handed to the mail server from it, each at most once.

A row is claimed before the mail server hears of it. When its answer never came, for whatever reason, the row says
"perhaps sent" and stays so until a person decides; only what was certainly not taken is tried again.
https://www.rfc-editor.org/rfc/rfc5321
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from email.errors import MessageError
from typing import Any

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.orm import Session, undefer

from backoffice.clock import now
from backoffice.config import Settings
from backoffice.mail.letter import Letter, compose
from backoffice.mail.server import Outcome, gaps, hand_over
from backoffice.models import Company, History, Mail, MailState, Record

#: A mail server that is busy or away is asked again this often; with the usual waits that is six hours.
MOST_TRIES = 30
#: Commands of one conversation; each may take as long as an answer may.
COMMANDS = 12
LOST = "Whoever was sending it stopped in the middle, so it may have been sent."


def put(
    session: Session,
    settings: Settings,
    letter: Letter,
    token: str,
    user_id: int | None,
    about: Company | Record,
) -> Mail | None:
    """Put a letter about a company or a document of it into the outbox; None when it was put there already.

    `token` stands for one opened form: however often that is sent, it makes one letter. Commits nothing.
    """
    message_id = f"<{token}@{settings.mail_from.rpartition('@')[2]}>"
    if session.scalar(select(Mail.id).where(Mail.message_id == message_id)) is not None:
        return None
    mail = Mail(
        **_whose(about),
        recipients=", ".join(letter.recipients),
        sender_name=letter.sender_name,
        reply_to=letter.reply_to,
        subject=letter.subject,
        body=letter.body,
        file_name=letter.file_name,
        pdf=letter.pdf,
        message_id=message_id,
        user_id=user_id,
    )
    session.add(mail)
    return mail


def _whose(about: Company | Record) -> dict[str, Any]:
    if isinstance(about, Company):
        return {"company_id": about.id}
    return {"company_id": about.company_id, "kind": about.kind, "record_id": about.id}


def again(session: Session, mail: Mail, user_id: int | None) -> bool:
    """Send once more what failed or was perhaps sent; says whether it was one of these. Commits."""
    found = session.scalar(
        update(Mail)
        .where(Mail.id == mail.id, Mail.state.in_((MailState.FAILED, MailState.PERHAPS_SENT)))
        .values(
            state=MailState.WAITING, due_at=now(), tries=0, ended_at=None, reason=None, reason_raw=None, user_id=user_id
        )
        .returning(Mail.id)
        .execution_options(synchronize_session=False)
    )
    session.commit()
    return found is not None


def due(session: Session) -> Sequence[int]:
    """What waits and may be tried now."""
    query = select(Mail.id).where(Mail.state == MailState.WAITING, Mail.due_at <= now()).order_by(Mail.due_at, Mail.id)
    return session.scalars(query.limit(1000)).all()


def find_lost(session: Session) -> int:
    """Say "perhaps sent" of what somebody was sending who has gone silent; says of how many. Commits if any."""
    lost = select(Mail.id).where(Mail.state == MailState.SENDING, Mail.lease_until < now())
    return sum(_give_up(session, one) for one in session.scalars(lost).all())


def send(session: Session, settings: Settings, mail_id: int) -> MailState | None:
    """Send one e-mail that waits; None when there is nothing to do. Commits; nothing is open while it talks."""
    mail = session.get(Mail, mail_id, options=[undefer(Mail.pdf)], populate_existing=True)
    if mail is None or mail.state is not MailState.WAITING:
        session.rollback()
        return None
    if missing := gaps(settings):
        return _keep(session, settings, mail_id, f"E-mail is not set up. {' '.join(missing)}")
    try:
        recipients, message = mail.addresses, compose(mail, settings)
    except (ValueError, MessageError) as error:
        return _spoilt(session, mail_id, error)
    session.rollback()
    fence = _claim(session, settings, mail_id)
    if fence is None:
        return None
    outcome = hand_over(settings, recipients, message)
    _finish(session, mail_id, fence, outcome, settings)
    return outcome.state


def _keep(session: Session, settings: Settings, mail_id: int, reason: str) -> MailState:
    """Let what cannot leave now go on waiting, and say why; that is no try."""
    wait = (settings.retry_seconds or (60.0,))[-1]
    _while_it_waits(session, mail_id, reason=reason, due_at=now() + timedelta(seconds=wait))
    return MailState.WAITING


def _spoilt(session: Session, mail_id: int, error: Exception) -> MailState:
    """End what no e-mail can be made of."""
    words = {"reason": "No e-mail could be made of it.", "reason_raw": str(error)[:2000]}
    _while_it_waits(session, mail_id, state=MailState.FAILED, ended_at=now(), **words)
    return MailState.FAILED


def _while_it_waits(session: Session, mail_id: int, **values: Any) -> None:
    still = update(Mail).where(Mail.id == mail_id, Mail.state == MailState.WAITING)
    session.execute(still.values(**values).execution_options(synchronize_session=False))
    session.commit()


def _claim(session: Session, settings: Settings, mail_id: int) -> int | None:
    """Take what waits, before the mail server hears of it; the number of this turn."""
    lease = max(settings.lease_seconds, COMMANDS * settings.read_timeout)
    fence = session.scalar(
        update(Mail)
        .where(Mail.id == mail_id, Mail.state == MailState.WAITING, Mail.due_at <= now())
        .values(
            state=MailState.SENDING,
            fence=Mail.fence + 1,
            tries=Mail.tries + 1,
            lease_until=now() + timedelta(seconds=lease),
        )
        .returning(Mail.fence)
        .execution_options(synchronize_session=False)
    )
    session.commit()
    return fence


def _finish(session: Session, mail_id: int, fence: int, outcome: Outcome, settings: Settings) -> bool:
    """Write down what became of a try, if that turn is still the last one. Commits."""
    states = (MailState.SENDING, MailState.PERHAPS_SENT)
    mail = _locked(session, Mail.id == mail_id, Mail.state.in_(states), Mail.fence == fence)
    if mail is None:
        return False
    _write(mail, outcome)
    if outcome.state is MailState.WAITING:
        _wait(mail, settings)
    _end(session, mail)
    return True


def _give_up(session: Session, mail_id: int) -> bool:
    """Say of one that somebody was sending that it was perhaps sent, if nobody took it up meanwhile. Commits."""
    mail = _locked(session, Mail.id == mail_id, Mail.state == MailState.SENDING, Mail.lease_until < now())
    if mail is None:
        return False
    _write(mail, Outcome(MailState.PERHAPS_SENT, LOST))
    _end(session, mail)
    return True


def _locked(session: Session, *conditions: ColumnElement[bool]) -> Mail | None:
    query = select(Mail).where(*conditions).with_for_update().execution_options(populate_existing=True)
    mail = session.scalar(query)
    if mail is None:
        session.rollback()
    return mail


def _write(mail: Mail, outcome: Outcome) -> None:
    mail.state, mail.reason, mail.reason_raw, mail.lease_until = outcome.state, outcome.reason, outcome.raw, None


def _end(session: Session, mail: Mail) -> None:
    """Keep what became of it, with what the document's history says."""
    if mail.state is not MailState.WAITING:
        mail.ended_at = now()
    if mail.record_id is not None and mail.state in (MailState.SENT, MailState.PERHAPS_SENT):
        session.execute(insert(History), [_entry(mail)])
    session.commit()


def _wait(mail: Mail, settings: Settings) -> None:
    """Until the next try, which comes later each time; or no more."""
    if mail.tries >= MOST_TRIES:
        mail.state, mail.reason = MailState.FAILED, f"Given up after {mail.tries} tries. {mail.reason or ''}".strip()
        return
    waits = settings.retry_seconds or (60.0,)
    mail.due_at = now() + timedelta(seconds=waits[min(mail.tries, len(waits)) - 1])


def _entry(mail: Mail) -> dict[str, object]:
    """What the document's history says of it."""
    return {
        "company_id": mail.company_id,
        "kind": mail.kind,
        "record_id": mail.record_id,
        "action": "e-mailed" if mail.state is MailState.SENT else "perhaps e-mailed",
        "new": mail.recipients,
        "at": now(),
        "user_id": mail.user_id,
    }
