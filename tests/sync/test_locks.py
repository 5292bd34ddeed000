"""Two who write at the same time on PostgreSQL, where rows are locked one by one: no deadlock, nothing overwritten."""

from __future__ import annotations

import contextlib
import threading
import time
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm.exc import StaleDataError

from backoffice.errors import BackofficeError
from backoffice.extensions import db
from backoffice.models import Bill, Connection, Contact, JobState, SyncJob, new_company
from backoffice.models.book import EVERY_BOOK
from backoffice.sync import attempt, by_hand, held, jobs, linking, match, open_book, push, reading, task, writer
from tests.sync.test_interleavings import active, hook
from tests.sync.test_linking import link_to, other_organisation

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


#: Whether anybody in this database waits for a lock.
WAITS = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


class Aside:
    """Somebody else, in a thread and a session of their own."""

    def __init__(self, app, do) -> None:
        self.error: Exception | None = None

        def run() -> None:
            try:
                with app.app_context():
                    do(db.session())
            except (SQLAlchemyError, BackofficeError) as error:
                self.error = error

        self.thread = threading.Thread(target=run)
        self.thread.start()

    def until_it_waits(self) -> None:
        """Go on when it waits for a lock that is held here, or has done all it wanted."""
        with db.engine.connect() as looking:
            while self.thread.is_alive() and not looking.scalar(WAITS):
                looking.rollback()
                self.thread.join(0.01)

    def join(self) -> None:
        self.thread.join(30)
        assert not self.thread.is_alive()


def test_pressing_update_while_a_page_is_written_is_no_deadlock(book, app, monkeypatch) -> None:
    """The press locks the connection, then the job; the worker holds the job and then needs the connection."""

    connection_id, asides, original = book.connection_id, [], reading.receive

    def press(session) -> None:
        jobs.request_update(session, session.get_one(Connection, connection_id), ["contact"], user_id=None)

    def receive(*args: Any, **more: Any) -> Any:
        if not asides:  # a page is being written: the worker's transaction has the job's row
            asides.append(Aside(app, press))
            asides[0].until_it_waits()
        return original(*args, **more)

    monkeypatch.setattr(reading, "receive", receive)
    book.theirs.edit(active(book)["ContactID"], EmailAddress="a@b.example")
    job = book.update("contact")
    asides[0].join()
    assert (job.state, asides[0].error) == (JobState.COMPLETED, None), (job.reason, repr(asides[0].error)[:300])


def test_an_edit_while_a_taken_back_one_is_settled_is_not_lost(book, app, monkeypatch) -> None:
    row = active(book)
    contact = book.contact(row["Name"])
    contact_id, before = contact.id, contact.city
    contact.city = "Elsewhere"
    book.session.commit()
    contact.city = before
    book.session.commit()
    original, asides = writer.Writer.flush, []

    def flush(self) -> None:
        if not asides:

            def edit(session) -> None:
                session.get_one(Contact, contact_id).city = "Edited Meanwhile"
                session.commit()

            asides.append(Aside(app, edit))
            asides[0].thread.join(2)
        original(self)

    monkeypatch.setattr(writer.Writer, "flush", flush)
    book.push()
    asides[0].join()
    assert asides[0].error is None
    contact = book.session.get_one(Contact, contact_id, populate_existing=True)
    sent = "Edited Meanwhile" in str(book.theirs.contact(row["Name"])["Addresses"])
    assert contact.city == "Edited Meanwhile"
    assert sent or book.link_of(contact).pending


def test_an_edit_while_its_match_is_adopted_is_no_deadlock(book, app, monkeypatch) -> None:
    contact = book.add(name="Made Twice Ltd", email="ours@here.example")
    contact_id = contact.id
    book.theirs.add("made twice ltd", EmailAddress="theirs@there.example")
    original, asides = match.overwrite, []

    def overwrite(*args: Any) -> None:
        def edit(session) -> None:
            session.get_one(Contact, contact_id).city = "Edited Meanwhile"
            session.commit()

        asides.append(Aside(app, edit))
        asides[0].until_it_waits()
        original(*args)

    monkeypatch.setattr(match, "overwrite", overwrite)
    job = book.push()
    asides[0].join()
    assert job.state is JobState.COMPLETED, job.reason
    assert isinstance(asides[0].error, StaleDataError), "the editor is told that somebody was faster"


