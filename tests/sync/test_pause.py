"""Paused: a company, or a kind of its records, rests on both sides; resumed, all that was held back goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from backoffice import clock
from backoffice.errors import PausedError
from backoffice.models import (
    AttemptState,
    Bill,
    CompanySettings,
    Contact,
    Invoice,
    Item,
    JobState,
    LinkState,
    PullRun,
    SyncAttempt,
    SyncJob,
    Urgency,
    Work,
)
from backoffice.sync import jobs, pause, pending
from backoffice.sync.mapper import Mapper
from tests.sync.conftest import Book
from tests.sync.documents.conftest import DAY, Papers
from tests.sync.moving import MovingProvider
from tests.sync.test_interleavings import Hooked

#: What most of these tests read; the other lists are none of theirs.
LISTS = ("contact", "bill", "invoice")


@pytest.fixture(autouse=True)
def real_clock() -> Iterator[None]:
    yield
    clock.use()


@pytest.fixture
def papers(book: Book) -> Papers:
    return Papers(book)


def chosen(book: Book) -> CompanySettings:
    return book.session.scalars(select(CompanySettings).filter_by(company_id=book.company_id)).one()


def paused(book: Book, *kinds: str) -> None:
    pause.pause_kinds(book.session, chosen(book), kinds)


def resumed(book: Book, *kinds: str) -> SyncJob:
    """Resume these kinds, and bring up to date what these tests are about."""
    pause.resume_kinds(book.session, chosen(book), kinds)
    return book.update(*{*kinds, *LISTS})


def theirs(papers: Papers, number: str, **more: Any) -> dict[str, Any]:
    body = {
        "Type": "ACCPAY",
        "Contact": {"ContactID": papers.book.theirs.contacts()[0]["ContactID"]},
        "InvoiceNumber": number,
        "Date": DAY.isoformat(),
        "DueDate": "2026-12-01",
        "Status": "AUTHORISED",
        "LineItems": [{"Description": "Paint", "Quantity": 3, "UnitAmount": 7, "AccountCode": "300"}],
        **more,
    }
    return papers.office("invoices").add(body)


def known(book: Book, model: Any, name: str) -> Any:
    query = select(model).filter_by(company_id=book.company_id, name=name)
    return book.session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def after(book: Book, method: str, do: Callable[[], None]) -> None:
    """Do something once, after the first call of a method."""
    left = [do]

    def hook(when: str, name: str, _: Any) -> None:
        if (when, name) == ("after", method) and left:
            left.pop()()

    book.shop = replace(book.shop, providers={"xero": MovingProvider(book.provider, lambda c: Hooked(c, hook))})


def elsewhere(book: Book, do: Callable[[CompanySettings], Any]) -> None:
    """What somebody does in another window, in a transaction of their own."""
    with book.shop.sessions() as session:
        do(session.scalars(select(CompanySettings).filter_by(company_id=book.company_id)).one())
        session.commit()


# --- a company ------------------------------------------------------------------------------------


def test_a_paused_company_makes_no_calls_at_all_and_catches_up_when_resumed(book: Book) -> None:
    pause.pause(book.session, chosen(book))
    contact = book.contact(book.theirs.contacts()[0]["Name"])
    contact.city = "Held back here"
    book.session.commit()
    other = book.theirs.contacts()[1]
    book.theirs.edit(other["ContactID"], EmailAddress="held@back.example")
    assert (book.waiting(), list(pending.left_behind(book.session))) == (False, [])
    for work in Work:
        with pytest.raises(PausedError, match="The company is paused"):
            jobs.request(book.session, book.connection, work, ["contact"], title="Asked for")
        book.session.rollback()
    assert book.theirs.calls() == {}
    pause.resume(book.session, chosen(book))
    job = book.update(*LISTS)
    assert (job.state, job.sent) == (JobState.COMPLETED, 1)
    assert known(book, Contact, other["Name"]).email == "held@back.example"
    assert "Held back here" in str(book.theirs.contact(contact.name))


def test_a_job_that_runs_ends_between_two_lists_and_one_that_waits_ends_at_once(book: Book) -> None:
    waiting, _ = jobs.request_update(
        book.session, book.connection, ["contact"], user_id=None, due_at=clock.now() + timedelta(hours=1)
    )
    running, _ = jobs.request_update(book.session, book.connection, ["contact", "bill"], user_id=None)

    def stop() -> None:
        with book.shop.sessions() as session:
            pause.pause(session, session.scalars(select(CompanySettings)).one())

    after(book, "page", stop)
    ended = book.run(running)
    assert (ended.state, ended.reason) == (JobState.CANCELLED, pause.WORDS)
    assert book.theirs.calls() == {"GET Contacts": 1}
    book.session.refresh(waiting)
    assert (waiting.state, waiting.reason) == (JobState.CANCELLED, pause.WORDS)


def test_a_batch_that_is_under_way_is_finished_and_nothing_is_sent_twice(book: Book) -> None:
    names = [f"Pause Ltd {number}" for number in range(60)]
    for name in names:
        book.session.add(Contact(company_id=book.company_id, supplier_here=True, name=name))
    book.session.commit()
    after(book, "send", lambda: elsewhere(book, lambda settings: setattr(settings, "paused", True)))
    job = book.push()
    assert (job.state, job.sent) == (JobState.CANCELLED, 50)
    pause.resume(book.session, chosen(book))
    assert book.update(*LISTS).sent == 10
    assert [len(book.theirs.named(name)) for name in names] == [1] * 60


def test_a_job_that_ended_is_not_taken_up_again_while_its_company_is_paused(book: Book) -> None:
    job = book.update("contact")
    pause.pause(book.session, chosen(book))
    with pytest.raises(PausedError):
        jobs.retry(book.session, job, None)
    book.session.rollback()
    assert book.session.get_one(SyncJob, job.id, populate_existing=True).state is JobState.COMPLETED


def test_of_kinds_that_are_paused_no_job_is_made_and_of_others_one(book: Book) -> None:
    paused(book, "bill", "item")
    with pytest.raises(PausedError, match="Bills, items: paused") as refused:
        jobs.request_update(book.session, book.connection, ["bill", "item"], user_id=None)
    assert refused.value.kinds == ("bill", "item")
    book.session.rollback()
    job, _ = jobs.request_update(book.session, book.connection, ["bill", "contact"], user_id=None)
    assert job.kinds == ["contact"]


# --- a kind ---------------------------------------------------------------------------------------


def test_a_paused_kind_rests_on_both_sides_and_the_others_go_on(papers: Papers) -> None:
    book = papers.book
    paused(book, "bill")
    ours, invoice = papers.bill(name="OURS-1"), papers.invoice(name="INV-77")
    theirs(papers, "THEIRS-1")
    theirs(papers, "SALE-1", Type="ACCREC")
    for _ in range(2):  # the bookmark of the list that both share moves on
        assert book.update(*LISTS).state is JobState.COMPLETED
    papers.push()
    assert known(book, Bill, "THEIRS-1") is None
    assert known(book, Invoice, "SALE-1") is not None
    assert (papers.state(ours), papers.state(invoice)) == (LinkState.WAITING, LinkState.INTEGRATED)
    assert (book.waiting(), list(pending.left_behind(book.session))) == (False, [])
    job = resumed(book, "bill")
    assert job.state is JobState.COMPLETED
    assert known(book, Bill, "THEIRS-1") is not None
    assert papers.state(ours) == LinkState.INTEGRATED
    bodies = book.theirs.shelf("Invoices").bodies()
    assert [body["InvoiceNumber"] for body in bodies].count("OURS-1") == 1


def test_the_readings_after_a_resume_begin_where_they_did_before(papers: Papers) -> None:
    """Only the first one after it goes back behind the pause."""
    book = papers.book
    paused(book, "bill")
    book.update(*LISTS)
    resumed(book, "bill")
    book.update(*LISTS)
    query = select(PullRun.left_out, PullRun.since).where(PullRun.resource == "Invoices").order_by(PullRun.id)
    runs = book.session.execute(query).all()
    assert [lacking for lacking, _ in runs] == [[], ["bill"], [], []]
    since = [str(moment) for _, moment in runs[1:]]
    assert since[0] == since[1] < since[2]


def test_a_list_of_which_everything_is_paused_is_not_read(book: Book) -> None:
    paused(book, "contact", "item", "credit_note", "allocation")
    book.theirs.add("Made Meanwhile")
    book.update()
    assert not {"GET Contacts", "GET Items", "GET CreditNotes"} & set(book.theirs.calls())
    assert book.session.scalars(select(Item).filter_by(archived=True)).all() == []
    resumed(book, "contact", "item", "credit_note", "allocation")
    assert known(book, Contact, "Made Meanwhile") is not None


def test_what_refers_to_a_paused_record_waits_for_it(papers: Papers) -> None:
    book = papers.book
    paused(book, "contact")
    newcomer = book.add(name="Newcomer Ltd")
    bill = papers.bill(name="FOR-NEWCOMER", contact=newcomer)
    stranger = book.theirs.add("Stranger Ltd")
    theirs(papers, "BY-STRANGER", Contact={"ContactID": stranger})
    job = book.update(*LISTS)
    assert (papers.state(newcomer), papers.state(bill)) == (LinkState.WAITING, LinkState.BLOCKED)
    assert known(book, Bill, "BY-STRANGER") is None
    assert job.notes == ["A bill was set aside: it belongs to a contact not known here while these are paused."]
    assert book.theirs.named("Newcomer Ltd") == []
    resumed(book, "contact")
    assert (papers.state(newcomer), papers.state(bill)) == (LinkState.INTEGRATED, LinkState.INTEGRATED)
    assert known(book, Bill, "BY-STRANGER").contact.name == "Stranger Ltd"


def test_a_kind_that_is_paused_while_its_list_is_read_is_read_again(book: Book) -> None:
    book.theirs.world.settings.page_limit = 5
    edited = [body for body in book.theirs.contacts() if body["ContactStatus"] == "ACTIVE"][:20]
    for number, body in enumerate(edited):
        book.theirs.edit(body["ContactID"], EmailAddress=f"{number}@four.pages.example")
    after(book, "page", lambda: elsewhere(book, lambda settings: setattr(settings, "paused_kinds", ["contact"])))
    book.update("contact")
    came = sum("four.pages" in (contact.email or "") for contact in book.contacts())
    assert 0 < came < 20
    book.update(*LISTS)
    book.shop = replace(book.shop, providers={"xero": book.provider})
    resumed(book, "contact")
    assert sum("four.pages" in (known(book, Contact, body["Name"]).email or "") for body in edited) == 20


@pytest.mark.parametrize("chosen_now", [{"paused_kinds": ["bill"]}, {"send_bills": False}])
def test_a_push_under_way_sends_no_more_of_a_kind_that_is_paused_or_sent_no_longer(
    papers: Papers, monkeypatch: pytest.MonkeyPatch, chosen_now: dict[str, Any]
) -> None:
    book = papers.book
    papers.party()
    papers.push()
    bills = [papers.bill(name=f"ONE-BY-ONE-{number}") for number in range(3)]
    invoice = papers.invoice(name="GOES-ON")
    monkeypatch.setattr(Mapper, "size", lambda mapper, action: 1)
    after(book, "send", lambda: papers.settings(**chosen_now))
    assert papers.push().state is JobState.COMPLETED
    assert [papers.state(bill) for bill in bills].count(LinkState.INTEGRATED) == 1
    assert papers.state(invoice) == LinkState.INTEGRATED


def test_an_unanswered_request_of_a_paused_kind_is_settled_when_it_is_resumed(papers: Papers) -> None:
    book = papers.book
    book.theirs.fault("cut-after", method="PUT", path="/Invoices")
    bill = papers.bill(name="UNSURE-1")
    papers.push()
    paused(book, "bill")
    book.theirs.world.faults.clear()
    book.theirs.forget_calls()
    assert (book.waiting(), list(pending.left_behind(book.session))) == (False, [])
    book.update("contact")
    assert [attempt.state for attempt in book.session.scalars(select(SyncAttempt))][-1] is AttemptState.OPEN
    assert not [call for call in book.theirs.calls() if not call.startswith("GET")]
    resumed(book, "bill")
    assert papers.state(bill) == LinkState.INTEGRATED
    numbers = [body["InvoiceNumber"] for body in book.theirs.shelf("Invoices").bodies()]
    assert numbers.count("UNSURE-1") == 1


def test_a_job_leaves_out_what_is_paused_and_a_record_can_rest_beside_it(papers: Papers) -> None:
    book = papers.book
    paused(book, "bill")
    every = [mapper.kind for mapper in book.provider.mappers]
    job, _ = jobs.request_update(book.session, book.connection, every, user_id=None, urgency=Urgency.PERSON)
    assert set(every) - set(job.kinds) == {"bill"}
    book.run(job)
    invoice = papers.invoice(name="INV-REST")
    pending.pause(book.session, book.link_of(invoice), "asked to wait")
    book.session.commit()
    resumed(book, "bill")
    assert papers.state(invoice) == LinkState.PAUSED
