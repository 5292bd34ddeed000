"""A linked company that somebody wants to hear of, a clock that stands still, a mail server and a webhook’s far end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

import jobs
from backoffice import clock
from backoffice.config import Settings
from backoffice.extensions import db
from backoffice.models import (
    Connection,
    HowOften,
    Link,
    Receiver,
    Role,
    Subscription,
    User,
    new_company,
)
from backoffice.notifying import signature
from tests.databases import application
from tests.mail_server import PostOffice, mail_server
from tests.notifying.receiver import Desk, listening

NOW = dt.datetime(2026, 11, 21, 10, 0, tzinfo=dt.UTC)


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with mail_server(PostOffice()) as office:
        yield office


@pytest.fixture
def desk() -> Iterator[Desk]:
    with listening(Desk()) as desk:
        yield desk


@pytest.fixture
def settings(settings: Settings, office: PostOffice) -> Settings:
    mail = {"smtp_host": "127.0.0.1", "smtp_port": office.port, "smtp_security": "none"}
    return settings.model_copy(update={**mail, "mail_from": "books@harbour.example", "read_timeout": 5.0})


class Time:
    """The clock, which stands still until a test moves it."""

    def __init__(self) -> None:
        self.at = NOW

    def on(self, **span: float) -> None:
        self.at += dt.timedelta(**span)


@pytest.fixture
def time() -> Iterator[Time]:
    time = Time()
    clock.use(lambda: time.at)
    yield time
    clock.use()


class House:
    """A company of ours, what happens in it, and who hears of it."""

    def __init__(self, session: Session, settings: Settings) -> None:
        self.session, self.settings = session, settings
        self.company = new_company(session, "Harbour Supplies")
        self.connection = Connection(
            company_id=self.company.id, provider="xero", external_id="t-1", organisation="Demo", push_confirmed_at=NOW
        )
        session.add(self.connection)
        session.commit()
        self.company_id, self.connection_id = self.company.id, self.connection.id

    def refuse(self, record_id: int = 1, **more: Any) -> Link:
        """Let a record be refused."""
        values = {"refusal": "Account 429 is archived.", "refusal_cause": "archived", "external_id": f"e-{record_id}"}
        link = Link(connection_id=self.connection_id, resource="R", kind="contact", record_id=record_id)
        for name, value in {**values, **more}.items():
            setattr(link, name, value)
        self.session.add(link)
        self.session.commit()
        return link

    def mend(self, link: Link) -> None:
        link.clear()
        self.session.commit()

    def person(self, name: str, how_often: HowOften, **more: Any) -> User:
        user = User(email=f"{name.lower()}@example.com", name=name, role=Role.OPERATOR, **more)
        self.session.add(user)
        self.session.flush()
        one = Subscription(company_id=self.company_id, user_id=user.id, how_often=how_often)
        one.turn_at = clock.now() if how_often is HowOften.DAILY else None
        self.session.add(one)
        self.session.commit()
        return user

    def receiver(self, desk: Desk) -> Receiver:
        receiver = Receiver(company_id=self.company_id, address=desk.url, secret=signature.new_secret())
        self.session.add(receiver)
        self.session.commit()
        return receiver

    def tell(self) -> None:
        """Do what the scheduler rings for, and what that rings for."""
        self.session.rollback()
        jobs.tell()
        for job, ids in list(jobs._lying(self.session)):
            for id_ in ids if job in ("mail", "deliver") else ():
                jobs.JOBS[job](id_)
        self.session.rollback()


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """As a worker has it."""
    with application(settings, screens=False) as app:
        yield app


@pytest.fixture
def house(app: Flask, settings: Settings, time: Time) -> Iterator[House]:
    with app.app_context():
        yield House(db.session(), settings)
