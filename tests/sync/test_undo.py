"""What a sync job changed here is undone: record by record, as a person's edits, which travel as any others do."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from backoffice.admin.doors import doors_of, forms
from backoffice.clock import now
from backoffice.extensions import db
from backoffice.models import (
    Author,
    Contact,
    History,
    JobState,
    Role,
    SyncJob,
    Undo,
    User,
    writing_as,
)
from backoffice.models.leased import GIVEN_UP, MOST_TRIES, Lease, claim
from backoffice.past import undo
from backoffice.past.doors import Doors
from backoffice.past.preview import Preview, preview
from jobs import JOBS
from tests.databases import EITHER
from tests.sync.conftest import Book

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)


@pytest.fixture
def sandbox_size() -> dict[str, Any]:
    return {"contacts": 60, "items": 4}


@pytest.fixture
def ana(book: Book) -> User:
    user = User(email="ana@example.com", name="Ana", role=Role.OPERATOR)
    book.session.add(user)
    book.session.commit()
    return user


@pytest.fixture
def pulled(book: Book) -> SyncJob:
    """A job that changed fifty contacts in two fields, and made five."""
    active = [body for body in book.theirs.contacts() if body["ContactStatus"] == "ACTIVE"]
    for body in active[:50]:
        book.theirs.edit(body["ContactID"], EmailAddress=f"new-{body['ContactID'][:8]}@example.com", FirstName="Zoe")
    for number in range(5):
        book.theirs.add(f"Newcomer {number}")
    job = book.update("contact")
    assert (job.state, job.updated, job.created) == (JobState.COMPLETED, 50, 5)
    return job


@pytest.fixture
def before(book: Book) -> dict[int, tuple[Any, ...]]:
    """What stood here before that job."""
    return values(book)


def looked_at(book: Book, job: SyncJob, user: User) -> Preview:
    return preview(Doors(book.session, book.company_id, user, forms(), "Xero"), job)


def undone(book: Book, job: SyncJob, user: User) -> Undo:
    """Ask for it, and do it as a worker does."""
    asked = undo.ask(book.session, job, user.id)
    assert asked is not None
    undo.run(book.session, leased(book, asked.id), doors_of)
    return book.session.get_one(Undo, asked.id, populate_existing=True)


def leased(book: Book, undo_id: int) -> Lease:
    lease = claim(book.session, Undo, undo_id, 30)
    assert lease is not None
    return lease


def values(book: Book) -> dict[int, tuple[Any, ...]]:
    rows = book.session.execute(select(Contact.id, Contact.email, Contact.first_name, Contact.archived)).all()
    book.session.rollback()
    return {row.id: tuple(row[1:]) for row in rows}


def test_a_pull_is_undone_and_the_next_update_sends_what_was_brought_back(
    book: Book, before: dict[int, tuple[Any, ...]], pulled: SyncJob, ana: User
) -> None:
    told = looked_at(book, pulled, ana)
    assert (told.records, told.archived, told.left, told.sent, told.more) == (55, 5, 0, 55, False)
    done = undone(book, pulled, ana)
    assert (done.changed, done.archived, done.left, done.done) == (55, 5, 0, 55)
    assert done.values == told.values
    after = values(book)
    assert {key: after[key] for key in before} == before
    assert [archived for key, (*_, archived) in after.items() if key not in before] == [True] * 5
    written = select(History.user_id).where(History.id > 0, History.user_id == ana.id, History.action == "changed")
    assert len(book.session.scalars(written).all()) == done.values + 5
    assert book.waiting()
    sent = book.update("contact")
    assert (sent.state, sent.sent, sent.refused) == (JobState.COMPLETED, 55, 0)
    assert not book.waiting()
    there = {body["ContactID"]: body for body in book.theirs.contacts()}
    assert not [body for body in there.values() if body.get("EmailAddress", "").startswith("new-")]
    gone = {body["Name"] for body in there.values() if body["ContactStatus"] == "ARCHIVED"}
    assert {f"Newcomer {number}" for number in range(5)} <= gone


def test_what_was_changed_again_since_is_left_and_listed(book: Book, pulled: SyncJob, ana: User) -> None:
    with writing_as(Author(user_id=ana.id)):
        contact = book.session.scalars(select(Contact).where(Contact.first_name == "Zoe").limit(1)).one()
        contact.first_name = "Mia"
        newcomer = book.contact("Newcomer 0")
        newcomer.phone = "021"
        book.session.commit()
    key, made = contact.id, newcomer.id
    told = looked_at(book, pulled, ana)
    assert {(step.record_id, left.why) for step, left in told.left_shown} == {
        (key, "It was changed again since."),
        (made, "It was changed after the job had made it."),
    }
    done = undone(book, pulled, ana)
    assert (done.left, done.archived) == (2, 4)
    assert {one["record_id"] for one in done.left_over} == {key, made}
    book.session.expire_all()
    assert (book.session.get_one(Contact, key).first_name, book.contact("Newcomer 0").archived) == ("Mia", False)
    assert not str(book.session.get_one(Contact, key).email).startswith("new-")


def test_one_record_that_cannot_be_written_leaves_the_others(book: Book, pulled: SyncJob, ana: User) -> None:
    taken = book.contact("Newcomer 1")
    book.theirs.edit(book.link_of(taken).external_id or "", Name="Renamed")
    job = book.update("contact")
    book.add(name="Newcomer 1")
    done = undone(book, job, ana)
    assert (done.changed, done.left) == (0, 1)
    assert "Another active contact is called Newcomer 1." in done.left_over[0]["why"]
    assert undone(book, pulled, ana).changed == 54


def test_a_worker_that_died_is_followed_by_one_that_goes_on(book: Book, pulled: SyncJob, ana: User) -> None:
    asked = undo.ask(book.session, pulled, ana.id)
    assert asked is not None
    key, session = asked.id, book.session
    assert undo.ask(session, pulled, ana.id) is None, "it is being undone"
    died = Dying(session, book.company_id, ana, forms(), "Xero")
    with pytest.raises(DiedError):
        undo.run(session, leased(book, key), lambda row: died)
    session.rollback()
    row = session.get_one(Undo, key, populate_existing=True)
    assert (row.done, row.changed, row.ended_at) == (20, 20, None)
    assert claim(session, Undo, key, 30) is None, "its lease has not run out"
    row.lease_until = now()
    session.commit()
    assert undo.due(session) == [key]
    undo.run(session, leased(book, key), doors_of)
    row = session.get_one(Undo, key, populate_existing=True)
    assert (row.done, row.changed, row.archived, row.ended_at is not None) == (55, 55, 5, True)
    twice = select(func.count()).where(History.user_id == ana.id).group_by(History.record_id, History.field)
    assert set(session.scalars(twice)) == {1}
    assert undo.due(session) == []


class DiedError(Exception):
    """The process ended here."""


class Dying(Doors):
    """A worker that ends after twenty records."""

    count = 0

    def lock(self, kind: str, record_id: int) -> Any:
        self.count += 1
        if self.count > 20:
            raise DiedError
        return super().lock(kind, record_id)


def test_one_that_never_comes_further_is_given_up_and_can_be_asked_for_again(
    book: Book, pulled: SyncJob, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = undo.ask(db.session(), pulled, ana.id)
    assert asked is not None
    key = asked.id
    with monkeypatch.context() as patched:
        patched.setattr(Doors, "lock", faulty)
        for tries in range(1, MOST_TRIES + 1):
            JOBS["undo"](key)
            row = book.session.get_one(Undo, key, populate_existing=True)
            assert (row.tries, row.ended_at, undo.due(book.session)) == (tries, None, [])
            row.lease_until = now()
            book.session.commit()
        JOBS["undo"](key)
    row = book.session.get_one(Undo, key, populate_existing=True)
    assert (row.ended_at is not None, row.reason, row.done) == (True, GIVEN_UP, 0)
    book.session.rollback()
    assert undone(book, pulled, ana).changed == 55


def faulty(*_: object) -> None:
    raise ZeroDivisionError


def test_who_may_not_write_any_more_undoes_nothing(book: Book, pulled: SyncJob, ana: User) -> None:
    before = values(book)
    ana.role = Role.VIEWER
    book.session.commit()
    done = undone(book, pulled, ana)
    assert (done.changed, done.values) == (0, 0)
    assert done.left_over[0]["why"] == "Whoever asked may not change records any more."
    assert values(book) == before


def test_undoing_twice_finds_nothing_to_do(book: Book, pulled: SyncJob, ana: User) -> None:
    assert undone(book, pulled, ana).changed == 55
    again = undone(book, pulled, ana)
    assert (again.done, again.changed, again.left) == (55, 0, 0)
    assert looked_at(book, pulled, ana).records == 0


def test_a_worker_does_it_when_it_is_rung_for(book: Book, pulled: SyncJob, ana: User) -> None:
    asked = undo.ask(db.session(), pulled, ana.id)
    assert asked is not None
    key = asked.id
    JOBS["undo"](key)
    assert book.session.get_one(Undo, key, populate_existing=True).changed == 55
