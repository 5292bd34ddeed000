"""Users who are limited to some companies: what they find, by every door, and what they do not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from backoffice.models import Company, Connection, Contact, History, JobState, Role, SyncJob, User, reach
from backoffice.models.reach import enters
from backoffice.past.doors import MAY_NOT, Doors, Form
from tests.admin.conftest import TOKEN, Browser, Db, a_job, a_person, a_record


def someone(session: Db, role: Role) -> User:
    session.rollback()
    return session.scalars(select(User).where(User.role == role)).one()


def limited(session: Db, role: Role, *companies: Company) -> User:
    """Somebody to whom these companies are open, and no other."""
    user = someone(session, role)
    reach.choose(session, user, [company.id for company in companies])
    session.commit()
    return user


def test_what_is_closed_is_not_there(session: Db, company: Company, elsewhere: Company, browser: Browser) -> None:
    limited(session, Role.OPERATOR, elsewhere)
    assert browser.get(f"/c/{company.id}/").status_code == 404
    unknown, closed = (TOKEN.sub("", browser.get(f"/c/{key}/suppliers/").text) for key in (999, company.id))
    assert closed == unknown
    assert browser.get("/").location == f"/c/{elsewhere.id}/"
    for path in ("/companies/", f"/companies/?view=table&search={company.name}", f"/c/{elsewhere.id}/", "/account/"):
        assert company.name not in browser.says(path).replace(f'value="{company.name}"', ""), path
    assert elsewhere.name in browser.says("/companies/")


@pytest.mark.parametrize(
    ("path", "status"), [("/account/", 400), ("/c/{}/suppliers/update/", 400), ("/nowhere", 404), ("/users/new", 400)]
)
def test_a_page_that_says_what_went_wrong_names_nothing_that_is_closed(
    path: str, status: int, session: Db, company: Company, elsewhere: Company, browser: Browser
) -> None:
    """It is made before anything else has asked who is there."""
    limited(session, Role.OPERATOR, elsewhere)
    answer = browser.client.post(path.format(company.id), data={"name": "without the token"})
    assert answer.status_code == status
    assert elsewhere.name in answer.text
    assert company.name not in answer.text


def test_nothing_is_synced_of_what_is_closed(
    session: Db, company: Company, elsewhere: Company, connection: Connection, browser: Browser
) -> None:
    limited(session, Role.OPERATOR, elsewhere)
    browser.post("/companies/sync", {"rowid": company.id})
    session.rollback()
    assert session.scalars(select(SyncJob)).all() == []
    limited(session, Role.OPERATOR, elsewhere, company)
    browser.post("/companies/sync", {"rowid": company.id})
    session.rollback()
    assert [job.company_id for job in session.scalars(select(SyncJob))] == [company.id]


def test_a_name_is_not_found_in_what_is_closed(
    session: Db, company: Company, elsewhere: Company, browser: Browser
) -> None:
    a_record(session, Contact, company, name="Kauri Timber")
    question = f"/c/{elsewhere.id}/why/?q=Kauri+Timber"
    assert company.name in browser.says(question)
    limited(session, Role.OPERATOR, elsewhere)
    assert company.name not in browser.says(question)


def test_a_job_of_what_is_closed_is_not_shown(
    session: Db, company: Company, elsewhere: Company, connection: Connection, browser: Browser
) -> None:
    job = a_job(session, connection, JobState.COMPLETED, title="Secret")
    limited(session, Role.OPERATOR, elsewhere)
    for path in (f"sync-jobs/details/?id={job.id}", f"sync-jobs/progress/?ids={job.id}", "sync-jobs/?tab=completed"):
        assert "Secret" not in browser.get(f"/c/{elsewhere.id}/{path}").text, path
        assert browser.get(f"/c/{company.id}/{path}").status_code == 404, path


def test_history_offers_the_names_of_those_whom_the_company_concerns(
    session: Db, company: Company, elsewhere: Company, browser: Browser
) -> None:
    wrote, stranger = (a_person(f"{name}@example.com", Role.VIEWER) for name in ("wanda", "stan"))
    for each in (wrote, stranger):
        session.add(each)
        session.flush()
        reach.choose(session, each, [company.id])
    contact = a_record(session, Contact, elsewhere, name="Kauri")
    session.add(
        History(company_id=elsewhere.id, kind="contact", record_id=contact.id, action="paused", user_id=wrote.id)
    )
    session.commit()
    limited(session, Role.OPERATOR, elsewhere)
    page = browser.says(f"/c/{elsewhere.id}/history/")
    assert "Wanda" in page
    assert "Stan" not in page
    assert "Stan" not in browser.says(f"/c/{elsewhere.id}/history/?person={stranger.id}")


def test_administrators_enter_every_company(
    session: Db, company: Company, elsewhere: Company, administrator: Browser
) -> None:
    limited(session, Role.ADMINISTRATOR, elsewhere)
    assert administrator.get(f"/c/{company.id}/").status_code == 200
    assert company.name in administrator.says("/companies/")


def test_a_limit_holds_again_for_who_is_no_administrator_any_more(
    session: Db, company: Company, elsewhere: Company
) -> None:
    boss = limited(session, Role.ADMINISTRATOR, elsewhere)
    assert enters(session, boss, company.id)
    boss.role = Role.VIEWER
    assert not enters(session, boss, company.id)
    assert enters(session, boss, elsewhere.id)


def test_with_the_last_of_the_chosen_companies_gone_none_is_open(
    session: Db, company: Company, elsewhere: Company, browser: Browser
) -> None:
    limited(session, Role.OPERATOR, elsewhere)
    session.delete(session.get_one(Company, elsewhere.id))
    session.commit()
    assert browser.get(f"/c/{company.id}/").status_code == 404
    assert "No company is open to you." in browser.says("/companies/")


def test_what_was_asked_for_is_not_done_once_it_is_closed(session: Db, company: Company, elsewhere: Company) -> None:
    """An undoing runs later, in a worker."""
    record = a_record(session, Contact, company, name="Kauri Timber")
    user = limited(session, Role.OPERATOR, company)
    forms = {"contact": Form(frozenset({"name"}), True)}
    assert Doors(session, company.id, user, forms, "Xero").why_not_archive(record) == ""
    limited(session, Role.OPERATOR, elsewhere)
    assert Doors(session, company.id, user, forms, "Xero").why_not_archive(record) == MAY_NOT


def test_the_companies_of_a_user_are_chosen_on_a_page(
    session: Db, company: Company, elsewhere: Company, browser: Browser, administrator: Browser
) -> None:
    user = someone(session, Role.OPERATOR)
    page = f"/users/person?id={user.id}"
    assert administrator.says(page).count("checked") == 1
    administrator.post("/users/person", {"id": user.id, "reach": "chosen", "companies": elsewhere.id})
    assert browser.get(f"/c/{company.id}/").status_code == 404
    assert "1 chosen" in administrator.says("/users/")
    assert administrator.says(page).count("checked") == 2
    administrator.post("/users/person", {"id": user.id, "reach": "all", "companies": elsewhere.id})
    assert browser.get(f"/c/{company.id}/").status_code == 200


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"reach": "chosen"}, "Tick at least one company, or open all of them."),
        ({"reach": "chosen", "companies": "999"}, "not a valid choice"),
        ({"reach": "chosen", "companies": "x"}, "Invalid"),
        ({"reach": "some"}, "Not a valid choice"),
    ],
)
def test_a_choice_that_does_not_fit(
    wrong: dict[str, str], said: str, session: Db, company: Company, administrator: Browser
) -> None:
    user = someone(session, Role.OPERATOR)
    answer = administrator.post("/users/person", {"id": user.id, **wrong})
    assert (answer.status_code, said in answer.text) == (200, True)
    assert not someone(session, Role.OPERATOR).limited


@pytest.mark.parametrize("key", ["", "x", "999", "99999999999999999999"])
def test_a_user_who_is_not_there(key: str, administrator: Browser) -> None:
    assert administrator.get(f"/users/person?id={key}").status_code == 404


def test_somebody_is_invited_to_some_companies_alone(
    session: Db, company: Company, elsewhere: Company, administrator: Browser
) -> None:
    who = {"name": "New One", "email": "new@example.com", "role": "viewer", "reach": "chosen"}
    administrator.post("/users/new", {**who, "companies": elsewhere.id})
    session.rollback()
    user = session.scalars(select(User).where(User.email == "new@example.com")).one()
    assert (user.limited, user.companies) == (True, [elsewhere])


def test_each_request_has_its_own_limit(
    app: Flask, session: Db, company: Company, elsewhere: Company, browser_as: Callable[[Role], Browser]
) -> None:
    limited(session, Role.OPERATOR, elsewhere)
    limited(session, Role.VIEWER, company)
    operator, viewer, boss = (browser_as(role) for role in (Role.OPERATOR, Role.VIEWER, Role.ADMINISTRATOR))
    for _ in range(3):
        assert operator.get(f"/c/{elsewhere.id}/").status_code == viewer.get(f"/c/{company.id}/").status_code == 200
        assert operator.get(f"/c/{company.id}/").status_code == viewer.get(f"/c/{elsewhere.id}/").status_code == 404
        assert boss.get(f"/c/{company.id}/").status_code == boss.get(f"/c/{elsewhere.id}/").status_code == 200
