"""A transaction in which nothing is said: PostgreSQL ends it, so that whoever waits for its locks gets on."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select, text, update
from sqlalchemy.exc import InternalError
from sqlalchemy.orm import Session

from backoffice import outage
from backoffice.admin.archive import archive
from backoffice.admin.export import reading
from backoffice.config import Settings
from backoffice.extensions import db
from backoffice.models import Company, new_company

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

ALLOWED = text("SHOW idle_in_transaction_session_timeout")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"lease_seconds": 0.2})


def test_who_falls_asleep_in_a_transaction_holds_nobody_up(app: Flask) -> None:
    with app.app_context():
        new_company(db.session(), "Harbour Supplies")
        db.session.commit()
        with Session(db.engine) as asleep:
            asleep.execute(update(Company).values(name="Late"))
            db.session.execute(text("SET LOCAL lock_timeout = '20s'"))
            db.session.execute(update(Company).values(name="In time"))
            db.session.commit()
            with pytest.raises(InternalError) as told:
                asleep.commit()
        assert outage.words(told.value) == outage.LATE
        assert db.session.scalar(select(Company.name)) == "In time"


def test_a_download_may_take_as_long_as_it_takes(app: Flask) -> None:
    with app.test_request_context():
        during = next(reading(str(db.session.scalar(ALLOWED)) for _ in range(1)))
        db.session.rollback()
        assert (during, db.session.scalar(ALLOWED)) == ("0", "200ms")


def test_so_may_the_archive_of_a_company(app: Flask) -> None:
    with app.app_context():
        company = new_company(db.session(), "Harbour Supplies")
        db.session.commit()
        for _part in archive(db.session(), company):
            assert db.session.scalar(ALLOWED) == "0"
