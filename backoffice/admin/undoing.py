"""Undo what a sync job changed here: what that would do, the word to do it, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_login import current_user
from sqlalchemy import select

from backoffice.admin import links
from backoffice.admin.company_base import Page, here, not_found, number
from backoffice.admin.doors import doors_here
from backoffice.admin.history import field_label, shown_values
from backoffice.extensions import db
from backoffice.models import History, Record, SyncJob, Undo
from backoffice.past import undo
from backoffice.past.change import Change
from backoffice.past.plan import CHANGING, Step
from backoffice.past.preview import preview
from backoffice.queue import doorbell


@dataclass(frozen=True)
class Line:
    """One value on a page of an undoing: what would be, or what was not, brought back."""

    kind: str
    record: Record | None
    field: str
    #: What stands there since the job, and what stood there before.
    new: str | None = None
    old: str | None = None
    why: str = ""


class UndoView(Page):
    """Undoing one job."""

    in_menu = False

    def __init__(self) -> None:
        super().__init__("Undo", "Sync", endpoint="undo", url="undo")

    @expose("/", methods=("GET", "POST"))
    def index(self) -> ResponseReturnValue:
        job = self._job()
        if request.method == "POST":
            return self._ask(job)
        why_not = self._why_not(job)
        found = None if why_not else preview(doors_here(), job)
        return self.render(
            "undo/preview.html",
            job=job,
            why_not=why_not,
            found=found,
            lines=[line for step in found.shown for line in _lines(step)] if found else [],
            left=[_line(step, one.change, one.why) for step, one in found.left_shown] if found else [],
            earlier=undoings_of(job),
        )

    def _ask(self, job: SyncJob) -> ResponseReturnValue:
        job_id, why_not = job.id, self._why_not(job)
        asked = None if why_not else undo.ask(db.session(), job, current_user.id)
        if asked is None:
            flash(why_not or "It is being undone already.", "warning")
            return redirect(url_for("undo.index", job=job_id), code=303)
        undo_id = asked.id
        doorbell.ring("undo", undo_id, urgent=True)
        return redirect(url_for("undo.result", id=undo_id), code=303)

    def _why_not(self, job: SyncJob) -> str:
        """Why a job cannot be undone now; empty if it can."""
        if job.open:
            return "The job is still under way. Wait until it has ended, or cancel it."
        return "" if changed_here(job) else "This job changed nothing here."

    @expose("/result/")
    def result(self) -> ResponseReturnValue:
        key = number(request.args.get("id"))
        found = db.session.get(Undo, key) if key else None
        if found is None or found.company_id != here().id:
            not_found("undoing")
        return self.render("undo/result.html", undo=found, left=[_left_over(one) for one in found.left_over])

    def _job(self) -> SyncJob:
        key = number(request.values.get("job"))
        job = db.session.get(SyncJob, key) if key else None
        return job if job is not None and job.company_id == here().id else not_found("sync job")


def changed_here(job: SyncJob) -> bool:
    """Whether a job has made or changed a record here."""
    query = select(History.id).where(
        History.sync_job_id == job.id, History.company_id == job.company_id, History.action.in_(CHANGING)
    )
    return db.session.scalar(query.limit(1)) is not None


def undoings_of(job: SyncJob) -> list[Undo]:
    """When a job was undone before, the latest first."""
    return list(db.session.scalars(select(Undo).where(Undo.sync_job_id == job.id).order_by(Undo.id.desc()).limit(10)))


def _lines(step: Step) -> list[Line]:
    """What undoing does to one record, value by value."""
    if step.archive:
        return [Line(step.kind, step.record, "It was made by the job, and would be archived")]
    return [_line(step, change) for change in step.changes]


def _line(step: Step, change: Change | None, why: str = "") -> Line:
    if change is None:
        return Line(step.kind, step.record, "", why=why)
    old, new = shown_values(step.kind, change.field, change.old, change.new)
    return Line(step.kind, step.record, field_label(step.kind, change.field), new, old, why)


def _left_over(one: dict[str, Any]) -> Line:
    record = links.record_at(one["kind"], one["record_id"])
    if "field" not in one:
        return Line(one["kind"], record, "", why=one["why"])
    old, new = shown_values(one["kind"], one["field"], one["old"], one["new"])
    return Line(one["kind"], record, field_label(one["kind"], one["field"]), new, old, one["why"])
