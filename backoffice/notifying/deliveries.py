"""Deliveries: an event is put down with what changed, and delivered until it is taken, less and less often.

It may arrive twice, under the same id; it does not arrive unsigned, and what was answered is not kept.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from backoffice.clock import now
from backoffice.config import Settings
from backoffice.errors import LostKeyError
from backoffice.models import Company, Delivery, DeliveryState, Need, Receiver
from backoffice.notifying import signature, wire
from backoffice.notifying.words import in_order, page, said

#: Waits between the tries, in seconds; the last one repeats.
WAITS = (10, 60, 300, 1800, 7200, 21_600)
#: When nothing was taken for so long, the receiver is switched off.
PATIENCE = timedelta(days=3)
OFF = "The webhook was switched off: nothing was taken for three days."
#: Why nothing goes out that nobody could check.
UNSIGNED = "Its secret cannot be read any more: make a new one."


def put(
    session: Session, company_id: int, found: Counter[Need], came: Collection[Need], went: Collection[Need], home: str
) -> int | None:
    """Put down what changed for the company's receiver; None where it has none. Commits nothing."""
    receiver = session.scalar(select(Receiver).filter_by(company_id=company_id, off_at=None))
    if receiver is None:
        return None
    event: dict[str, object] = {"type": "needs.changed", "appeared": in_order(came), "settled": in_order(went)}
    pages = f"{home}/c/{company_id}/"
    event["needs"] = [
        {"need": need, "count": found[need], "text": said(need, found[need]), "url": f"{pages}{page(need)}/"}
        for need in in_order(need for need in Need if found[need])
    ]
    return _put(session, receiver, event)


def put_test(session: Session, receiver: Receiver) -> int:
    """Put down a delivery that says nothing, tried once. Commits nothing."""
    return _put(session, receiver, {"type": "test"}, lasting=False)


def _put(session: Session, receiver: Receiver, event: dict[str, object], lasting: bool = True) -> int:
    company = session.get_one(Company, receiver.company_id)
    about = {"timestamp": now().isoformat(), "company": {"id": company.id, "name": company.name}}
    body = json.dumps({**about, **event}, ensure_ascii=False)
    delivery = Delivery(company_id=company.id, receiver_id=receiver.id, message_id=f"msg_{uuid4().hex}", body=body)
    delivery.lasting = lasting
    session.add(delivery)
    session.flush()
    return delivery.id


def due(session: Session) -> Sequence[int]:
    """What may be tried now."""
    waiting = select(Delivery.id).where(Delivery.state == DeliveryState.WAITING, Delivery.due_at <= now())
    return session.scalars(waiting.order_by(Delivery.due_at, Delivery.id).limit(1000)).all()


def deliver(session: Session, settings: Settings, delivery_id: int) -> DeliveryState | None:
    """Try once, if it is to be had. Commits; nothing is open while it talks."""
    turn = _claim(session, settings, delivery_id)
    if turn is None:
        return None
    delivery = session.get_one(Delivery, delivery_id, populate_existing=True)
    receiver = session.get_one(Receiver, delivery.receiver_id, populate_existing=True)
    body, address = delivery.body.encode(), receiver.address
    try:
        signed = signature.headers(receiver.secret, delivery.message_id, now(), body)
    except LostKeyError:
        session.rollback()
        return _finish(session, delivery_id, turn, wire.Answer(reason=UNSIGNED))
    session.rollback()
    return _finish(session, delivery_id, turn, wire.post(address, body, signed, settings))


def _claim(session: Session, settings: Settings, delivery_id: int) -> int | None:
    """Take what is due, by moving on when it is; the number of this try."""
    lease = settings.lease_seconds + settings.connect_timeout + settings.read_timeout
    turn = session.scalar(
        update(Delivery)
        .where(Delivery.id == delivery_id, Delivery.state == DeliveryState.WAITING, Delivery.due_at <= now())
        .values(tries=Delivery.tries + 1, due_at=now() + timedelta(seconds=lease))
        .returning(Delivery.tries)
        .execution_options(synchronize_session=False)
    )
    session.commit()
    return turn


def _finish(session: Session, delivery_id: int, turn: int, answer: wire.Answer) -> DeliveryState | None:
    """Write down what became of a try, if nobody else has begun another one. Commits."""
    mine = select(Delivery).where(Delivery.id == delivery_id, Delivery.tries == turn)
    waiting = mine.where(Delivery.state == DeliveryState.WAITING).execution_options(populate_existing=True)
    delivery = session.scalar(waiting.with_for_update())
    receiver = session.get(Receiver, delivery.receiver_id, populate_existing=True) if delivery else None
    if delivery is None or receiver is None:
        session.rollback()
        return None
    delivery.status, delivery.reason = answer.status, answer.reason[:255] or None
    if answer.taken:
        receiver.failing_since = None
        _end(delivery, DeliveryState.DELIVERED)
    elif not delivery.lasting:
        _end(delivery, DeliveryState.FAILED)
    else:
        _wait(session, delivery, receiver)
    state = delivery.state
    session.commit()
    return state


def _end(delivery: Delivery, state: DeliveryState) -> None:
    delivery.state, delivery.ended_at = state, now()


def _wait(session: Session, delivery: Delivery, receiver: Receiver) -> None:
    """Until the next try; or no more, for this and all others."""
    receiver.failing_since = receiver.failing_since or now()
    delivery.due_at = now() + timedelta(seconds=WAITS[min(delivery.tries, len(WAITS)) - 1])
    if now() - receiver.failing_since >= PATIENCE:
        receiver.off_at = now()
        given_up = {"state": DeliveryState.FAILED, "ended_at": now(), "reason": OFF}
        others = update(Delivery).where(Delivery.receiver_id == receiver.id, Delivery.state == DeliveryState.WAITING)
        session.execute(others.values(**given_up))
