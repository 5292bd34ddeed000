"""Rows of theirs that hold scripts, in a real Chromium: nothing runs, and the policy has nothing to complain about."""

from __future__ import annotations

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page
from sqlalchemy import select

from backoffice.admin.views import VIEW_OF_KIND
from backoffice.extensions import db
from backoffice.models import JobState, Link, Role
from tests.hostile.conftest import Beginning, Estate
from tests.hostile.poison import KINDS, Poisoner
from tests.hostile.test_their_rows import update

SHOWN = ("contact", "item", "bill", "tracking")


def planted(estate: Estate, beginning: Beginning) -> list[str]:
    """Pages that show a row with a script in every text, for some kinds."""
    paths = []
    for mapper in (mapper for mapper in KINDS if mapper.kind in SHOWN):
        rows = Poisoner(estate.sandbox.world, beginning.organisation, mapper).shown()
        with estate.app.app_context():
            assert update(estate, beginning, mapper).state is JobState.COMPLETED
            record_id = db.session.scalars(select(Link.record_id).filter_by(external_id=rows[0])).one()
        place = f"/c/{beginning.company_id}/{VIEW_OF_KIND[mapper.kind].replace('_', '-')}"
        paths += [f"{place}/", f"{place}/details/?id={record_id}", f"{place}/edit/?id={record_id}"]
    return [*paths, *(f"/c/{beginning.company_id}/{page}" for page in ("", "history/", "why/?q=script", "bills/new/"))]


def watched(page: Page, complaints: list[str]) -> None:
    def asked(dialog: Dialog) -> None:
        complaints.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def said(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("dialog", asked)
    page.on("console", said)
    page.on("pageerror", lambda error: complaints.append(str(error)))


def test_nothing_of_theirs_runs_in_a_browser(
    estate: Estate, beginning: Beginning, address: str, browser: Browser
) -> None:
    paths, complaints, seen = planted(estate, beginning), list[str](), 0
    with browser.new_context() as context:
        name, value = estate.app.config["SESSION_COOKIE_NAME"], beginning.people[Role.ADMINISTRATOR][0]
        context.add_cookies([{"name": name, "value": value, "url": address}])
        page = context.new_page()
        watched(page, complaints)
        for path in paths:
            answer = page.goto(address + path)
            assert answer is not None
            assert answer.status == 200, path
            assert page.locator("script:not([src])").count() == 0, path
            seen += "<script>alert(1)</script>" in page.content().replace("&lt;", "<").replace("&gt;", ">")
    assert complaints == []
    assert seen > len(SHOWN)
