"""The database is full, closed to writing or away: a page says so in plain words, and nothing is half there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import create_engine, func, select, text

from backoffice.extensions import db
from backoffice.models import Company, Contact, History
from tests.admin.conftest import Browser, Db
from tests.databases import OTHERS, Databases, lent
from tests.troubled import troubled


@pytest.fixture
def database_url(request: pytest.FixtureRequest, databases: dict[str, Databases]) -> Iterator[str]:
    """Either sort: each says it in its own way."""
    yield from lent(databases[request.param])


def add(browser: Browser, company: Company, name: str) -> tuple[int, str]:
    """Save a supplier by the form."""
    form = {"name": name, "city": "C" * 200, "street": "S" * 400, "supplier_here": "y"}
    answer = browser.post(f"/c/{company.id}/suppliers/new/", form)
    return answer.status_code, answer.text


@pytest.mark.parametrize(
    ("database_url", "what", "said"),
    [
        ("sqlite", "full", "disk of the database is full"),
        ("sqlite", "read only", "can only be read just now"),
        ("postgresql", "read only", "can only be read just now"),
    ],
    indirect=["database_url"],
)
def test_a_page_that_cannot_save_says_why_and_saves_nothing(
    app: Flask, company: Company, administrator: Browser, session: Db, what: str, said: str
) -> None:
    with app.app_context():
        engine = db.engine
    with troubled(engine, what):
        assert administrator.get(f"/c/{company.id}/suppliers/").status_code == 200
        answers = [add(administrator, company, f"Supplier {number}") for number in range(30 if what == "full" else 1)]
    status, text = next(answer for answer in answers if answer[0] != 303)
    assert (status, said in text, "try again" in text) == (503, True, True)
    assert add(administrator, company, "Afterwards")[0] == 303
    names = session.scalars(select(Contact.name)).all()
    assert "Afterwards" in names
    created = select(func.count()).select_from(History).where(History.action == "created", History.kind == "contact")
    assert session.scalar(created) == len(names)  # a record and its history, or neither


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_that_is_away_is_said_without_asking_it_who_looks(
    app: Flask, company: Company, administrator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        away = create_engine("sqlite:////no/such/folder/books.db")
        monkeypatch.setitem(db.engines, None, away)
        answer = administrator.get(f"/c/{company.id}/suppliers/")
        assert (answer.status_code, "The database does not answer." in answer.text) == (503, True)
        assert administrator.get("/readyz").status_code == 503
        monkeypatch.undo()
    assert administrator.get(f"/c/{company.id}/suppliers/").status_code == 200


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_page_is_there_although_the_database_was_restarted(
    company: Company, administrator: Browser, session: Db
) -> None:
    path = f"/c/{company.id}/suppliers/"
    assert administrator.get(path).status_code == 200
    session.execute(text(OTHERS))
    assert administrator.get(path).status_code == 200