def test_an_edit_while_it_is_linked_by_hand_is_no_deadlock(book, app, monkeypatch) -> None:
    record, other = book.add(name="Made Twice Ltd"), book.contact(active(book)["Name"])
    record_id, other_id, link_id = record.id, other.id, book.link_of(other).id
    original, asides = by_hand._at_rest, []

    def at_rest(session, link) -> Any:
        def edit(session) -> None:
            session.get_one(Contact, other_id).city = "Edited Meanwhile"
            session.commit()

        found = original(session, link)
        if not asides:  # its link is locked
            asides.append(Aside(app, edit))
            asides[0].until_it_waits()
        return found

    monkeypatch.setattr(by_hand, "_at_rest", at_rest)
    by_hand.link_by_hand(book.session, record, other)
    book.session.commit()
    asides[0].join()
    assert isinstance(asides[0].error, StaleDataError), "the editor is told that somebody was faster"
    assert (book.link_of(record).id, record.id) == (link_id, record_id)


def test_editing_two_at_once_while_they_are_claimed_is_no_deadlock(book, app) -> None:
    ids = []
    for number in (0, 1):
        contact = book.contact(active(book, number)["Name"])
        contact.city = "Pending"
        book.session.commit()
        ids.append(contact.id)
    asides, ready = [], threading.Event()

    def interfere(when: str, name: str, _: Any) -> None:
        if (when, name) == ("after", "by_ids") and not asides:

            def edit(session) -> None:
                session.get_one(Contact, ids[1]).city = "Edited"
                session.flush()
                ready.set()
                time.sleep(1.5)
                session.get_one(Contact, ids[0]).city = "Edited"
                session.commit()

            asides.append(edit)

    hook(book, interfere)

    original = push._claim

    def claim(task, mapper, action, *more):
        if action == "update" and asides and not isinstance(asides[0], Aside):
            asides[0] = Aside(app, asides[0])
            ready.wait(5)
        return original(task, mapper, action, *more)

    push._claim = claim
    try:
        job = book.push()
    finally:
        push._claim = original
    asides[0].join()
    assert (job.state, asides[0].error) == (JobState.COMPLETED, None), (job.reason, repr(asides[0].error)[:300])


def test_an_edit_while_a_refusal_is_written_is_still_sent(book, app, monkeypatch) -> None:

    row = active(book)
    contact = book.contact(row["Name"])
    contact_id = contact.id
    contact.name = active(book, 1)["Name"]
    book.session.commit()
    original, asides = attempt.refuse, []

    def refuse(*args: Any) -> None:
        def edit(session) -> None:
            session.get_one(Contact, contact_id).name = "A Name Of Its Own Ltd"
            session.commit()

        asides.append(Aside(app, edit))
        asides[0].thread.join(2)
        original(*args)

    monkeypatch.setattr(attempt, "refuse", refuse)
    book.push()
    asides[0].join()
    monkeypatch.undo()
    book.push()
    assert book.theirs.named("A Name Of Its Own Ltd"), book.link_of(contact).refusal


def test_a_press_in_a_session_that_saw_the_job_before_it_ran_is_not_lost(book, app) -> None:
    from backoffice.sync import lease

    job, _ = jobs.request_update(book.session, book.connection, ["contact"], user_id=None)
    job_id = job.id
    assert book.session.get_one(SyncJob, job_id).state is JobState.PENDING
    aside = Aside(app, lambda session: lease.claim(session, job_id, 30))
    aside.join()
    again, _ = jobs.request_update(book.session, book.connection, ["contact"], user_id=None)
    assert again.id == job_id
    assert book.session.get_one(SyncJob, job_id, populate_existing=True).look_again


def test_choosing_while_a_page_is_written_is_no_deadlock(book, app, monkeypatch) -> None:
    """The person's word locks the connection, then the link; the job the link, then the connection."""
    row = active(book)
    link_id = book.link_of(book.contact(row["Name"])).id
    book.connection.push_confirmed_at = None
    book.session.commit()
    book.theirs.edit(row["ContactID"], EmailAddress="a@b.example")
    connection_id, asides = book.connection_id, []
    original = task.Task._keep_budget

    def keep(self) -> Any:
        if not asides and self.client.budget != (None, None):

            def hold(session) -> None:
                from backoffice.models import Connection

                by_hand.choose(session, session.get_one(Connection, connection_id), {}, hold=[link_id])
                session.commit()

            asides.append(Aside(app, hold))
            asides[0].until_it_waits()
        return original(self)

    monkeypatch.setattr(task.Task, "_keep_budget", keep)
    job = book.update("contact")
    asides[0].join()
    assert (job.state, asides[0].error) == (JobState.COMPLETED, None), (job.reason, repr(asides[0].error)[:300])


