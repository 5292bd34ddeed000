"""What has been kept for long enough is forgotten; what is still needed stays, however old it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from backoffice import clock
from backoffice.clock import now
from backoffice.models import (
    AttemptState,
    Bill,
    Cause,
    Company,
    CompanySettings,
    Contact,
    Drift,
    History,
    JobState,
    Link,
    Mail,
    MailState,
    Notice,
    Preview,
    PullRun,
    Reconciliation,
    Role,
    StartedBy,
    Status,
    SyncAttempt,
    SyncAttemptItem,
    SyncJob,
    Tick,
    Undo,
    User,
    Work,
    new_company,
)
from backoffice.models.webhook import NEVER
from backoffice.past import undo
from backoffice.past.pruning import prune
from backoffice.sync import freshness, jobs
from tests.databases import EITHER
from tests.sync.conftest import Book

pytestmark = pytest.mark.parametrize("database_url", EITHER, indirect=True)

DAY = dt.timedelta(days=1)


@pytest.fixture(autouse=True)
def system_clock() -> Iterator[None]:
    yield
    clock.use()


def later(days: int) -> None:
    """Let days go by."""
    at = now() + days * DAY
    clock.use(lambda: at)


def count(book: Book, model: Any) -> int:
    found = book.session.scalar(select(func.count()).select_from(model)) or 0
    book.session.rollback()
    return found


def a_job(book: Book, state: JobState = JobState.COMPLETED, **more: Any) -> SyncJob:
    chosen: dict[str, Any] = {"work": Work.PUSH, "title": "On save", "started_by": StartedBy.SAVE, **more}
    ended = None if state in jobs.OPEN else now()
    job = SyncJob(
        company_id=book.company_id, connection_id=book.connection_id, kinds=["contact"], state=state, ended_at=ended,
        **chosen,
    )  # fmt: skip
    book.session.add(job)
    book.session.commit()
    return job


def an_attempt(book: Book, job: SyncJob, state: AttemptState, outcome: str | None = None) -> SyncAttempt:
    link = book.session.scalars(select(Link).limit(1)).one()
    attempt = SyncAttempt(
        connection_id=book.connection_id, sync_job_id=job.id, resource="Contacts", action="update",
        idempotency_key=f"key-{job.id}-{state}", state=state,
    )  # fmt: skip
    attempt.items = [
        SyncAttemptItem(
            position=0, link_id=link.id, kind=link.kind, record_id=link.record_id, revision=1, payload={},
            outcome=outcome,
        )
    ]  # fmt: skip
    book.session.add(attempt)
    book.session.commit()
    return attempt


def test_history_and_jobs_go_after_their_days(book: Book) -> None:
    contact = book.contacts()[0]
    contact.phone = "021"
    book.session.commit()
    assert book.update("contact").sent == 1
    later(89)
    assert prune(book.session).jobs == 0
    later(2)
    assert prune(book.session).history == 0
    later(300)
    contact = book.contacts()[0]
    contact.phone = "022"
    book.session.commit()
    assert prune(book.session).history > 30
    kept = select(History.new).where(History.kind == "contact")
    assert book.session.scalars(kept).all() == ["022"]


def test_each_company_keeps_things_as_long_as_it_has_chosen(book: Book) -> None:
    other = new_company(book.session, "Hill Supplies")
    book.session.add(Contact(company_id=other.id, name="Far away"))
    chosen = book.session.scalars(select(CompanySettings).filter_by(company_id=book.company_id)).one()
    chosen.keep_history = 30
    book.session.commit()
    later(31)
    prune(book.session)
    companies = set(book.session.scalars(select(History.company_id).where(History.kind == "contact")))
    assert companies == {other.id}


def test_a_second_run_forgets_nothing(book: Book) -> None:
    for _ in range(3):
        a_job(book)
    later(400)
    assert prune(book.session).jobs == 3
    again = prune(book.session)
    assert (again.history, again.jobs, again.letters) == (0, 0, 0)


def test_the_bookmarks_survive_and_the_next_update_reads_what_changed(book: Book) -> None:
    later(1)
    assert book.update().state is JobState.COMPLETED
    latest = dict(book.session.execute(select(PullRun.resource, func.max(PullRun.id)).group_by(PullRun.resource)).all())
    later(200)
    assert prune(book.session).jobs >= 1
    assert dict(book.session.execute(select(PullRun.resource, PullRun.id)).all()) == latest
    book.theirs.forget_calls()
    job = book.update("contact")
    since = book.session.scalars(select(PullRun.since).where(PullRun.sync_job_id == job.id)).all()
    assert (job.state, job.created) == (JobState.COMPLETED, 0)
    assert None not in since


def test_the_latest_update_of_each_kind_still_says_when_it_was(book: Book) -> None:
    everything = book.update()
    later(100)
    book.update("contact")
    later(100)
    prune(book.session)
    assert book.session.get(SyncJob, everything.id) is not None
    said = [freshness.last_update(book.session, book.connection_id, [kind]) for kind in ("contact", "item")]
    assert None not in said
    assert said[0] > said[1]  # type: ignore[operator]


@pytest.mark.parametrize("state", jobs.OPEN)
def test_open_jobs_stay(state: JobState, book: Book) -> None:
    job = a_job(book, state)
    later(400)
    prune(book.session)
    assert book.session.get(SyncJob, job.id) is not None


def test_a_request_without_an_answer_stays_with_its_job(book: Book) -> None:
    kept, gone = a_job(book, JobState.FAILED), a_job(book)
    waits, answered = an_attempt(book, kept, AttemptState.OPEN), an_attempt(book, gone, AttemptState.ANSWERED, "sent")
    keys = waits.id, answered.id
    later(400)
    assert prune(book.session).jobs == 1
    assert list(book.session.scalars(select(SyncAttempt.id).where(SyncAttempt.id.in_(keys)))) == [keys[0]]
    assert book.session.scalar(select(SyncAttemptItem.attempt_id).where(SyncAttemptItem.attempt_id == keys[1])) is None


def test_a_refusal_that_stands_keeps_its_job_until_it_is_mended(book: Book) -> None:
    job = a_job(book, refused=1)
    attempt = an_attempt(book, job, AttemptState.ANSWERED, "refused")
    link = book.session.get_one(Link, attempt.items[0].link_id)
    link.refusal = "Too long."
    book.session.commit()
    key = job.id
    later(400)
    assert prune(book.session).jobs == 0
    link = book.session.scalars(select(Link).where(Link.refusal.is_not(None))).one()
    link.clear()
    book.session.commit()
    assert prune(book.session).jobs == 1
    assert book.session.get(SyncJob, key) is None


def test_a_question_that_nobody_has_answered_stays(book: Book) -> None:
    job = a_job(book, JobState.FAILED, question="Items")
    later(400)
    prune(book.session)
    assert book.session.get(SyncJob, job.id) is not None


def test_links_forget_who_made_both_sides_equal(book: Book) -> None:
    first = book.session.scalars(select(SyncJob)).one().id
    later(1)
    assert book.update().state is JobState.COMPLETED
    linked = count(book, Link)
    later(91)
    assert prune(book.session).jobs == 1
    assert book.session.get(SyncJob, first) is None
    assert book.session.scalars(select(Link.synced_by_id).distinct()).all() == [None]
    assert count(book, Link) == linked
    assert first in set(book.session.scalars(select(History.sync_job_id))), "it was a sync job, and is one still"


def test_what_is_being_undone_keeps_its_job(book: Book) -> None:
    user = User(email="ana@example.com", name="Ana", role=Role.OPERATOR)
    book.session.add(user)
    book.session.commit()
    job = a_job(book)
    asked = undo.ask(book.session, job, user.id)
    assert asked is not None
    key, job_id = asked.id, job.id
    later(400)
    prune(book.session)
    row = book.session.get_one(Undo, key)
    row.ended_at = now()
    book.session.commit()
    assert prune(book.session).jobs == 1
    assert (book.session.get(SyncJob, job_id), book.session.get(Undo, key)) == (None, None)


def test_documents_that_nobody_has_approved_keep_who_wrote_them(book: Book) -> None:
    party = book.contacts()[0]
    for status in Status:
        document = Bill(company_id=book.company_id, contact_id=party.id, date=now().date(), name=status.value)
        document.status = status
        book.session.add(document)
    book.session.commit()
    later(400)
    prune(book.session)
    kept = select(Bill.status).join(History, (History.kind == "bill") & (History.record_id == Bill.id))
    assert set(book.session.scalars(kept)) == {Status.DRAFT, Status.AWAITING_APPROVAL}


def test_letters_go_with_the_history_unless_somebody_has_to_decide(book: Book) -> None:
    company = book.session.scalars(select(Company)).one()
    for state in MailState:
        open_ = state in (MailState.WAITING, MailState.SENDING)
        letter = Mail(
            company_id=company.id, kind="bill", record_id=1, recipients="a@example.com", sender_name="A", subject="S",
            body="B", file_name="f.pdf", pdf=b"%PDF", message_id=f"<{state}@example.com>", state=state,
            ended_at=None if open_ else now(),
        )  # fmt: skip
        notification = Mail(
            company_id=company.id, recipients="a@example.com", sender_name="A", subject="S", body="B",
            message_id=f"<{state}.n@example.com>", state=state, ended_at=None if open_ else now(),
        )  # fmt: skip
        book.session.add_all([letter, notification])
    book.session.commit()
    later(400)
    assert prune(book.session).letters == 5, "what was perhaps sent of notifications waits for nobody"
    assert len(book.session.scalars(select(Mail.id)).all()) == 5
    left = set(book.session.scalars(select(Mail.state).where(Mail.record_id.is_not(None))))
    assert left == {MailState.WAITING, MailState.SENDING, MailState.PERHAPS_SENT}


def test_previews_go_when_they_are_not_offered_any_more(book: Book) -> None:
    own = {"company_id": book.company_id, "connection_id": book.connection_id, "push_only": False}
    for state in (JobState.COMPLETED, JobState.PENDING):
        job = a_job(book, state, work=Work.PREVIEW, title="Preview")
        book.session.add(Preview(sync_job_id=job.id, taken_at=now() if state is JobState.COMPLETED else None, **own))
    book.session.commit()
    assert (prune(book.session).others, count(book, Preview)) == (0, 2)
    later(2)
    assert prune(book.session).others >= 1
    assert book.session.scalars(select(Preview)).one().job.state is JobState.PENDING


def test_differences_go_with_the_jobs_and_those_that_wait_and_the_last_comparison_stay(book: Book) -> None:
    own = {"company_id": book.company_id, "connection_id": book.connection_id}
    runs = [Reconciliation(finished_at=now(), **own) for _ in range(2)]
    book.session.add_all(runs)
    book.session.flush()
    difference = {"kind": "contact", "cause": Cause.MADE_THERE, "differences": [], "fingerprint": "f", **own}
    for name, settled_at in (("settled", now()), ("waits", None)):
        book.session.add(Drift(external_id=name, settled_at=settled_at, reconciliation_id=runs[0].id, **difference))
    book.session.commit()
    last = runs[1].id
    later(100)
    prune(book.session)
    assert [row.external_id for row in book.session.scalars(select(Drift))] == ["waits"]
    assert [run.id for run in book.session.scalars(select(Reconciliation))] == [last]


def test_notices_go_when_they_were_read_long_ago(book: Book) -> None:
    at = now()
    for name, read_to in (("read", at), ("waits", NEVER)):
        told = {"resource": "Contacts", "external_id": name, "seen_to": at, "read_to": read_to}
        book.session.add(Notice(connection_id=book.connection_id, **told))
    book.session.commit()
    prune(book.session)
    assert count(book, Notice) == 2
    later(100)
    prune(book.session)
    assert [notice.external_id for notice in book.session.scalars(select(Notice))] == ["waits"]


def test_ticks_of_what_goes_on_stay(book: Book) -> None:
    for name, days in (("nightly 4711", 60), ("nightly 1", 1)):
        book.session.add(Tick(schedule=name, due_at=now() - days * DAY))
    book.session.commit()
    prune(book.session)
    assert list(book.session.scalars(select(Tick.schedule))) == ["nightly 1"]
