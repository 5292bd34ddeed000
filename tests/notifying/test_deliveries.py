"""Deliveries: signed, tried again under the same id, switched off after days; no failure reaches a job."""

from __future__ import annotations

import pytest
from sqlalchemy import select

import jobs
from backoffice.config import Settings
from backoffice.database import keyring
from backoffice.errors import LostKeyError
from backoffice.models import Delivery, DeliveryState, HowOften, Receiver
from backoffice.notifying import deliveries
from tests.mail_server import PostOffice
from tests.notifying.conftest import NOW, House, Time
from tests.notifying.receiver import Desk


def latest(house: House) -> Delivery:
    house.session.rollback()
    return house.session.scalars(select(Delivery).order_by(Delivery.id.desc())).first()  # type: ignore[return-value]


def kept(house: House) -> Receiver:
    house.session.rollback()
    return house.session.scalars(select(Receiver)).one()


def test_a_change_is_delivered_signed_with_what_waits(house: House, desk: Desk) -> None:
    secret = house.receiver(desk).secret
    link = house.refuse()
    house.tell()
    house.mend(link)
    house.tell()
    first, second = desk.arrived
    assert first.signed_with(secret)
    assert second.signed_with(secret)
    assert not first.signed_with("whsec_" + "A" * 44)
    assert first.path == "/hooks"
    assert (first.event["type"], first.event["appeared"], first.event["settled"]) == ("needs.changed", ["refused"], [])
    assert first.event["company"] == {"id": house.company_id, "name": "Harbour Supplies"}
    [need] = first.event["needs"]
    assert (need["count"], need["text"]) == (1, "1 record was refused")
    assert need["url"] == f"http://localhost:8000/c/{house.company_id}/sync-queue/"
    assert (second.event["appeared"], second.event["settled"], second.event["needs"]) == ([], ["refused"], [])
    assert first.headers["webhook-id"] != second.headers["webhook-id"]
    assert first.headers["webhook-timestamp"] == str(int(NOW.timestamp()))


def test_what_is_not_taken_is_tried_again_later_each_time_under_its_id(house: House, desk: Desk, time: Time) -> None:
    house.receiver(desk)
    house.refuse()
    desk.answers = [500, 302, 404]
    desk.headers = {"Location": "/elsewhere"}
    house.tell()
    waits = []
    for _ in range(3):
        delivery = latest(house)
        assert delivery.state is DeliveryState.WAITING
        waits.append((delivery.due_at - time.at).total_seconds())
        house.tell()  # too early: nothing goes
        time.at = delivery.due_at
        house.tell()
    assert waits == [10, 60, 300]
    assert {one.path for one in desk.arrived} == {"/hooks"}, "no redirect is followed"
    assert len({one.headers["webhook-id"] for one in desk.arrived}) == 1
    assert len(desk.arrived) == 4
    done = latest(house)
    assert (done.state, done.status, done.reason, done.tries) == (DeliveryState.DELIVERED, 204, None, 4)
    assert kept(house).failing_since is None


def test_after_days_it_is_switched_off_and_that_itself_is_told(
    house: House, desk: Desk, office: PostOffice, time: Time
) -> None:
    house.receiver(desk)
    house.person("Ana", HowOften.AT_ONCE)
    house.refuse()
    desk.answers = [500] * 4
    for days in (0, 2.9):
        time.on(days=days)
        house.tell()
        assert kept(house).off_at is None
    time.on(hours=6)
    house.tell()
    assert kept(house).off_at == time.at
    assert latest(house).state is DeliveryState.FAILED
    time.on(days=1)
    house.tell()
    assert len(desk.arrived) == 3
    assert "the webhook for notifications was switched off" in str(office.received[-1].message["Subject"])


def test_two_workers_deliver_once_and_a_lost_one_is_made_up_for(house: House, desk: Desk, time: Time) -> None:
    house.receiver(desk)
    house.refuse()
    jobs.tell()
    one = latest(house).id
    turn = deliveries._claim(house.session, house.settings, one)
    assert turn == 1
    assert deliveries.deliver(house.session, house.settings, one) is None
    assert desk.arrived == []
    time.on(minutes=3)  # whoever had it never came back
    assert deliveries.deliver(house.session, house.settings, one) is DeliveryState.DELIVERED
    assert deliveries.deliver(house.session, house.settings, one) is None
    assert len(desk.arrived) == 1


def test_a_test_is_tried_once_and_counts_for_nothing(house: House, desk: Desk) -> None:
    receiver = house.receiver(desk)
    desk.answers = [503]
    one = deliveries.put_test(house.session, receiver)
    house.session.commit()
    assert deliveries.deliver(house.session, house.settings, one) is DeliveryState.FAILED
    assert latest(house).reason == "It answered with 503, not with 2xx."
    assert kept(house).failing_since is None
    assert desk.arrived[0].event["type"] == "test"


def test_nobody_there_is_said_in_words(house: House, desk: Desk, settings: Settings) -> None:
    receiver = house.receiver(desk)
    receiver.address = "http://127.0.0.1:9/"
    one = deliveries.put_test(house.session, receiver)
    house.session.commit()
    assert deliveries.deliver(house.session, settings, one) is DeliveryState.FAILED
    assert (latest(house).status, latest(house).reason) == (None, "It could not be reached, or did not answer in time.")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_secret_is_kept_encrypted(house: House, desk: Desk) -> None:
    secret = house.receiver(desk).secret
    [raw] = house.session.connection().exec_driver_sql("SELECT secret FROM receiver").one()
    assert secret.removeprefix("whsec_") not in raw


def test_a_secret_that_no_key_opens_is_said_and_nothing_goes_out_unsigned(
    house: House, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.receiver(desk)
    house.refuse()
    with monkeypatch.context() as patch:
        patch.setattr(keyring, "decrypt", lost)
        house.tell()
    assert desk.arrived == []
    assert (latest(house).state, latest(house).reason) == (DeliveryState.WAITING, deliveries.UNSIGNED)


def lost(_token: str) -> str:
    raise LostKeyError
