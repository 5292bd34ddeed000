"""A company restored from a backup finds what was sent since: nothing is there twice, and nothing is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, select, update

from backoffice.backup import backup
from backoffice.config import Settings
from backoffice.extensions import db
from backoffice.models import (
    AttemptState,
    Authorisation,
    Bill,
    Company,
    Connection,
    Contact,
    JobState,
    Link,
    LinkState,
    SyncAttempt,
    SyncJob,
)
from backoffice.restore import restore
from tests.databases import SORTS, Databases, application, lent
from tests.sync.conftest import Book
from tests.sync.documents.conftest import Papers
from tests.sync.documents.test_unanswered import KINDS, bill, credit_note, invoice, order, there


@pytest.fixture(params=SORTS)
def database_url(request: pytest.FixtureRequest, databases: dict[str, Databases]) -> Iterator[str]:
    """Either sort: what is restored is what was kept there."""
    yield from lent(databases[request.param])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "books.backup"


@contextmanager
def restored(papers: Papers, settings: Settings, databases: dict[str, Databases], file: Path) -> Iterator[Papers]:
    """The same company in another database, made of the backup."""
    sort = make_url(settings.database_url).get_backend_name()
    papers.session.rollback()
    for url in lent(databases[sort]):
        again = settings.model_copy(update={"database_url": url})
        with application(again, screens=False) as app, app.app_context():
            restore(file)
            company = db.session.scalars(select(Company)).one()
            book = Book(app, papers.book.sandbox, company)
            book.linked_by(db.session.scalars(select(Connection)).one())
            yield Papers(book)


def caught_up(papers: Papers) -> None:
    """Do what is due, as worker and sweep do, until nothing is."""
    session = papers.session
    for _ in range(10):
        open_jobs = session.scalars(select(SyncJob.id).where(SyncJob.state == JobState.PENDING).order_by(SyncJob.id))
        for job_id in open_jobs.all():
            job = papers.book.until_done(session.get_one(SyncJob, job_id))
            assert (job.state, job.refused) == (JobState.COMPLETED, 0), (job.title, job.reason, job.notes)
        if not papers.book.waiting():
            session.rollback()
            return
        papers.push()
    raise AssertionError("it never comes to an end")


def everything(papers: Papers) -> dict[str, Any]:
    """What waits to be created, one of each kind; what documents they need waits, too."""
    made: dict[str, Any] = {
        name: KINDS[name].make(papers, name) for name in ("order", "bill", "invoice", "credit note")
    }
    made |= {name: KINDS[name].make(papers, name) for name in ("payment", "allocation", "attachment")}
    return made


def once(papers: Papers) -> None:
    assert {name: len(there(papers, name, name)) for name in KINDS} == dict.fromkeys(KINDS, 1)
    assert len(papers.book.theirs.named("Papers Ltd")) == 1


def prepare(papers: Papers) -> None:
    """Documents that the others hang on wait as well: nothing is sent before the backup."""
    bill(papers, "of payment"), invoice(papers, "of allocation"), credit_note(papers, "of allocation")
    bill(papers, "of attachment")


def test_what_was_sent_after_the_backup_is_found_and_not_sent_again(
    papers: Papers, settings: Settings, databases: dict[str, Databases], file: Path
) -> None:
    prepare(papers)
    everything(papers)
    backup(file)
    caught_up(papers)
    once(papers)
    papers.book.add(name="Made after the backup")
    bill(papers, "late")
    caught_up(papers)
    papers.book.theirs.forget_calls()
    before = links(papers)
    with restored(papers, settings, databases, file) as again:
        caught_up(again)
        assert papers.book.theirs.writes() == []
        once(again)
        states = set(again.session.scalars(select(Link.state).where(Link.kind.in_(SENT))))
        assert states == {LinkState.INTEGRATED}
        assert again.book.contact("Made after the backup").archived is False
        assert len(again.session.scalars(select(Bill).filter_by(name="late")).all()) == 1
        assert links(again) == before


def links(papers: Papers) -> Counter[str]:
    """How many records of each kind are known on both sides."""
    return Counter(papers.session.scalars(select(Link.kind).where(Link.external_id.is_not(None))))


SENT = ("contact", "purchase_order", "bill", "invoice", "credit_note", "payment", "allocation", "attachment")


def test_what_was_not_sent_after_the_backup_is_sent_once(
    papers: Papers, settings: Settings, databases: dict[str, Databases], file: Path
) -> None:
    prepare(papers)
    everything(papers)
    backup(file)
    with restored(papers, settings, databases, file) as again:
        again.push()  # whatever is rung for first
        caught_up(again)
        once(again)
        assert not again.session.scalars(select(Link.id).where(Link.perhaps_there)).all()


def test_what_was_sent_in_part_is_completed(
    papers: Papers, settings: Settings, databases: dict[str, Databases], file: Path
) -> None:
    """The documents were sent, the money that hangs on them was not."""
    prepare(papers)
    everything(papers)
    backup(file)
    for path in ("/Payments", "/Allocations", "/Attachments"):
        papers.book.theirs.fault("cut-before", method="PUT", path=path, count=5)
    papers.push()
    papers.book.theirs.world.faults.clear()
    assert len(there(papers, "bill", "bill")) == 1
    with restored(papers, settings, databases, file) as again:
        caught_up(again)
        once(again)


@pytest.mark.parametrize("fault", ["cut-after", "cut-before"])
def test_a_request_that_was_open_is_looked_up_although_its_key_is_young(
    papers: Papers, settings: Settings, databases: dict[str, Databases], file: Path, fault: str
) -> None:
    """What came of the key after the backup is not known: the provider may remember a failure, or have forgotten it."""
    written = order(papers, "order")
    papers.book.theirs.fault(fault, method="PUT", path="/PurchaseOrders")
    papers.push()
    assert papers.session.scalar(select(SyncAttempt.id).where(SyncAttempt.state == AttemptState.OPEN)) is not None
    written.reference = "edited meanwhile"
    papers.session.commit()
    backup(file)
    with restored(papers, settings, databases, file) as again:
        caught_up(again)
        assert [body["Reference"] for body in there(again, "order", "order")] == ["edited meanwhile"]


def test_what_was_changed_after_the_backup_comes_back_and_what_waited_goes(
    papers: Papers, settings: Settings, databases: dict[str, Databases], file: Path
) -> None:
    moved, waiting, sent = (papers.book.add(name=name) for name in ("Moved", "Waiting", "Sent"))
    papers.push()
    waiting.city, sent.city = "Wellington", "Nelson"
    papers.session.commit()
    backup(file)
    moved.city, sent.city = "Dunedin", "Nelson"
    papers.session.commit()
    papers.push()
    papers.book.theirs.edit(papers.book.link_of(waiting).external_id or "", Addresses=[])
    with restored(papers, settings, databases, file) as again:
        caught_up(again)
        cities = {name: again.book.contact(name).city for name in ("Moved", "Waiting", "Sent")}
        assert cities == {"Moved": "Dunedin", "Waiting": "Wellington", "Sent": "Nelson"}
        assert "Wellington" in str(again.book.theirs.contact("Waiting")["Addresses"])


def test_a_running_job_is_taken_up_at_once(
    papers: Papers, settings: Settings, databases: dict[str, Databases], file: Path
) -> None:
    job = papers.book.update()
    job_id, fence = job.id, job.fence
    values = {"state": JobState.RUNNING, "lease_until": job.created_at.replace(year=2100), "ended_at": None}
    papers.session.execute(update(SyncJob).where(SyncJob.id == job_id).values(**values))
    papers.session.commit()
    backup(file)
    with restored(papers, settings, databases, file) as again:
        taken = again.session.get_one(SyncJob, job_id)
        assert (taken.state, taken.lease_until, taken.fence) == (JobState.PENDING, None, fence + 1)
        caught_up(again)


def test_a_permission_that_was_renewed_since_says_so_and_linking_again_goes_on(
    papers: Papers, settings: Settings, databases: dict[str, Databases], file: Path
) -> None:
    papers.order(name="order")
    backup(file)
    with restored(papers, settings, databases, file) as again:
        again.session.execute(update(Authorisation).values(ended="It was renewed since."))
        again.session.commit()
        job = again.session.scalars(select(SyncJob).where(SyncJob.title == "After a restore")).one()
        assert again.book.run(job).lost
        assert not again.book.connection.usable
        again.session.rollback()
        again.book.link()
        caught_up(again)
        assert len(there(again, "order", "order")) == 1


def test_a_contact_of_the_name_that_somebody_made_there_is_the_one(
    papers: Papers, settings: Settings, databases: dict[str, Databases], file: Path
) -> None:
    papers.bill(name="bill", contact=papers.party("Twice Ltd"))
    backup(file)
    papers.book.theirs.add("Twice Ltd")
    with restored(papers, settings, databases, file) as again:
        caught_up(again)
        assert len(again.book.theirs.named("Twice Ltd")) == 1
        assert len(again.session.scalars(select(Contact).filter_by(name="Twice Ltd")).all()) == 1
        assert [Decimal(str(body["Total"])) > 0 for body in there(again, "bill", "bill")] == [True]
