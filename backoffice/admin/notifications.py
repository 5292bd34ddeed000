"""Notifications: who is told by e-mail of what a company needs, and the address that its webhook delivers to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from backoffice import mail
from backoffice.admin.company_base import Page, here
from backoffice.admin.words import Badge
from backoffice.clock import now
from backoffice.config import Settings
from backoffice.extensions import db
from backoffice.models import Delivery, DeliveryState, HowOften, NeedChange, Receiver, Role, Subscription, User
from backoffice.models.reach import admitted
from backoffice.notifying import deliveries, signature, wire
from backoffice.queue import doorbell

#: So many of the last deliveries are shown.
LATEST = 20
HOW_OFTEN_WORDS = {HowOften.AT_ONCE: "At once", HowOften.DAILY: "Once a day, at 07:00"}
DELIVERY_BADGES = {
    DeliveryState.WAITING: Badge("↑", "Waiting", "blue", ""),
    DeliveryState.DELIVERED: Badge("✓", "Delivered", "green", ""),
    DeliveryState.FAILED: Badge("✕", "Failed", "red", ""),
}


class NotificationsView(Page):
    """Who and what is told when something of this company needs a person."""

    write_role = Role.ADMINISTRATOR

    def __init__(self) -> None:
        super().__init__("Notifications", "Administration", endpoint="notifications", url="notifications")

    @expose("/")
    def index(self) -> ResponseReturnValue:
        return self._page()

    def _page(self, secret: str = "", typed: str | None = None, wrong: str = "") -> ResponseReturnValue:
        """The page; a secret stands on the answer to the request that made it and nowhere else."""
        settings: Settings = current_app.extensions["settings"]
        receiver = receiver_here()
        answer = self.render(
            "notifications/index.html",
            people=_people(),
            chosen=_chosen(),
            words=HOW_OFTEN_WORDS,
            minutes=f"{settings.notify_minutes:g}",
            gaps=mail.gaps(settings),
            receiver=receiver,
            address=typed if typed is not None else receiver.address if receiver else "",
            wrong=wrong,
            secret=secret,
            deliveries=_latest(receiver),
            badge_of=lambda delivery: DELIVERY_BADGES[delivery.state],
        )
        return (answer, 422) if wrong else answer

    @expose("/people/", methods=("POST",))
    def people(self) -> ResponseReturnValue:
        """Keep who is written to, and how often."""
        chosen, words = _chosen(), {each.value: each for each in HowOften}
        for person in _people():
            how_often = words.get(request.form.get(f"person-{person.id}", ""))
            if how_often is not (chosen[person.id].how_often if person.id in chosen else None):
                _subscribe(person, chosen.get(person.id), how_often)
        if _kept():
            flash("Who is written to was saved.", "success")
        return _back()

    @expose("/webhook/", methods=("POST",))
    def keep(self) -> ResponseReturnValue:
        """Keep the address; the first time, and for another address, with a new secret, which is shown once."""
        address = request.form.get("address", "").strip()
        try:
            wire.check(address, current_app.extensions["settings"])
        except wire.UnfitReceiverError as error:
            return self._page(typed=address[: 2 * wire.LONGEST].replace("\0", ""), wrong=error.message)
        receiver = receiver_here()
        if receiver is not None and receiver.address == address:
            return _back()
        if receiver is None:
            receiver = Receiver(company_id=here().id)
            db.session.add(receiver)
        receiver.address, receiver.failing_since, receiver.off_at = address, None, None
        return self._with_new_secret(receiver)

    @expose("/webhook/secret/", methods=("POST",))
    def new_secret(self) -> ResponseReturnValue:
        """Sign with another secret from now on."""
        receiver = receiver_here()
        return self._with_new_secret(receiver) if receiver else _back()

    def _with_new_secret(self, receiver: Receiver) -> ResponseReturnValue:
        secret = signature.new_secret()
        receiver.secret, receiver.secret_at = secret, now()
        return self._page(secret=secret) if _kept() else _back()

    @expose("/webhook/test/", methods=("POST",))
    def test(self) -> ResponseReturnValue:
        """Deliver something that says nothing."""
        receiver = receiver_here()
        if receiver is not None:
            made = deliveries.put_test(db.session(), receiver)
            db.session.commit()
            doorbell.ring("deliver", made, urgent=True)
            flash("A test is on its way. Load this page again in a moment to see what came of it.", "success")
        return _back()

    @expose("/webhook/on/", methods=("POST",))
    def switch_on(self) -> ResponseReturnValue:
        """Deliver again after it was switched off."""
        receiver = receiver_here()
        if receiver is not None:
            receiver.failing_since = receiver.off_at = None
            db.session.commit()
            flash("The webhook is on again. What changes from now on is delivered.", "success")
        return _back()

    @expose("/webhook/remove/", methods=("POST",))
    def remove(self) -> ResponseReturnValue:
        """Forget the address, its secret and its deliveries."""
        receiver = receiver_here()
        if receiver is not None:
            db.session.delete(receiver)
            db.session.commit()
            flash("The webhook was removed. Nothing is delivered any more.", "success")
        return _back()


def _kept() -> bool:
    """Commit; says whether nobody else was faster."""
    try:
        db.session.commit()
    except (IntegrityError, StaleDataError):
        db.session.rollback()
        flash("Somebody else changed this at the same moment, so yours was not kept. Look again.", "warning")
        return False
    return True


def receiver_here() -> Receiver | None:
    return db.session.scalar(select(Receiver).filter_by(company_id=here().id))


def _people() -> Sequence[User]:
    """Those who can sign in and to whom the company is open: a letter leads to its pages."""
    who = select(User).where(User.active, admitted(here().id))
    return db.session.scalars(who.order_by(func.lower(User.name), User.id)).all()


def _chosen() -> dict[int, Subscription]:
    return {one.user_id: one for one in db.session.scalars(select(Subscription).filter_by(company_id=here().id))}


def _subscribe(person: User, before: Subscription | None, how_often: HowOften | None) -> None:
    """A person hears of what changes from now on."""
    if how_often is None:
        if before is not None:
            db.session.delete(before)
    elif before is not None:
        before.how_often = how_often
    else:
        told_to = db.session.scalar(select(func.max(NeedChange.id)).filter_by(company_id=here().id)) or 0
        new: dict[str, Any] = {"company_id": here().id, "user_id": person.id, "how_often": how_often}
        db.session.add(Subscription(**new, told_to=told_to, turn_at=now() if how_often is HowOften.DAILY else None))


def _latest(receiver: Receiver | None) -> Sequence[Delivery]:
    if receiver is None:
        return ()
    mine = select(Delivery).where(Delivery.receiver_id == receiver.id)
    return db.session.scalars(mine.order_by(Delivery.id.desc()).limit(LATEST)).all()


def _back() -> ResponseReturnValue:
    return redirect(url_for("notifications.index"), code=303)
