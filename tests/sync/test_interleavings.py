"""Interleavings that lost or doubled something once: what happens between two steps of a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from backoffice import clock
from backoffice.errors import ConflictError
from backoffice.models import Connection, Contact, JobState, Link, LinkState, Match, SyncJob, Urgency, new_company
from backoffice.sync import by_hand, jobs, pending
from tests.sync.moving import MovingProvider


@pytest.fixture(autouse=True)
def _clock():
    yield
    clock.use()


def active(book, number: int = 0) -> dict:
    return [body for body in book.theirs.contacts() if body["ContactStatus"] == "ACTIVE"][number]


class Hooked:
    """A client that calls `before`/`after` with the method's name around each call."""

    def __init__(self, client: Any, hook: Callable[[str, str, Any], None]) -> None:
        self._client, self._hook = client, hook

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self._hook("before", name, args)
            answer = found(*args, **kwargs)
            changed = self._hook("after", name, answer)
            return answer if changed is None else changed

        return call


def hook(book, hook: Callable[[str, str, Any], Any]) -> None:
    book.shop = replace(book.shop, providers={"xero": MovingProvider(book.provider, lambda c: Hooked(c, hook))})


def later(book, **span: Any) -> None:
    moment = clock.now() + timedelta(**span)
    clock.use(lambda: moment)


def test_an_update_after_a_broken_off_one_brings_what_changed_since(book) -> None:
    job, _ = jobs.request_update(book.session, book.connection, ["contact"], user_id=None)
    job_id = job.id

    def cancel(when: str, name: str, _: Any) -> None:
        if (when, name) == ("after", "page"):
            jobs.cancel(book.session, book.session.get_one(SyncJob, job_id))
            book.session.rollback()

    hook(book, cancel)
    assert book.run(job).state is JobState.CANCELLED
    book.shop = replace(book.shop, providers=book.app.extensions["providers"])
    row = active(book)
    book.theirs.edit(row["ContactID"], EmailAddress="changed@since.example")
    book.theirs.forget_calls()
    job = book.update("contact")
    assert book.contact(row["Name"]).email == "changed@since.example", (
        job.state,
        job.changed_nothing,
        book.theirs.calls(),
    )


def test_what_becomes_due_during_a_push_is_looked_at_before_it_is_overwritten(book) -> None:
    first, second = active(book, 0), active(book, 1)
    a = book.contact(first["Name"])
    a.city = "First"
    book.session.commit()
    done = []

    def edit(when: str, name: str, _: Any) -> None:
        if (when, name) == ("after", "send") and not done:
            done.append(1)
            book.theirs.edit(second["ContactID"], EmailAddress="theirs@there.example")
            b = book.contact(second["Name"])
            b.city = "Second"
            book.session.commit()
            book.session.rollback()

    hook(book, edit)
    book.push()
    b = book.contact(second["Name"])
    seen = {e.new for e in book.history(b)} | {e.old for e in book.history(b)} | {b.email}
    assert (
        book.theirs.contact(second["Name"]).get("EmailAddress") == "theirs@there.example"
        or "theirs@there.example" in seen
    )


def test_linking_by_hand_while_the_other_is_unconfirmed_does_not_block_the_connection(book) -> None:
    mine = book.add(name="Acme Trading As Usual")
    other = book.contact(active(book)["Name"])
    pending.pause(book.session, book.link_of(mine), "for now")
    other.city = "Edited"
    book.session.commit()
    book.theirs.fault("cut-after", method="POST", path="/Contacts")
    job = book.push()
    assert book.link_of(other).state is LinkState.UNCONFIRMED
    with pytest.raises(ConflictError, match="Try again in a moment"):
        by_hand.link_by_hand(book.session, mine, other)
    book.session.rollback()
    job = book.run(job)
    assert job.state is JobState.COMPLETED, job.reason
    by_hand.link_by_hand(book.session, mine, other)
    book.session.commit()
    assert book.update("contact").state is JobState.COMPLETED


