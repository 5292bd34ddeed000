"""What a person reads when the database takes no changes, and that a page outlives a restart of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text

from backoffice.extensions import db
from backoffice.models import Company, Contact
from tests.admin.conftest import Browser, Db

READ_ONLY = {"sqlite": "PRAGMA query_only = ON", "postgresql": "SET default_transaction_read_only = on"}
OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@contextmanager
def read_only(app: Flask) -> Iterator[None]:
    """Every connection of the application takes no changes."""

    def forbid(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(READ_ONLY[engine.dialect.name])
        cursor.close()
        connection.commit()

    with app.app_context():
        engine = db.engine
    engine.dispose()
    event.listen(engine, "connect", forbid)
    try:
        yield
    finally:
        event.remove(engine, "connect", forbid)
        engine.dispose()


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_a_database_that_takes_no_changes_is_a_plain_sentence_and_nothing_is_saved(
    app: Flask, session: Db, company: Company, browser: Browser
) -> None:
    path, form = f"/c/{company.id}/suppliers/new/", {"name": "Acme Ltd"}
    browser.token()
    with read_only(app):
        answer = browser.post(path, form)
        assert answer.status_code == 503
        assert "The database takes no changes just now. Nothing was saved." in answer.text
        assert session.query(Contact).count() == 0
        session.rollback()
    assert browser.post(path, form).status_code in (302, 303)
    assert session.query(Contact).one().name == "Acme Ltd"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_page_is_there_although_the_database_was_restarted(session: Db, company: Company, browser: Browser) -> None:
    path = f"/c/{company.id}/suppliers/"
    assert browser.get(path).status_code == 200
    session.execute(text(OTHERS))
    assert browser.get(path).status_code == 200