def test_unlinking_the_company_while_a_page_is_written_is_no_deadlock(book, app, monkeypatch) -> None:

    connection_id, asides = book.connection_id, []
    book.theirs.edit(active(book)["ContactID"], EmailAddress="a@b.example")
    original, look = task.Task._keep_budget, task.Task.pause_here

    def keep(self) -> Any:
        if not asides and self.client.budget != (None, None):
            asides.append(Aside(app, lambda s: linking.unlink(s, s.get_one(Connection, connection_id))))
            asides[0].until_it_waits()
        return original(self)

    def pause(self) -> None:
        if asides:
            asides[0].join()  # the word to stop is there before the worker looks for it
        look(self)

    monkeypatch.setattr(task.Task, "_keep_budget", keep)
    monkeypatch.setattr(task.Task, "pause_here", pause)
    job = book.update("contact")
    asides[0].join()
    assert (job.state, asides[0].error) == (JobState.CANCELLED, None), (job.reason, repr(asides[0].error)[:300])


def test_two_companies_that_link_one_organisation_at_once(book, app, monkeypatch) -> None:
    from backoffice.errors import ConflictError

    organisation_id, authorisation_id = book.connection.external_id, book.connection.authorisation_id
    linking.unlink(book.session, book.connection)
    other_id = new_company(book.session, "Other Company").id
    book.session.commit()
    granted = book.provider.custom()
    original, asides = linking._refuse_taken, []

    def refuse(*args: Any) -> None:
        original(*args)
        if not asides:
            asides.append(None)
            aside = Aside(
                app,
                lambda s: linking.link(s, book.provider, other_id, granted.organisations[0], authorisation_id, None),
            )
            aside.join()

    monkeypatch.setattr(linking, "_refuse_taken", refuse)
    with contextlib.suppress(ConflictError):
        book.link()
    active_ones = book.session.scalars(
        select(Connection.company_id).where(Connection.external_id == organisation_id, Connection.active)
    ).all()
    assert len(active_ones) == 1, active_ones


def test_who_opens_another_book_waits_for_what_is_being_written_in_this_one(book, app) -> None:
    first, other, authorisation_id = book.connection, other_organisation(book), book.connection.authorisation_id
    first_id, company_id = first.id, book.company_id
    linking.unlink(book.session, first)
    book.session.add(Contact(company_id=company_id, name="Being Written Ltd"))
    book.session.flush()
    aside = Aside(app, lambda s: linking.link(s, book.provider, company_id, other, authorisation_id, None, True))
    aside.until_it_waits()
    book.session.commit()
    aside.join()
    assert aside.error is None
    written = select(Contact.book_id).where(Contact.name == "Being Written Ltd").execution_options(**EVERY_BOOK)
    assert book.session.scalar(written) == first_id


def test_what_names_a_record_waits_while_another_book_is_opened_and_is_turned_down(book, app, monkeypatch) -> None:
    contact_id, company_id = book.contacts()[0].id, book.company_id
    original, asides = open_book.turn_to, []

    def write(session) -> None:
        dates = {"date": date(2026, 11, 2), "due_date": date(2026, 12, 2)}
        session.add(Bill(company_id=company_id, contact_id=contact_id, name="LATE-1", lines=[], **dates))
        session.commit()

    def turn_to(*args: Any) -> None:
        original(*args)
        asides.append(Aside(app, write))
        asides[0].until_it_waits()

    monkeypatch.setattr(open_book, "turn_to", turn_to)
    linking.unlink(book.session, book.connection)
    link_to(book, other_organisation(book))
    asides[0].join()
    assert isinstance(asides[0].error, StaleDataError), repr(asides[0].error)
    assert book.session.scalar(select(Bill.id).where(Bill.name == "LATE-1").execution_options(**EVERY_BOOK)) is None


def test_linking_by_hand_while_a_page_is_written_is_not_undone(book, app, monkeypatch) -> None:
    record, row = book.add(name="Acme Trading As Usual"), active(book)
    other = book.contact(row["Name"])
    record_id, other_id, asides, original = record.id, other.id, [], held.held
    book.session.rollback()
    book.theirs.edit(row["ContactID"], EmailAddress="new@there.example")

    def link_them(session) -> None:
        by_hand.link_by_hand(session, session.get_one(Contact, record_id), session.get_one(Contact, other_id))
        session.commit()

    def look(task: Any, mapper: Any, ids: Any, lock: bool = False) -> Any:
        if lock and mapper.kind == "contact" and not asides:
            asides.append(Aside(app, link_them))
            asides[0].join()
        return original(task, mapper, ids, lock)

    monkeypatch.setattr(held, "held", look)
    book.update("contact")
    assert (len(asides), asides[0].error) == (1, None)
    book.session.expire_all()
    kept = book.session.get_one(Contact, record_id)
    assert (book.session.get_one(Contact, other_id).archived, kept.email) == (True, "new@there.example")
    assert book.link_of(kept).external_id == row["ContactID"]