def test_a_record_whose_creation_is_unconfirmed_is_not_linked_by_hand(book) -> None:
    mine = book.add(name="Acme Trading As Usual")
    other = book.contact(active(book)["Name"])
    there = book.link_of(other).external_id
    book.theirs.fault("cut-before", method="PUT", path="/Contacts")
    job = book.push()
    assert book.link_of(mine).state is LinkState.UNCONFIRMED
    with pytest.raises(ConflictError, match="Try again in a moment"):
        by_hand.link_by_hand(book.session, mine, other)
    book.session.rollback()
    assert book.until_done(job).state is JobState.COMPLETED
    assert len(book.theirs.named("Acme Trading As Usual")) == 1
    assert book.link_of(other).external_id == there


def test_linking_by_hand_to_one_with_an_unsent_edit_is_not_green_while_different(book) -> None:
    mine = book.add(name="Acme Trading As Usual")
    pending.pause(book.session, book.link_of(mine), "for now")
    other = book.contact(active(book)["Name"])
    other.city = "Never Sent"
    book.session.commit()
    by_hand.link_by_hand(book.session, mine, other)
    book.session.commit()
    book.update("contact")
    book.session.refresh(mine)
    theirs = book.theirs.contact(mine.name)
    assert book.link_of(mine).state is LinkState.INTEGRATED
    assert mine.city == "" or ("Never Sent" in str(theirs["Addresses"])) == (mine.city == "Never Sent")


def test_the_echo_of_our_own_lost_write_is_no_edit_of_theirs(book) -> None:
    contact = book.contact(active(book)["Name"])
    contact.city = "First"
    book.session.commit()
    book.theirs.fault("cut-after", method="POST", path="/Contacts")
    job = book.push()
    contact = book.contact(contact.name)
    contact.city = "Second"
    book.session.commit()
    book.theirs.world.clock.advance(1200)
    later(book, minutes=20)
    job = book.until_done(job)
    book.session.refresh(contact)
    assert contact.city == "Second", job.notes


def test_an_update_is_not_repeated_over_an_edit_of_theirs(book) -> None:
    row = active(book)
    contact = book.contact(row["Name"])
    contact.city = "Ours"
    book.session.commit()
    book.theirs.fault("cut-before", method="POST", path="/Contacts")
    job = book.push()
    book.theirs.edit(row["ContactID"], EmailAddress="theirs@there.example")
    job = book.until_done(job)
    contact = book.contact(row["Name"])
    seen = {e.new for e in book.history(contact)} | {e.old for e in book.history(contact)}
    assert book.theirs.contact(row["Name"])["EmailAddress"] == "theirs@there.example" or "theirs@there.example" in seen


def test_what_a_look_up_adopts_is_not_green_while_different(book) -> None:
    contact = book.add(name="Adopted Ltd", email="ours@here.example")
    book.theirs.fault("500", method="PUT", path="/Contacts")
    job = book.push()
    book.theirs.add("Adopted Ltd", EmailAddress="theirs@there.example")
    job = book.until_done(job)
    link = book.link_of(contact)
    book.session.refresh(contact)
    assert link.state is not LinkState.INTEGRATED or contact.email == book.theirs.contact("Adopted Ltd")["EmailAddress"]


def test_an_edit_after_an_adoption_does_not_overwrite_theirs_silently(book) -> None:
    contact = book.add(name="Adopted Ltd", email="ours@here.example")
    book.theirs.fault("500", method="PUT", path="/Contacts")
    job = book.push()
    book.theirs.add("Adopted Ltd", EmailAddress="theirs@there.example")
    job = book.until_done(job)
    contact.city = "Later"
    book.session.commit()
    book.push()
    book.session.refresh(contact)
    seen = {e.new for e in book.history(contact)} | {e.old for e in book.history(contact)} | {contact.email}
    assert "theirs@there.example" in seen


