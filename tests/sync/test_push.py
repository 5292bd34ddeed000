"""Push: the last state goes once, in batches; what Xero turns down says why; what was not answered is settled."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError

from backoffice import clock
from backoffice.errors import RejectedError
from backoffice.models import AttemptState, Contact, JobState, LinkState, SyncAttempt, Waiting, Winner
from backoffice.models.settings import CompanySettings
from backoffice.sync import pending
from tests.sync.moving import MovingProvider


def test_an_edit_arrives_there_in_two_calls(book) -> None:
    contact = book.contact(active(book)["Name"])
    contact.phone = "+64 (9) 555 0100"
    book.session.commit()
    job = book.push()
    assert (job.state, job.sent, job.calls) == (JobState.COMPLETED, 1, 2)
    phones = book.theirs.contact(contact.name)["Phones"]
    default = next(phone for phone in phones if phone["PhoneType"] == "DEFAULT")
    assert (default["PhoneCountryCode"], default["PhoneAreaCode"], default["PhoneNumber"]) == ("64", "9", "555 0100")
    assert book.link_of(contact).state is LinkState.INTEGRATED


def active(book, number: int = 0) -> dict:
    return [body for body in book.theirs.contacts() if body["ContactStatus"] == "ACTIVE"][number]


def test_ten_edits_are_one_request(book) -> None:
    contact = book.contact(active(book)["Name"])
    for number in range(10):
        contact.mobile = f"555 010{number}"
        book.session.commit()
    book.push()
    assert len(book.theirs.writes()) == 1
    mobile = next(p for p in book.theirs.contact(contact.name)["Phones"] if p["PhoneType"] == "MOBILE")
    assert mobile["PhoneNumber"] == "555 0109"


def test_nothing_comes_back_after_a_push(book) -> None:
    contact = book.contact(active(book)["Name"])
    contact.city = "Whangarei"
    book.session.commit()
    book.push()
    revision = contact.revision
    job = book.update("contact")
    book.session.refresh(contact)
    assert job.changed_nothing
    assert contact.revision == revision


def test_an_edit_that_is_taken_back_sends_nothing(book) -> None:
    contact = book.contact(active(book)["Name"])
    before = contact.city
    contact.city = "Elsewhere"
    book.session.commit()
    contact.city = before
    book.session.commit()
    job = book.push()
    assert book.theirs.writes() == []
    assert (job.state, book.waiting()) == (JobState.COMPLETED, False)


def test_a_new_supplier_is_created_there(book) -> None:
    contact = book.add(name="Brand New Ltd", email="hello@brandnew.example", number="BN-1", street="1 Quay Street")
    job = book.push()
    assert (job.state, job.sent) == (JobState.COMPLETED, 1)
    theirs = book.theirs.contact("Brand New Ltd")
    assert theirs["ContactNumber"] == "BN-1"
    assert book.link_of(contact).external_id == theirs["ContactID"]


def test_a_hundred_new_ones_go_in_two_batches(book) -> None:
    for number in range(100):
        book.session.add(Contact(company_id=book.company_id, name=f"Supplier {number:03}"))
    book.session.commit()
    job = book.push()
    assert job.sent == 100
    assert [write["method"] for write in book.theirs.writes()] == ["PUT", "PUT"]
    assert len([b for b in book.theirs.contacts() if b["Name"].startswith("Supplier ")]) == 100


def test_one_bad_record_in_fifty_fails_alone_in_words(book) -> None:
    bad, taken = book.contact(active(book, 0)["Name"]), active(book, 1)["Name"]
    bad.name = taken
    others = [book.contact(active(book, number)["Name"]) for number in range(2, 20)]
    for contact in others:
        contact.city = "Batched"
    book.session.commit()
    job = book.push()
    assert (job.state, job.sent, job.refused) == (JobState.COMPLETED, len(others), 1)
    assert [write["method"] for write in book.theirs.writes()] == ["POST"]
    assert sum("Batched" in str(row["Addresses"]) for row in book.theirs.contacts()) == len(others)
    link = book.link_of(bad)
    assert (link.state, link.refusal_cause, link.refusal_column) == (LinkState.REFUSED, "name_taken", "name")


def test_a_batch_that_is_turned_down_as_a_whole_is_halved(book) -> None:
    for number in range(8):
        book.add(name=f"Halved {number}")
    refusing = Refusing(book.provider, "Halved 5")
    book.shop = replace(book.shop, providers={"xero": refusing})
    job = book.push()
    assert (job.state, job.sent, job.refused) == (JobState.COMPLETED, 7, 1)
    assert sum(row["Name"].startswith("Halved") for row in book.theirs.contacts()) == 7


class Refusing(MovingProvider):
    """A provider that turns down every request in which a certain name stands."""

    def __init__(self, provider, name: str) -> None:
        super().__init__(provider, lambda client: RefusingClient(client, name))


class RefusingClient:
    def __init__(self, client, name: str) -> None:
        self._client, self._name = client, name

    def __getattr__(self, name: str):
        return getattr(self._client, name)

    def send(self, mapper, action, payloads, key):
        if any(payload["Name"] == self._name for payload in payloads):
            raise RejectedError("The request could not be read.", divisible=True)
        return self._client.send(mapper, action, payloads, key)


def test_a_name_that_xero_would_not_take_costs_no_call(book) -> None:
    contact = book.contact(active(book)["Name"])
    contact.name = "Angle <Brackets>"
    book.session.commit()
    job = book.push()
    link = book.link_of(contact)
    assert (job.refused, link.state, link.refusal_column) == (1, LinkState.REFUSED, "name")
    assert book.theirs.writes() == []


def test_a_refused_record_waits_for_its_mend_and_then_goes(book) -> None:
    contact = book.contact(active(book)["Name"])
    contact.name = "Angle <Brackets>"
    book.session.commit()
    book.push()
    contact.name = "No Brackets"
    book.session.commit()
    assert book.push().sent == 1
    assert book.theirs.named("No Brackets")


def test_a_name_taken_there_is_refused_in_our_words_and_theirs(book) -> None:
    contact = book.contact(active(book, 0)["Name"])
    contact.name = active(book, 1)["Name"]
    book.session.commit()
    job = book.push()
    link = book.link_of(contact)
    assert (job.refused, link.state) == (1, LinkState.REFUSED)
    assert link.refusal_raw
    assert "already assigned" in link.refusal_raw
    assert link.refusal_column == "name"


def test_archiving_here_archives_there(book) -> None:
    contact = book.contact(active(book)["Name"])
    contact.archived = True
    book.session.commit()
    book.push()
    assert book.theirs.contact(contact.name)["ContactStatus"] == "ARCHIVED"


def test_restoring_is_explained_since_xero_does_not_take_it(book) -> None:
    row = active(book)
    book.theirs.edit(row["ContactID"], ContactStatus="ARCHIVED")
    book.update("contact")
    contact = book.contact(row["Name"])
    contact.archived = False
    book.session.commit()
    job = book.push()
    link = book.link_of(contact)
    assert (job.refused, link.refusal_cause) == (1, "archived_there")
    assert book.theirs.writes() == []


@pytest.mark.parametrize("winner", list(Winner))
def test_both_sides_edited_the_setting_decides_and_the_loser_is_in_the_history(book, winner) -> None:
    book.session.scalars(select(CompanySettings)).one().conflict_winner = winner
    row = active(book)
    contact = book.contact(row["Name"])
    contact.email = "ours@here.example"
    book.session.commit()
    book.theirs.edit(row["ContactID"], EmailAddress="theirs@there.example")
    job = book.push()
    book.session.refresh(contact)
    expected, loser = {
        Winner.PROVIDER: ("theirs@there.example", "ours@here.example"),
        Winner.OURS: ("ours@here.example", "theirs@there.example"),
    }[winner]
    assert contact.email == expected
    assert book.theirs.contact(row["Name"])["EmailAddress"] == expected
    assert loser in {entry.old for entry in book.history(contact)}
    assert any("edited on both sides" in note for note in job.notes)
    assert not book.waiting()


def test_an_answer_that_never_came_is_asked_for_again_under_the_same_key(book) -> None:
    contact = book.add(name="Lost Answer Ltd")
    book.theirs.fault("cut-after", method="PUT", path="/Contacts")
    job = book.push()
    assert (job.state, book.link_of(contact).state) == (JobState.PENDING, LinkState.UNCONFIRMED)
    job = book.run(job)
    assert job.state is JobState.COMPLETED
    assert len({write["idempotency_key"] for write in book.theirs.writes()}) == 1
    assert len(book.theirs.named("Lost Answer Ltd")) == 1
    assert book.link_of(contact).state is LinkState.INTEGRATED


def test_what_may_have_arrived_stays_unconfirmed_while_it_cannot_be_repeated(book) -> None:
    record = book.add(name="Once Ltd", email="first@here.example")
    book.theirs.fault("cut-after", method="PUT", path="/Contacts")
    job = book.push()
    record.email = "second@here.example"
    book.session.commit()
    book.theirs.fault("concurrent", method="PUT", path="/Contacts")
    job = book.run(job)
    assert (job.state, job.waiting_kind) == (JobState.PENDING, Waiting.LIMIT)
    assert book.link_of(record).state is LinkState.UNCONFIRMED
    later = clock.now() + timedelta(seconds=5)
    clock.use(lambda: later)
    book.until_done(job)
    clock.use()
    created = [write for write in book.theirs.writes() if write["method"] == "PUT"]
    assert len({write["idempotency_key"] for write in created}) == 1
    assert [row["EmailAddress"] for row in book.theirs.named("Once Ltd")] == ["second@here.example"]
    book.session.refresh(record)
    assert record.email == "second@here.example"


def test_a_failure_that_the_key_remembers_is_looked_up(book) -> None:
    contact = book.add(name="Remembered Failure Ltd")
    book.theirs.fault("500", method="PUT", path="/Contacts")
    job = book.until_done(book.push())
    assert job.state is JobState.COMPLETED
    assert len(book.theirs.named("Remembered Failure Ltd")) == 1
    assert book.link_of(contact).state is LinkState.INTEGRATED
    assert len({write["idempotency_key"] for write in book.theirs.writes()}) == 2


def test_past_the_life_of_its_key_a_request_is_looked_up_and_adopted(book) -> None:
    contact = book.add(name="Late Ltd")
    book.theirs.fault("cut-after", method="PUT", path="/Contacts")
    job = book.push()
    later = clock.now() + timedelta(minutes=20)
    book.theirs.world.clock.advance(1200)
    clock.use(lambda: later)
    try:
        job = book.until_done(job)
    finally:
        clock.use()
    assert job.state is JobState.COMPLETED
    assert len(book.theirs.named("Late Ltd")) == 1
    assert len(book.theirs.writes()) == 1
    assert book.link_of(contact).state is LinkState.INTEGRATED
    attempt = book.session.scalars(select(SyncAttempt).where(SyncAttempt.action == "create")).one()
    assert (attempt.state, attempt.items[0].outcome) == (AttemptState.SETTLED, "adopted")


def test_an_edit_during_a_push_stays_pending(book) -> None:
    contact = book.contact(active(book)["Name"])
    contact.city = "First"
    book.session.commit()
    book.theirs.fault("cut-after", method="POST", path="/Contacts")
    job = book.push()
    contact = book.contact(contact.name)
    contact.city = "Second"
    book.session.commit()
    job = book.until_done(job)
    assert job.state is JobState.COMPLETED
    assert "Second" in str(book.theirs.contact(contact.name)["Addresses"])
    assert not book.waiting()


def test_a_paused_record_neither_goes_nor_comes_until_it_is_resumed(book) -> None:
    row = active(book)
    contact = book.contact(row["Name"])
    link = book.link_of(contact)
    pending.pause(book.session, link, "on hold")
    book.session.commit()
    book.theirs.edit(row["ContactID"], EmailAddress="while@paused.example")
    book.update("contact")
    assert book.contact(row["Name"]).email != "while@paused.example"
    pending.resume(book.session, book.link_of(contact))
    book.session.commit()
    book.update("contact")
    assert book.contact(row["Name"]).email == "while@paused.example"


@pytest.mark.parametrize("kind", ["minute", "day", "concurrent", "503", "500", "cut-before"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_whatever_goes_wrong_once_the_job_completes_and_the_record_is_there_once(book, kind, method) -> None:
    contact = book.add(name="Through All Ltd")
    book.theirs.fault(kind, method=method, path="/Contacts")
    job = book.push()
    if job.state is JobState.PENDING:
        assert job.waiting_for
        later = clock.now() + timedelta(hours=25)
        book.theirs.world.clock.advance(25 * 3600)
        clock.use(lambda: later)
        try:
            job = book.until_done(job)
        finally:
            clock.use()
    assert job.state is JobState.COMPLETED
    assert len(book.theirs.named("Through All Ltd")) == 1
    assert book.link_of(contact).state is LinkState.INTEGRATED


def test_one_contact_edited_on_both_screens_and_there_at_once_loses_nothing_silently(book) -> None:
    """A supplier who is a customer too: two people here and one in Xero, all at the same moment."""
    row = active(book)
    book.theirs.edit(row["ContactID"], IsSupplier=True, IsCustomer=True)
    book.update("contact")
    contact = book.contact(row["Name"])
    seen = contact.revision
    contact.city = "From the suppliers' screen"
    book.session.commit()
    set_committed_value(contact, "revision", seen)
    contact.mobile = "from the customers' screen"
    with pytest.raises(StaleDataError):
        book.session.commit()  # the screen keeps what was typed, and says that somebody was faster
    book.session.rollback()
    contact.mobile = "from the customers' screen"
    book.session.commit()
    book.theirs.edit(row["ContactID"], EmailAddress="from@xero.example")
    job = book.push()
    contact = book.contact(row["Name"])
    overwritten = {entry.old for entry in book.history(contact)}
    assert contact.email == "from@xero.example"
    assert {"From the suppliers' screen", "from the customers' screen"} <= overwritten
    assert any("edited on both sides" in note for note in job.notes)
    assert (contact.is_supplier, contact.is_customer) == (True, True)
