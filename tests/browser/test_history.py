"""What was changed is found in the history and brought back; a job is looked at before it is undone."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Journey
from tests.browser.desk import COMPANY, Desk


def test_a_value_is_brought_back_and_a_job_undone(journey: Journey) -> None:
    page = Desk(journey).page
    journey.go(f"{COMPANY}/suppliers/?show=all")
    page.locator("tbody tr td a").first.click()
    journey.follow("Edit")
    before = page.locator("#phone").input_value()
    page.locator("#phone").fill("09 555 0000")
    journey.press("Save")
    journey.sees("was saved.")
    journey.go(f"{COMPANY}/history/?field=phone")
    journey.picture("history")
    row = page.locator("tbody tr").first
    expect(row).to_contain_text("09 555 0000")
    row.get_by_role("button", name="Bring back").click()
    journey.sees("has it again, as an edit of yours.")
    expect(page.locator("tbody tr").first).to_contain_text(before or "–")
    journey.go(f"{COMPANY}/history/?person=jobs")
    journey.picture("history-of-jobs")
    page.locator("tbody tr td:nth-child(3) a").first.click()
    journey.sees("What it changed here")
    journey.follow("Undo what this job changed here")
    journey.sees("What undoing does")
    journey.picture("undo")