def test_what_is_held_back_before_the_first_push_is_not_taken_over(fresh_book) -> None:
    book = fresh_book
    first = book.link()
    row = active(book)
    mine = book.add(name=row["Name"], phone="our phone")
    book.run(first)
    link = book.link_of(mine)
    by_hand.choose(book.session, book.connection, {}, hold=[link.id])
    book.session.commit()
    book.update()
    book.session.refresh(mine)
    assert book.link_of(mine).state is LinkState.PAUSED
    assert mine.phone == "our phone"


def test_a_candidate_that_became_a_record_of_its_own_does_not_stop_everything(fresh_book) -> None:
    book = fresh_book
    first = book.link()
    row = active(book)
    mine = book.add(name=row["Name"])
    book.run(first)
    assert book.session.scalar(select(func.count()).select_from(Match)) == 1
    mine.name = "Quite Another Ltd"
    book.session.commit()
    book.theirs.edit(row["ContactID"], EmailAddress="changed@there.example")
    book.update()
    by_hand.choose(book.session, book.connection, {}, hold=[])
    book.session.commit()
    job = book.update()
    assert job.state is JobState.COMPLETED, job.reason
    assert book.update().state is JobState.COMPLETED


def test_an_outage_is_not_called_a_dying_worker(book) -> None:
    book.theirs.fault("503", method="GET", path="/Items", count=None)
    job, _ = jobs.request_update(book.session, book.connection, ["item"], user_id=None)
    for _ in range(8):
        job = book.run(job)
        later(book, minutes=10)
    assert job.state is JobState.PENDING, job.reason


def test_waits_grow_while_writes_fail(book) -> None:
    book.shop = replace(book.shop, settings=book.shop.settings.model_copy(update={"retry_seconds": (10, 100, 1000)}))
    contact = book.contact(active(book)["Name"])
    contact.city = "Ours"
    book.session.commit()
    book.theirs.fault("500", method="POST", path="/Contacts", count=None)
    job = book.push()
    waits = []
    for _ in range(4):
        waits.append((job.due_at - clock.now()).total_seconds())
        moment = job.due_at + timedelta(seconds=1)
        clock.use(lambda moment=moment: moment)
        job = book.run(job)
    assert waits[-1] > 500, waits


def test_waits_grow_while_a_page_fails(book) -> None:
    book.shop = replace(book.shop, settings=book.shop.settings.model_copy(update={"retry_seconds": (10, 100, 1000)}))
    book.theirs.fault("500", method="GET", path="/Contacts", count=None)
    job = book.update("contact")
    waits = []
    for _ in range(4):
        waits.append((job.due_at - clock.now()).total_seconds())
        moment = job.due_at + timedelta(seconds=1)
        clock.use(lambda moment=moment: moment)
        job = book.run(job)
    assert waits[-1] > 500, waits


def test_a_push_that_cannot_succeed_is_not_begun_again_at_every_sweep(book) -> None:
    from jobs import push, sweep

    contact = book.contact(active(book)["Name"])
    contact.city = "Ours"
    book.session.commit()
    book.theirs.fault("forbidden", count=None)
    before = book.session.scalar(select(func.count()).select_from(SyncJob))
    redis = book.app.extensions["redis"]
    for _ in range(10):
        redis.flushdb()
        sweep()
        if redis.llen("rq:queue:backoffice"):
            push(book.connection_id)
        later(book, seconds=15)
    made = book.session.scalar(select(func.count()).select_from(SyncJob)) - before
    reasons = set(book.session.scalars(select(SyncJob.reason)))
    assert made <= 3, (made, reasons, book.theirs.calls())


def test_a_job_for_next_week_does_not_keep_the_sweep_from_sending(book) -> None:
    from jobs import sweep

    jobs.request_update(book.session, book.connection, ["item"], user_id=None, due_at=clock.now() + timedelta(days=7))
    contact = book.contact(active(book)["Name"])
    contact.city = "Ours"
    book.session.commit()
    redis = book.app.extensions["redis"]
    redis.flushdb()
    sweep()
    assert redis.llen("rq:queue:backoffice") == 1


