"""The buttons that pause and resume a company, or a kind, and what every page says meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from backoffice.models import (
    Bill,
    Company,
    CompanySettings,
    Connection,
    Contact,
    Invoice,
    JobState,
    PreviewRow,
    Role,
    SyncJob,
)
from tests.admin.conftest import Browser, Db, a_job, a_record, integrate
from tests.admin.test_previews import a_preview, a_row


def chosen(session: Db, company: Company) -> CompanySettings:
    session.expire_all()
    return session.scalars(select(CompanySettings).filter_by(company_id=company.id)).one()


def jobs_of(session: Db, company: Company) -> list[SyncJob]:
    session.expire_all()
    return list(session.scalars(select(SyncJob).filter_by(company_id=company.id).order_by(SyncJob.id)))


def test_a_company_is_paused_and_resumed_and_every_page_says_so(
    session: Db, company: Company, connection: Connection, administrator: Browser
) -> None:
    here = f"/c/{company.id}"
    waiting = a_job(session, connection, JobState.PENDING)
    told = administrator.post(f"{here}/pause/company/", {"url": f"{here}/integrations/"}, follow=True).text
    assert "Harbour Supplies is paused." in told
    assert chosen(session, company).paused
    session.refresh(waiting)
    assert (waiting.state, "paused" in (waiting.reason or "")) == (JobState.CANCELLED, True)
    for page in ("/", "/suppliers/", "/integrations/", "/sync-jobs/", "/sync-queue/"):
        text = administrator.says(here + page)
        assert "‖" in text, page
        assert "by Administrator" in text, page
    standing = administrator.says(f"{here}/").split('data-part="standing"')[1].split("</section>")[0]
    assert (">Resume</button>" in standing, "Sync now" in standing) == (True, False)
    for button in ("/suppliers/update/", "/integrations/update/", "/integrations/test/"):
        said = administrator.post(here + button, {"kind": "contact"}, follow=True).text
        assert "Paused by Administrator since" in said, button
    assert [job.id for job in jobs_of(session, company)] == [waiting.id]
    told = administrator.post(f"{here}/pause/company/resume/", follow=True).text
    assert "Harbour Supplies goes on." in told
    job = jobs_of(session, company)[-1]
    assert (job.title, job.state, "bill" in job.kinds) == ("Resumed", JobState.PENDING, True)
    assert "by Administrator" not in administrator.says(f"{here}/suppliers/")


def test_every_button_that_asks_for_a_job_is_refused_in_words(
    session: Db, company: Company, connection: Connection, administrator: Browser
) -> None:
    here = f"/c/{company.id}"
    failed = a_job(session, connection, JobState.FAILED, reason="No.")
    asks = a_job(session, connection, JobState.FAILED, reason="Empty?", question="Contacts")
    preview = a_preview(session, connection)
    row = a_row(session, preview, "Acme Ltd")
    made = len(jobs_of(session, company))
    administrator.post(f"{here}/pause/company/")
    for button, form in (
        ("/previews/take/", {"kind": "contact"}),
        ("/previews/apply/", {"job": preview.sync_job_id, "what": "all"}),
        ("/previews/apply/", {"job": preview.sync_job_id, "what": "chosen", "row": row.id}),
        ("/drift-report/reconcile/", {}),
        ("/sync-jobs/new/", {"kind": "contact"}),
        ("/sync-jobs/retry/", {"id": failed.id}),
        ("/sync-jobs/retry-all/", {}),
        ("/sync-jobs/accept-empty/", {"id": asks.id}),
    ):
        said = administrator.post(here + button, form, follow=True).text
        assert said.count("Nothing of it is sent or brought in until it is resumed") == 1, button
        found = jobs_of(session, company)
        assert (len(found), {job.state for job in found if job.open}) == (made, set()), button
    assert session.get_one(PreviewRow, row.id).applied_by_id is None


def test_a_kind_is_paused_from_its_list_and_the_others_go_on(
    session: Db, company: Company, connection: Connection, administrator: Browser
) -> None:
    here = f"/c/{company.id}"
    contact = a_record(session, Contact, company)
    bill, invoice = (a_record(session, model, company, name="D-1") for model in (Bill, Invoice))
    assert "Pause bills" in administrator.says(f"{here}/bills/")
    administrator.post(f"{here}/pause/kinds/", {"kind": "bill", "url": f"{here}/bills/"})
    assert chosen(session, company).paused_kinds == ["bill"]
    listed = administrator.says(f"{here}/bills/")
    assert ("Resume bills" in listed, "Paused" in listed, "by Administrator" in listed) == (True, True, True)
    assert "by Administrator" not in administrator.says(f"{here}/customers/")
    administrator.post(f"{here}/bills/update/")
    assert jobs_of(session, company) == []
    administrator.post(f"{here}/integrations/update/", {"kind": ["bill", "contact"]})
    assert [job.kinds for job in jobs_of(session, company)] == [["contact"]]
    administrator.post(f"{here}/pause/kinds/resume/", {"kind": "bill"})
    assert chosen(session, company).paused_kinds == []
    assert "bill" in jobs_of(session, company)[-1].kinds
    assert (contact.name, bill.name, invoice.name) == ("Acme Ltd", "D-1", "D-1")


def test_the_badge_of_what_waits_says_paused(
    session: Db, company: Company, connection: Connection, administrator: Browser
) -> None:
    contact = a_record(session, Contact, company)
    link = integrate(session, connection, contact)
    link.wanted_revision += 1
    session.commit()
    page = f"/c/{company.id}/suppliers/details/?id={contact.id}"
    assert "Waiting" in administrator.says(page)
    administrator.post(f"/c/{company.id}/pause/kinds/", {"kind": "contact"})
    text = administrator.says(page)
    assert "Paused" in text
    assert "data-moving" not in text


def test_the_settings_show_what_is_paused_since_when_and_in_the_history(
    session: Db, company: Company, connection: Connection, administrator: Browser
) -> None:
    page = f"/c/{company.id}/settings/?tab=schedule"
    assert "Next night’s update" in administrator.says(page)
    administrator.post(f"/c/{company.id}/pause/kinds/", {"kind": ["bill", "purchase_order"]})
    text = administrator.says(page)
    assert text.count("</span> Paused</span>") == 2
    assert "Bills, purchase orders" in text[text.index("<h2>History</h2>") :]
    administrator.post(f"/c/{company.id}/pause/company/")
    text = administrator.says(page)
    assert "Next night’s update" not in text
    assert text.count("by Administrator") >= 3


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.VIEWER])
def test_only_administrators_pause(
    session: Db, company: Company, connection: Connection, browser_as: Callable[[Role], Browser], role: Role
) -> None:
    somebody = browser_as(role)
    for button in ("company/", "company/resume/", "kinds/", "kinds/resume/"):
        assert somebody.post(f"/c/{company.id}/pause/{button}", {"kind": "bill"}).status_code == 403
    assert chosen(session, company).paused is False
    assert "Pause bills" not in somebody.says(f"/c/{company.id}/bills/")
    assert "/pause/" not in somebody.says(f"/c/{company.id}/integrations/")


def test_what_is_no_kind_is_left_out_and_nobody_is_sent_elsewhere(
    session: Db, company: Company, connection: Connection, administrator: Browser
) -> None:
    here = f"/c/{company.id}/pause"
    told = administrator.post(f"{here}/kinds/", {"kind": ["nothing", "\x00", "bill"], "url": "https://evil.example/"})
    assert (told.status_code, told.headers["Location"]) == (303, f"/c/{company.id}/settings/?tab=schedule")
    assert chosen(session, company).paused_kinds == ["bill"]
    administrator.post(f"{here}/kinds/", {})
    administrator.post(f"{here}/kinds/resume/", {"kind": "nothing"})
    assert chosen(session, company).paused_kinds == ["bill"]
    assert administrator.get(f"{here}/company/").status_code == 405
    assert administrator.get(f"{here}/").status_code == 302


def test_a_company_that_is_not_linked_can_be_paused_too(
    session: Db, company: Company, elsewhere: Company, administrator: Browser
) -> None:
    administrator.post(f"/c/{elsewhere.id}/pause/company/")
    assert (chosen(session, elsewhere).paused, chosen(session, company).paused) == (True, False)
    told = administrator.post(f"/c/{elsewhere.id}/pause/company/resume/", follow=True).text
    assert "Hill Supplies goes on." in told
    assert (chosen(session, elsewhere).paused, jobs_of(session, elsewhere)) == (False, [])


def test_a_zone_that_a_person_chose_is_theirs(session: Db, company: Company, administrator: Browser) -> None:
    assert not company.zone_chosen
    administrator.post(f"/companies/edit?id={company.id}", {"name": company.name, "time_zone": "UTC"})
    session.expire_all()
    assert (company.zone_chosen, company.planned_at) == (False, None)
    administrator.post(f"/companies/edit?id={company.id}", {"name": company.name, "time_zone": "Pacific/Auckland"})
    session.expire_all()
    assert (company.zone_chosen, company.planned_at is None) == (True, False)
