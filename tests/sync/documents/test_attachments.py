"""Files go to Xero with their document: after it, once, whole, and never by way of the rows that keep requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from backoffice.models import Attachment, AttachmentContent, Bill, Document, LinkState, Side, SyncAttemptItem
from backoffice.models.attachment import LARGEST_FILE, MOST_FILES
from tests.sync.documents.conftest import Papers

DATA = b"\x89PNG secret bytes \x00\xff" * 20
NAMES = (
    "scan of a bill.pdf",
    "O'Neill & Søn #7 50%.pdf",
    "発注書 – 東京.pdf",
    "a+b=c;d,e@f!.pdf",
    "x" * 200 + ".pdf",
    ".pdf",
)

#: The database adds nothing here: what is sent is asked of the mappers, and the rest runs on both.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def attached(papers: Papers, document: Document, name: str = "scan.pdf", data: bytes = DATA, **more: Any) -> Attachment:
    about = {"company_id": papers.book.company_id, "mime_type": "application/pdf", f"{document.kind}_id": document.id}
    made = Attachment(**{**about, "name": name, "size": len(data), **more}, content=AttachmentContent(data=data))
    papers.session.add(made)
    papers.session.commit()
    return made


def files(papers: Papers) -> list[tuple[str, str, str, bytes]]:
    """What the played Xero keeps: the document's id, the name, the type, the bytes."""
    query = "SELECT owner, file_name, mime_type, data FROM attachment ORDER BY rowid"
    return [(row[0], row[1], row[2], bytes(row[3])) for row in papers.book.theirs.world.store.rows(query)]


def refusal(papers: Papers, made: Attachment) -> tuple[str | None, str | None]:
    link = papers.book.link_of(made)
    papers.session.refresh(link)
    return link.refusal_cause, link.refusal_column


@pytest.mark.parametrize("kind", ["order", "bill", "invoice", "credit_note"])
def test_a_file_goes_after_its_document_and_once(papers: Papers, kind: str) -> None:
    more = {"side": Side.PURCHASES} if kind == "credit_note" else {}
    document = getattr(papers, kind)(**more)
    made = attached(papers, document)
    papers.push()
    writes = [write["path"].rpartition("/api.xro/2.0/")[2] for write in papers.book.theirs.writes()]
    assert [path.split("/")[0] for path in writes] == ["Contacts", writes[1], writes[1]]
    assert papers.state(made) == LinkState.INTEGRATED
    external_id = papers.book.link_of(document).external_id
    assert files(papers) == [(external_id, "scan.pdf", "application/pdf", DATA)]
    papers.book.theirs.forget_calls()
    papers.book.update()
    papers.push()
    assert papers.book.theirs.writes() == []


def test_a_file_waits_for_a_document_that_cannot_go(papers: Papers) -> None:
    bill = papers.bill(due_date=None)
    made = attached(papers, bill)
    papers.push()
    link = papers.book.link_of(made)
    assert (papers.state(made), link.blocked_kind, link.blocked_record_id) == (LinkState.BLOCKED, "bill", bill.id)
    bill.due_date = bill.date
    papers.session.commit()
    papers.push()
    assert papers.state(made) == LinkState.INTEGRATED


def test_a_file_of_a_draft_stays_with_it(papers: Papers) -> None:
    made = attached(papers, papers.bill(approved=False))
    papers.push()
    assert (files(papers), papers.state(made)) == ([], LinkState.BLOCKED)


def test_any_name_arrives_as_it_is(papers: Papers) -> None:
    bill = papers.bill()
    made = [attached(papers, bill, name, data=name.encode()) for name in NAMES]
    papers.push()
    assert {papers.state(each) for each in made} == {LinkState.INTEGRATED}
    assert [(name, data) for _, name, _, data in files(papers)] == [(name, name.encode()) for name in NAMES]


@pytest.mark.parametrize(
    "name", ['a "quoted" name.pdf', "up/down.pdf", "..", "back\\slash.pdf", "line\r\nbreak.pdf", ""]
)
def test_a_name_that_xero_would_not_take_is_refused_in_words(papers: Papers, name: str) -> None:
    bill = papers.bill()
    made, good = attached(papers, bill, name), attached(papers, bill, "good.pdf")
    papers.book.theirs.forget_calls()
    job = papers.push()
    assert (job.state, refusal(papers, made)) == ("completed", ("file_name_invalid", "name"))
    assert papers.state(good) == LinkState.INTEGRATED
    assert [file[1] for file in files(papers)] == ["good.pdf"]


@pytest.mark.parametrize(
    "mime_type", ["text/html\r\nX-Injected: 1", "", "nonsense", "text/plain; charset=x\ny", "ü/ö", "a" * 100]
)
def test_a_hostile_type_reaches_no_header(papers: Papers, mime_type: str) -> None:
    made = attached(papers, papers.bill(), mime_type=mime_type)
    job = papers.push()
    assert job.state == "completed", job.reason
    assert papers.state(made) == LinkState.INTEGRATED
    ((_, _, there, data),) = files(papers)
    assert (there, data) == ("application/octet-stream", DATA)
    papers.book.theirs.forget_calls()
    papers.book.update()
    papers.push()
    assert papers.book.theirs.writes() == []


def test_what_is_too_large_or_empty_is_refused_before(papers: Papers) -> None:
    bill = papers.bill()
    papers.push()
    large = attached(papers, bill, "large.pdf", b"x" * (LARGEST_FILE + 1))
    empty = attached(papers, bill, "empty.pdf", b"")
    papers.book.theirs.forget_calls()
    papers.push()
    assert refusal(papers, large) == ("file_too_large", "name")
    assert refusal(papers, empty) == ("file_empty", "name")
    assert papers.book.theirs.writes() == []


def test_one_file_too_many_is_refused_before(papers: Papers) -> None:
    bill = papers.bill()
    made = [attached(papers, bill, f"{number}.txt") for number in range(MOST_FILES + 1)]
    papers.push()
    states = [papers.state(each) for each in made]
    assert states == [*[LinkState.INTEGRATED] * MOST_FILES, LinkState.REFUSED]
    assert refusal(papers, made[-1])[0] == "too_many_files"
    assert len(papers.book.theirs.writes()) == 2 + MOST_FILES, "the party, the bill, the files"


def test_its_bytes_are_in_no_row_that_keeps_a_request(papers: Papers, tmp_path: Path) -> None:
    attached(papers, papers.bill())
    papers.book.theirs.fault("cut-after", method="PUT", path="/Attachments")
    job = papers.push()
    papers.book.until_done(job)
    items = papers.session.scalars(select(SyncAttemptItem).filter_by(kind="attachment")).all()
    assert items
    for item in items:
        assert set(item.payload) == {"FileName", "MimeType", "ContentLength", "Record", "Place"}
    for table in ("sync_attempt", "sync_attempt_item", "link", "history", "sync_job"):
        rows = papers.session.execute(text(f"SELECT * FROM {table}")).all()
        assert "secret bytes" not in str(rows), table
        assert "c2VjcmV0" not in str(rows), "nor as base64"


def test_a_bill_with_files_is_pulled_without_a_question(papers: Papers) -> None:
    """Its having files moves nothing that is ours to change."""
    bill = papers.bill()
    attached(papers, bill)
    papers.push()
    papers.book.update(Bill.kind)
    assert papers.state(bill) == LinkState.INTEGRATED