def test_a_refusal_that_theirs_has_overtaken_is_forgotten(book) -> None:
    row = active(book)
    contact = book.contact(row["Name"])
    contact.name = "Angle <Brackets>"
    book.session.commit()
    book.push()
    assert book.link_of(contact).state is LinkState.REFUSED
    book.theirs.edit(row["ContactID"], EmailAddress="theirs@there.example")
    book.update("contact")
    book.session.refresh(contact)
    assert contact.name == row["Name"]
    assert book.link_of(contact).state is LinkState.INTEGRATED


def test_what_was_unlinked_can_be_linked_again(book) -> None:
    row = active(book)
    contact = book.contact(row["Name"])
    by_hand.unlink_record(book.session, book.link_of(contact), book.company_id)
    book.session.commit()
    book.update()
    pending.resume(book.session, book.link_of(contact))
    book.session.commit()
    book.push()
    link = book.link_of(contact)
    held = book.session.scalar(select(Link).where(Link.external_id == row["ContactID"]))
    assert held is not None, (link.state, link.refusal)


def test_an_edit_of_a_doubtful_one_during_a_push_does_not_create_it(book) -> None:
    doubtful = book.add(name="Which Ltd", email="which@one.example")
    book.add(name="Passes By Ltd")
    book.theirs.add("One Ltd", EmailAddress="which@one.example")
    book.theirs.add("Two Ltd", EmailAddress="which@one.example")
    done = []
    doubtful_id = doubtful.id

    def edit(when: str, name: str, _: Any) -> None:
        if (when, name) == ("after", "send") and not done:
            done.append(1)
            row = book.session.get_one(Contact, doubtful_id)
            row.city = "Edited While In Doubt"
            book.session.commit()
            book.session.rollback()

    hook(book, edit)
    book.push()
    assert done
    assert book.theirs.named("Which Ltd") == []


def test_a_long_telephone_number_does_not_keep_a_contact_out(book) -> None:
    row = active(book)
    number = "555 0100 ext 12, after hours 555 0199 (Bob or Sue)"
    assert len(number) <= 50
    phones = [{"PhoneType": "DEFAULT", "PhoneNumber": number, "PhoneAreaCode": "9", "PhoneCountryCode": "64"}]
    book.theirs.edit(row["ContactID"], EmailAddress="long@phone.example", Phones=phones)
    job = book.update("contact")
    assert (book.contact(row["Name"]).email, job.changed_nothing) == ("long@phone.example", False), job.notes


def test_a_waiting_record_that_is_deleted_does_not_stop_all_others(book) -> None:
    gone = book.add(name="Second Thoughts Ltd")
    other = book.add(name="Stays Ltd")
    book.session.delete(gone)
    book.session.commit()
    job = book.push()
    assert job.state is JobState.COMPLETED, job.reason
    assert book.link_of(other).state is LinkState.INTEGRATED


@pytest.mark.parametrize("bad", ["\ud800", "x" * 100, "a\0b"])
def test_a_hostile_id_sets_one_row_aside(book, bad) -> None:
    row = active(book)
    book.theirs.edit(row["ContactID"], EmailAddress="fine@there.example")

    def spoil(when: str, name: str, answer: Any) -> Any:
        if (when, name) == ("after", "page"):
            example = answer.rows[0]
            return replace(answer, rows=[*answer.rows, {**example, "ContactID": bad, "Name": "Bad"}])
        return None

    hook(book, spoil)
    job = book.update("contact")
    assert job.state is JobState.COMPLETED, job.reason
    assert book.contact(row["Name"]).email == "fine@there.example"


