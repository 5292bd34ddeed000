"""What every page keeps to: headers, nothing from outside, one company at a time. Who gets where: test_routes.py."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.routing import Rule

from backoffice.admin.job_words import JOB_BADGES
from backoffice.admin.words import LINK_BADGES
from backoffice.models import Company, Connection, Contact, StartedBy, SyncJob, TaxMapping, Work
from backoffice.models.side import Side
from tests.admin.conftest import Browser, Db, a_record, integrate

#: The webhook's door asks for the provider's signature instead (test_webhooks.py).
OPEN_TO_ALL = {
    "auth.sign_in", "auth.welcome", "healthz", "readyz", "metrics", "static", "house.static",
    "webhooks.receive", "webhooks.slashed",
}  # fmt: skip
TEMPLATES = Path(__file__).parents[2] / "templates"
INLINE = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)
OUTSIDE = re.compile(r'(?:src|href|action)="(?:https?:)?//(?!go\.xero\.com)', re.IGNORECASE)


def addresses(app: Flask, company: Company, method: str) -> list[str]:
    """Every address that takes a method, with something plausible in its place-holders."""
    filled = {"company": company.id, "key": "xero", "export_type": "csv", "token": "x", "filename": "app.css"}
    return [
        adapter_url(app, rule, filled)
        for rule in app.url_map.iter_rules()
        if method in (rule.methods or ()) and rule.endpoint not in OPEN_TO_ALL
    ]


def adapter_url(app: Flask, rule: Rule, filled: dict[str, object]) -> str:
    values = {name: filled[name] for name in rule.arguments}
    return app.url_map.bind("localhost").build(rule.endpoint, values, method=next(iter(rule.methods or ["GET"])))


@pytest.fixture
def filled(session: Db, company: Company, connection: Connection) -> None:
    """Something on every page."""
    for number in range(3):
        record = a_record(session, Contact, company, name=f"Acme & <b> {number}")
        link = integrate(session, connection, record)
        link.refusal, link.refusal_cause = ("Too <i>long</i>.", "name") if number else (None, None)
    session.add(TaxMapping(company_id=company.id, code="GST", name="GST", rate=15, side=Side.SALES))
    for state in ("pending", "running", "failed", "completed"):
        job = SyncJob(
            company_id=company.id, connection_id=connection.id, work=Work.UPDATE, kinds=["contact"], title="Update",
            state=state, started_by=StartedBy.SCHEDULE, refused=1, notes=["A <b>note</b>"],
            question="Items" if state == "failed" else None,
        )  # fmt: skip
        session.add(job)
    session.commit()


def test_no_page_brings_anything_from_outside(
    app: Flask, filled: None, company: Company, administrator: Browser
) -> None:
    seen = 0
    for path in addresses(app, company, "GET"):
        joined = f"{path}{'&' if '?' in path else '?'}id=1"
        answer = administrator.get(joined)
        assert answer.status_code < 500, path
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        if answer.mimetype == "text/html":
            seen += 1
            assert not INLINE.search(answer.text), (path, INLINE.search(answer.text))
            assert not OUTSIDE.search(answer.text), (path, OUTSIDE.search(answer.text))
            assert "<b> " not in answer.text, path
    assert seen > 40


def test_headers_of_every_answer(administrator: Browser) -> None:
    headers = administrator.get("/companies/").headers
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "form-action 'self' https://login.xero.com;" in headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in headers


def test_machines_may_ask_whether_it_is_well(app: Flask) -> None:
    answer = app.test_client().get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


@pytest.mark.parametrize("path", ["/nowhere", "/c/999/", "/c/99999999999999999999/suppliers/", "/c/x/"])
def test_what_is_not_there_says_so(path: str, administrator: Browser) -> None:
    answer = administrator.get(path)
    assert answer.status_code == 404
    assert "There is n" in answer.text


def test_two_tabs_on_two_companies_never_mix(
    session: Db, company: Company, elsewhere: Company, browser: Browser
) -> None:
    for one, other in ((company, elsewhere), (elsewhere, company)) * 2:
        text = browser.says(f"/c/{one.id}/")
        rail = text[text.index("rail-menu") : text.index("rail-foot")]
        assert f'"/c/{one.id}/suppliers/"' in rail
        assert f'"/c/{other.id}/' not in rail


def test_a_form_that_was_open_too_long_says_so(company: Company, administrator: Browser) -> None:
    answer = administrator.client.post("/users/new", data={"name": "N"})
    assert (answer.status_code, "open too long" in answer.text) == (400, True)
    elsewhere = administrator.post("/users/role", {"id": "1", "role": "csrf"})
    assert (elsewhere.status_code, "open too long" in elsewhere.text) == (400, False)


def test_every_badge_has_a_shape_that_common_fonts_hold() -> None:
    shapes = {badge.shape for badge in (*LINK_BADGES.values(), *JOB_BADGES.values())}
    assert shapes <= set("✓○◔↑?✕⇄‖▢●–")
    for path in sorted(TEMPLATES.rglob("*.html")):
        assert "⧖" not in path.read_text(), path
