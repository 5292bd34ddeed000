"""The pages of previews: asked for from everywhere, shown list by list, applied whole or in part, by who may."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from backoffice.clock import now
from backoffice.models import (
    Company,
    Connection,
    Contact,
    Foreseen,
    JobState,
    Preview,
    PreviewRow,
    Role,
    SyncJob,
    Work,
)
from backoffice.models.preview import OFFERED
from tests.admin.conftest import Browser, Db, a_job, a_record, integrate


def a_preview(session: Db, connection: Connection, state: JobState = JobState.COMPLETED, **values: Any) -> Preview:
    title = "Preview of an Update"
    job = a_job(session, connection, state, work=Work.PREVIEW, kinds=["contact", "item"], title=title, calls=12)
    given = {"push_only": False, "taken_at": now() if state is JobState.COMPLETED else None, "calls": 14, **values}
    preview = Preview(company_id=connection.company_id, connection_id=connection.id, sync_job_id=job.id, **given)
    session.add(preview)
    session.commit()
    return preview


def a_row(session: Db, preview: Preview, name: str, action: Foreseen = Foreseen.CHANGED, **values: Any) -> PreviewRow:
    given: dict[str, Any] = {
        "outgoing": False,
        "kind": "contact",
        "source_id": f"e-{name}",
        "differences": [],
        **values,
    }
    row = PreviewRow(company_id=preview.company_id, preview_id=preview.id, name=name, action=action, **given)
    session.add(row)
    session.commit()
    return row


@pytest.fixture
def place(connection: Connection) -> str:
    return f"/c/{connection.company_id}/previews"


def page_of(preview: Preview) -> str:
    return f"/c/{preview.company_id}/previews/?job={preview.sync_job_id}"


def asked_for(session: Db) -> list[SyncJob]:
    session.expire_all()
    return list(session.scalars(select(SyncJob).where(SyncJob.work == Work.PREVIEW).order_by(SyncJob.id)))


def test_it_is_asked_for_beside_every_update(session: Db, connection: Connection, browser: Browser, place: str) -> None:
    company = f"/c/{connection.company_id}"
    for page in ("suppliers/", "items/", "bills/", "integrations/", "sync-jobs/new/"):
        text = browser.says(f"{company}/{page}")
        assert f'action="{place}/take/"' in text, page
    answer = browser.post(f"{place}/take/", {"kind": ["item", "contact", "nonsense"]})
    (job,) = asked_for(session)
    assert (set(job.kinds), job.state, job.user and job.user.name) == (
        {"contact", "item"},
        JobState.PENDING,
        "Operator",
    )
    assert answer.location.endswith(f"{place}/?job={job.id}")
    assert f'data-job="{job.id}"' in browser.says(f"{place}/?job={job.id}")
    browser.post(f"{place}/take/", {"kind": ["item", "contact"]})
    assert len(asked_for(session)) == 1
    browser.post(f"{place}/take/", {"push": "1"})
    assert [job.title for job in asked_for(session)] == ["Preview of an Update", "Preview of a push"]


def test_nothing_ticked_or_linked_asks_for_nothing(
    session: Db, connection: Connection, browser: Browser, place: str
) -> None:
    assert "Tick at least one" in browser.post(f"{place}/take/", follow=True).text
    connection.active = False
    session.commit()
    assert "Link this company" in browser.post(f"{place}/take/", {"kind": "item"}, follow=True).text
    assert asked_for(session) == []


def test_counts_first_then_each_field(session: Db, company: Company, connection: Connection, browser: Browser) -> None:
    preview = a_preview(session, connection)
    known = a_record(session, Contact, company, name="Acme Ltd")
    changes = [
        {"column": "email", "from": "old@a.example", "to": "<i>new</i>@a.example"},
        {"column": "archived", "from": "False", "to": "True"},
    ]
    a_row(session, preview, "Acme <b>Ltd</b>", record_id=known.id, differences=changes)
    for number in range(2):
        a_row(session, preview, f"New {number}", Foreseen.NEW)
    a_row(session, preview, "Bad Ltd", Foreseen.REFUSED, outgoing=True, reason="Xero takes no < and > in a name.")
    bill = [{"column": "lines.2.unit_price", "from": "1", "to": "2"}, {"column": "status", "from": "draft", "to": None}]
    a_row(session, preview, "B-1", kind="bill", outgoing=True, differences=bill)
    text = browser.says(page_of(preview))
    for said in ("2 new", "1 changed", "1 would be refused", "applying all costs about 14 calls", "with 12 calls"):
        assert said in text, said
    assert "Xero takes no &lt; and &gt; in a name." in text
    assert "&lt;i&gt;new&lt;/i&gt;@a.example" in text
    assert "Acme &lt;b&gt;Ltd&lt;/b&gt;" in text
    for said in ("old@a.example", "E-mail", "Archived", "Line 2: Unit price", "Draft"):
        assert said in text, said
    assert "/suppliers/details/" in text or "/contacts/" in text
    assert text.count('name="row"') == 4  # what would be refused cannot be chosen


def test_nothing_to_do_is_said_in_words(session: Db, connection: Connection, browser: Browser) -> None:
    preview = a_preview(session, connection)
    text = browser.says(page_of(preview))
    assert "No objects need to be updated" in text
    assert "Apply" not in text
    job = browser.says(f"/c/{connection.company_id}/sync-jobs/details/?id={preview.sync_job_id}")
    assert "nothing was changed" in job
    assert page_of(preview) in job


def test_chosen_rows_and_lists_are_handed_to_a_job_and_the_rest_stays_offered(
    session: Db, connection: Connection, browser: Browser, place: str
) -> None:
    preview = a_preview(session, connection)
    one, other = a_row(session, preview, "Chosen"), a_row(session, preview, "Not chosen")
    listed = [a_row(session, preview, f"I-{n}", kind="item") for n in range(2)]
    refused = a_row(session, preview, "I-9", Foreseen.REFUSED, kind="item")
    ticks = {"job": preview.sync_job_id, "row": [one.id, refused.id, "x", 10**30], "list": ["in-item", "nonsense"]}
    browser.post(f"{place}/apply/", {**ticks, "what": "chosen"})
    session.expire_all()
    job = session.scalars(select(SyncJob).where(SyncJob.work == Work.APPLY)).one()
    assert job.kinds == ["contact", "item"]
    assert {row.id for row in session.scalars(select(PreviewRow)) if row.applied_by_id == job.id} == {
        one.id,
        *(row.id for row in listed),
    }
    text = browser.says(page_of(preview))
    assert "Being done" in text
    assert f'name="row" value="{other.id}"' in text
    assert f'name="row" value="{one.id}"' not in text
    again = browser.post(f"{place}/apply/", {"job": preview.sync_job_id, "row": one.id, "what": "chosen"}, follow=True)
    assert "Tick at least one row that is still offered." in again.text
    contacts, items = text.split("Items <span")
    assert ("All of this list" in contacts, "All of this list" in items) == (True, False)
    browser.post(f"{place}/apply/", {"job": preview.sync_job_id, "row": other.id, "what": "chosen"})
    text = browser.says(page_of(preview))
    assert ("Nothing of it is left to apply" in text, "Apply all" in text) == (True, False)


def test_all_of_it_is_an_update(session: Db, connection: Connection, browser: Browser, place: str) -> None:
    connection.push_confirmed_at = now()
    for push_only, work in ((False, Work.UPDATE), (True, Work.PUSH)):
        preview = a_preview(session, connection, push_only=push_only)
        a_row(session, preview, "Acme Ltd", outgoing=push_only)
        browser.post(f"{place}/apply/", {"job": preview.sync_job_id, "what": "all"})
        session.expire_all()
        job = session.scalars(select(SyncJob).where(SyncJob.work == work).order_by(SyncJob.id.desc())).first()
        assert job is not None
        assert set(job.kinds) == {"contact", "item"}
        job.state = JobState.COMPLETED
        session.commit()


@pytest.mark.parametrize("what", ["all", "chosen"])
def test_before_the_first_push_is_confirmed_what_would_be_sent_leads_to_the_matches(
    session: Db, connection: Connection, browser: Browser, place: str, what: str
) -> None:
    connection.push_confirmed_at = None
    preview = a_preview(session, connection, push_only=True)
    row = a_row(session, preview, "Acme Ltd", outgoing=True)
    ticks = {"job": preview.sync_job_id, "row": row.id, "what": what}
    answer = browser.post(f"{place}/apply/", ticks, follow=True).text
    assert "nothing is sent before you have said" in answer
    assert f'href="/c/{connection.company_id}/matches/"' in answer
    session.refresh(row)
    assert (row.open, row.applied_by_id) == (True, None)


def test_an_old_one_another_organisations_and_an_unfinished_one_offer_nothing(
    session: Db, connection: Connection, browser: Browser, place: str
) -> None:
    old = a_preview(session, connection, taken_at=now() - OFFERED - timedelta(minutes=1))
    row = a_row(session, old, "Acme Ltd")
    text = browser.says(page_of(old))
    assert "not offered any more" in text
    assert 'name="row"' not in text
    answer = browser.post(f"{place}/apply/", {"job": old.sync_job_id, "row": row.id, "what": "chosen"}, follow=True)
    assert "not offered any more" in answer.text
    failed = a_preview(session, connection, JobState.FAILED)
    assert "could not be found out" in browser.says(page_of(failed))
    assert session.scalar(select(SyncJob.id).where(SyncJob.work == Work.APPLY)) is None


def test_a_viewer_looks_and_applies_nothing(
    session: Db, connection: Connection, browser_as: Callable[[Role], Browser], place: str
) -> None:
    viewer = browser_as(Role.VIEWER)
    preview = a_preview(session, connection)
    row = a_row(session, preview, "Acme Ltd")
    text = viewer.says(page_of(preview))
    assert "Acme Ltd" in text
    assert "Apply" not in text
    assert "Preview again" not in text
    for verb, data in (("take", {"kind": "item"}), ("apply", {"job": preview.sync_job_id, "row": row.id})):
        assert viewer.post(f"{place}/{verb}/", data).status_code == 403
    assert "previews/take" not in viewer.says(f"/c/{connection.company_id}/suppliers/")


def test_another_companys_preview_is_nowhere(
    session: Db, connection: Connection, elsewhere: Company, browser: Browser
) -> None:
    preview = a_preview(session, connection)
    a_row(session, preview, "Acme Ltd")
    for job in (preview.sync_job_id, "x", 10**30, -1):
        assert browser.get(f"/c/{elsewhere.id}/previews/?job={job}").status_code == 404
        assert browser.post(f"/c/{elsewhere.id}/previews/apply/", {"job": job, "what": "all"}).status_code == 404
    assert "A preview shows what an Update would change" in browser.says(f"/c/{elsewhere.id}/previews/")


def test_a_long_list_is_shown_page_by_page(session: Db, connection: Connection, browser: Browser) -> None:
    preview = a_preview(session, connection)
    rows = [
        {"company_id": preview.company_id, "preview_id": preview.id, "outgoing": False, "kind": "contact"}
        | {"name": f"Contact {number:03}", "action": Foreseen.NEW, "differences": []}
        for number in range(150)
    ]
    session.execute(PreviewRow.table().insert(), rows)
    session.commit()
    text = browser.says(page_of(preview))
    assert "Show all 150" in text
    assert "Contact 030" not in text
    assert "Contact 030" in browser.says(f"{page_of(preview)}&list=in-contact")
    assert "Contact 149" in browser.says(f"{page_of(preview)}&list=in-contact&page=1")
    for odd in ("&list=in-nothing", "&list=in-contact&page=x", "&list=in-contact&page=-1", "&page=9999999999999999"):
        assert browser.get(page_of(preview) + odd).status_code == 200


def test_what_waits_to_be_sent_can_be_looked_at_first(
    session: Db, company: Company, connection: Connection, browser: Browser, place: str
) -> None:
    link = integrate(session, connection, a_record(session, Contact, company))
    link.external_id, link.synced_revision = None, 0
    session.commit()
    for page in ("matches/", "sync-queue/"):
        assert f'action="{place}/take/"' in browser.says(f"/c/{company.id}/{page}"), page
    preview = a_preview(session, connection, push_only=True)
    a_row(session, preview, "Acme Ltd", outgoing=True)
    assert "See what would be linked and created" in browser.says(page_of(preview))


def test_a_preview_of_another_book_is_not_the_last_one(
    session: Db, company: Company, connection: Connection, browser: Browser
) -> None:
    a_row(session, a_preview(session, connection), "Of the other book")
    connection.active = False
    session.flush()
    session.add(
        Connection(company_id=company.id, provider="xero", external_id="t-9", organisation="New", short_code="!z")
    )
    session.commit()
    assert "Of the other book" not in browser.says(f"/c/{company.id}/previews/")


def test_a_list_that_there_is_not_is_none(
    session: Db, connection: Connection, company: Company, browser: Browser
) -> None:
    one = a_preview(session, connection)
    a_row(session, one, "Acme")
    for odd in ("in-\x00", "in-nothing", "-", "x" * 3000):
        given = {"job": one.sync_job_id, "what": "chosen", "list": odd}
        said = browser.post(f"/c/{company.id}/previews/apply/", given, follow=True)
        assert "Tick at least one row" in said.text
    assert session.scalar(select(PreviewRow.applied_by_id)) is None