def test_hostile_options_set_one_row_aside(book) -> None:
    def spoil(when: str, name: str, answer: Any) -> Any:
        if (when, name) == ("after", "whole"):
            return replace(answer, rows=[*answer.rows, {"TrackingCategoryID": "x", "Name": "n", "Options": {"a": 1}}])
        return None

    hook(book, spoil)
    job = book.update("tracking")
    assert job.state is JobState.COMPLETED, job.reason


def test_the_database_keeps_two_companies_off_one_organisation(book) -> None:
    other = new_company(book.session, "Other Company")
    book.session.commit()
    mine = book.connection
    book.session.add(
        Connection(company_id=other.id, provider="xero", external_id=mine.external_id, organisation="same", active=True)
    )
    with pytest.raises(IntegrityError):
        book.session.commit()


def test_a_person_does_not_wait_for_the_limit_of_a_backfill(book) -> None:
    job, _ = jobs.request_update(book.session, book.connection, ["contact"], user_id=None, urgency=Urgency.BACKGROUND)
    job.due_at, job.waiting_for = clock.now() + timedelta(minutes=15), "the minute limit"
    book.session.commit()
    mine, _ = jobs.request_update(book.session, book.connection, ["contact"], user_id=None)
    assert mine.due_at <= clock.now()


def test_a_cancelled_job_that_waits_is_cancelled(book) -> None:
    job, _ = jobs.request_update(book.session, book.connection, ["contact"], user_id=None)
    job_id = job.id

    def cancel(when: str, name: str, _: Any) -> None:
        if (when, name) == ("before", "page"):
            jobs.cancel(book.session, book.session.get_one(SyncJob, job_id))
            book.session.rollback()

    hook(book, cancel)
    book.theirs.fault("day", path="/Contacts", count=None)
    job = book.run(job)
    assert job.state is JobState.CANCELLED, (job.state, job.waiting_for, job.due_at)


def test_a_job_with_a_row_set_aside_does_not_say_that_nothing_waits(book) -> None:
    row = active(book)
    book.theirs.edit(row["ContactID"], EmailAddress="x" * 300)
    job = book.update("contact")
    assert not job.changed_nothing, job.notes


def test_a_record_is_not_unlinked_while_it_is_sent(book) -> None:
    contact = book.contact(active(book)["Name"])
    contact.city = "Sent"
    book.session.commit()
    _contact_id, link_id = contact.id, book.link_of(contact).id

    def unlink(when: str, name: str, _: Any) -> None:
        if (when, name) == ("before", "send"):
            with pytest.raises(ConflictError, match="Try again in a moment"):
                by_hand.unlink_record(book.session, book.session.get_one(Link, link_id), book.company_id)
            book.session.rollback()

    hook(book, unlink)
    assert book.push().sent == 1
    by_hand.unlink_record(book.session, book.session.get_one(Link, link_id), book.company_id)
    book.session.commit()
    assert book.link_of(contact).state is LinkState.PAUSED


def test_one_row_that_cannot_be_read_does_not_stop_the_rest(book) -> None:

    row = active(book)
    number = "555 0100 ext 12, after hours 555 0199 (Bob or Sue)"
    phones = [{"PhoneType": "DEFAULT", "PhoneNumber": number, "PhoneAreaCode": "9", "PhoneCountryCode": "64"}]
    book.theirs.edit(row["ContactID"], Phones=phones)
    contact = book.add(name="Brand New Ltd")
    job = book.push()
    assert job.state is JobState.COMPLETED, job.reason
    assert book.link_of(contact).state is LinkState.INTEGRATED


def test_a_row_without_an_id_does_not_make_every_update_read_everything(book) -> None:
    pages = []

    def spoil(when: str, name: str, answer: Any) -> Any:
        if (when, name) == ("after", "page"):
            pages.append(1)
            return replace(answer, rows=[*answer.rows, {"Name": "Nobody"}], item_count=(answer.item_count or 0) + 1)
        return None

    hook(book, spoil)
    book.theirs.edit(active(book)["ContactID"], EmailAddress="a@b.example")
    book.update("contact")
    assert len(pages) <= 2, len(pages)


