"""The page Notifications: who is written to, the webhook and its secret, what came of deliveries, who may change it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from backoffice.models import (
    Company,
    Connection,
    Delivery,
    DeliveryState,
    HowOften,
    NeedChange,
    Receiver,
    Role,
    Subscription,
)
from backoffice.models.need import Need
from backoffice.notifying.words import SETTLED, WORDS, page
from backoffice.queue import doorbell
from tests.admin.conftest import Browser, Db, a_person

ADDRESS = "http://127.0.0.1:9999/hooks"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{44}")


def kept(session: Db) -> Receiver:
    session.rollback()
    return session.scalars(select(Receiver)).one()


def at(company: Company, path: str = "") -> str:
    return f"/c/{company.id}/notifications/{path}"


def test_an_administrator_says_who_is_written_to(session: Db, company: Company, administrator: Browser) -> None:
    people = {person: f"person-{person}" for person in (1, 2, 3)}
    session.add(NeedChange(company_id=company.id, need=Need.REFUSED, appeared=True))
    session.commit()
    administrator.post(at(company, "people/"), {people[1]: "at_once", people[2]: "daily", people[3]: ""})
    found = {row.user_id: row for row in session.scalars(select(Subscription))}
    assert {key: row.how_often for key, row in found.items()} == {1: HowOften.AT_ONCE, 2: HowOften.DAILY}
    assert {row.told_to for row in found.values()} == {1}, "what was before is no news"
    administrator.post(at(company, "people/"), {people[1]: "daily", people[2]: "nonsense"})
    session.rollback()
    assert [(row.user_id, row.how_often) for row in session.scalars(select(Subscription))] == [(1, HowOften.DAILY)]
    assert "E-mail is not set up, so nobody is written to yet." in administrator.says(at(company))


def test_who_does_not_get_in_is_not_offered(session: Db, company: Company, administrator: Browser) -> None:
    outside = a_person("outside@example.com", Role.OPERATOR)
    outside.limited = True
    session.add(outside)
    session.commit()
    key = outside.id
    assert "outside@example.com" not in administrator.says(at(company))
    administrator.post(at(company, "people/"), {f"person-{key}": "at_once"})
    assert session.scalars(select(Subscription)).all() == []


def test_a_secret_is_shown_once_and_another_address_gets_another(
    session: Db, company: Company, administrator: Browser
) -> None:
    first = SECRET.search(administrator.post(at(company, "webhook/"), {"address": ADDRESS}).text)
    assert first
    assert kept(session).secret == first.group()
    assert not SECRET.search(administrator.says(at(company)))
    same = administrator.post(at(company, "webhook/"), {"address": ADDRESS})
    assert (same.status_code, kept(session).secret) == (303, first.group())
    second = SECRET.search(administrator.post(at(company, "webhook/"), {"address": f"{ADDRESS}/2"}).text)
    third = SECRET.search(administrator.post(at(company, "webhook/secret/")).text)
    assert second
    assert third
    assert kept(session).secret == third.group()
    assert len({first.group(), second.group(), third.group()}) == 3


@pytest.mark.parametrize(
    "address", ["", "hooks", "ftp://x", "https://a:b@x.example/", "https://x\0", "x" * 5000, "<b>"]
)
def test_an_address_that_does_not_fit_is_said_beside_it_and_not_lost(
    session: Db, company: Company, administrator: Browser, address: str
) -> None:
    answer = administrator.post(at(company, "webhook/"), {"address": address})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert "<b>" not in answer.text
    assert session.scalars(select(Receiver)).all() == []
    if address == "hooks":
        assert 'value="hooks"' in answer.text


def test_a_test_is_rung_for_and_its_result_is_listed(
    app: Flask, session: Db, company: Company, administrator: Browser
) -> None:
    administrator.post(at(company, "webhook/"), {"address": ADDRESS})
    administrator.post(at(company, "webhook/test/"))
    delivery = session.scalars(select(Delivery)).one()
    assert ("jobs.deliver", [delivery.id]) in [(job.func_name, job.args) for job in doorbell.queue().jobs]
    delivery.state, delivery.reason, delivery.status = DeliveryState.FAILED, "It answered with 500, not with 2xx.", 500
    session.commit()
    assert "It answered with 500" in administrator.says(at(company))


def test_a_webhook_that_was_switched_off_counts_as_a_need_until_it_is_on_again(
    session: Db, company: Company, administrator: Browser
) -> None:
    administrator.post(at(company, "webhook/"), {"address": ADDRESS})
    receiver = kept(session)
    receiver.off_at = receiver.failing_since = receiver.secret_at
    session.commit()
    assert "The webhook was switched off." in administrator.says(at(company))
    assert "The webhook for notifications was switched off" in administrator.says(f"/c/{company.id}/")
    administrator.post(at(company, "webhook/on/"))
    assert (kept(session).off_at, kept(session).failing_since) == (None, None)
    administrator.post(at(company, "webhook/remove/"))
    session.rollback()
    assert session.scalars(select(Receiver)).all() == []
    for path in ("test/", "on/", "secret/", "remove/"):  # in another window
        assert administrator.post(at(company, f"webhook/{path}")).status_code == 303


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_others_see_it_and_change_nothing(
    session: Db, company: Company, browser_as: Callable[[Role], Browser], role: Role
) -> None:
    browser = browser_as(role)
    assert "An administrator can change these." in browser.says(at(company))
    for path in ("people/", "webhook/", "webhook/test/", "webhook/secret/", "webhook/on/", "webhook/remove/"):
        assert browser.post(at(company, path), {"address": ADDRESS, "person-1": "daily"}).status_code == 403
    assert session.scalars(select(Receiver)).all() == []


def test_one_companys_webhook_is_not_anothers(
    session: Db, company: Company, elsewhere: Company, administrator: Browser
) -> None:
    administrator.post(at(company, "webhook/"), {"address": ADDRESS})
    administrator.post(at(elsewhere, "webhook/remove/"))
    assert kept(session).company_id == company.id
    assert ADDRESS not in administrator.says(at(elsewhere))


def test_who_is_deactivated_is_not_offered(session: Db, company: Company, administrator: Browser) -> None:
    gone = a_person("gone@example.com", Role.OPERATOR)
    gone.active = False
    session.add(gone)
    session.commit()
    assert "gone@example.com" not in administrator.says(at(company))


def test_the_whole_address_is_for_administrators(company: Company, browser: Browser, administrator: Browser) -> None:
    administrator.post(at(company, "webhook/"), {"address": f"{ADDRESS}?token=s3cret"})
    assert "s3cret" in administrator.says(at(company))
    page = browser.says(at(company))
    assert "127.0.0.1:9999" in page
    assert "s3cret" not in page


def test_every_need_has_its_words_and_leads_to_a_page(
    company: Company, connection: Connection, administrator: Browser
) -> None:
    assert set(WORDS) == set(SETTLED) == set(Need)
    for need in Need:
        assert administrator.get(f"/c/{company.id}/{page(need)}/").status_code == 200, need
