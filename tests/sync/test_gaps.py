"""No gaps: rows that are edited, or pushed from page to page, while a list is read are there after the next Update."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from random import Random
from threading import Lock
from typing import Any

import pytest
from sqlalchemy import select

from backoffice import stop
from backoffice.config import Settings
from backoffice.models import Connection, JobState, PullRun, new_company
from backoffice.sync import linking
from backoffice.sync.provider import Page
from tests.sync.conftest import Book
from tests.sync.moving import MovingClient, MovingProvider

#: In sequence, and in flight, where rows are lost sooner; `make bench` runs a hundred.
SEEDS = {False: 10, True: 40}
EDITS = 30


@pytest.fixture
def sandbox_size() -> dict[str, int]:
    return {"contacts": 30, "items": 0}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"page_size": 6})


def meddle(book: Book, seed: int, shuffled: bool) -> MovingProvider:
    """A provider in whose lists a dozen rows are edited while they are read."""
    chance = Random(seed)
    left = [EDITS]
    ids = sorted(row["ContactID"] for row in book.theirs.contacts())

    def edit() -> None:
        for _ in range(chance.randint(0, 6)):
            if left[0]:
                left[0] -= 1
                book.theirs.edit(chance.choice(ids), EmailAddress=f"edited-{seed}-{left[0]}@there.example")

    return MovingProvider(book.provider, lambda client: MovingClient(client, edit, chance, shuffled))


def differences(book: Book) -> list[str]:
    """Contacts that are not here as they are there."""
    mine = {contact.name: contact.email for contact in book.contacts()}
    return [row["Name"] for row in book.theirs.contacts() if mine.get(row["Name"]) != row.get("EmailAddress")]


def another_company(book: Book, seed: int, shuffled: bool, first: bool) -> None:
    """Begin again with a company that knows nothing, linked to the same organisation."""
    if not first:
        linking.unlink(book.session, book.session.get_one(Connection, book.connection_id))
    company = new_company(book.session, f"Company {seed}")
    book.company_id = company.id
    book.session.commit()
    job = book.link()
    book.session.rollback()
    provider = meddle(book, seed, shuffled)
    book.shop = replace(
        book.shop,
        providers={"xero": provider},
        settings=book.shop.settings.model_copy(update={"xero_in_flight": 6 if shuffled else 2}),
    )
    job.kinds = ["contact"]
    book.session.commit()
    job = book.run(job)
    assert job.state is JobState.COMPLETED, job.reason


@pytest.mark.parametrize("shuffled", [False, True], ids=["in sequence", "five in flight"])
@pytest.mark.parametrize("part", range(2))
def test_no_row_is_lost_while_the_list_moves(fresh_book: Book, part: int, shuffled: bool) -> None:
    """Some seeds in sequence and more in flight; a few of them on PostgreSQL too."""
    book = fresh_book
    postgresql = book.session.get_bind().dialect.name == "postgresql"
    seeds = range(part, SEEDS[shuffled], 2)
    for number, seed in enumerate(seeds[:3] if postgresql else seeds):
        another_company(book, seed, shuffled, first=number == 0)
        book.shop = replace(book.shop, providers=book.app.extensions["providers"])  # the list stands still again
        book.update("contact")
        assert differences(book) == [], f"seed {seed}"


def test_a_list_that_stands_still_is_read_in_as_many_calls_as_it_has_pages(fresh_book: Book) -> None:
    book = fresh_book
    book.run(book.link())
    assert book.theirs.calls()["GET Contacts"] == 5
    assert differences(book) == []


@pytest.mark.parametrize("page", [1, 2, 4])
def test_a_provider_that_takes_no_notice_of_the_page_is_asked_twice_at_most(fresh_book: Book, page: int) -> None:
    book = fresh_book
    job = book.link()
    book.theirs.fault("unpaged", path="/Contacts", count=None, skip=page - 1)
    job = book.run(job)
    assert job.state is JobState.COMPLETED
    assert book.theirs.calls()["GET Contacts"] <= 5  # as many as there are pages
    book.theirs.world.faults.clear()
    book.update("contact")
    assert differences(book) == []


class LeavingClient:
    """Answers the pages in flight with the last one first; a row of the first page leaves the list right after that."""

    def __init__(self, client: Any, leave: Callable[[], object]) -> None:
        self._client, self._leave = client, leave
        self._lock = Lock()
        self._last: list[Page] = []
        self._left = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def page(self, resource: str, number: int, since: Any = None) -> Page:
        with self._lock:
            if number > 1 and not self._left:
                self._left = True
                self._last.append(self._client.page(resource, 6, since))
                self._leave()
            page: Page = self._last.pop() if number == 6 and self._last else self._client.page(resource, number, since)
            return page


def test_a_reading_does_not_end_while_a_page_of_it_is_under_way(
    fresh_book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page says that there are fewer pages now; the last one of before is still to be written."""
    book, ended = fresh_book, list[datetime | None]()
    job = book.link()
    book.theirs.add("The thirty-first")
    newest = sorted(book.theirs.shelf("Contacts").bodies(), key=lambda row: row["UpdatedDateUTC"])[-2]["ContactID"]

    def look() -> bool:
        run = book.session.scalars(select(PullRun).order_by(PullRun.id.desc()).limit(1)).first()
        if run and (run.next_page, run.passes) == (6, 1):
            ended.append(run.finished_at)
        book.session.rollback()
        return False

    monkeypatch.setattr(stop, "requested", look)
    leave = partial(book.theirs.shelf("Contacts").remove, newest)
    provider = MovingProvider(book.provider, lambda client: LeavingClient(client, leave))
    settings = book.shop.settings.model_copy(update={"xero_in_flight": 6})
    book.shop = replace(book.shop, providers={"xero": provider}, settings=settings)
    job.kinds = ["contact"]
    book.session.commit()
    assert book.run(job).state is JobState.COMPLETED
    assert ended == [None]
    assert differences(book) == []