@pytest.mark.parametrize(
    "name",
    ["Tab\tName", "Line\nBreak", "100% & Co #1?", 'Say "Hi" Ltd', '"start', "Back\\slash", "\\", "O'Neil", "😀 Ltd"],
)
def test_a_strange_name_is_looked_up(book, name) -> None:
    contact = book.add(name=name)
    book.theirs.fault("500", method="PUT", path="/Contacts")
    job = book.until_done(book.push())
    assert job.state is JobState.COMPLETED, job.reason
    assert len(book.theirs.named(name)) == 1 or book.link_of(contact).state is LinkState.REFUSED


def test_a_no_to_the_organisation_is_not_asked_once_a_record(book) -> None:
    for number in range(40):
        book.session.add(Contact(company_id=book.company_id, name=f"Supplier {number:03}"))
    book.session.commit()
    book.theirs.fault("forbidden", method="PUT", count=None)
    book.push()
    states = pending.counts(book.session, book.connection)
    assert states.get(LinkState.REFUSED, 0) == 0, (states, book.theirs.calls())


def test_what_was_skipped_is_not_green_while_different(book) -> None:
    contact = book.contact(active(book)["Name"])
    contact.name = "Angle <Brackets>"
    book.session.commit()
    book.push()
    pending.skip(book.session, book.link_of(contact), "never mind")
    book.session.commit()
    book.update("contact")
    contact = book.session.get_one(Contact, contact.id, populate_existing=True)
    assert book.link_of(contact).state is not LinkState.INTEGRATED or book.theirs.named(contact.name)


def test_a_press_during_a_job_that_is_cancelled_is_not_lost(book) -> None:
    job, _ = jobs.request_update(book.session, book.connection, ["contact"], user_id=None)
    job_id = job.id

    def both(when: str, name: str, _: Any) -> None:
        if (when, name) == ("before", "page"):
            again, _new = jobs.request_update(book.session, book.connection, ["contact"], user_id=None)
            assert again.id == job_id
            jobs.cancel(book.session, book.session.get_one(SyncJob, job_id))
            book.session.rollback()

    hook(book, both)
    job = book.run(job)
    open_jobs = book.session.scalar(select(func.count()).select_from(SyncJob).where(SyncJob.state == JobState.PENDING))
    assert job.state is JobState.CANCELLED
    assert open_jobs == 0


def test_two_new_records_of_one_name_make_one_contact_and_one_refusal(book) -> None:
    book.add(name="Twin Ltd")
    book.add(name="Twin Ltd")
    job = book.push()
    assert job.state is JobState.COMPLETED, job.reason
    assert len(book.theirs.named("Twin Ltd")) == 1


def test_a_new_record_archived_before_it_was_sent_is_not_created(book) -> None:
    contact = book.add(name="Second Thoughts Ltd")
    contact.archived = True
    book.session.commit()
    book.push()
    assert book.theirs.named("Second Thoughts Ltd") == []


def test_a_stamp_without_a_change_of_what_we_keep_is_no_edit_of_theirs(book) -> None:
    row = active(book)
    contact = book.contact(row["Name"])
    contact.city = "Ours"
    book.session.commit()
    book.theirs.edit(row["ContactID"], SkypeUserName="somebody.added.this")  # nothing that is kept here
    job = book.push()
    book.session.refresh(contact)
    assert contact.city == "Ours", job.notes


def test_a_scheduler_that_dies_after_the_tick_loses_no_night(book, monkeypatch) -> None:
    from jobs import schedule

    book.connection.linked_at = book.connection.linked_at.replace(year=2020)
    book.company.time_zone = "UTC"
    book.session.flush()
    book.company.planned_at = None
    book.session.commit()
    moment = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
    clock.use(lambda: moment)

    class Killed(BaseException):
        pass

    def die(self) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(schedule._Nightly, "__call__", die)
        with pytest.raises(Killed):
            schedule.fire(book.session)
    book.session.rollback()
    schedule.fire(book.session)
    assert book.session.scalar(select(func.count()).select_from(SyncJob).where(SyncJob.title == "Nightly")) == 1


