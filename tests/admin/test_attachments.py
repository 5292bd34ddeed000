"""Attachments: what may come in, how it goes out, and that nothing of another company is seen."""

from __future__ import annotations

import io
from typing import Any

import pytest

from backoffice.admin.attachments import file_name
from backoffice.models import Attachment, AttachmentContent, Bill, Company, Connection, History, Link, Role
from backoffice.models.attachment import LARGEST_FILE
from tests.admin.conftest import Browser, Db, integrate
from tests.admin.papers import SCREENS, approved

PDF = b"%PDF-1.7 hello"


def attach(browser: Browser, paper: Any, *files: tuple[str, bytes]) -> Any:
    path = f"/c/{paper.company_id}/{SCREENS[type(paper)]}/attach/"
    data = {"csrf_token": browser.token(), "id": paper.id, "file": [(io.BytesIO(data), name) for name, data in files]}
    return browser.client.post(path, data=data, content_type="multipart/form-data", follow_redirects=True)


@pytest.mark.parametrize("model", list(SCREENS), ids=lambda model: model.kind)
def test_a_file_comes_in_and_goes_out_as_a_file(model: Any, session: Db, company: Company, browser: Browser) -> None:
    paper = approved(session, model, company)
    assert "2 files attached." in attach(browser, paper, ("receipt.pdf", PDF), ("note.txt", "grüße".encode())).text
    rows: Any = session.query(Attachment).order_by(Attachment.id).all()
    assert [(row.name, row.mime_type, row.size) for row in rows] == [
        ("receipt.pdf", "application/pdf", len(PDF)),
        ("note.txt", "text/plain", 7),
    ]
    assert {row.document.id for row in rows} == {paper.id}
    answer = browser.get(f"/c/{company.id}/attachments/download/?id={rows[0].id}")
    assert (answer.data, answer.mimetype) == (PDF, "application/pdf")
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("page.html", b"<script>alert(1)</script>", "cannot be attached"),
        ("page.svg", b"<svg/>", "cannot be attached"),
        ("run.pdf.exe", b"MZ", "cannot be attached"),
        ("nothing", b"x", "cannot be attached"),
        ("page.pdf", b"<html>", "is not what its ending says"),
        ("page.txt", b"a\x00b", "is not what its ending says"),
        ("empty.pdf", b"", "is empty"),
        ("large.txt", b"x" * (LARGEST_FILE + 1), "is too large"),
        ("x" * 250 + ".txt", b"x", "is too long"),
    ],
)
def test_what_cannot_be_attached_is_said(
    name: str, data: bytes, said: str, session: Db, company: Company, browser: Browser
) -> None:
    paper = approved(session, Bill, company)
    assert said in attach(browser, paper, (name, data)).text
    assert session.query(Attachment).count() == 0


def test_names_are_made_safe_and_not_doubled(session: Db, company: Company, browser: Browser) -> None:
    paper = approved(session, Bill, company)
    attach(browser, paper, ("../etc/a<b>.txt", b"x"))
    row = session.query(Attachment).one()
    assert row.name == "a_b_.txt"
    assert "is a file called" in attach(browser, paper, ("A_B_.TXT", b"y")).text
    told = attach(browser, paper, *((f"{at}.txt", b"x") for at in range(12)))
    assert "at most 10 files" in told.text
    assert session.query(Attachment).count() == 10
    assert "Choose a file first" in attach(browser, paper).text


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("..\\..\\a\"b.txt", "a_b.txt"), ("/etc/passwd", "passwd"), ("a\r\nb.txt", "a__b.txt"), ("..", ""), (" . ", ""),
        (None, ""), ("grüße.pdf", "grüße.pdf"), ("a/", "a"), ("C:\\x\\y.pdf", "y.pdf"), ("\x00", "_"),
    ],
)  # fmt: skip
def test_no_name_leads_anywhere(sent: str | None, kept: str) -> None:
    assert file_name(sent) == kept


def test_a_file_is_removed_until_it_is_sent(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    paper = approved(session, Bill, company)
    attach(browser, paper, ("a.txt", b"x"), ("b.txt", b"y"))
    first, second = session.query(Attachment).order_by(Attachment.id)
    integrate(session, connection, second)
    remove = f"/c/{company.id}/attachments/remove/"
    assert "a.txt was removed." in browser.post(remove, {"id": first.id}, follow=True).text
    assert "was sent already" in browser.post(remove, {"id": second.id}, follow=True).text
    session.expire_all()
    assert [row.name for row in session.query(Attachment)] == ["b.txt"]
    assert session.query(AttachmentContent).count() == 1
    assert session.query(Link).filter_by(kind="attachment").count() == 1
    assert session.query(History).filter_by(kind="bill", field="attachment", old="a.txt").count() == 1


def test_anothers_files_are_nowhere(
    session: Db, company: Company, elsewhere: Company, browser: Browser, browser_as: Any
) -> None:
    paper = approved(session, Bill, elsewhere)
    row = Attachment(company_id=elsewhere.id, name="secret.txt", mime_type="text/plain", size=1, bill_id=paper.id)
    row.content = AttachmentContent(data=b"s")
    session.add(row)
    session.commit()
    assert browser.get(f"/c/{company.id}/attachments/download/?id={row.id}").status_code == 404
    assert browser.post(f"/c/{company.id}/attachments/remove/", {"id": row.id}).status_code == 404
    viewer = browser_as(Role.VIEWER)
    assert viewer.post(f"/c/{elsewhere.id}/attachments/remove/", {"id": row.id}).status_code == 403
    assert viewer.get(f"/c/{elsewhere.id}/attachments/download/?id={row.id}").status_code == 200


def test_a_sort_from_outside_is_not_trusted(session: Db, company: Company, browser: Browser) -> None:
    paper = approved(session, Bill, company)
    row = Attachment(company_id=company.id, name="a\r\nb.html", mime_type="text/html", size=1, bill_id=paper.id)
    row.content = AttachmentContent(data=b"<script>")
    session.add(row)
    session.commit()
    answer = browser.get(f"/c/{company.id}/attachments/download/?id={row.id}")
    assert answer.mimetype == "application/octet-stream"
    assert "attachment" in answer.headers["Content-Disposition"]
