"""Letters: who wants to hear of a company is written to of what changed, at most once in a while, or once a day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from uuid import uuid4

import structlog
from sqlalchemy import ColumnElement, exists, or_, select, update
from sqlalchemy.orm import Session

from backoffice import mail
from backoffice.clock import now
from backoffice.config import Settings
from backoffice.models import Company, HowOften, Need, NeedChange, Subscription, User
from backoffice.models.reach import admitted
from backoffice.models.timetable import moment, zone_called
from backoffice.notifying.words import SETTLED, in_order, lines, said
from backoffice.sync import needs

log = structlog.get_logger()

#: When a digest is written, by the company's clock.
MORNING = time(7)


@dataclass(frozen=True)
class News:
    """What changed since a person was last told, all in all, and up to which change that is."""

    appeared: Sequence[Need]
    settled: Sequence[Need]
    told_to: int


def write(session: Session, settings: Settings) -> list[int]:
    """Put a letter into the outbox for everybody whose turn it is; returns those to ring for. Commits for each.

    While e-mail is not set up nobody is written to, and everybody hears of it afterwards.
    """
    if mail.gaps(settings):
        return []
    query = (
        select(Subscription, Company, User)
        .join(Company, Company.id == Subscription.company_id)
        .join(User, User.id == Subscription.user_id)
        .where(Company.deletion_id.is_(None), User.active, admitted(Subscription.company_id))
        .where(or_(Subscription.how_often == HowOften.DAILY, _changed_since()))
    )
    rows = session.execute(query).all()
    due = [(one, user) for one, company, user in rows if _is_due(one, company, settings) and _reachable(user)]
    turns = [(user.id, one.company_id) for one, user in due]
    session.rollback()
    return [made for user_id, company_id in turns if (made := _turn(session, settings, user_id, company_id))]


def _changed_since() -> ColumnElement[bool]:
    mine = NeedChange.company_id == Subscription.company_id
    return exists().where(mine, NeedChange.id > Subscription.told_to)


def _reachable(user: User) -> bool:
    try:
        return bool(mail.address_of(user.email))
    except mail.UnfitAddressError:
        log.warning("this person cannot be written to", user=user.id)
        return False


def _is_due(one: Subscription, company: Company, settings: Settings) -> bool:
    if one.turn_at is None:
        return True
    if one.how_often is HowOften.DAILY:
        return one.turn_at < _last_morning(company.time_zone)
    return one.turn_at <= now() - timedelta(minutes=settings.notify_minutes)


def _last_morning(zone: str) -> datetime:
    today = now().astimezone(zone_called(zone)).date()
    mornings = (moment(zone, today - timedelta(days=days), MORNING) for days in (0, 1))
    return next(at for at in mornings if at <= now())


def _turn(session: Session, settings: Settings, user_id: int, company_id: int) -> int | None:
    """Write to one person what changed in one company; one of two who try that does it."""
    one = session.get(Subscription, (company_id, user_id), populate_existing=True)
    news = _news(session, one) if one else None
    if one is None or news is None or not _take_turn(session, one, news):
        session.rollback()
        return None
    made = None
    if news.appeared or news.settled:
        company, user = session.get_one(Company, company_id), session.get_one(User, user_id)
        letter = _letter(settings, company, user, news, needs.of_companies(session, [company_id])[company_id])
        made = mail.put(session, settings, letter, uuid4().hex, None, about=company)
    session.commit()
    return made.id if made else None


def _take_turn(session: Session, one: Subscription, news: News) -> bool:
    """Move on how far this person was told; where there is nothing to say, somebody told at once loses no turn."""
    said_something = bool(news.appeared or news.settled) or one.how_often is HowOften.DAILY
    mine = Subscription.company_id == one.company_id, Subscription.user_id == one.user_id
    as_read = Subscription.told_to == one.told_to, Subscription.turn_at.is_not_distinct_from(one.turn_at)
    still = update(Subscription).where(*mine, *as_read)
    values = {"told_to": news.told_to, **({"turn_at": now()} if said_something else {})}
    taken = still.values(**values).returning(Subscription.user_id)
    return session.scalar(taken, execution_options={"synchronize_session": False}) is not None


def _news(session: Session, one: Subscription) -> News | None:
    """What is otherwise than this person was told; what came and went meanwhile is no news."""
    query = select(NeedChange.id, NeedChange.need, NeedChange.appeared)
    query = query.where(NeedChange.company_id == one.company_id, NeedChange.id > one.told_to).order_by(NeedChange.id)
    first: dict[Need, bool] = {}
    last: dict[Need, bool] = {}
    told_to = one.told_to
    for key, need, appeared in session.execute(query):
        first.setdefault(need, appeared)
        last[need], told_to = appeared, key
    if not last and one.how_often is HowOften.AT_ONCE:
        return None
    moved = [need for need in in_order(last) if first[need] == last[need]]
    return News([need for need in moved if last[need]], [need for need in moved if not last[need]], told_to)


def _letter(settings: Settings, company: Company, user: User, news: News, found: Counter[Need]) -> mail.Letter:
    home = f"{settings.public_url.rstrip('/')}/c/{company.id}/"
    others = [need for need in Need if found[need] and need not in news.appeared]
    parts = [
        ("Needs a person now:", lines(found, news.appeared, home)),
        ("Settled since:", [f"- {SETTLED[need]}" for need in news.settled]),
        ("Goes on waiting:", lines(found, others, home)),
    ]
    body = "\n\n".join("\n".join((title, *said_)) for title, said_ in parts if said_)
    closing = f"Who is written to, and how often: {home}notifications/"
    return mail.Letter(
        [mail.address_of(user.email)], _subject(company, news, found), f"{body}\n\n{closing}\n", "Back office"
    )


def _subject(company: Company, news: News, found: Counter[Need]) -> str:
    what = said(news.appeared[0], max(1, found[news.appeared[0]])) if news.appeared else "settled"
    more = f" and {len(news.appeared) - 1} more" if len(news.appeared) > 1 else ""
    return f"{company.name}: {what}{more}"[:255]
