"""The database is full or closed to writing while a job runs: it is put back or taken over, and all of it is once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError, OperationalError

from backoffice import clock, outage
from backoffice.extensions import db
from backoffice.models import JobState, LinkState, SyncJob, Work
from backoffice.sync import jobs
from tests.sync.conftest import Book
from tests.troubled import TROUBLES, troubled


@pytest.fixture(autouse=True)
def real_clock() -> Iterator[None]:
    yield
    clock.use()


def an_hour_later() -> None:
    later = clock.now() + timedelta(hours=1)
    clock.use(lambda: later)


def attempted(book: Book, job_id: int) -> None:
    """What a worker does; what it cannot even put down, it leaves."""
    try:
        book.run(book.session.get_one(SyncJob, job_id))
    except DBAPIError as error:
        if outage.words(error) is None:
            raise
    book.session.rollback()


def test_a_job_goes_on_after_the_trouble_wherever_it_came(book: Book) -> None:
    dialect = db.engine.dialect.name
    for what in TROUBLES[dialect]:
        for begin in range(0, 30, 3 if dialect == "sqlite" else 7):
            name = f"Created {what} {begin}"
            created = book.add(name=name)
            job, _ = jobs.request(book.session, book.connection, Work.PUSH, ["contact"], title="On save")
            job_id = job.id
            book.session.rollback()
            with troubled(db.engine, what, begin, begin + 6):
                attempted(book, job_id)
            an_hour_later()  # its lease has run out by now
            job = book.session.get_one(SyncJob, job_id, populate_existing=True)
            if job.open:
                job = book.until_done(job)
            assert job.state is JobState.COMPLETED, (what, begin, job.reason)
            assert len(book.theirs.named(name)) == 1, (what, begin)
            assert book.link_of(created).state is LinkState.INTEGRATED


def test_a_full_disk_of_a_server_is_told_by_its_code() -> None:
    """It cannot be made for one database of a server."""
    cause = psycopg.errors.lookup("53100")()
    assert outage.words(OperationalError("INSERT", {}, cause)) == outage.FULL


def test_a_failing_statement_is_told_from_a_failing_database(book: Book) -> None:
    with pytest.raises(DBAPIError) as raised:
        book.session.connection().exec_driver_sql("SELECT no_such_column FROM company")
    assert outage.words(raised.value) is None
    book.session.rollback()
    away = "postgresql+psycopg://nobody@/none?host=/no/such/folder", "sqlite:////no/such/folder/books.db"
    for address in away:
        with pytest.raises(DBAPIError) as raised:
            create_engine(address).connect()
        assert outage.words(raised.value) == outage.AWAY