def test_a_record_held_back_is_not_made_twice_here(fresh_book) -> None:
    """Held back, changed there, resumed: the candidate has become a record of its own."""
    book = fresh_book
    first = book.link()
    row = active(book)
    mine = book.add(name="Ours Under Another Name", email="one@only.example")
    book.theirs.edit(row["ContactID"], EmailAddress="one@only.example")
    book.run(first)
    link = book.link_of(mine)
    link.paused, link.paused_reason = True, "held back"
    book.session.commit()
    book.theirs.edit(row["ContactID"], City="moved")
    book.update()
    by_hand.choose(book.session, book.connection, {}, hold=[])
    pending.resume(book.session, book.link_of(mine))
    book.session.commit()
    job = book.update()
    assert job.state is JobState.COMPLETED, job.reason
    assert book.link_of(mine).external_id == row["ContactID"]


def test_refused_work_of_a_conflict_is_settled_in_the_failed_tab(book) -> None:
    """`_explain_archived` names no job: retry of the job does not clear it."""
    contact = book.add(name="Sleeping Ltd")
    book.theirs.add("Sleeping Ltd", ContactStatus="ARCHIVED")
    job = book.push()
    assert job.refused == 1
    assert book.link_of(contact).synced_by_id == job.id


def test_a_refused_archived_match_can_be_retried(book) -> None:
    """Restored there, as the message says; then retry: it is linked, not asked to be created again."""
    contact = book.add(name="Sleeping Ltd")
    there = book.theirs.add("Sleeping Ltd", ContactStatus="ARCHIVED")
    book.push()
    book.theirs.edit(there, ContactStatus="ACTIVE")
    book.update("contact")
    pending.retry(book.session, book.link_of(contact))
    book.session.commit()
    book.push()
    assert book.link_of(contact).external_id == there, book.link_of(contact).refusal


def test_a_conflict_by_our_choice_over_an_archived_one(book) -> None:
    from backoffice.models import Winner
    from backoffice.models.settings import CompanySettings

    book.session.scalars(select(CompanySettings)).one().conflict_winner = Winner.OURS
    row = active(book)
    contact = book.contact(row["Name"])
    contact.city = "Ours"
    book.session.commit()
    book.theirs.edit(row["ContactID"], ContactStatus="ARCHIVED")
    job = book.push()
    assert job.state is JobState.COMPLETED, job.reason
    assert book.theirs.writes() == [], "known to be turned down"


def test_a_dead_job_that_was_cancelled_makes_no_call(book) -> None:
    from backoffice.sync import lease

    book.add(name="Not Any More Ltd")
    job, _ = jobs.request_update(book.session, book.connection, ["contact"], user_id=None)
    assert lease.claim(book.session, job.id, 30)
    jobs.cancel(book.session, job)
    later(book, seconds=31)
    book.theirs.forget_calls()
    job = book.run(job)
    assert job.state is JobState.CANCELLED
    assert not book.theirs.calls()


def test_a_name_in_doubt_again_while_its_candidates_are_known(book) -> None:
    """Two of ours may be the same one of theirs; one is renamed: the other is no longer in doubt."""
    one = book.add(name="One Of Two Ltd", email="same@both.example")
    two = book.add(name="Two Of Two Ltd", email="same@both.example")
    there = book.theirs.add("There Ltd", EmailAddress="same@both.example")
    book.push()
    assert book.link_of(one).state is LinkState.BLOCKED
    two.email = "another@mail.example"
    book.session.commit()
    book.push()
    book.update("contact")
    assert book.link_of(one).external_id == there
    assert book.link_of(two).state is LinkState.INTEGRATED
